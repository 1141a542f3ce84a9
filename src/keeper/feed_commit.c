/* SPDX-License-Identifier: ISC */
#include "keeper/feed_commit.h"

#include <stdlib.h>

#include "base/hash.h"
#include "base/macro.h"
#include "base/mem.h"
#include "base/obj.h"
#include "base/text.h"
#include "keeper/command.h"
#include "keeper/feed_row.h"
#include "keeper/retirement_state.h"
#include "policy/listing_rule.h"

/*
 * A change set may be of millions, so it goes the way of a command that works in steps
 * (keeper/command.h): first it is counted, without a row written, and refused when it is too large;
 * then its sources are made what it says, some in each step, all of one event.
 *
 *	count_read, count_sort, count_merge     a whole zone and what is in force of the feed, both
 *	                                        sorted by source
 *	count_difference                        asks the store for each source
 *	apply_next                              asks again, since others worked meanwhile
 *
 * The row of the feed says from the first step on that the next change set has to be whole, and
 * only from the last one on that this one was taken: after a keeper that ended between two, the
 * courier sends the zone, and what is missing follows.
 */
enum {
	ROWS_PER_ENTRY = 2, /* with the exclusions that wildcards need */
	PAGE_ROWS = 256,    /* between two looks at the clock */
	APPLY_SOURCES = 64,
};

struct feed_commit {
	uint32_t magic;
	struct command_run *run; /* in whose arena it lies */
	const struct conf_feed *feed;
	const struct conf_list *list;
	struct feed_staging *staging; /* ours */
	struct feed_row row;
	struct store_evidence evidence;
	char author[FEED_AUTHOR_SIZE];
	char reason[FEED_TEXT_SIZE]; /* of the event, and of entries that have none */
	struct feed_listing *listings;
	size_t len;
	size_t room;
	uint64_t last_id; /* of those that were read */
	struct feed_merge merge;
	struct feed_item *todo; /* what differs */
	size_t todo_len;
	size_t todo_room;
	size_t at;       /* in the entries that are counted, then in what is done */
	uint64_t before; /* listings in force */
	uint64_t max;    /* sources that may change */
	uint64_t added;
	uint64_t ended;
	uint64_t skipped;
	struct fault why_skipped; /* the first */
};

static struct feed_commit *commit_of(const struct command_run *run)
{
	return OBJ(feed_commit, run->own);
}

/* ---- what is in force ---- */

static int bit_of(const struct feed_commit *c, const struct store_listing *listing)
{
	if (!span_equal_text(listing->list, c->list->name))
		return -1;
	for (size_t i = 0; i < c->staging->sublists_len; i++) {
		const struct conf_sublist *sublist = &c->list->sublists[c->staging->sublists[i]];

		if (span_equal_text(listing->sublist, sublist->name))
			return (int)i;
	}
	return -1;
}

static int listings_add(const struct store_listing *listing, void *arg)
{
	struct feed_commit *c = OBJ(feed_commit, arg);
	struct arena *arena = c->staging->arena;
	struct feed_listing *to;

	c->last_id = listing->id;
	if (!span_equal_text(listing->author, c->author))
		return 0;
	mem_grow(&c->listings, &c->room, c->len + 1, sizeof(*c->listings));
	to = &c->listings[c->len++];
	*to = (struct feed_listing){
		.source = {.ip = listing->source.net.ip, .bits = listing->source.net.bits},
		.id = listing->id,
		.reason_hash = hash_bytes(HASH_START, listing->reason),
		.bit = bit_of(c, listing),
		.excluded = listing->excluded,
		.list = span_equal_text(listing->list, c->list->name)
				? c->list->name
				: arena_string(arena, listing->list)};
	if (listing->source.kind == SOURCE_DOMAIN)
		to->source.domain = arena_string(arena, span_text(listing->source.domain));
	return 0;
}

/* ---- one source ---- */

/* The never-list holds for feeds as well: such an entry is left out and told, since a stranger
 * must not be able to stop all changes by one that hits us. An exclusion hits nobody. */
static uint32_t commit_judge(
	struct feed_commit *c, const struct feed_item *entry, const struct source *source)
{
	struct rule_entry rule = {.list = c->list, .source = source};
	struct fault why = {""};

	if (entry->listed == 0 || rule_may_list(c->staging->conf, &rule, &why) >= 0)
		return entry->listed | entry->excluded;
	if (c->run->is_counting && c->skipped++ == 0)
		c->why_skipped = why;
	return entry->excluded;
}

static const char *commit_reason(const struct feed_commit *c, const struct feed_item *entry)
{
	return entry->reason[0] != '\0' ? entry->reason : c->reason;
}

static struct feed_target commit_target(
	struct feed_commit *c, const struct feed_item *entry, const struct source *source)
{
	return (struct feed_target){.sublists = commit_judge(c, entry, source),
		.excluded = entry->excluded,
		.reason_hash = hash_bytes(HASH_START, span_text(commit_reason(c, entry)))};
}

static int commit_end(struct feed_commit *c, const struct source *source,
	const struct feed_listing *listing, enum feed_fate fate)
{
	struct listing_row row = {.list = span_text(listing->list),
		.source = source,
		.reason = span_text(fate == FEED_REPLACED ? "replaced" : "no longer in the feed")};

	c->ended++;
	return listing_end(&c->run->writer, listing->id, &row);
}

/* What is there by somebody else, from before the sublist was the feed's, stays. */
static int commit_enter(struct feed_commit *c, struct listing_row *row, unsigned bit)
{
	const struct conf_sublist *sublist = &c->list->sublists[c->staging->sublists[bit]];
	int r;

	row->sublist = span_text(sublist->name);
	row->policy = conf_policy_find(c->staging->conf, sublist->policy);
	r = listing_enter(&c->run->writer, row, &c->evidence);
	c->added += r == LISTING_ADDED;
	return r;
}

/* Makes the listings of a source what the entry says. */
static int commit_source(struct feed_commit *c, const struct feed_item *entry,
	const struct feed_listing *held, size_t held_len)
{
	struct source source;
	struct listing_row row = {.list = span_text(c->list->name),
		.source = &source,
		.reason = span_text(commit_reason(c, entry)),
		.if_held = LISTING_LEAVE};
	struct feed_target target;
	uint32_t missing;
	int r = 0;

	feed_source_expand(&entry->source, &source);
	target = commit_target(c, entry, &source);
	for (size_t i = 0; i < held_len && r >= 0; i++) {
		enum feed_fate fate = feed_fate(&target, &held[i]);

		if (fate != FEED_STAYS)
			r = commit_end(c, &source, &held[i], fate);
	}
	missing = feed_missing(&target, held, held_len);
	for (unsigned bit = 0; bit < c->staging->sublists_len && r >= 0; bit++) {
		row.excluded = (entry->excluded >> bit & 1) != 0;
		if ((missing >> bit & 1) != 0)
			r = commit_enter(c, &row, bit);
	}
	return r;
}

/* What is in force of it. */
static int commit_read_source(struct feed_commit *c, const struct feed_item *entry)
{
	struct source source;
	struct store_select select = {.which = STORE_AT, .source = &source};
	int r;

	feed_source_expand(&entry->source, &source);
	c->len = 0;
	r = store_listings(c->run->writer.store, &select, listings_add, c);
	return r < 0 ? r : 0;
}

/* ---- the end of it ---- */

static int commit_refuse(struct command_run *run)
{
	struct feed_commit *c = commit_of(run);

	feed_row_refuse(&c->row, c->staging->to_serial, run->answer->text, run->writer.now_s);
	run->next = NULL;
	run->is_kept = true;
	return store_feed_put(run->writer.store, &c->row.feed);
}

static int commit_is_too_large(struct feed_commit *c, const char *text)
{
	struct command_run *run = c->run;

	run->answer->error = E_LIMIT;
	run->answer->text = (char *)(uintptr_t)text;
	run->is_counting = false;
	run->next = commit_refuse;
	return 0;
}

static void commit_describe(struct feed_commit *c)
{
	char more[FEED_TEXT_SIZE / 2] = "";

	if (c->skipped != 0)
		text_format(more, sizeof(more), "; %llu left out, the first because %s",
			(unsigned long long)c->skipped, c->why_skipped.text);
	c->run->answer->text = arena_format(c->run->arena, "%llu listings added, %llu ended%s",
		(unsigned long long)c->added, (unsigned long long)c->ended, more);
}

static int commit_finish(struct feed_commit *c)
{
	struct command_run *run = c->run;
	struct feed_version version = {.serial = c->staging->to_serial,
		.rules = conf_feed_rules(c->staging->conf, c->feed),
		.changed = run->item.change.rows != 0};

	if (c->staging->expired)
		feed_row_expire(&c->row, version.changed, run->writer.now_s);
	else
		feed_row_take(&c->row, &version, run->writer.now_s);
	commit_describe(c);
	run->next = NULL;
	run->is_kept = true;
	return store_feed_put(run->writer.store, &c->row.feed);
}

/* ---- making it so ---- */

/* What was counted as within bounds is so after a restart, too. */
static int apply_mark(struct feed_commit *c)
{
	struct store_feed half = c->row.feed;

	half.rules = 0;
	half.accepts = half.accepts || c->max == UINT64_MAX;
	return store_feed_put(c->run->writer.store, &half);
}

/* Between two steps others said something about the feed, or its list. */
static int apply_check(const struct feed_commit *c)
{
	const struct store_guard *guard = c->run->parts->guard;
	struct fault *why = &c->run->item.why;
	struct feed_row row;
	int r = feed_row_read(guard->store, span_text(c->staging->name), &row);

	if (r < 0)
		return r;
	if (c->staging->conf != guard->conf)
		return fault_set(why, E_AGAIN, "the configuration was changed meanwhile");
	if (c->staging->expired)
		return 0;
	if (row.feed.state == STORE_FEED_PURGED && !row.feed.accepts)
		return fault_set(why, E_DENIED, "%s", row.error);
	return retirement_refuses(guard, span_text(c->list->name), why);
}

static int apply_next(struct command_run *run)
{
	struct feed_commit *c = commit_of(run);
	int r = apply_check(c);

	if (r >= 0 && c->at == 0)
		r = store_serial(run->writer.store, &run->writer.event.serial);
	if (r >= 0 && c->at == 0 && c->todo_len > APPLY_SOURCES)
		r = apply_mark(c);
	for (size_t i = 0; i < APPLY_SOURCES && c->at < c->todo_len && r >= 0; i++) {
		const struct feed_item *entry = &c->todo[c->at++];

		r = commit_read_source(c, entry);
		if (r >= 0)
			r = commit_source(c, entry, c->listings, c->len);
	}
	return r < 0 || c->at < c->todo_len ? r : commit_finish(c);
}

/* ---- counting ---- */

static int count_done(struct feed_commit *c)
{
	struct command_run *run = c->run;

	if (c->before + c->added - c->ended > (uint64_t)c->feed->limit * ROWS_PER_ENTRY)
		return commit_is_too_large(
			c, arena_format(run->arena,
				   "the feed would have more entries than its limit of %d",
				   c->feed->limit));
	c->at = 0;
	c->added = c->ended = 0;
	run->is_counting = false;
	run->next = apply_next;
	return 0;
}

static int count_too_many(struct feed_commit *c)
{
	return commit_is_too_large(c,
		arena_format(c->run->arena,
			"more than %d%% of its %llu entries would change up to serial %lu; when that is right: "
			"stockade feed accept %s --reason WORDS",
			c->feed->largest_change, (unsigned long long)c->before,
			(unsigned long)c->staging->to_serial, c->feed->name));
}

/* False: more differ than may. */
static bool count_source(struct feed_commit *c, const struct feed_item *entry,
	const struct feed_listing *held, size_t held_len)
{
	struct source source;
	struct feed_target target;

	feed_source_expand(&entry->source, &source);
	target = commit_target(c, entry, &source);
	if (!feed_differs(&target, held, held_len))
		return true;
	if (c->todo_len == c->max)
		return false;
	for (size_t i = 0; i < held_len; i++)
		c->ended += feed_fate(&target, &held[i]) != FEED_STAYS;
	c->added += (uint64_t)__builtin_popcount(feed_missing(&target, held, held_len));
	mem_grow(&c->todo, &c->todo_room, c->todo_len + 1, sizeof(*c->todo));
	c->todo[c->todo_len++] = *entry;
	return true;
}

static int count_merge(struct command_run *run)
{
	struct feed_commit *c = commit_of(run);
	struct feed_merge *merge = &c->merge;

	for (unsigned i = 0; i < PAGE_ROWS; i++) {
		if (!feed_merge_next(merge))
			return count_done(c);
		if (!count_source(c, &merge->entry, merge->held, merge->held_len))
			return count_too_many(c);
	}
	return 0;
}

static int count_sort(struct command_run *run)
{
	struct feed_commit *c = commit_of(run);
	struct feed_staging *staging = c->staging;

	if (c->len != 0)
		qsort(c->listings, c->len, sizeof(*c->listings), feed_listing_order);
	if (staging->len != 0)
		qsort(staging->entries, staging->len, sizeof(*staging->entries), feed_item_order);
	c->merge = (struct feed_merge){.listings = c->listings,
		.listings_len = c->len,
		.entries = staging->entries,
		.entries_len = staging->len};
	run->next = count_merge;
	return 0;
}

static int count_read(struct command_run *run)
{
	struct feed_commit *c = commit_of(run);
	struct store_select select = {.which = STORE_FEED,
		.list = span_text(c->author),
		.after_id = c->last_id,
		.limit = PAGE_ROWS};
	size_t before = c->len;
	int r = store_listings(run->writer.store, &select, listings_add, c);

	if (r >= 0 && c->len - before < PAGE_ROWS)
		run->next = count_sort;
	return r < 0 ? r : 0;
}

static int count_difference(struct command_run *run)
{
	struct feed_commit *c = commit_of(run);
	const struct feed_staging *staging = c->staging;
	int r = 0;

	for (unsigned i = 0; i < PAGE_ROWS && c->at < staging->len && r >= 0; i++) {
		const struct feed_item *entry = &staging->entries[c->at++];

		r = commit_read_source(c, entry);
		if (r >= 0 && !count_source(c, entry, c->listings, c->len))
			return count_too_many(c);
	}
	return r < 0 || c->at < staging->len ? r : count_done(c);
}

/* How much may change: the operator's word, or the part that the configuration allows. A feed
 * without rules was taken in part, and what is missing of it counts. */
static uint64_t commit_max(const struct feed_commit *c)
{
	const struct store_feed *feed = &c->row.feed;
	bool other_rules =
		feed->rules != 0 && feed->rules != conf_feed_rules(c->staging->conf, c->feed);

	if (c->before == 0 || feed->accepts || c->staging->expired || other_rules)
		return UINT64_MAX;
	return feed_change_max(c->before, c->feed->largest_change);
}

static int commit_begin(struct command_run *run)
{
	struct feed_commit *c = commit_of(run);
	int r = store_feed_count(run->writer.store, span_text(c->author), &c->before);

	if (r < 0)
		return r;
	c->max = commit_max(c);
	if (c->staging->repeated)
		return count_done(c);
	run->next = c->staging->whole ? count_read : count_difference;
	return 0;
}

/* ---- the run ---- */

static void commit_let_go(struct command_run *run)
{
	struct feed_commit *c = commit_of(run);

	mem_free(c->listings);
	mem_free(c->todo);
	feed_staging_free(&c->staging);
	c->magic = 0;
}

static void commit_prepare(struct feed_commit *c)
{
	const struct feed_staging *staging = c->staging;
	struct command_run *run = c->run;
	const char *subject = arena_format(run->arena, "%s into %s, serial %lu to %lu",
		c->feed->name, c->list->name, (unsigned long)staging->from_serial,
		(unsigned long)staging->to_serial);

	feed_author(c->feed->name, c->author);
	text_format(c->reason, sizeof(c->reason), "on %s", c->feed->zone);
	run->writer.author = span_text(c->author);
	run->writer.event =
		(struct store_event){.verb = span_text(staging->expired ? "expire-feed" : "feed"),
			.subject = span_text(subject),
			.reason = span_text(c->reason)};
	c->evidence = (struct store_evidence){.kind = span_text("feed"),
		.sensor = span_text(c->author),
		.weight = 1,
		.note = span_text(c->reason)};
}

static struct command_run *commit_new(
	const struct keeper_parts *parts, struct feed_staging *staging, const struct feed_row *row)
{
	static const struct command_kind kind = {
		STOCKADE__COMMAND__WHAT__NOT_SET, "feed", NULL, NULL, NULL};
	struct arena *arena = arena_new(0);
	struct command_run *run = command_run_new(parts, arena, &kind);
	struct feed_commit *c = arena_alloc(arena, sizeof(*c));

	*c = (struct feed_commit){.magic = (uint32_t)MAGIC_feed_commit,
		.run = run,
		.staging = staging,
		.row = *row,
		.feed = conf_feed_find(staging->conf, span_text(staging->name))};
	c->row.feed.name = span_text(c->row.name);
	c->row.feed.error = span_text(c->row.error);
	c->list = conf_list_find(staging->conf, span_text(c->feed->into));
	run->own = c;
	run->let_go = commit_let_go;
	run->next = commit_begin;
	run->is_counting = true;
	run->answers_now = true;
	commit_prepare(c);
	return run;
}

int feed_commit(const struct keeper_parts *parts, struct connection *connection, uint64_t tag,
	struct fault *ret_text)
{
	struct feed_staging *staging = connection->feed;
	char author[FEED_AUTHOR_SIZE];
	struct command_run *run;
	struct feed_row row;
	int r = feed_row_read(parts->guard->store, span_text(staging->name), &row);

	if (r >= 0)
		r = publisher_may_change(parts->publisher, ret_text);
	if (r < 0)
		return r;
	if (command_queue_has(parts->queue, span_text(feed_author(staging->name, author))))
		return fault_set(ret_text, E_AGAIN, "another change set of '%s' is being taken",
			staging->name);
	run = commit_new(parts, TAKE(connection->feed), &row);
	run->connection = connection_ref(connection);
	run->answer->tag = tag;
	transaction_run_alone(parts->transaction, &run->item);
	return 0;
}
