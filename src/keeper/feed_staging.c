/* SPDX-License-Identifier: ISC */
#include "keeper/feed_staging.h"

#include <stdio.h>

#include "base/mem.h"
#include "bus/convert.h"

/*
 * Lists of other operators. The courier reads the strangers' zone and sends what became of it in parts; nothing of it is
 * done before it is whole. The courier may have been taken over by that zone, so everything is checked here again against
 * the keeper's own configuration: which list and sublists, how many entries, what is never listed, how much may change.
 *
 * The listings of a feed are those by the author "feed:NAME", in sublists that nobody else fills. So a feed cannot touch
 * what operators entered, and can be taken away as one thing.
 */
enum { ITEMS_PER_ENTRY = 4, ITEMS_LEAST = 1024 };

const char *feed_author(const char *name, char author[FEED_AUTHOR_SIZE])
{
	snprintf(author, FEED_AUTHOR_SIZE, "feed:%s", name);
	return author;
}

/* ---- what is known of a feed ---- */

static int feed_row_found(const struct store_feed *feed, void *arg)
{
	struct feed_row *row = arg;

	row->feed = *feed;
	row->known = true;
	snprintf(row->error, sizeof(row->error), "%.*s", (int)feed->error.len,
		(const char *)feed->error.ptr);
	row->feed.error = span_text(row->error);
	return 1;
}

int feed_row_read(struct keeper *keeper, struct span name, struct feed_row *row)
{
	int r;

	*row = (struct feed_row){.known = false};
	r = store_feeds(keeper->guard.store, name, feed_row_found, row);
	snprintf(row->name, sizeof(row->name), "%.*s", (int)name.len, (const char *)name.ptr);
	row->feed.name = span_text(row->name);
	return r;
}

void feed_row_set_error(struct feed_row *row, const char *words, int64_t now_s)
{
	snprintf(row->error, sizeof(row->error), "%s", words);
	row->feed.error = span_text(row->error);
	row->feed.error_s = now_s;
}

int feed_row_write(struct keeper *keeper, struct feed_row *row)
{
	int r = store_begin(keeper->guard.store);

	if (r < 0)
		return r;
	r = store_feed_put(keeper->guard.store, &row->feed);
	if (r >= 0)
		r = store_commit(keeper->guard.store);
	if (r < 0)
		store_rollback(keeper->guard.store);
	return r;
}

/* ---- staging ---- */

void feed_forget(struct connection *connection)
{
	struct feed_staging *staging = connection->feed;

	if (staging == NULL)
		return;
	conf_unref(&staging->conf);
	arena_free(&staging->arena);
	mem_free(staging->items);
	mem_free(staging);
	connection->feed = NULL;
}

static const struct conf_list *feed_list(const struct conf *conf, const struct conf_feed *feed)
{
	return conf_list_find(conf, span_text(feed->into));
}

static bool feed_fills(const struct conf_feed *feed, const char *sublist)
{
	for (size_t i = 0; i < feed->codes_len; i++) {
		if (strcmp(feed->codes[i].sublist, sublist) == 0)
			return true;
	}
	return false;
}

/* The sublists that the bits mean have to be those that our configuration gives this feed. */
static int staging_take_sublists(struct feed_staging *staging, const struct conf_feed *feed,
	const Stockade__FeedBegin *begin, struct fault *why)
{
	const struct conf_list *list = feed_list(staging->conf, feed);

	if (begin->n_sublists > SUBLISTS_MAX)
		return fault_set(why, E_LIMIT, "too many sublists");
	for (size_t i = 0; i < begin->n_sublists; i++) {
		size_t place = 0;

		while (place < list->sublists_len &&
			strcmp(list->sublists[place].name, begin->sublists[i]) != 0)
			place++;
		if (place == list->sublists_len || !feed_fills(feed, begin->sublists[i]))
			return fault_set(why, E_DENIED, "the feed '%s' does not fill '%s'",
				feed->name, begin->sublists[i]);
		staging->sublists[i] = (unsigned)place;
	}
	staging->sublists_len = begin->n_sublists;
	return 0;
}

/* Whether an operator has said what is to become of this change set before it comes. */
static int feed_check_state(
	const struct feed_row *row, const Stockade__FeedBegin *begin, struct fault *why)
{
	if (row->feed.accepts || begin->expired)
		return 0;
	if (row->feed.state == STORE_FEED_PURGED)
		return fault_set(why, E_DENIED, "%s", row->error);
	if (row->feed.state == STORE_FEED_REFUSED && row->feed.rules == begin->rules &&
		row->feed.refused_serial == begin->to_serial &&
		begin->from_serial != begin->to_serial)
		return fault_set(why, E_LIMIT, "%s", row->error);
	return 0;
}

/* A difference needs the state that it starts from; one that was taken already changes nothing again. */
static int feed_check_base(struct feed_staging *staging, const struct feed_row *row,
	const Stockade__FeedBegin *begin, struct fault *why)
{
	bool same_rules = row->known && row->feed.rules == begin->rules;

	if (begin->whole || (same_rules && row->feed.serial == begin->from_serial))
		return 0;
	staging->repeated = same_rules && row->feed.serial == begin->to_serial;
	if (staging->repeated)
		return 0;
	return fault_set(why, E_CONFLICT, "the changes start elsewhere: the whole zone is needed");
}

static int feed_begin(
	struct connection *connection, const Stockade__Feed *message, struct fault *why)
{
	struct keeper *keeper = connection->keeper;
	const Stockade__FeedBegin *begin = message->begin;
	const struct conf *conf = keeper->guard.conf;
	const struct conf_feed *feed = conf_feed_find(conf, span_text(message->name));
	struct feed_staging *staging;
	struct feed_row row;
	int r;

	feed_forget(connection);
	if (feed == NULL)
		return fault_set(
			why, E_ABSENT, "there is no feed '%s' in the configuration", message->name);
	if (begin->rules != conf_feed_rules(conf, feed))
		return fault_set(why, E_AGAIN, "the configuration of '%s' has changed", feed->name);
	r = feed_row_read(keeper, span_text(feed->name), &row);
	if (r >= 0 && !begin->expired)
		r = retire_refuses(keeper, span_text(feed->into), why);
	if (r < 0)
		return r;
	staging = mem_new(feed_staging);
	connection->feed = staging;
	staging->conf = conf_ref(conf);
	staging->arena = arena_new(0);
	snprintf(staging->name, sizeof(staging->name), "%s", feed->name);
	staging->whole = begin->whole;
	staging->expired = begin->expired;
	staging->from_serial = begin->from_serial;
	staging->to_serial = begin->to_serial;
	r = feed_check_state(&row, begin, why);
	if (r >= 0)
		r = feed_check_base(staging, &row, begin, why);
	if (r >= 0)
		r = staging_take_sublists(staging, feed, begin, why);
	return r;
}

/* ---- entries ---- */

static struct feed_item *staging_push(struct feed_staging *staging)
{
	mem_grow(&staging->items, &staging->room, staging->len + 1, sizeof(*staging->items));
	staging->items[staging->len] = (struct feed_item){.domain = NULL};
	return &staging->items[staging->len++];
}

/* Most entries of a zone have the text of the one before. */
static const char *staging_reason(struct feed_staging *staging, const char *reason)
{
	const char *last = staging->len > 1 ? staging->items[staging->len - 2].reason : "";

	if (strcmp(last, reason) == 0)
		return last;
	return arena_copy_string(staging->arena, reason);
}

static int staging_add(
	struct feed_staging *staging, const Stockade__FeedEntry *entry, struct fault *why)
{
	uint32_t bits = staging->sublists_len == SUBLISTS_MAX
				? UINT32_MAX
				: (UINT32_C(1) << staging->sublists_len) - 1;
	struct feed_item *item;
	struct source source;
	int r = source_from_wire(entry->source, &source);

	if (r < 0 || ((entry->listed | entry->excluded) & ~bits) != 0 ||
		(entry->listed & entry->excluded) != 0)
		return fault_set(why, E_PARSE, "an entry of the feed makes no sense");
	item = staging_push(staging);
	item->ip = source.net.ip;
	item->bits = source.net.bits;
	if (source.kind == SOURCE_DOMAIN)
		item->domain = arena_copy_string(staging->arena, source.domain);
	item->listed = entry->listed;
	item->excluded = entry->excluded;
	item->reason = staging_reason(staging, entry->reason);
	return 0;
}

static int feed_entries(
	struct connection *connection, const Stockade__Feed *message, struct fault *why)
{
	struct feed_staging *staging = connection->feed;
	const struct conf_feed *feed;
	size_t most;
	int r = 0;

	if (staging == NULL || strcmp(staging->name, message->name) != 0)
		return fault_set(why, E_CONFLICT, "no change set of '%s' was begun", message->name);
	feed = conf_feed_find(staging->conf, span_text(staging->name));
	most = (size_t)feed->limit * ITEMS_PER_ENTRY + ITEMS_LEAST;
	if (staging->len + message->entries->n_entries > most)
		return fault_set(why, E_LIMIT, "the change set has more than %zu entries", most);
	for (size_t i = 0; i < message->entries->n_entries && r >= 0; i++)
		r = staging_add(staging, message->entries->entries[i], why);
	return r;
}

/* ---- end ---- */

static int feed_end(struct connection *connection, const Stockade__Feed *message, struct fault *why,
	uint32_t *ret_changed)
{
	struct keeper *keeper = connection->keeper;
	struct feed_staging *staging = connection->feed;
	const struct conf_feed *feed;
	struct feed_row row;
	int r;

	if (staging == NULL || strcmp(staging->name, message->name) != 0)
		return fault_set(why, E_CONFLICT, "no change set of '%s' was begun", message->name);
	if (staging->len != message->end->entries)
		return fault_set(why, E_TRUNCATED, "%zu entries came, and %llu were sent",
			staging->len, (unsigned long long)message->end->entries);
	if (staging->conf != keeper->guard.conf)
		return fault_set(why, E_AGAIN, "the configuration was changed meanwhile");
	feed = conf_feed_find(staging->conf, span_text(staging->name));
	r = feed_row_read(keeper, span_text(staging->name), &row);
	return r < 0 ? r : feed_commit(connection, feed, staging, &row, why, ret_changed);
}

/* ---- messages ---- */

static int feed_run(struct connection *connection, const Stockade__Feed *message, struct fault *why,
	uint32_t *ret_changed)
{
	int r = store_guard_need(&connection->keeper->guard, why);

	if (r < 0)
		return r;
	switch (message->what_case) {
	case STOCKADE__FEED__WHAT_BEGIN:
		return feed_begin(connection, message, why);
	case STOCKADE__FEED__WHAT_ENTRIES:
		return feed_entries(connection, message, why);
	case STOCKADE__FEED__WHAT_END:
		return feed_end(connection, message, why, ret_changed);
	default:
		return fault_set(why, E_USAGE, "the message is empty");
	}
}

void feed_handle(struct connection *connection, const Stockade__Feed *message)
{
	Stockade__Answer answer = STOCKADE__ANSWER__INIT;
	struct fault words = {""};
	uint32_t changed = 0;
	int r;

	transaction_commit(connection->keeper);
	r = feed_run(connection, message, &words, &changed);
	if (r < 0 && words.text[0] == '\0') {
		store_guard_failed(&connection->keeper->guard, r);
		fault_set(&words, r, "%s", connection->keeper->guard.why);
	}
	if (r < 0 || message->what_case == STOCKADE__FEED__WHAT_END)
		feed_forget(connection);
	answer.tag = message->tag;
	answer.error = r < 0 ? r : 0;
	answer.text = words.text;
	answer.changed = changed;
	answer.serial = connection->keeper->publisher.serial;
	connection_answer(connection, &answer);
}
