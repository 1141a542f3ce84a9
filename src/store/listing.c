/* SPDX-License-Identifier: ISC */
#include "base/arena.h"
#include "base/macro.h"
#include "base/mem.h"
#include "store/list_slot.h"
#include "store/meta.h"
#include "store/sql.h"
#include "store/store.h"
#include "store/words.h"

/* Listings: entered, ended, entered again, and found by source, what covers it, what is within. */

/* ---- entering and ending ---- */

struct listing_ids {
	int64_t slot, policy;
};

static int listing_insert(struct store *store, const struct store_listing *listing,
	const struct listing_ids *ids, int64_t *ret_id)
{
	AUTO(sql) *sql = sql_start(store, Q_LISTING_ADD);

	sql_add_int(sql, ids->slot);
	sql_add_source(sql, &listing->source);
	sql_add_int(sql, listing->since_s);
	sql_add_int(sql, listing->until_s);
	sql_add_int(sql, ids->policy);
	sql_add_text(sql, listing->reason);
	sql_add_id(sql, listing->incident);
	sql_add_text(sql, listing->author);
	sql_add_int(sql, listing->excluded);
	sql_add_id(sql, listing->added_event);
	return sql_insert(sql, ret_id);
}

/* Two numbers of rows: of a listing and its evidence, or of a listing and its copy. */
static int pair_add(struct store *store, enum query name, int64_t first, int64_t second)
{
	AUTO(sql) *sql = sql_start(store, name);

	sql_add_int(sql, first);
	sql_add_int(sql, second);
	return sql_run(sql);
}

int store_listing_add(struct store *store, const struct store_listing *listing, uint64_t evidence,
	uint64_t *ret_id)
{
	struct listing_ids ids;
	int64_t id = 0;
	int r;

	/* RFC 6471, section 2.1: nothing is listed but by a published criterion, on evidence. */
	if (listing->policy.len == 0 || evidence == 0)
		return E_USAGE;
	r = words_check(listing->reason);
	if (r >= 0)
		r = list_slot_of(store, listing, &ids.slot);
	if (r >= 0)
		r = policy_of(store, listing, &ids.policy);
	if (r >= 0)
		r = listing_insert(store, listing, &ids, &id);
	if (r <= 0)
		return r;
	r = pair_add(store, Q_LISTING_EVIDENCE_ADD, id, (int64_t)evidence);
	if (r >= 0)
		r = counts_slot(store, ids.slot, 1);
	if (r < 0)
		return r;
	*ret_id = (uint64_t)id;
	return 1;
}

static int listing_slot(struct store *store, uint64_t id, int64_t *ret_slot)
{
	AUTO(sql) *sql = sql_start(store, Q_LISTING_SLOT);
	int r;

	sql_add_id(sql, id);
	r = sql_number(sql, ret_slot);
	return r > 0 ? 0 : r < 0 ? r : E_ABSENT;
}

static void ending_add(struct sql *sql, const struct store_ending *ending)
{
	sql_add_int(sql, ending->at_s);
	sql_add_text(sql, ending->by);
	sql_add_text(sql, ending->reason);
	sql_add_id_or_null(sql, ending->event);
}

int store_listing_end(struct store *store, uint64_t id, const struct store_ending *ending)
{
	AUTO(sql) *sql = sql_start(store, Q_LISTING_END);
	int64_t slot = 0, ended = words_check(ending->reason);

	if (ended >= 0)
		ended = listing_slot(store, id, &slot);
	if (ended < 0)
		return (int)ended;
	sql_add_id(sql, id);
	ending_add(sql, ending);
	ended = sql_update(sql);
	if (ended <= 0)
		return ended < 0 ? (int)ended : E_ABSENT;
	return counts_slot(store, slot, -1);
}

int64_t store_list_end(struct store *store, struct span list, const struct store_ending *ending)
{
	AUTO(sql) *sql = sql_start(store, Q_LIST_END);
	AUTO(sql) *count_none = sql_start(store, Q_LIST_COUNT_NONE);
	int64_t ended = words_check(ending->reason);
	int r;

	if (ended < 0)
		return ended;
	sql_add_text(sql, list);
	ending_add(sql, ending);
	ended = sql_update(sql);
	if (ended < 0)
		return ended;
	sql_add_text(count_none, list);
	r = sql_run(count_none);
	return r < 0 ? r : ended;
}

int store_listing_again(
	struct store *store, uint64_t id, int64_t now_s, uint64_t event, uint64_t *ret_id)
{
	AUTO(sql) *sql = sql_start(store, Q_LISTING_AGAIN);
	int64_t slot = 0, copy = 0;
	int r = listing_slot(store, id, &slot);

	if (r < 0)
		return r;
	sql_add_id(sql, id);
	sql_add_int(sql, now_s);
	sql_add_id(sql, event);
	r = sql_insert(sql, &copy);
	if (r <= 0)
		return r;
	r = pair_add(store, Q_LISTING_EVIDENCE_AGAIN, (int64_t)id, copy);
	if (r >= 0)
		r = counts_slot(store, slot, 1);
	if (r < 0)
		return r;
	*ret_id = (uint64_t)copy;
	return 1;
}

/* ---- finding ---- */

/* A selection on its way: whom to call, and what is left out. */
struct selection {
	const struct store_select *select;
	struct span list;          /* only listings of it; empty: of all */
	const struct source *skip; /* not of this source itself; may be NULL */
	store_listing_call *each;
	void *arg;
};

static int listing_read(const struct sql *sql, struct store_listing *listing)
{
	*listing = (struct store_listing){
		.id = sql_id(sql, 0),
		.list = sql_span(sql, 1),
		.sublist = sql_span(sql, 2),
		.since_s = sql_int(sql, 5),
		.until_s = sql_int(sql, 6),
		.policy = sql_span(sql, 7),
		.policy_version = sql_u32(sql, 8),
		.reason = sql_span(sql, 9),
		.incident = sql_id(sql, 10),
		.author = sql_span(sql, 11),
		.excluded = sql_int(sql, 12) != 0,
		.added_event = sql_id(sql, 13),
		.ended_s = sql_int(sql, 14),
		.ended_by = sql_span(sql, 15),
		.ended_reason = sql_span(sql, 16),
		.ended_event = sql_id(sql, 17),
	};
	return sql_source(sql, 3, &listing->source);
}

/* 1: stopped, by the caller or by the limit. */
static int listings_each(struct sql *sql, const struct selection *selection)
{
	uint32_t left = selection->select->limit != 0 ? selection->select->limit : UINT32_MAX;
	int r = 0;

	while (r == 0 && (r = sql_next(sql)) > 0 && left != 0) {
		struct store_listing listing;

		r = listing_read(sql, &listing);
		if (r < 0 ||
			(selection->list.len != 0 && !span_equal(selection->list, listing.list)) ||
			(selection->skip != NULL && source_equal(selection->skip, &listing.source)))
			continue;
		left--;
		r = selection->each(&listing, selection->arg);
	}
	return r != 0 ? r : left == 0;
}

static int listings_at(
	struct store *store, const struct key *key, const struct selection *selection)
{
	bool ended = selection->select->which == STORE_ENDED_COVERING;
	AUTO(sql) *sql = sql_start(store, ended ? Q_LISTINGS_ENDED_AT : Q_LISTINGS_AT);

	sql_add_key(sql, key);
	return listings_each(sql, selection);
}

static int listings_covering(struct store *store, const struct selection *selection)
{
	struct key key;
	int r = 0;

	for (unsigned step = 0; r == 0 && key_covering(selection->select->source, step, &key);
		step++)
		r = listings_at(store, &key, selection);
	return r;
}

static int listings_within(struct store *store, const struct selection *selection)
{
	AUTO(sql) *sql = NULL;
	struct key_bounds range;

	if (!key_within(selection->select->source, &range))
		return 0;
	sql = sql_start(store, Q_LISTINGS_WITHIN);
	sql_add_range(sql, &range);
	return listings_each(sql, selection);
}

/* Those of one sql, whose parameters are members of the selection. */
static int listings_of(struct store *store, enum query name, const struct selection *selection)
{
	AUTO(sql) *sql = sql_start(store, name);
	const struct store_select *select = selection->select;

	switch (select->which) {
	case STORE_FEED:
		sql_add_text(sql, select->list);
		break;
	case STORE_ENDED:
		sql_add_about(sql, select->source, select->limit);
		break;
	case STORE_PAGE:
		sql_add_text(sql, select->list);
		sql_add_id(sql, select->after_id);
		sql_add_limit(sql, select->limit);
		break;
	case STORE_EXPIRED:
		sql_add_int(sql, select->time_s);
		sql_add_limit(sql, select->limit);
		break;
	default:
		sql_add_id(sql, select->event);
		sql_add_id(sql, select->after_id);
		break;
	}
	return listings_each(sql, selection);
}

int store_listings(
	struct store *store, const struct store_select *select, store_listing_call *each, void *arg)
{
	static const enum query names[] = {
		[STORE_FEED] = Q_LISTINGS_FEED,
		[STORE_ENDED] = Q_LISTINGS_ENDED,
		[STORE_PAGE] = Q_LISTINGS_PAGE,
		[STORE_ADDED] = Q_LISTINGS_ADDED,
		[STORE_REMOVED] = Q_LISTINGS_REMOVED,
		[STORE_EXPIRED] = Q_LISTINGS_EXPIRED,
	};
	struct selection selection = {
		.select = select, .list = select->list, .each = each, .arg = arg};
	struct key key;

	switch (select->which) {
	case STORE_AT:
		key = key_of(select->source);
		return listings_at(store, &key, &selection);
	case STORE_ENDED_COVERING:
		selection.skip = select->source;
		return listings_covering(store, &selection);
	case STORE_COVERING:
		return listings_covering(store, &selection);
	case STORE_WITHIN:
		selection.skip = select->source;
		return listings_within(store, &selection);
	case STORE_FEED:
		selection.list = span_text(""); /* it names the author */
		break;
	default:
		break;
	}
	return listings_of(store, names[select->which], &selection);
}

/* ---- all of them ---- */

/* The names of all slots, by id; a join would look them up for each of millions of rows. */
struct slot_table {
	struct arena *arena;
	struct slot_names {
		int64_t id;
		struct span list, sublist;
	} * names;
	size_t len, room;
};

static int slots_read(struct store *store, struct slot_table *slots)
{
	AUTO(sql) *sql = sql_start(store, Q_SLOTS);
	int r;

	while ((r = sql_next(sql)) > 0) {
		mem_grow(&slots->names, &slots->room, slots->len + 1, sizeof(*slots->names));
		slots->names[slots->len++] = (struct slot_names){sql_int(sql, 0),
			arena_copy(slots->arena, sql_span(sql, 1)),
			arena_copy(slots->arena, sql_span(sql, 2))};
	}
	return r;
}

static const struct slot_names *slot_find(const struct slot_table *slots, int64_t id)
{
	size_t low = 0, high = slots->len;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (slots->names[middle].id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low < slots->len && slots->names[low].id == id ? &slots->names[low] : NULL;
}

static int listing_read_short(
	const struct sql *sql, const struct slot_table *slots, struct store_listing *listing)
{
	const struct slot_names *names = slot_find(slots, sql_int(sql, 0));

	if (names == NULL)
		return E_CORRUPT;
	listing->list = names->list;
	listing->sublist = names->sublist;
	listing->until_s = sql_int(sql, 3);
	listing->reason = sql_span(sql, 4);
	listing->excluded = sql_int(sql, 5) != 0;
	return sql_source(sql, 1, &listing->source);
}

static int listings_all(
	struct store *store, const struct slot_table *slots, store_listing_call *each, void *arg)
{
	AUTO(sql) *sql = sql_start(store, Q_LISTINGS_ALL);
	struct store_listing listing = {.id = 0};
	int r = 0;

	while (r == 0 && (r = sql_next(sql)) > 0) {
		r = listing_read_short(sql, slots, &listing);
		if (r >= 0)
			r = each(&listing, arg);
	}
	return r < 0 ? r : 0;
}

int store_listings_all(struct store *store, store_listing_call *each, void *arg)
{
	struct slot_table slots = {.arena = arena_new(0)};
	int r = slots_read(store, &slots);

	if (r >= 0)
		r = listings_all(store, &slots, each, arg);
	mem_free(slots.names);
	arena_free(&slots.arena);
	return r;
}

int store_listing_next_end(struct store *store, int64_t *ret_until_s)
{
	AUTO(sql) *sql = sql_start(store, Q_LISTING_NEXT_END);
	int r = sql_number(sql, ret_until_s); /* NULL gives 0 */

	return r < 0 ? r : 0;
}

int store_listing_evidence(struct store *store, uint64_t id, uint64_t *numbers, size_t *count)
{
	AUTO(sql) *sql = sql_start(store, Q_LISTING_EVIDENCE);
	size_t len = 0;
	int r;

	sql_add_id(sql, id);
	sql_add_int(sql, (int64_t)*count);
	while ((r = sql_next(sql)) > 0 && len < *count)
		numbers[len++] = sql_id(sql, 0);
	if (r < 0)
		return r;
	*count = len;
	return 0;
}
