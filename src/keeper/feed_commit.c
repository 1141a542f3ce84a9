/* SPDX-License-Identifier: ISC */
#include <stdio.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/mem.h"
#include "keeper/feed_staging.h"

/*
 * A change set becomes one transaction: event, evidence, listings added and ended, serial, changed, and how far the feed was
 * taken over. When too much would change, all of it is taken back, and only that is written down.
 *
 * A whole zone is compared with the feed's listings that are in force, both sorted by their sources; a difference asks the
 * store for each of its sources. From there on both are the same: what holds for a source, and what shall.
 */
enum {
	ALWAYS_ALLOWED = 20, /* sources; a part of nearly nothing says nothing */
	ROWS_PER_ENTRY = 2,  /* with the exclusions that wildcards need */
};

/* A listing that is in force. */
struct listed_row {
	struct ip ip;
	const char *domain;
	const char *list; /* another one than the feed's: it was moved by the configuration */
	uint64_t id;
	uint64_t reason;
	int bit; /* -1: of a sublist that the feed no longer fills */
	uint8_t bits;
	bool excluded;
};

struct committing {
	struct keeper *keeper;
	const struct conf_feed *feed;
	const struct conf_list *list;
	struct feed_staging *staging;
	struct feed_row *row;
	struct change change;
	char author[FEED_AUTHOR_SIZE];
	char said[FEED_WORDS_SIZE]; /* the reason of the event */
	struct listed_row *rows;
	size_t rows_len;
	size_t rows_room;
	uint64_t before; /* listings in force */
	uint64_t most;   /* sources that may change */
	uint64_t event;
	uint64_t evidence;
	uint32_t serial;
	int64_t now_s;
	uint64_t added;
	uint64_t ended;
	uint64_t skipped;
	struct fault first; /* why the first was skipped */
};

/* ---- what is in force ---- */

static int bit_of(const struct committing *c, const struct store_listing *listing)
{
	if (!span_equal_text(listing->list, c->list->name))
		return -1;
	for (size_t i = 0; i < c->staging->sublists_len; i++) {
		unsigned place = c->staging->sublists[i];

		if (span_equal_text(listing->sublist, c->list->sublists[place].name))
			return (int)i;
	}
	return -1;
}

static int rows_add(const struct store_listing *listing, void *arg)
{
	struct committing *c = arg;
	struct arena *arena = c->staging->arena;
	bool other = !span_equal_text(listing->list, c->list->name);
	struct listed_row *row;

	if (!span_equal_text(listing->author, c->author))
		return 0;
	mem_grow(&c->rows, &c->rows_room, c->rows_len + 1, sizeof(*c->rows));
	row = &c->rows[c->rows_len++];
	*row = (struct listed_row){.ip = listing->source.net.ip,
		.bits = listing->source.net.bits,
		.id = listing->id,
		.reason = hash_bytes(HASH_START, listing->reason),
		.bit = bit_of(c, listing),
		.excluded = listing->excluded,
		.list = other ? arena_string(arena, listing->list) : c->list->name};
	if (listing->source.kind == SOURCE_DOMAIN)
		row->domain = arena_copy_string(arena, listing->source.domain);
	return 0;
}

/* ---- order of sources ---- */

static int source_order(struct ip ip, uint8_t bits, const char *domain, struct ip ip2,
	uint8_t bits2, const char *domain2)
{
	int order;

	if (domain != NULL && domain2 != NULL)
		return strcmp(domain, domain2);
	if (domain != NULL || domain2 != NULL)
		return domain != NULL ? 1 : -1;
	order = ip_compare(ip, ip2);
	return order != 0 ? order : (int)bits - (int)bits2;
}

static int row_compare(const void *left, const void *right)
{
	const struct listed_row *a = left;
	const struct listed_row *b = right;

	return source_order(a->ip, a->bits, a->domain, b->ip, b->bits, b->domain);
}

static int item_compare(const void *left, const void *right)
{
	const struct feed_item *a = left;
	const struct feed_item *b = right;

	return source_order(a->ip, a->bits, a->domain, b->ip, b->bits, b->domain);
}

static int row_item_compare(const struct listed_row *row, const struct feed_item *item)
{
	return source_order(row->ip, row->bits, row->domain, item->ip, item->bits, item->domain);
}

static void source_make(struct ip ip, uint8_t bits, const char *domain, struct source *ret_source)
{
	memset(ret_source, 0, sizeof(*ret_source));
	if (domain == NULL) {
		ret_source->kind = SOURCE_NET;
		ret_source->net = (struct prefix){ip, bits};
		return;
	}
	ret_source->kind = SOURCE_DOMAIN;
	snprintf(ret_source->domain, sizeof(ret_source->domain), "%s", domain);
}

/* ---- event and evidence, with the first change ---- */

static int commit_event(struct committing *c)
{
	const struct feed_staging *staging = c->staging;
	char subject[FEED_WORDS_SIZE];
	struct store_event event = {.time_s = c->now_s,
		.author = span_text(c->author),
		.verb = span_text(staging->expired ? "expire-feed" : "feed"),
		.reason = span_text(c->said),
		.serial = c->serial};

	snprintf(subject, sizeof(subject), "%s into %s, serial %lu to %lu", c->feed->name,
		c->list->name, (unsigned long)staging->from_serial,
		(unsigned long)staging->to_serial);
	event.subject = span_text(subject);
	return store_event_add(c->keeper->guard.store, &event, &c->event);
}

static int commit_evidence(struct committing *c)
{
	struct store_evidence evidence = {.kind = span_text("feed"),
		.time_s = c->now_s,
		.sensor = span_text(c->author),
		.weight = 1,
		.note = span_text(c->said)};
	int r = store_evidence_add(c->keeper->guard.store, &evidence, &c->evidence);

	return r < 0 ? r : 0;
}

/* One more source changes. */
static int commit_touch(struct committing *c, const char *list, const struct source *source)
{
	int r = 0;

	if (c->change.rows >= c->most)
		return fault_set(&c->first, E_LIMIT,
			"more than %d%% of its %llu entries would change up to serial %lu; when that is right: "
			"stockade feed accept %s --reason WORDS",
			c->feed->largest_change, (unsigned long long)c->before,
			(unsigned long)c->staging->to_serial, c->feed->name);
	if (c->event == 0)
		r = commit_event(c);
	if (r >= 0 && c->evidence == 0)
		r = commit_evidence(c);
	change_add(&c->change, span_text(list), source);
	return r;
}

/* ---- one source ---- */

static int commit_end_row(struct committing *c, const struct listed_row *row, const char *words)
{
	c->ended++;
	return store_listing_end(c->keeper->guard.store, row->id, c->now_s, span_text(c->author),
		span_text(words), c->event);
}

static int commit_add_row(struct committing *c, const struct feed_item *item,
	const struct source *source, unsigned bit, struct span reason)
{
	const struct conf_sublist *sublist = &c->list->sublists[c->staging->sublists[bit]];
	const struct conf_policy *policy = conf_policy_find(c->staging->conf, sublist->policy);
	struct store_listing listing = {.list = span_text(c->list->name),
		.sublist = span_text(sublist->name),
		.source = *source,
		.since_s = c->now_s,
		.policy = span_text(policy->name),
		.policy_version = policy->version,
		.criterion = span_text(policy->text),
		.reason = reason,
		.author = span_text(c->author),
		.excluded = (item->excluded >> bit & 1) != 0,
		.added_event = c->event};
	uint64_t id = 0;
	int r = store_listing_add(c->keeper->guard.store, &listing, c->evidence, &id);

	c->added += r > 0;
	return r < 0 ? r
		     : 0; /* 0: it is there by somebody else, from before the sublist was the feed's */
}

/* The never-list holds for feeds as well: such an entry is left out and told, since a stranger must not be able to stop
 * all changes by one that hits us. What takes ground away hits nobody. */
static uint32_t commit_judge(
	struct committing *c, const struct feed_item *item, const struct source *source)
{
	struct fault why = {""};

	if (item->listed == 0 || rule_may_list(c->staging->conf, c->list, source, false, &why) >= 0)
		return item->listed | item->excluded;
	if (c->skipped++ == 0)
		c->first = why;
	return item->excluded;
}

static bool row_is_wanted(
	const struct listed_row *row, uint32_t wanted, uint32_t excluded, uint64_t reason)
{
	return row->bit >= 0 && (wanted >> row->bit & 1) != 0 &&
	       ((excluded >> row->bit & 1) != 0) == row->excluded && row->reason == reason;
}

/* Makes the rows of a source what the item says. */
static int commit_source(struct committing *c, const struct feed_item *item,
	const struct listed_row *rows, size_t rows_len)
{
	struct source source;
	struct span reason = span_text(item->reason);
	uint32_t left;
	uint64_t sum;
	bool touched = false;
	int r = 0;

	source_make(item->ip, item->bits, item->domain, &source);
	left = commit_judge(c, item, &source);
	if (reason.len == 0)
		reason = span_text(c->said);
	sum = hash_bytes(HASH_START, reason);
	for (size_t i = 0; i < rows_len && r >= 0; i++) {
		if (row_is_wanted(&rows[i], left, item->excluded, sum)) {
			left &= ~(UINT32_C(1) << rows[i].bit);
			continue;
		}
		if (!touched)
			r = commit_touch(c, rows[i].list, &source);
		touched = true;
		if (r >= 0)
			r = commit_end_row(c, &rows[i],
				rows[i].bit >= 0 && (left >> rows[i].bit & 1) != 0
					? "replaced"
					: "no longer in the feed");
	}
	if (left != 0 && !touched && r >= 0)
		r = commit_touch(c, c->list->name, &source);
	for (unsigned bit = 0; bit < c->staging->sublists_len && r >= 0; bit++) {
		if ((left >> bit & 1) != 0)
			r = commit_add_row(c, item, &source, bit, reason);
	}
	return r;
}

/* ---- all sources ---- */

static size_t rows_of_one(const struct committing *c, size_t at)
{
	size_t len = 1;

	while (at + len < c->rows_len && row_compare(&c->rows[at], &c->rows[at + len]) == 0)
		len++;
	return len;
}

static int commit_whole(struct committing *c)
{
	struct feed_staging *staging = c->staging;
	size_t at = 0;
	size_t i = 0;
	int r = 0;

	if (c->rows_len != 0)
		qsort(c->rows, c->rows_len, sizeof(*c->rows), row_compare);
	if (staging->len != 0)
		qsort(staging->items, staging->len, sizeof(*staging->items), item_compare);
	while (r >= 0 && (at < c->rows_len || i < staging->len)) {
		int order = at == c->rows_len ? 1
			    : i == staging->len
				    ? -1
				    : row_item_compare(&c->rows[at], &staging->items[i]);
		size_t len = order <= 0 ? rows_of_one(c, at) : 0;
		struct feed_item gone = {.reason = ""};

		if (order < 0) {
			gone.ip = c->rows[at].ip;
			gone.bits = c->rows[at].bits;
			gone.domain = c->rows[at].domain;
		}
		r = commit_source(c, order < 0 ? &gone : &staging->items[i], c->rows + at, len);
		at += len;
		i += order >= 0;
	}
	return r;
}

static int commit_difference(struct committing *c)
{
	int r = 0;

	for (size_t i = 0; i < c->staging->len && r >= 0; i++) {
		const struct feed_item *item = &c->staging->items[i];
		struct source source;
		struct store_select select = {.which = STORE_AT, .source = &source};

		source_make(item->ip, item->bits, item->domain, &source);
		c->rows_len = 0;
		r = store_listings(c->keeper->guard.store, &select, rows_add, c);
		if (r >= 0)
			r = commit_source(c, item, c->rows, c->rows_len);
	}
	return r;
}

/* How much may change: the operator's word, or the part that the configuration allows. */
static void commit_set_guard(struct committing *c)
{
	const struct store_feed *feed = &c->row->feed;
	uint64_t part = c->before * (uint64_t)c->feed->largest_change / 100;
	bool other_rules = feed->rules != conf_feed_rules(c->staging->conf, c->feed);

	if (c->before == 0 || feed->accepts || c->staging->expired || other_rules)
		c->most = UINT64_MAX;
	else
		c->most = part > ALWAYS_ALLOWED ? part : ALWAYS_ALLOWED;
}

static int commit_sources(struct committing *c)
{
	struct store_select select = {.which = STORE_FEED, .list = span_text(c->author)};
	int r = store_feed_count(c->keeper->guard.store, span_text(c->author), &c->before);

	if (r >= 0 && c->staging->whole)
		r = store_listings(c->keeper->guard.store, &select, rows_add, c);
	if (r < 0)
		return r;
	commit_set_guard(c);
	r = c->staging->whole ? commit_whole(c) : commit_difference(c);
	if (r >= 0 && c->before + c->added - c->ended > (uint64_t)c->feed->limit * ROWS_PER_ENTRY)
		return fault_set(&c->first, E_LIMIT,
			"the feed would have more entries than its limit of %d", c->feed->limit);
	return r;
}

/* ---- the transaction ---- */

/* A server that is silent for too long ends its entries, and changes nothing of what an operator has said. */
static void commit_note_expired(struct committing *c)
{
	struct store_feed *feed = &c->row->feed;

	feed->serial = 0;
	feed->rules = 0;
	if (c->change.rows != 0)
		feed->changed_s = c->now_s;
	if (feed->state == STORE_FEED_PURGED)
		return;
	feed->state = STORE_FEED_TAKEN;
	feed_row_set_error(c->row,
		"its server was not heard from for as long as the zone's SOA allows: all entries ended",
		c->now_s);
}

static void commit_note(struct committing *c)
{
	struct store_feed *feed = &c->row->feed;

	feed->serial = c->staging->to_serial;
	feed->rules = conf_feed_rules(c->staging->conf, c->feed);
	feed->state = STORE_FEED_TAKEN;
	feed->success_s = c->now_s;
	if (c->change.rows != 0) {
		feed->changed_s = c->now_s;
		feed->accepts = false; /* that was the one */
	}
	feed_row_set_error(c->row, "", c->now_s);
}

static int commit_transact(struct committing *c)
{
	struct keeper *keeper = c->keeper;
	int r = store_serial(
		keeper->guard.store, &c->serial); /* the event names the state it was made on */

	if (r >= 0 && !c->staging->repeated)
		r = commit_sources(c);
	if (r >= 0 && c->change.rows != 0)
		r = publish_number(keeper, &c->change, &c->serial);
	if (r < 0)
		return r;
	if (c->staging->expired)
		commit_note_expired(c);
	else
		commit_note(c);
	return store_feed_put(keeper->guard.store, &c->row->feed);
}

/* A change that was too large stays refused until an operator or the server changes something. */
static int commit_refused(struct committing *c, struct fault *words)
{
	struct feed_row *row = c->row;
	int r;

	*words = c->first;
	row->feed.state = STORE_FEED_REFUSED;
	row->feed.refused_serial = c->staging->to_serial;
	feed_row_set_error(row, c->first.text, c->now_s);
	r = feed_row_write(c->keeper, row);
	if (r < 0)
		store_guard_failed(&c->keeper->guard, r);
	return E_LIMIT;
}

static void commit_words(const struct committing *c, struct fault *words)
{
	char more[FEED_WORDS_SIZE / 2] = "";

	if (c->skipped != 0)
		snprintf(more, sizeof(more), "; %llu left out, the first because %.160s",
			(unsigned long long)c->skipped, c->first.text);
	fault_set(words, 0, "%llu listings added, %llu ended%s", (unsigned long long)c->added,
		(unsigned long long)c->ended, more);
}

static void commit_publish(struct committing *c, const struct fault *words)
{
	if (c->change.rows == 0)
		return;
	log_event(EV_LIST_CHANGE,
		LOG_FIELDS(log_text("verb", "feed"), log_number("listings", c->change.rows),
			log_number("change", (int64_t)c->event), log_number("serial", c->serial),
			log_text("author", c->author), log_text("what", words->text)));
	publish_change(c->keeper, &c->change, c->serial, false);
	keeper_arm_expiry(c->keeper);
}

static void commit_say(struct committing *c)
{
	snprintf(c->said, sizeof(c->said), "on %.255s", c->feed->zone);
}

int feed_commit(struct connection *connection, const struct conf_feed *feed,
	struct feed_staging *staging, struct feed_row *row, struct fault *words,
	uint32_t *ret_changed)
{
	struct keeper *keeper = connection->keeper;
	struct committing c = {.keeper = keeper,
		.feed = feed,
		.list = conf_list_find(staging->conf, span_text(feed->into)),
		.staging = staging,
		.row = row,
		.change = {.arena = staging->arena},
		.now_s = loop_now_s(keeper->loop)};
	int r;

	r = publish_may_change(keeper, words);
	if (r < 0)
		return r;
	feed_author(feed->name, c.author);
	commit_say(&c);
	r = store_begin(keeper->guard.store);
	if (r >= 0)
		r = commit_transact(&c);
	if (r >= 0)
		r = store_commit(keeper->guard.store);
	if (r < 0)
		store_rollback(keeper->guard.store);
	mem_free(c.rows);
	if (r == E_LIMIT)
		return commit_refused(&c, words);
	if (r < 0)
		return r;
	store_guard_worked(&keeper->guard);
	commit_words(&c, words);
	commit_publish(&c, words);
	*ret_changed = c.change.rows;
	return 0;
}
