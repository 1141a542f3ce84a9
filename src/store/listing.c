/* SPDX-License-Identifier: ISC */
#include "base/macro.h"
#include "store/list_slot.h"
#include "store/listing_group.h"
#include "store/listing_id.h"
#include "store/meta.h"
#include "store/renewing_rows.h"
#include "store/sql.h"
#include "store/store_priv.h"
#include "store/words.h"

/* Listings: entered, ended, entered again. */

/* 1: the slot holds the source in force, or the event listed it there before (0: none is asked
 * about). */
static int slot_holds(
	struct store *store, int64_t slot, const struct source *source, uint64_t event)
{
	AUTO(sql) *sql = sql_start(store, Q_LISTING_HELD);

	sql_add_source(sql, source);
	sql_add_int(sql, slot);
	sql_add_id(sql, event);
	return sql_next(sql);
}

static int listing_insert(struct store *store, uint64_t id, const struct source *source)
{
	AUTO(sql) *sql = sql_start(store, Q_LISTING_ADD);

	sql_add_id(sql, id);
	sql_add_source(sql, source);
	return sql_run(sql);
}

static int count_added(struct store *store, const struct open_group *group, int64_t listings)
{
	int r = counts_group(store, group->id, listings);

	return r < 0 ? r : counts_slot(store, group->slot, listings);
}

static int group_take(struct store *store, struct open_group *group, const struct source *source,
	uint64_t *ret_id)
{
	uint64_t id = listing_id_of(group->id, group->next++);
	int r = listing_insert(store, id, source);

	if (r >= 0)
		r = count_added(store, group, 1);
	if (r < 0)
		return r;
	*ret_id = id;
	return 1;
}

/* RFC 6471, section 2.1: nothing is listed but by a published criterion, on evidence. */
static int listing_check(const struct store_listing *listing, uint64_t evidence)
{
	bool is_founded = listing->policy.len != 0 && evidence != 0;

	return is_founded ? words_check(listing->reason) : E_USAGE;
}

int store_listing_add(struct store *store, const struct store_listing *listing, uint64_t evidence,
	uint64_t *ret_id)
{
	struct open_group *group = NULL;
	int64_t slot = 0;
	int r = listing_check(listing, evidence);

	if (r >= 0)
		r = list_slot_of(store, listing, &slot);
	if (r >= 0)
		r = slot_holds(store, slot, &listing->source, 0);
	if (r != 0)
		return r < 0 ? r : 0;
	r = group_for(store, listing, evidence, &group);
	return r < 0 ? r : group_take(store, group, &listing->source, ret_id);
}

/* ---- many at once ---- */

enum { NETS_AT_ONCE = 64 };

static int nets_insert(
	struct store *store, const struct prefix *nets, size_t len, struct open_group *group)
{
	AUTO(sql) *sql = sql_start(store, len == 1 ? Q_LISTING_ADD : Q_LISTINGS_ADD_64);

	for (size_t i = 0; i < len; i++) {
		sql_add_id(sql, listing_id_of(group->id, group->next++));
		sql_add_blob(sql, span_of(nets[i].ip.b, sizeof(nets[i].ip.b)));
		sql_add_int(sql, nets[i].bits);
	}
	return sql_run(sql);
}

/* As many as one statement takes and the group has room for. */
static size_t nets_at_once(const struct open_group *group, size_t len)
{
	bool fits = len >= NETS_AT_ONCE && group->next + NETS_AT_ONCE <= LISTING_ID_WITHIN;

	return fits ? NETS_AT_ONCE : 1;
}

int store_nets_add(struct store *store, const struct store_listing *listing,
	const struct store_nets *nets, uint64_t *group)
{
	struct open_group *open = NULL;
	int r = listing_check(listing, nets->evidence);

	if (r >= 0 && *group != 0)
		r = group_go_on(store, listing, nets->evidence, (int64_t)*group);
	for (size_t i = 0, count; i < nets->len && r >= 0; i += count) {
		r = group_for(store, listing, nets->evidence, &open);
		if (r < 0)
			return r;
		count = nets_at_once(open, nets->len - i);
		r = nets_insert(store, nets->nets + i, count, open);
		if (r >= 0)
			r = count_added(store, open, (int64_t)count);
	}
	if (r >= 0 && open != NULL)
		*group = (uint64_t)open->id;
	return r < 0 ? r : 0;
}

/* ---- ending ---- */

static int group_end(
	struct store *store, const struct group_head *head, const struct store_ending *ending)
{
	AUTO(sql) *sql = sql_start(store, Q_GROUP_END);
	int64_t ended;
	int r = words_check(ending->reason);

	if (r < 0)
		return r;
	group_close(store, head->id);
	sql_add_int(sql, head->id);
	sql_add_ending(sql, ending);
	ended = sql_update(sql);
	if (ended <= 0)
		return ended < 0 ? (int)ended : E_ABSENT;
	r = renewing_rows_end(store, head->id);
	return r < 0 ? r : counts_slot(store, head->slot, -head->listings);
}

int store_group_end(
	struct store *store, const struct store_group *group, const struct store_ending *ending)
{
	struct group_head head = {.id = (int64_t)group->id,
		.slot = group->slot,
		.listings = (int64_t)group->listings};

	return group_end(store, &head, ending);
}

/* Those of its group that go on are not touched: it goes into a group that has ended. */
int store_listing_end(struct store *store, uint64_t id, const struct store_ending *ending)
{
	struct group_copy copy = {.from = listing_id_group(id), .ending = ending};
	struct group_move move = {.id = id, .ends = true};
	struct group_head head;
	int r = words_check(ending->reason);

	if (r >= 0)
		r = group_head_read(store, copy.from, &head);
	if (r < 0)
		return r;
	if (head.listings == 1)
		return group_end(store, &head, ending);
	r = group_for_copy(store, &copy, &move.to);
	if (r >= 0)
		r = group_move(store, &move);
	return r < 0 ? r : counts_slot(store, head.slot, -1);
}

/* ---- in force again ---- */

int store_listing_again(struct store *store, const struct store_listing *listing, int64_t now_s,
	uint64_t event, uint64_t *ret_id)
{
	struct group_copy copy = {
		.from = listing_id_group(listing->id), .now_s = now_s, .event = event};
	struct open_group *group = NULL;
	int64_t slot = 0;
	int r = group_slot(store, copy.from, &slot);

	if (r >= 0)
		r = slot_holds(store, slot, &listing->source, event);
	if (r != 0)
		return r < 0 ? r : 0;
	r = group_for_copy(store, &copy, &group);
	return r < 0 ? r : group_take(store, group, &listing->source, ret_id);
}
