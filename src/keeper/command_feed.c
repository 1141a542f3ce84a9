/* SPDX-License-Identifier: ISC */
#include <stdio.h>

#include "base/clock.h"
#include "base/mem.h"
#include "keeper/feed_staging.h"

/* What operators ask and order about feeds. */

/* ---- list ---- */

struct listing_feeds {
	struct keeper *keeper;
	struct arena *arena;
	Stockade__Answer *answer;
	size_t room;
};

/* What the courier says of the server that it cannot ask, when nothing else is wrong. */
static const Stockade__Condition *feed_condition(const struct keeper *keeper, const char *name)
{
	for (const struct connection *connection = keeper->connections; connection != NULL;
		connection = connection->next) {
		for (size_t i = 0;
			connection->health != NULL && i < connection->health->n_conditions; i++) {
			const Stockade__Condition *condition = connection->health->conditions[i];

			if (strcmp(condition->kind, "feed") == 0 &&
				strcmp(condition->name, name) == 0)
				return condition;
		}
	}
	return NULL;
}

static const char *feed_state_word(const struct store_feed *feed)
{
	static const char *const words[] = {"taken", "purged", "refused"};

	if (feed->accepts)
		return "accepted";
	return feed->state == STORE_FEED_TAKEN && feed->success_s == 0 ? "new" : words[feed->state];
}

static Stockade__FeedStatus *feeds_push(struct listing_feeds *listing)
{
	Stockade__FeedStatus *status = arena_alloc(listing->arena, sizeof(*status));
	Stockade__Answer *answer = listing->answer;

	if (answer->n_feeds == listing->room) {
		size_t room = listing->room != 0 ? listing->room * 2 : 16;
		Stockade__FeedStatus **feeds = arena_alloc(listing->arena, room * sizeof(*feeds));

		if (answer->n_feeds != 0)
			memcpy(feeds, answer->feeds, answer->n_feeds * sizeof(*feeds));
		answer->feeds = feeds;
		listing->room = room;
	}
	stockade__feed_status__init(status);
	answer->feeds[answer->n_feeds++] = status;
	return status;
}

static int feeds_add(struct listing_feeds *listing, const struct store_feed *feed, const char *list)
{
	Stockade__FeedStatus *status = feeds_push(listing);
	char author[FEED_AUTHOR_SIZE];
	const Stockade__Condition *condition;

	status->name = arena_string(listing->arena, feed->name);
	status->list = arena_copy_string(listing->arena, list);
	status->serial = feed->rules != 0 ? feed->serial : 0;
	status->success_s = feed->success_s;
	status->changed_s = feed->changed_s;
	status->state = arena_copy_string(listing->arena, feed_state_word(feed));
	status->error = arena_string(listing->arena, feed->error);
	status->error_s = feed->error.len != 0 ? feed->error_s : 0;
	condition = feed_condition(listing->keeper, status->name);
	if (feed->error.len == 0 && condition != NULL && !condition->well) {
		status->error =
			condition
				->words; /* the connection's: the answer goes out before it changes */
		status->error_s = condition->since_s;
	}
	return store_feed_count(listing->keeper->guard.store,
		span_text(feed_author(status->name, author)), &status->entries);
}

static int feeds_found(const struct store_feed *feed, void *arg)
{
	struct listing_feeds *listing = arg;
	const struct conf_feed *conf_feed = conf_feed_find(listing->keeper->guard.conf, feed->name);
	int r = feeds_add(listing, feed, conf_feed != NULL ? conf_feed->into : "");

	return r < 0 ? r : 0;
}

static bool feeds_have(const Stockade__Answer *answer, const char *name)
{
	for (size_t i = 0; i < answer->n_feeds; i++) {
		if (strcmp(answer->feeds[i]->name, name) == 0)
			return true;
	}
	return false;
}

int feed_ask(struct keeper *keeper, struct arena *arena, Stockade__Answer *answer)
{
	struct listing_feeds listing = {.keeper = keeper, .arena = arena, .answer = answer};
	const struct conf *conf = keeper->guard.conf;
	int r = store_feeds(keeper->guard.store, span_text(""), feeds_found, &listing);

	for (size_t i = 0; i < conf->feeds_len && r >= 0; i++) {
		struct store_feed never = {.name = span_text(conf->feeds[i].name)};

		if (!feeds_have(answer, conf->feeds[i].name))
			r = feeds_add(&listing, &never, conf->feeds[i].into);
	}
	return r;
}

/* ---- purge, accept ---- */

struct purging {
	struct command_run *run;
	uint64_t *ids;
	size_t len;
	size_t room;
};

static int purging_found(const struct store_listing *listing, void *arg)
{
	struct purging *purging = arg;

	mem_grow(&purging->ids, &purging->room, purging->len + 1, sizeof(*purging->ids));
	purging->ids[purging->len++] = listing->id;
	change_add(&purging->run->change, listing->list, &listing->source);
	return 0;
}

static int feed_purge(struct command_run *run, struct feed_row *row)
{
	struct purging purging = {.run = run};
	char author[FEED_AUTHOR_SIZE];
	char words[FEED_WORDS_SIZE];
	char time[CLOCK_TEXT_SIZE];
	struct store_select select = {
		.which = STORE_FEED, .list = span_text(feed_author(row->name, author))};
	int r = store_listings(run->keeper->guard.store, &select, purging_found, &purging);

	for (size_t i = 0; i < purging.len && r >= 0; i++)
		r = store_listing_end(run->keeper->guard.store, purging.ids[i], run->now_s,
			span_text(run->author), run->reason, run->event);
	mem_free(purging.ids);
	snprintf(words, sizeof(words),
		"purged by %.100s at %s UTC; to take it again: stockade feed accept %s",
		run->author, clock_print_minute(run->now_s, time), row->name);
	feed_row_set_error(row, words, run->now_s);
	row->feed.state = STORE_FEED_PURGED;
	row->feed.accepts = false;
	row->feed.rules = 0; /* the next change set has to be a whole zone */
	run->answer->text = arena_format(
		run->change.arena, "%zu listings of feed '%s' ended", purging.len, row->name);
	return r;
}

static int feed_accept(struct command_run *run, struct feed_row *row)
{
	row->feed.accepts = true;
	if (row->feed.state == STORE_FEED_PURGED)
		feed_row_set_error(row, "", run->now_s); /* it asked for this */
	run->event = 0; /* in the trail, but nothing that could be undone */
	run->answer->text = arena_format(run->change.arena,
		"the next change of feed '%s' is taken, whatever its size", row->name);
	return 0;
}

int command_feed(struct command_run *run)
{
	const Stockade__FeedCommand *command = run->command->feed;
	struct feed_row row;
	int r = feed_row_read(run->keeper, span_text(command->name), &row);

	if (r < 0)
		return r;
	if (!row.known && conf_feed_find(run->keeper->guard.conf, span_text(command->name)) == NULL)
		return fault_set(&run->why, E_ABSENT, "there is no feed '%s'", command->name);
	r = command_event(run, command->purge ? "purge-feed" : "accept-feed", row.name, 0);
	if (r >= 0)
		r = command->purge ? feed_purge(run, &row) : feed_accept(run, &row);
	run->keeps = true;
	return r < 0 ? r : store_feed_put(run->keeper->guard.store, &row.feed);
}
