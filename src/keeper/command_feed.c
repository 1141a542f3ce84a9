/* SPDX-License-Identifier: ISC */
#include "keeper/command_feed.h"

#include <stdio.h>
#include <string.h>

#include "keeper/command.h"
#include "keeper/feed_row.h"
#include "keeper/store_guard.h"

/* ---- how each fares: what the store knows, and what the courier says of its server meanwhile
 * ---- */

struct listing_feeds {
	const struct keeper_parts *parts;
	struct arena *arena;
	Stockade__Answer *answer;
	size_t room;
};

/* What the courier says of the server that it cannot ask, when nothing else is wrong. */
static const Stockade__Condition *feed_condition(
	const struct connections *connections, const char *name)
{
	for (const struct connection *connection = connections_first(connections);
		connection != NULL; connection = connection->next) {
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
	condition = feed_condition(listing->parts->connections, status->name);
	if (feed->error.len == 0 && condition != NULL && !condition->well) {
		/* the connection's: the answer goes out before it changes */
		status->error = condition->words;
		status->error_s = condition->since_s;
	}
	return store_feed_count(listing->parts->guard->store,
		span_text(feed_author(status->name, author)), &status->entries);
}

static int feeds_found(const struct store_feed *feed, void *arg)
{
	struct listing_feeds *listing = arg;
	const struct conf_feed *conf_feed = conf_feed_find(listing->parts->guard->conf, feed->name);
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

int query_feeds(const struct keeper_parts *parts, struct arena *arena, Stockade__Answer *answer)
{
	struct listing_feeds listing = {.parts = parts, .arena = arena, .answer = answer};
	const struct conf *conf = parts->guard->conf;
	int r = store_feeds(parts->guard->store, span_text(""), feeds_found, &listing);

	for (size_t i = 0; i < conf->feeds_len && r >= 0; i++) {
		struct store_feed never = {.name = span_text(conf->feeds[i].name)};

		if (!feeds_have(answer, conf->feeds[i].name))
			r = feeds_add(&listing, &never, conf->feeds[i].into);
	}
	return r;
}

/* ---- orders: to end all that a feed lists, or to take its next change whatever its size ---- */

int command_purge_next(struct command_run *run)
{
	char name[FEED_AUTHOR_SIZE];
	char author[FEED_AUTHOR_SIZE];
	const struct store_event *event = &run->writer.event;
	struct store_select select = {.which = STORE_FEED};
	struct listing_ending ending = {.reason = event->reason};
	int r;

	snprintf(name, sizeof(name), "%.*s", (int)event->subject.len,
		(const char *)event->subject.ptr);
	select.list = span_text(feed_author(name, author));
	r = listing_groups_end(&run->writer, &select, &ending);
	if (r != 0)
		return r;
	run->next = NULL;
	run->answer->text = arena_format(run->arena, "%lu listings of feed '%s' ended",
		(unsigned long)run->item.change.rows, name);
	return 0;
}

/* What a keeper that ended had taken of a change set stands; the courier sends the zone anew. */
int command_feed_next(struct command_run *run)
{
	run->next = NULL;
	run->answer->text = arena_format(run->arena, "what was taken of a change set stays");
	return 0;
}

static int feed_purge(struct command_run *run, struct feed_row *row)
{
	feed_row_purge(row, arena_string(run->arena, run->writer.author), run->writer.now_s);
	run->next = command_purge_next;
	return 0;
}

static int feed_accept(struct command_run *run, struct feed_row *row)
{
	feed_row_accept(row, run->writer.now_s);
	run->writer.event.id = 0; /* in the trail, but nothing that could be undone */
	run->answer->text = arena_format(
		run->arena, "the next change of feed '%s' is taken, whatever its size", row->name);
	return 0;
}

int command_feed(struct command_run *run)
{
	const Stockade__FeedCommand *command = run->command->feed;
	struct store_event *event = &run->writer.event;
	struct feed_row row;
	int r = feed_row_read(run->writer.store, span_text(command->name), &row);

	if (r < 0)
		return r;
	if (!row.known && conf_feed_find(run->parts->guard->conf, span_text(command->name)) == NULL)
		return fault_set(&run->item.why, E_ABSENT, "there is no feed '%s'", command->name);
	event->verb = span_text(command->purge ? "purge-feed" : "accept-feed");
	event->subject = arena_copy(run->arena, span_text(row.name));
	r = listing_event(&run->writer);
	if (r >= 0)
		r = command->purge ? feed_purge(run, &row) : feed_accept(run, &row);
	run->is_kept = true;
	return r < 0 ? r : store_feed_put(run->writer.store, &row.feed);
}
