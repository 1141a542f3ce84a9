/* SPDX-License-Identifier: ISC */
#include "base/macro.h"
#include "store/list_slot.h"
#include "store/listing_group.h"
#include "store/listing_id.h"
#include "store/meta.h"
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

struct group_head {
	int64_t id;
	int64_t slot;
	int64_t listings;
};

/* E_ABSENT: it is not in force. */
static int group_head_read(struct store *store, int64_t id, struct group_head *ret_head)
{
	AUTO(sql) *sql = sql_start(store, Q_GROUP_GET);
	int r = counts_write_groups(store);

	sql_add_int(sql, id);
	if (r >= 0)
		r = sql_next(sql);
	if (r <= 0)
		return r < 0 ? r : E_ABSENT;
	*ret_head = (struct group_head){id, sql_int(sql, 1), sql_int(sql, 3)};
	return 0;
}

static int group_end(
	struct store *store, const struct group_head *head, const struct store_ending *ending)
{
	AUTO(sql) *sql = sql_start(store, Q_GROUP_END);
	int64_t ended = words_check(ending->reason);

	if (ended < 0)
		return (int)ended;
	group_close(store, head->id);
	sql_add_int(sql, head->id);
	sql_add_ending(sql, ending);
	ended = sql_update(sql);
	if (ended <= 0)
		return ended < 0 ? (int)ended : E_ABSENT;
	return counts_slot(store, head->slot, -head->listings);
}

int store_group_end(
	struct store *store, const struct store_group *group, const struct store_ending *ending)
{
	struct group_head head = {(int64_t)group->id, group->slot, (int64_t)group->listings};

	return group_end(store, &head, ending);
}

static int listing_move(struct store *store, uint64_t id, struct open_group *to)
{
	AUTO(sql) *sql = sql_start(store, Q_LISTING_MOVE);
	int64_t moved;
	int r;

	sql_add_id(sql, id);
	sql_add_id(sql, listing_id_of(to->id, to->next++));
	moved = sql_update(sql);
	if (moved <= 0)
		return moved < 0 ? (int)moved : E_ABSENT;
	r = counts_group(store, listing_id_group(id), -1);
	return r < 0 ? r : counts_group(store, to->id, 1);
}

/* Those of its group that go on are not touched: it goes into a group that has ended. */
int store_listing_end(struct store *store, uint64_t id, const struct store_ending *ending)
{
	struct group_copy copy = {.from = listing_id_group(id), .ending = ending};
	struct open_group *ended = NULL;
	struct group_head head;
	int r = words_check(ending->reason);

	if (r >= 0)
		r = group_head_read(store, copy.from, &head);
	if (r < 0)
		return r;
	if (head.listings == 1)
		return group_end(store, &head, ending);
	r = group_for_copy(store, &copy, &ended);
	if (r >= 0)
		r = listing_move(store, id, ended);
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

/* ---- another end ---- */

static int group_set_until(struct store *store, int64_t group, const struct store_renewal *renewal)
{
	AUTO(sql) *note = sql_start(store, Q_RENEWAL_ADD);
	AUTO(sql) *set = sql_start(store, Q_GROUP_SET_UNTIL);
	int r;

	group_close(store, group);
	sql_add_id(note, renewal->event);
	sql_add_int(note, group);
	sql_add_int(note, renewal->until_s);
	sql_add_int(set, group);
	sql_add_int(set, renewal->until_s);
	r = sql_run(note);
	return r < 0 ? r : sql_run(set);
}

static bool is_seen(const struct store_renewal *renewal, uint64_t within)
{
	return within / 64 < renewal->words && (renewal->seen[within / 64] >> within % 64 & 1) != 0;
}

/* The next of a group that were seen, or were not. */
struct id_page {
	const struct store_renewal *renewal;
	bool seen;
	uint64_t after; /* the last that was looked at */
	size_t len;
	uint64_t ids[256];
};

static int ids_read(struct store *store, struct id_page *page)
{
	AUTO(sql) *sql = sql_start(store, Q_GROUP_IDS);
	int r = 0;

	page->len = 0;
	sql_add_id(sql, page->after);
	sql_add_id(sql, listing_id_of((int64_t)page->renewal->group, LISTING_ID_WITHIN));
	while (page->len < COUNTOF(page->ids) && (r = sql_next(sql)) > 0) {
		page->after = sql_id(sql, 0);
		if (is_seen(page->renewal, listing_id_within(page->after)) == page->seen)
			page->ids[page->len++] = page->after;
	}
	return r < 0 ? r : 0;
}

static int listings_move(
	struct store *store, const struct store_renewal *renewal, bool seen, struct open_group *to)
{
	struct id_page page = {.renewal = renewal,
		.seen = seen,
		.after = listing_id_of((int64_t)renewal->group, 0) - 1};
	int r;

	do {
		r = ids_read(store, &page);
		for (size_t i = 0; i < page.len && r >= 0; i++)
			r = listing_move(store, page.ids[i], to);
	} while (page.len == COUNTOF(page.ids) && r >= 0);
	return r;
}

static int renewals_copy(struct store *store, int64_t from, int64_t to)
{
	AUTO(sql) *sql = sql_start(store, Q_RENEWALS_COPY);

	sql_add_int(sql, from);
	sql_add_int(sql, to);
	return sql_run(sql);
}

/* The smaller part gets a group of its own, with the same past. */
static int group_divide(
	struct store *store, const struct store_renewal *renewal, bool move_seen, int64_t *ret_twin)
{
	static const struct store_ending still = {.at_s = 0};
	struct group_copy copy = {.from = (int64_t)renewal->group, .ending = &still};
	struct open_group *twin = NULL;
	int r = group_for_copy(store, &copy, &twin);

	if (r >= 0)
		r = renewals_copy(store, copy.from, twin->id);
	if (r >= 0)
		r = listings_move(store, renewal, move_seen, twin);
	if (r >= 0)
		*ret_twin = twin->id;
	groups_forget(store);
	return r;
}

int store_group_renew(struct store *store, const struct store_renewal *renewal)
{
	struct group_head head;
	int64_t twin = 0;
	bool move_seen;
	int r = group_head_read(store, (int64_t)renewal->group, &head);

	if (r < 0)
		return r == E_ABSENT ? 0 : r;
	if (renewal->seen == NULL || renewal->count >= (uint64_t)head.listings)
		return group_set_until(store, head.id, renewal);
	move_seen = renewal->count <= (uint64_t)head.listings / 2;
	r = group_divide(store, renewal, move_seen, &twin);
	return r < 0 ? r : group_set_until(store, move_seen ? twin : head.id, renewal);
}
