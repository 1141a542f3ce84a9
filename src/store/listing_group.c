/* SPDX-License-Identifier: ISC */
#include "store/listing_group.h"

#include "base/macro.h"
#include "store/list_slot.h"
#include "store/listing_id.h"
#include "store/meta.h"
#include "store/sql.h"
#include "store/store_priv.h"

/* ---- those that are open ---- */

static void key_add_span(struct buf *key, struct span s)
{
	buf_append_u32(key, (uint32_t)s.len);
	buf_append(key, s);
}

/* Everything that listings of one group share. */
static void key_of_listing(struct buf *key, const struct store_listing *listing, uint64_t evidence)
{
	buf_clear(key);
	key_add_span(key, listing->list);
	key_add_span(key, listing->sublist);
	key_add_span(key, listing->policy);
	key_add_span(key, listing->reason);
	key_add_span(key, listing->author);
	buf_append_u32(key, listing->policy_version);
	buf_append_u64(key, (uint64_t)listing->since_s);
	buf_append_u64(key, (uint64_t)listing->until_s);
	buf_append_u64(key, listing->incident);
	buf_append_u64(key, listing->added_event);
	buf_append_u64(key, evidence);
	buf_append_byte(key, listing->excluded);
}

static void key_of_copy(struct buf *key, const struct group_copy *copy)
{
	const struct store_ending *ending = copy->ending;

	buf_clear(key);
	buf_append_u64(key, (uint64_t)copy->from);
	buf_append_u64(key, (uint64_t)(ending != NULL ? ending->at_s : copy->now_s));
	buf_append_u64(key, ending != NULL ? ending->event : copy->event);
	if (ending == NULL)
		return;
	key_add_span(key, ending->by);
	key_add_span(key, ending->reason);
}

/* The one with this key; NULL: none, or no number is left in it. */
static struct open_group *open_find(struct store *store)
{
	struct span key = buf_span(&store->open.key);

	for (size_t i = 0; i < store->open.len; i++) {
		struct open_group *group = &store->open.groups[i];

		if (span_equal(buf_span(&group->key), key))
			return group->next <= LISTING_ID_WITHIN ? group : NULL;
	}
	return NULL;
}

static struct open_group *open_add(struct store *store, int64_t id, int64_t slot)
{
	struct open_groups *open = &store->open;
	struct open_group *group = &open->groups[open->oldest];

	open->oldest = (open->oldest + 1) % OPEN_GROUPS;
	open->len = open->len < OPEN_GROUPS ? open->len + 1 : OPEN_GROUPS;
	group->id = id;
	group->slot = slot;
	group->next = 0;
	buf_clear(&group->key);
	buf_append(&group->key, buf_span(&open->key));
	return group;
}

void group_close(struct store *store, int64_t group)
{
	for (size_t i = 0; i < store->open.len; i++) {
		if (store->open.groups[i].id == group)
			buf_clear(&store->open.groups[i].key); /* like no other */
	}
}

void groups_forget(struct store *store)
{
	for (size_t i = 0; i < OPEN_GROUPS; i++)
		buf_clear(&store->open.groups[i].key);
	store->open.len = store->open.oldest = 0;
}

void groups_done(struct store *store)
{
	for (size_t i = 0; i < OPEN_GROUPS; i++)
		buf_done(&store->open.groups[i].key);
	buf_done(&store->open.key);
}

/* ---- new ones ---- */

struct group_ids {
	int64_t id;
	int64_t slot;
};

static int group_insert(struct store *store, const struct store_listing *listing, uint64_t evidence,
	struct group_ids *ids)
{
	AUTO(sql) *sql = sql_start(store, Q_GROUP_ADD);
	int64_t policy = 0;
	int r = list_slot_of(store, listing, &ids->slot);

	if (r >= 0)
		r = policy_of(store, listing, &policy);
	if (r < 0)
		return r;
	sql_add_int(sql, ids->slot);
	sql_add_int(sql, listing->until_s);
	sql_add_int(sql, policy);
	sql_add_text(sql, listing->reason);
	sql_add_id(sql, listing->incident);
	sql_add_text(sql, listing->author);
	sql_add_int(sql, listing->excluded);
	sql_add_id(sql, evidence);
	sql_add_int(sql, listing->since_s);
	sql_add_id(sql, listing->added_event);
	return sql_insert(sql, &ids->id);
}

int group_for(struct store *store, const struct store_listing *listing, uint64_t evidence,
	struct open_group **ret_group)
{
	struct group_ids ids = {0, 0};
	int r;

	key_of_listing(&store->open.key, listing, evidence);
	*ret_group = open_find(store);
	if (*ret_group != NULL)
		return 0;
	r = group_insert(store, listing, evidence, &ids);
	if (r > 0)
		*ret_group = open_add(store, ids.id, ids.slot);
	return r > 0 ? 0 : r < 0 ? r : E_CORRUPT;
}

int group_slot(struct store *store, int64_t group, int64_t *ret_slot)
{
	AUTO(sql) *sql = sql_start(store, Q_GROUP_SLOT);
	int r;

	sql_add_int(sql, group);
	r = sql_number(sql, ret_slot);
	return r > 0 ? 0 : r < 0 ? r : E_ABSENT;
}

static int group_copy(struct store *store, const struct group_copy *copy, int64_t *ret_id)
{
	const struct store_ending *ending = copy->ending;
	AUTO(sql) *sql = sql_start(store, ending != NULL ? Q_GROUP_COPY : Q_GROUP_AGAIN);

	sql_add_int(sql, copy->from);
	if (ending != NULL) {
		sql_add_ending(sql, ending);
	} else {
		sql_add_int(sql, copy->now_s);
		sql_add_id(sql, copy->event);
	}
	return sql_insert(sql, ret_id);
}

int group_for_copy(
	struct store *store, const struct group_copy *copy, struct open_group **ret_group)
{
	int64_t id = 0;
	int64_t slot = 0;
	int r;

	key_of_copy(&store->open.key, copy);
	*ret_group = open_find(store);
	if (*ret_group != NULL)
		return 0;
	r = group_slot(store, copy->from, &slot);
	if (r >= 0)
		r = group_copy(store, copy, &id);
	if (r > 0)
		*ret_group = open_add(store, id, slot);
	return r > 0 ? 0 : r < 0 ? r : E_ABSENT;
}

/* 1: it is still open for listings like this one, of the same import. */
static int group_is_like(
	struct store *store, const struct store_listing *listing, const struct group_ids *ids)
{
	AUTO(sql) *sql = sql_start(store, Q_GROUP_SHARED_BY);
	int r;

	sql_add_int(sql, ids->id);
	r = sql_next(sql);
	if (r <= 0)
		return r;
	return sql_int(sql, 0) == listing->until_s && sql_int(sql, 1) == 0 &&
	       (sql_int(sql, 2) != 0) == listing->excluded && sql_int(sql, 3) == ids->slot &&
	       span_equal(sql_span(sql, 4), listing->reason);
}

static int group_last(struct store *store, int64_t group, int64_t *ret_last)
{
	AUTO(sql) *sql = sql_start(store, Q_GROUP_LAST);

	sql_add_int(sql, group);
	return sql_number(sql, ret_last);
}

int group_go_on(
	struct store *store, const struct store_listing *listing, uint64_t evidence, int64_t group)
{
	struct group_ids ids = {.id = group};
	struct open_group *open;
	int64_t last = 0;
	int r = list_slot_of(store, listing, &ids.slot);

	if (r >= 0)
		r = group_is_like(store, listing, &ids);
	if (r > 0)
		r = group_last(store, group, &last);
	if (r <= 0)
		return r;
	key_of_listing(&store->open.key, listing, evidence);
	open = open_add(store, group, ids.slot);
	open->next = listing_id_within((uint64_t)last) + 1;
	return 0;
}

int group_open_again(
	struct store *store, int64_t group, int64_t until_s, struct open_group **ret_group)
{
	struct group_head head;
	int64_t last = 0;
	int r = group_head_read(store, group, &head);

	if (r < 0 || head.until_s != until_s)
		return r == E_ABSENT ? 0 : r;
	r = group_last(store, group, &last);
	if (r < 0)
		return r;
	buf_clear(&store->open.key); /* like no other */
	*ret_group = open_add(store, group, head.slot);
	(*ret_group)->next = r > 0 ? listing_id_within((uint64_t)last) + 1 : 0;
	return (*ret_group)->next <= LISTING_ID_WITHIN;
}

/* ---- what is in one ---- */

int group_head_read(struct store *store, int64_t id, struct group_head *ret_head)
{
	AUTO(sql) *sql = sql_start(store, Q_GROUP_GET);
	int r = counts_write_groups(store);

	sql_add_int(sql, id);
	if (r >= 0)
		r = sql_next(sql);
	if (r <= 0)
		return r < 0 ? r : E_ABSENT;
	*ret_head = (struct group_head){id, sql_int(sql, 1), sql_int(sql, 2), sql_int(sql, 3)};
	return 0;
}

static int row_move(struct store *store, uint64_t id, uint64_t to)
{
	AUTO(sql) *sql = sql_start(store, Q_LISTING_MOVE);
	int64_t moved;

	sql_add_id(sql, id);
	sql_add_id(sql, to);
	moved = sql_update(sql);
	return moved > 0 ? 0 : moved < 0 ? (int)moved : E_ABSENT;
}

int group_move(struct store *store, const struct group_move *move)
{
	uint64_t to = listing_id_of(move->to->id, move->to->next++);
	int r = row_move(store, move->id, to);

	if (r >= 0)
		r = renewing_rows_move(store,
			&(struct renewing_move){move->id, move->ends ? 0 : to, move->renewed});
	if (r >= 0)
		r = counts_group(store, listing_id_group(move->id), -1);
	return r < 0 ? r : counts_group(store, move->to->id, 1);
}
