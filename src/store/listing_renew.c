/* SPDX-License-Identifier: ISC */
#include "base/macro.h"
#include "store/listing_group.h"
#include "store/listing_id.h"
#include "store/renewing_rows.h"
#include "store/sql.h"
#include "store/store_priv.h"

/* Another end for listings that are there. */

static int group_set_until(struct store *store, const struct store_renewal *renewal)
{
	AUTO(sql) *note = sql_start(store, Q_RENEWAL_ADD);
	AUTO(sql) *set = sql_start(store, Q_GROUP_SET_UNTIL);
	int r;

	group_close(store, (int64_t)renewal->group);
	sql_add_id(note, renewal->event);
	sql_add_id(note, renewal->group);
	sql_add_int(note, renewal->until_s);
	sql_add_id(set, renewal->group);
	sql_add_int(set, renewal->until_s);
	r = sql_run(note);
	return r < 0 ? r : sql_run(set);
}

int store_group_renew(struct store *store, const struct store_renewal *renewal)
{
	struct group_head head;
	int r = group_head_read(store, (int64_t)renewal->group, &head);

	if (r < 0)
		return r == E_ABSENT ? 0 : r;
	return group_set_until(store, renewal);
}

/* ---- what an import noted, some at a time ---- */

enum {
	MOVED_AT_ONCE = 256,
	LOOKED_AT_ONCE = 16384, /* in search of them */
};

/* A step through a group of which a part gets the new end: the smaller part, noted or not, gets a
 * group of its own with the same past. */
struct dividing {
	struct store *store;
	struct store_renewing *at;
	struct renewing_key key;
	struct group_head head;
	struct renewing_page page; /* of the listing at hand */
	size_t looked_at;
	size_t len;
	uint64_t ids[MOVED_AT_ONCE];
};

static int dividing_judge(struct dividing *dividing, uint64_t id)
{
	uint64_t number = renewing_page_of(id);
	int r = 0;

	if (dividing->page.number != number)
		r = renewing_row_read(dividing->store, &dividing->key, number, &dividing->page);
	if (r < 0)
		return r;
	dividing->at->after_id = id;
	dividing->looked_at++;
	if (renewing_page_has(&dividing->page, id) == dividing->at->moves_noted)
		dividing->ids[dividing->len++] = id;
	return 0;
}

/* 1: there may be more behind them. */
static int dividing_read(struct dividing *dividing)
{
	struct store_renewing *at = dividing->at;
	AUTO(sql) *sql = sql_start(dividing->store, Q_GROUP_IDS);
	int r;

	if (at->after_id == 0)
		at->after_id = listing_id_of((int64_t)at->group, 0) - 1;
	sql_add_id(sql, at->after_id);
	sql_add_id(sql, listing_id_of((int64_t)at->group, LISTING_ID_WITHIN));
	while (dividing->len < MOVED_AT_ONCE && dividing->looked_at < LOOKED_AT_ONCE) {
		r = sql_next(sql);
		if (r > 0)
			r = dividing_judge(dividing, sql_id(sql, 0));
		else
			return r;
		if (r < 0)
			return r;
	}
	return 1;
}

static int renewals_copy(struct store *store, int64_t from, int64_t to)
{
	AUTO(sql) *sql = sql_start(store, Q_RENEWALS_COPY);

	sql_add_int(sql, from);
	sql_add_int(sql, to);
	return sql_run(sql);
}

static int twin_make(struct dividing *dividing)
{
	static const struct store_ending still = {.at_s = 0};
	struct store *store = dividing->store;
	struct store_renewing *at = dividing->at;
	struct group_copy copy = {.from = dividing->head.id, .ending = &still};
	struct open_group *twin = NULL;
	int r = group_for_copy(store, &copy, &twin);

	if (r < 0)
		return r;
	at->twin = (uint64_t)twin->id;
	group_close(store, twin->id);
	r = renewals_copy(store, copy.from, twin->id);
	if (r < 0 || !at->moves_noted)
		return r;
	return group_set_until(store, &(struct store_renewal){at->twin, at->event, at->until_s});
}

/* The one of the steps before, unless something happened to it meanwhile. */
static int twin_open(struct dividing *dividing, struct open_group **ret_twin)
{
	struct store_renewing *at = dividing->at;
	int64_t until_s = at->moves_noted ? at->until_s : dividing->head.until_s;
	int r = 0;

	if (at->twin != 0)
		r = group_open_again(dividing->store, (int64_t)at->twin, until_s, ret_twin);
	if (r != 0)
		return r;
	r = twin_make(dividing);
	return r < 0 ? r : group_open_again(dividing->store, (int64_t)at->twin, until_s, ret_twin);
}

static int dividing_move(struct dividing *dividing)
{
	struct store_renewing *at = dividing->at;
	struct group_move move = {.renewed = at->moves_noted ? &dividing->key : NULL};
	int r = dividing->len != 0 ? twin_open(dividing, &move.to) : 0;

	for (size_t i = 0; i < dividing->len && r >= 0; i++) {
		move.id = dividing->ids[i];
		r = group_move(dividing->store, &move);
	}
	at->moved += dividing->len;
	at->renewed = at->moves_noted ? dividing->len : 0;
	return r < 0 ? r : 0;
}

static int group_renew_all(struct dividing *dividing)
{
	struct store_renewing *at = dividing->at;
	int r = group_set_until(
		dividing->store, &(struct store_renewal){at->group, at->event, at->until_s});

	at->renewed = (uint64_t)dividing->head.listings;
	return r < 0 ? r : renewing_rows_done(dividing->store, &dividing->key, dividing->head.id);
}

/* Which part is the smaller one. 1: there is but one, all of the group is noted. */
static int dividing_begin(struct dividing *dividing)
{
	uint64_t noted = 0, all = (uint64_t)dividing->head.listings;
	int r = renewing_rows_count(dividing->store, &dividing->key, dividing->head.id, &noted);

	dividing->at->moves_noted = noted <= all / 2;
	dividing->at->moved = 0;
	return r < 0 ? r : noted >= all;
}

/* All of the group was looked at. When nothing had to move it is of one kind. */
static int dividing_end(struct dividing *dividing)
{
	struct store_renewing *at = dividing->at;

	at->after_id = 0;
	if (at->moves_noted)
		return renewing_rows_done(dividing->store, &dividing->key, dividing->head.id);
	return at->moved == 0 ? group_renew_all(dividing) : 0;
}

static int group_renew_some(struct store *store, struct store_renewing *at)
{
	struct dividing dividing = {.store = store, .at = at, .key = {at->event, at->until_s}};
	int more, r = group_head_read(store, (int64_t)at->group, &dividing.head);

	if (r >= 0 && at->after_id == 0)
		r = dividing_begin(&dividing);
	if (r != 0)
		return r < 0 ? r : group_renew_all(&dividing);
	more = dividing_read(&dividing);
	r = more < 0 ? more : dividing_move(&dividing);
	return r < 0 || more > 0 ? r : dividing_end(&dividing);
}

int store_renew_step(struct store *store, struct store_renewing *at)
{
	struct renewing_key key = {.event = at->event};
	int64_t group = 0;
	int r = renewing_row_first(store, &key, &group);

	at->renewed = 0;
	if (r <= 0)
		return r;
	if (at->group != (uint64_t)group || at->until_s != key.until_s)
		*at = (struct store_renewing){
			.event = at->event, .group = (uint64_t)group, .until_s = key.until_s};
	r = group_renew_some(store, at);
	return r < 0 ? r : 1;
}
