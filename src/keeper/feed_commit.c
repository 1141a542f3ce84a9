/* SPDX-License-Identifier: ISC */
#include "keeper/feed_commit.h"

#include <stdlib.h>

#include "base/hash.h"
#include "base/log.h"
#include "base/macro.h"
#include "base/mem.h"
#include "base/obj.h"
#include "base/text.h"
#include "keeper/feed_row.h"
#include "keeper/listing_writer.h"
#include "keeper/transaction.h"
#include "policy/listing_rule.h"

/*
 * A whole zone is compared with the feed's listings that are in force, both sorted by their
 * sources; a difference asks the store for each of its sources. From there on both are the same:
 * what holds for a source, and what shall.
 */
enum { ROWS_PER_ENTRY = 2 /* with the exclusions that wildcards need */ };

struct feed_commit {
	uint32_t magic;
	struct store_guard *guard;
	const struct conf_feed *feed;
	const struct conf_list *list;
	struct feed_staging *staging;
	struct feed_row row;
	struct transaction_item item;
	struct transaction_result result;
	struct listing_writer writer;
	struct store_evidence evidence;
	char author[FEED_AUTHOR_SIZE];
	char reason[FEED_TEXT_SIZE]; /* of the event, and of entries that have none */
	struct feed_listing *listings;
	size_t len;
	size_t room;
	uint64_t before; /* listings in force */
	uint64_t max;    /* sources that may change */
	uint64_t changed;
	uint64_t added;
	uint64_t ended;
	uint64_t skipped;
	struct fault why_skipped; /* the first */
};

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
	if (c->skipped++ == 0)
		c->why_skipped = why;
	return entry->excluded;
}

static int commit_count(struct feed_commit *c)
{
	if (c->changed < c->max) {
		c->changed++;
		return 0;
	}
	return fault_set(&c->item.why, E_LIMIT,
		"more than %d%% of its %llu entries would change up to serial %lu; when that is right: "
		"stockade feed accept %s --reason WORDS",
		c->feed->largest_change, (unsigned long long)c->before,
		(unsigned long)c->staging->to_serial, c->feed->name);
}

static int commit_end(struct feed_commit *c, const struct source *source,
	const struct feed_listing *listing, enum feed_fate fate)
{
	struct listing_row row = {.list = span_text(listing->list),
		.source = source,
		.reason = span_text(fate == FEED_REPLACED ? "replaced" : "no longer in the feed")};

	c->ended++;
	return listing_end(&c->writer, listing->id, &row);
}

/* What is there by somebody else, from before the sublist was the feed's, stays. */
static int commit_enter(struct feed_commit *c, struct listing_row *row, unsigned bit)
{
	const struct conf_sublist *sublist = &c->list->sublists[c->staging->sublists[bit]];
	int r;

	row->sublist = span_text(sublist->name);
	row->policy = conf_policy_find(c->staging->conf, sublist->policy);
	r = listing_enter(&c->writer, row, &c->evidence);
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
		.reason = span_text(entry->reason[0] != '\0' ? entry->reason : c->reason),
		.if_held = LISTING_LEAVE};
	struct feed_target target = {
		.excluded = entry->excluded, .reason_hash = hash_bytes(HASH_START, row.reason)};
	uint32_t missing;
	int r;

	feed_source_expand(&entry->source, &source);
	target.sublists = commit_judge(c, entry, &source);
	if (!feed_differs(&target, held, held_len))
		return 0;
	r = commit_count(c);
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

/* ---- all sources ---- */

static int commit_whole(struct feed_commit *c)
{
	struct feed_staging *staging = c->staging;
	struct store_select select = {.which = STORE_FEED, .list = span_text(c->author)};
	struct feed_merge merge = {.entries = staging->entries, .entries_len = staging->len};
	int r = store_listings(c->writer.store, &select, listings_add, c);

	merge.listings = c->listings;
	merge.listings_len = c->len;
	if (c->len != 0)
		qsort(c->listings, c->len, sizeof(*c->listings), feed_listing_order);
	if (staging->len != 0)
		qsort(staging->entries, staging->len, sizeof(*staging->entries), feed_item_order);
	while (r >= 0 && feed_merge_next(&merge))
		r = commit_source(c, &merge.entry, merge.held, merge.held_len);
	return r;
}

static int commit_difference(struct feed_commit *c)
{
	int r = 0;

	for (size_t i = 0; i < c->staging->len && r >= 0; i++) {
		const struct feed_item *entry = &c->staging->entries[i];
		struct source source;
		struct store_select select = {.which = STORE_AT, .source = &source};

		feed_source_expand(&entry->source, &source);
		c->len = 0;
		r = store_listings(c->writer.store, &select, listings_add, c);
		if (r >= 0)
			r = commit_source(c, entry, c->listings, c->len);
	}
	return r;
}

/* How much may change: the operator's word, or the part that the configuration allows. */
static uint64_t commit_max(const struct feed_commit *c)
{
	const struct store_feed *feed = &c->row.feed;
	bool other_rules = feed->rules != conf_feed_rules(c->staging->conf, c->feed);

	if (c->before == 0 || feed->accepts || c->staging->expired || other_rules)
		return UINT64_MAX;
	return feed_change_max(c->before, c->feed->largest_change);
}

static int commit_sources(struct feed_commit *c)
{
	int r = store_feed_count(c->writer.store, span_text(c->author), &c->before);

	if (r < 0)
		return r;
	c->max = commit_max(c);
	r = c->staging->whole ? commit_whole(c) : commit_difference(c);
	if (r >= 0 && c->before + c->added - c->ended > (uint64_t)c->feed->limit * ROWS_PER_ENTRY)
		return fault_set(&c->item.why, E_LIMIT,
			"the feed would have more entries than its limit of %d", c->feed->limit);
	return r;
}

/* ---- the transaction ---- */

static int commit_on_run(void *arg)
{
	struct feed_commit *c = OBJ(feed_commit, arg);
	struct feed_version version;
	int r;

	c->writer.store = c->guard->store;
	r = store_serial(c->writer.store, &c->writer.event.serial);
	if (r >= 0 && !c->staging->repeated)
		r = commit_sources(c);
	if (r < 0)
		return r;
	version = (struct feed_version){.serial = c->staging->to_serial,
		.rules = conf_feed_rules(c->staging->conf, c->feed),
		.changed = c->item.change.rows != 0};
	if (c->staging->expired)
		feed_row_expire(&c->row, version.changed, c->writer.now_s);
	else
		feed_row_take(&c->row, &version, c->writer.now_s);
	r = store_feed_put(c->writer.store, &c->row.feed);
	return r < 0 ? r : ITEM_KEEP;
}

static void commit_on_finish(const struct transaction_result *result, void *arg)
{
	OBJ(feed_commit, arg)->result = *result;
}

static int refusal_on_run(void *arg)
{
	struct feed_commit *c = OBJ(feed_commit, arg);
	int r = store_feed_put(c->guard->store, &c->row.feed);

	return r < 0 ? r : ITEM_KEEP;
}

static void commit_refuse(struct feed_commit *c, struct transaction *transaction)
{
	struct transaction_item item = {
		.run = refusal_on_run, .finish = commit_on_finish, .arg = c};

	feed_row_refuse(&c->row, c->staging->to_serial, c->item.why.text, c->writer.now_s);
	transaction_run_alone(transaction, &item);
}

static void commit_done(const struct feed_commit *c, struct fault *ret_text)
{
	char more[FEED_TEXT_SIZE / 2] = "";

	if (c->skipped != 0)
		text_format(more, sizeof(more), "; %llu left out, the first because %s",
			(unsigned long long)c->skipped, c->why_skipped.text);
	fault_set(ret_text, 0, "%llu listings added, %llu ended%s", (unsigned long long)c->added,
		(unsigned long long)c->ended, more);
	if (c->item.change.rows == 0)
		return; /* what was missing is held by somebody else */
	log_event(EV_LIST_CHANGE,
		LOG_FIELDS(log_text("verb", "feed"), log_number("listings", (int64_t)c->changed),
			log_number("change", (int64_t)c->writer.event.id),
			log_number("serial", c->result.serial), log_text("author", c->author),
			log_text("what", ret_text->text)));
}

static void commit_prepare(struct feed_commit *c)
{
	const struct feed_staging *staging = c->staging;
	struct listing_writer *writer = &c->writer;
	char *subject = arena_format(staging->arena, "%s into %s, serial %lu to %lu", c->feed->name,
		c->list->name, (unsigned long)staging->from_serial,
		(unsigned long)staging->to_serial);

	feed_author(c->feed->name, c->author);
	text_format(c->reason, sizeof(c->reason), "on %s", c->feed->zone);
	*writer = (struct listing_writer){.change = &c->item.change,
		.author = span_text(c->author),
		.now_s = loop_now_s(c->guard->loop),
		.event = {.verb = span_text(staging->expired ? "expire-feed" : "feed"),
			.subject = span_text(subject),
			.reason = span_text(c->reason)}};
	c->evidence = (struct store_evidence){.kind = span_text("feed"),
		.sensor = span_text(c->author),
		.weight = 1,
		.note = span_text(c->reason)};
	c->item = (struct transaction_item){.run = commit_on_run,
		.finish = commit_on_finish,
		.arg = c,
		.change = {.arena = staging->arena}};
}

int feed_commit(const struct keeper_parts *parts, struct feed_staging *staging,
	struct fault *ret_text, uint32_t *ret_changed)
{
	struct feed_commit c = {.magic = (uint32_t)MAGIC_feed_commit,
		.guard = parts->guard,
		.feed = conf_feed_find(staging->conf, span_text(staging->name)),
		.staging = staging};
	int r = feed_row_read(parts->guard->store, span_text(staging->name), &c.row);

	if (r >= 0)
		r = publisher_may_change(parts->publisher, ret_text);
	if (r < 0)
		return r;
	c.list = conf_list_find(staging->conf, span_text(c.feed->into));
	commit_prepare(&c);
	transaction_run_alone(parts->transaction, &c.item);
	mem_free(c.listings);
	r = c.result.error;
	if (r == E_LIMIT)
		commit_refuse(&c, parts->transaction);
	if (r < 0) {
		*ret_text = c.item.why;
		return r;
	}
	commit_done(&c, ret_text);
	*ret_changed = (uint32_t)c.changed;
	return 0;
}
