/* SPDX-License-Identifier: ISC */
#include "base/arena.h"
#include "base/macro.h"
#include "base/mem.h"
#include "sets/key.h"
#include "store/list_slot.h"
#include "store/listing_id.h"
#include "store/meta.h"
#include "store/sql.h"
#include "store/store_priv.h"

/* Listings found: by source, by what covers it, by what is within, by what holds for their group.
 */

/* A selection on its way: whom to call, and what is left out. */
struct selection {
	const struct store_select *select;
	struct span list;          /* only listings of it; empty: of all */
	const struct source *skip; /* not of this source itself; may be NULL */
	store_listing_call *each;
	void *arg;
};

/* All but the source. */
static void listing_read_shared(const struct sql *sql, struct store_listing *listing)
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
		.evidence = sql_id(sql, 18),
	};
}

static int listing_read(const struct sql *sql, struct store_listing *listing)
{
	listing_read_shared(sql, listing);
	return sql_source(sql, 3, &listing->source);
}

/* 1: stopped, by the caller or by the limit. */
static int listings_each(struct sql *sql, struct selection *selection)
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

static int listings_at(struct store *store, const struct key *key, struct selection *selection)
{
	bool ended = selection->select->which == STORE_ENDED_COVERING;
	bool all = !ended && selection->select->look == 0;
	AUTO(sql) *sql = sql_start(store, ended ? Q_LISTINGS_ENDED_AT
					  : all ? Q_LISTINGS_AT
						: Q_LISTINGS_LAST_AT);

	sql_add_key(sql, key);
	if (!all)
		sql_add_limit(sql, selection->select->look);
	return listings_each(sql, selection);
}

static int listings_covering(struct store *store, struct selection *selection)
{
	struct key key;
	int r = 0;

	for (unsigned step = 0; r == 0 && key_covering(selection->select->source, step, &key);
		step++)
		r = listings_at(store, &key, selection);
	return r;
}

static int listings_within(struct store *store, struct selection *selection)
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
static int listings_of(struct store *store, enum query name, struct selection *selection)
{
	AUTO(sql) *sql = sql_start(store, name);
	const struct store_select *select = selection->select;

	switch (select->which) {
	case STORE_ENDED:
		sql_add_about(sql, select->source, select->limit);
		sql_add_limit(sql, select->look);
		return listings_each(sql, selection);
	case STORE_FEED:
		sql_add_text(sql, select->list);
		break;
	case STORE_EXPIRED:
		sql_add_int(sql, select->time_s);
		break;
	default:
		sql_add_id(sql, select->event);
		break;
	}
	sql_add_id(sql, select->after_id);
	sql_add_limit(sql, select->limit);
	return listings_each(sql, selection);
}

/* The listings of a group, which differ in id and source. */
struct group_walk {
	struct store_listing listing;
	uint64_t after; /* behind this number, when it is of the group */
	uint64_t left;
	store_listing_call *each;
	void *arg;
};

/* 1: stopped, by the caller or because none is left. */
static int group_each(struct store *store, int64_t group, struct group_walk *walk)
{
	AUTO(sql) *sql = sql_start(store, Q_GROUP_LISTINGS);
	uint64_t first = listing_id_of(group, 0);
	int r = 0;

	sql_add_id(sql, walk->after >= first ? walk->after : first - 1);
	sql_add_id(sql, listing_id_of(group, LISTING_ID_WITHIN));
	while (r == 0 && walk->left != 0 && (r = sql_next(sql)) > 0) {
		walk->left--;
		walk->listing.id = sql_id(sql, 0);
		r = sql_source(sql, 1, &walk->listing.source);
		if (r >= 0)
			r = walk->each(&walk->listing, walk->arg);
	}
	return r == 0 && walk->left == 0 ? 1 : r;
}

static int page_of_slot(struct store *store, int64_t slot, struct group_walk *walk)
{
	AUTO(sql) *sql = sql_start(store, Q_GROUPS_PAGE);
	int r = 0;

	sql_add_int(sql, slot);
	sql_add_int(sql, listing_id_group(walk->after));
	while (r == 0 && (r = sql_next(sql)) > 0) {
		int64_t group = sql_int(sql, 0);

		listing_read_shared(sql, &walk->listing);
		r = group_each(store, group, walk);
	}
	return r;
}

static int slot_of_listing(struct store *store, uint64_t id, int64_t *ret_slot)
{
	AUTO(sql) *sql = sql_start(store, Q_GROUP_SLOT);
	int r;

	sql_add_int(sql, listing_id_group(id));
	r = sql_number(sql, ret_slot);
	return r < 0 ? r : 0;
}

/* One sublist after the other; within each, a group after the other. So a page begins where the
 * one before it ended, however long the list is. */
static int listings_page(struct store *store, const struct selection *selection)
{
	const struct store_select *select = selection->select;
	AUTO(sql) *slots = sql_start(store, Q_SLOTS_OF_LIST);
	struct group_walk walk = {.left = select->limit != 0 ? select->limit : UINT64_MAX,
		.each = selection->each,
		.arg = selection->arg};
	int64_t from = 0;
	int r = slot_of_listing(store, select->after_id, &from);

	sql_add_text(slots, select->list);
	while (r == 0 && (r = sql_next(slots)) > 0) {
		int64_t slot = sql_int(slots, 0);

		walk.after = slot == from ? select->after_id : 0;
		r = slot < from ? 0 : page_of_slot(store, slot, &walk);
	}
	return r;
}

int store_listings(
	struct store *store, const struct store_select *select, store_listing_call *each, void *arg)
{
	static const enum query names[] = {
		[STORE_FEED] = Q_LISTINGS_FEED,
		[STORE_ENDED] = Q_LISTINGS_ENDED,
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
	case STORE_PAGE:
		return listings_page(store, &selection);
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

static int group_read_short(
	const struct sql *sql, const struct slot_table *slots, struct store_listing *listing)
{
	const struct slot_names *names = slot_find(slots, sql_int(sql, 1));

	if (names == NULL)
		return E_CORRUPT;
	listing->list = names->list;
	listing->sublist = names->sublist;
	listing->until_s = sql_int(sql, 2);
	listing->reason = sql_span(sql, 3);
	listing->excluded = sql_int(sql, 4) != 0;
	return 0;
}

static int listings_all(
	struct store *store, const struct slot_table *slots, struct group_walk *walk)
{
	AUTO(sql) *sql = sql_start(store, Q_GROUPS_ALL);
	int r = 0;

	while (r == 0 && (r = sql_next(sql)) > 0) {
		r = group_read_short(sql, slots, &walk->listing);
		if (r >= 0)
			r = group_each(store, sql_int(sql, 0), walk);
	}
	return r < 0 ? r : 0;
}

int store_listings_all(struct store *store, store_listing_call *each, void *arg)
{
	struct slot_table slots = {.arena = arena_new(0)};
	struct group_walk walk = {.left = UINT64_MAX, .each = each, .arg = arg};
	int r = slots_read(store, &slots);

	if (r >= 0)
		r = listings_all(store, &slots, &walk);
	mem_free(slots.names);
	arena_free(&slots.arena);
	return r;
}

/* ---- groups ---- */

uint64_t store_group_of(uint64_t listing)
{
	return (uint64_t)listing_id_group(listing);
}

static int group_found(const struct sql *sql, store_group_call *each, void *arg)
{
	struct store_group group = {.id = sql_id(sql, 0),
		.slot = sql_int(sql, 1),
		.until_s = sql_int(sql, 2),
		.listings = sql_id(sql, 3),
		.list = sql_span(sql, 4)};

	return each(&group, arg);
}

int store_groups(
	struct store *store, const struct store_select *select, store_group_call *each, void *arg)
{
	static const enum query names[] = {
		[STORE_FEED] = Q_GROUPS_FEED,
		[STORE_PAGE] = Q_GROUPS_OF_LIST,
		[STORE_ADDED] = Q_GROUPS_ADDED,
		[STORE_EXPIRED] = Q_GROUPS_EXPIRED,
	};
	AUTO(sql) *sql = sql_start(store, names[select->which]);
	int r = counts_write_groups(store);

	if (select->which == STORE_FEED || select->which == STORE_PAGE)
		sql_add_text(sql, select->list);
	else if (select->which == STORE_EXPIRED)
		sql_add_int(sql, select->time_s);
	else
		sql_add_id(sql, select->event);
	sql_add_limit(sql, select->limit);
	while (r == 0 && (r = sql_next(sql)) > 0)
		r = group_found(sql, each, arg);
	return r;
}

int store_group_listings(
	struct store *store, const struct store_group *group, store_listing_call *each, void *arg)
{
	struct group_walk walk = {
		.listing = {.list = group->list}, .left = UINT64_MAX, .each = each, .arg = arg};

	return group_each(store, (int64_t)group->id, &walk);
}

int store_renewals(
	struct store *store, const struct store_select *select, store_group_call *each, void *arg)
{
	AUTO(sql) *sql = sql_start(store, Q_RENEWALS_OF);
	int r = counts_write_groups(store);

	sql_add_id(sql, select->event);
	sql_add_id(sql, select->after_id);
	sql_add_limit(sql, select->limit);
	while (r == 0 && (r = sql_next(sql)) > 0)
		r = group_found(sql, each, arg);
	return r;
}

/* ---- what of many is there already ---- */

enum {
	VERDICTS = 64, /* of groups that are remembered; a power of two */
	STEPS_MAX = 8, /* through what lies between two sources, before it is looked for */
};

struct sifting {
	struct store *store;
	const struct store_listing *wanted;
	int64_t slot;
	struct sql *at; /* on the row at hand; NULL: none was looked for */
	bool is_at_end;
	struct prefix net; /* of that row */
	struct {
		int64_t group;
		enum store_held held;
	} verdicts[VERDICTS];
};

static int sifting_read(struct sifting *sifting)
{
	int r = sql_next(sifting->at);
	struct prefix net = {.bits = 0};
	struct span source;

	sifting->is_at_end = r <= 0;
	if (r <= 0)
		return r;
	source = sql_span(sifting->at, 0);
	if (source.len >= sizeof(net.ip.b))
		memcpy(net.ip.b, source.ptr, sizeof(net.ip.b));
	else /* a short domain */
		memcpy(net.ip.b, source.ptr, source.len);
	net.bits = (uint8_t)sql_int(sifting->at, 1);
	sifting->net = net;
	return 0;
}

static int sifting_seek(struct sifting *sifting, const struct prefix *net)
{
	sql_free(&sifting->at);
	sifting->at = sql_start(sifting->store, Q_LISTINGS_FROM);
	sql_add_blob(sifting->at, span_of(net->ip.b, sizeof(net->ip.b)));
	sql_add_int(sifting->at, net->bits);
	return sifting_read(sifting);
}

/* To the first row that is not before net. */
static int sifting_go(struct sifting *sifting, const struct prefix *net)
{
	int r = sifting->at == NULL ? sifting_seek(sifting, net) : 0;

	for (unsigned step = 0;
		r >= 0 && !sifting->is_at_end && prefix_order(&sifting->net, net) < 0; step++)
		r = step < STEPS_MAX ? sifting_read(sifting) : sifting_seek(sifting, net);
	return r;
}

static int group_judge(const struct sifting *sifting, int64_t group, enum store_held *ret_held)
{
	const struct store_listing *wanted = sifting->wanted;
	AUTO(sql) *sql = sql_start(sifting->store, Q_GROUP_SHARED_BY);
	int r;

	sql_add_int(sql, group);
	r = sql_next(sql);
	if (r <= 0)
		return r < 0 ? r : E_CORRUPT;
	if (sql_int(sql, 1) != 0 || sql_int(sql, 3) != sifting->slot)
		*ret_held = STORE_FREE;
	else if ((sql_int(sql, 2) != 0) != wanted->excluded ||
		 !span_equal(sql_span(sql, 4), wanted->reason))
		*ret_held = STORE_HELD_OTHERWISE;
	else
		*ret_held = sql_int(sql, 0) == wanted->until_s ? STORE_HELD : STORE_HELD_UNTIL;
	return 0;
}

static int sifting_judge(struct sifting *sifting, uint64_t id, struct store_holding *ret_holding)
{
	int64_t group = listing_id_group(id);
	size_t slot = (size_t)group % VERDICTS;
	enum store_held held = sifting->verdicts[slot].held;
	int r = 0;

	if (sifting->verdicts[slot].group != group) {
		r = group_judge(sifting, group, &held);
		sifting->verdicts[slot].group = group;
		sifting->verdicts[slot].held = held;
	}
	if (r >= 0 && held != STORE_FREE)
		*ret_holding = (struct store_holding){id, held};
	return r;
}

static int sifting_net(
	struct sifting *sifting, const struct prefix *net, struct store_holding *ret_holding)
{
	int r = sifting_go(sifting, net);

	while (r >= 0 && !sifting->is_at_end && prefix_order(&sifting->net, net) == 0) {
		r = sifting_judge(sifting, sql_id(sifting->at, 2), ret_holding);
		if (r >= 0)
			r = sifting_read(sifting);
	}
	return r;
}

int store_nets_held(struct store *store, const struct store_listing *listing,
	const struct store_nets *nets, struct store_holding *ret_holdings)
{
	struct sifting sifting = {.store = store, .wanted = listing};
	int r = list_slot_of(store, listing, &sifting.slot);

	for (size_t i = 0; i < nets->len && r >= 0; i++) {
		ret_holdings[i] = (struct store_holding){0, STORE_FREE};
		if (i != 0 && prefix_order(&nets->nets[i - 1], &nets->nets[i]) == 0)
			ret_holdings[i].held = STORE_HELD; /* by then */
		else
			r = sifting_net(&sifting, &nets->nets[i], &ret_holdings[i]);
	}
	sql_free(&sifting.at);
	return r;
}

/* ---- the clock ---- */

int store_listing_next_end(struct store *store, int64_t *ret_until_s)
{
	AUTO(sql) *sql = sql_start(store, Q_LISTING_NEXT_END);
	int r = sql_number(sql, ret_until_s); /* NULL gives 0 */

	return r < 0 ? r : 0;
}
