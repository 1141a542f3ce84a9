/* SPDX-License-Identifier: ISC */
#include "keeper/feed_staging.h"

#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "bus/convert.h"
#include "keeper/command.h"
#include "keeper/feed_row.h"
#include "keeper/retirement_state.h"

enum { ENTRIES_PER_LISTING = 4, ENTRIES_LEAST = 1024 };

/* A part of a change set as it is handled, and the text that answers it. */
struct feed_part {
	const struct keeper_parts *parts;
	struct connection *connection;
	const Stockade__Feed *message;
	feed_commit_call *commit;
	struct fault text;
};

/* ---- staging ---- */

void feed_staging_free(struct feed_staging **staging)
{
	struct feed_staging *s = *staging;

	if (s == NULL)
		return;
	conf_unref(&s->conf);
	arena_free(&s->arena);
	mem_free(s->entries);
	mem_free(s);
	*staging = NULL;
}

void feed_forget(struct connection *connection)
{
	feed_staging_free(&connection->feed);
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
		size_t at = 0;

		while (at < list->sublists_len &&
			strcmp(list->sublists[at].name, begin->sublists[i]) != 0)
			at++;
		if (at == list->sublists_len || !feed_fills(feed, begin->sublists[i]))
			return fault_set(why, E_DENIED, "the feed '%s' does not fill '%s'",
				feed->name, begin->sublists[i]);
		staging->sublists[i] = (unsigned)at;
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

/* A difference needs the state that it starts from; one that was taken already changes nothing
 * again. */
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

static struct feed_staging *feed_staging_new(const struct conf *conf, const Stockade__Feed *message)
{
	const Stockade__FeedBegin *begin = message->begin;
	struct feed_staging *staging = mem_new(feed_staging);

	staging->conf = conf_ref(conf);
	staging->arena = arena_new(0);
	text_format(staging->name, sizeof(staging->name), "%s", message->name);
	staging->whole = begin->whole;
	staging->expired = begin->expired;
	staging->from_serial = begin->from_serial;
	staging->to_serial = begin->to_serial;
	return staging;
}

static int feed_begin(struct feed_part *part)
{
	const struct store_guard *guard = part->parts->guard;
	const Stockade__FeedBegin *begin = part->message->begin;
	const struct conf_feed *feed = conf_feed_find(guard->conf, span_text(part->message->name));
	struct feed_staging *staging;
	struct feed_row row;
	int r;

	feed_forget(part->connection);
	if (feed == NULL)
		return fault_set(&part->text, E_ABSENT,
			"there is no feed '%s' in the configuration", part->message->name);
	if (begin->rules != conf_feed_rules(guard->conf, feed))
		return fault_set(
			&part->text, E_AGAIN, "the configuration of '%s' has changed", feed->name);
	r = feed_row_read(guard->store, span_text(feed->name), &row);
	if (r >= 0 && !begin->expired)
		r = retirement_refuses(guard, span_text(feed->into), &part->text);
	if (r < 0)
		return r;
	staging = feed_staging_new(guard->conf, part->message);
	part->connection->feed = staging;
	r = feed_check_state(&row, begin, &part->text);
	if (r >= 0)
		r = feed_check_base(staging, &row, begin, &part->text);
	if (r >= 0)
		r = staging_take_sublists(staging, feed, begin, &part->text);
	return r;
}

/* ---- entries ---- */

static struct feed_item *staging_push(struct feed_staging *staging)
{
	mem_grow(&staging->entries, &staging->room, staging->len + 1, sizeof(*staging->entries));
	staging->entries[staging->len] = (struct feed_item){.reason = ""};
	return &staging->entries[staging->len++];
}

/* Most entries of a zone have the text of the one before. */
static const char *staging_reason(struct feed_staging *staging, const char *reason)
{
	const char *last = staging->len > 1 ? staging->entries[staging->len - 2].reason : "";

	if (strcmp(last, reason) == 0)
		return last;
	return arena_copy_string(staging->arena, reason);
}

/* What is wrong with an entry; NULL: nothing. */
static const char *entry_fault(const struct feed_staging *staging, const Stockade__FeedEntry *entry)
{
	uint32_t known = staging->sublists_len == SUBLISTS_MAX
				 ? UINT32_MAX
				 : (UINT32_C(1) << staging->sublists_len) - 1;

	if (((entry->listed | entry->excluded) & ~known) != 0)
		return "is for a sublist that the change set did not name";
	if ((entry->listed & entry->excluded) != 0)
		return "is listed and excluded on the same sublist";
	return NULL;
}

static int staging_add(
	struct feed_staging *staging, const Stockade__FeedEntry *from, struct fault *why)
{
	struct source source;
	struct feed_item *entry;
	char text[SOURCE_TEXT_SIZE];
	const char *wrong;

	if (source_from_wire(from->source, &source) < 0)
		return fault_set(why, E_PARSE,
			"entry %zu of the feed is not an address, network or domain",
			staging->len + 1);
	wrong = entry_fault(staging, from);
	if (wrong != NULL)
		return fault_set(why, E_PARSE, "entry %zu of the feed, '%s', %s", staging->len + 1,
			source_print(&source, text), wrong);
	entry = staging_push(staging);
	entry->source = (struct feed_source){.ip = source.net.ip, .bits = source.net.bits};
	if (source.kind == SOURCE_DOMAIN)
		entry->source.domain = arena_string(staging->arena, span_text(source.domain));
	entry->listed = from->listed;
	entry->excluded = from->excluded;
	entry->reason = staging_reason(staging, from->reason);
	return 0;
}

/* The staging that the message is a part of; NULL, with a text: there is none. */
static struct feed_staging *feed_begun(struct feed_part *part)
{
	struct feed_staging *staging = part->connection->feed;

	if (staging != NULL && strcmp(staging->name, part->message->name) == 0)
		return staging;
	fault_set(&part->text, E_CONFLICT, "no change set of '%s' was begun", part->message->name);
	return NULL;
}

static int feed_entries(struct feed_part *part)
{
	struct feed_staging *staging = feed_begun(part);
	const Stockade__FeedEntries *entries = part->message->entries;
	const struct conf_feed *feed;
	size_t most;
	int r = 0;

	if (staging == NULL)
		return E_CONFLICT;
	feed = conf_feed_find(staging->conf, span_text(staging->name));
	most = (size_t)feed->limit * ENTRIES_PER_LISTING + ENTRIES_LEAST;
	if (staging->len + entries->n_entries > most)
		return fault_set(
			&part->text, E_LIMIT, "the change set has more than %zu entries", most);
	for (size_t i = 0; i < entries->n_entries && r >= 0; i++)
		r = staging_add(staging, entries->entries[i], &part->text);
	return r;
}

/* ---- end ---- */

static int feed_end(struct feed_part *part)
{
	struct feed_staging *staging = feed_begun(part);
	uint64_t sent = part->message->end->entries;

	if (staging == NULL)
		return E_CONFLICT;
	if (staging->len != sent)
		return fault_set(&part->text, E_TRUNCATED, "%zu entries came, and %llu were sent",
			staging->len, (unsigned long long)sent);
	if (staging->conf != part->parts->guard->conf)
		return fault_set(&part->text, E_AGAIN, "the configuration was changed meanwhile");
	return part->commit(part->parts, part->connection, part->message->tag, &part->text);
}

/* ---- messages ---- */

static int feed_run(struct feed_part *part)
{
	int r = store_guard_need(part->parts->guard, &part->text);

	if (r < 0)
		return r;
	switch (part->message->what_case) {
	case STOCKADE__FEED__WHAT_BEGIN:
		return feed_begin(part);
	case STOCKADE__FEED__WHAT_ENTRIES:
		return feed_entries(part);
	case STOCKADE__FEED__WHAT_END:
		return feed_end(part);
	default:
		return fault_set(&part->text, E_USAGE, "the message is empty");
	}
}

void feed_handle(const struct keeper_parts *parts, struct connection *connection,
	const Stockade__Feed *message, feed_commit_call *commit)
{
	struct feed_part part = {
		.commit = commit, .parts = parts, .connection = connection, .message = message};
	Stockade__Answer answer = STOCKADE__ANSWER__INIT;
	int r;

	transaction_commit(parts->transaction);
	r = feed_run(&part);
	if (r < 0 && part.text.text[0] == '\0') {
		store_guard_failed(parts->guard, r);
		fault_set(&part.text, r, "%s", parts->guard->why);
	}
	if (r < 0)
		feed_forget(connection);
	else if (message->what_case == STOCKADE__FEED__WHAT_END)
		return;
	answer.tag = message->tag;
	answer.error = r < 0 ? r : 0;
	answer.text = part.text.text;
	answer.serial = publisher_serial(parts->publisher);
	connection_answer(connection, &answer);
}
