/* SPDX-License-Identifier: ISC */
#include "store/list_slot.h"

#include <stdio.h>

#include "base/macro.h"
#include "store/sql.h"
#include "store/store_priv.h"

void list_slot_forget(struct store *store)
{
	store->last.slot = store->last.policy = 0;
}

static void name_keep(char kept[NAME_KEPT_MAX], struct span name)
{
	snprintf(kept, NAME_KEPT_MAX, "%.*s", (int)name.len, (const char *)name.ptr);
}

/* By Q_SLOT_GET or Q_SLOT_ADD: 1, 0 for none. */
static int slot_by(struct store *store, enum query name, const struct store_listing *listing,
	int64_t *ret_slot)
{
	AUTO(sql) *sql = sql_start(store, name);

	sql_add_text(sql, listing->list);
	sql_add_text(sql, listing->sublist);
	return name == Q_SLOT_ADD ? sql_insert(sql, ret_slot) : sql_number(sql, ret_slot);
}

int list_slot_of(struct store *store, const struct store_listing *listing, int64_t *ret_slot)
{
	int r;

	if (store->last.slot != 0 && span_equal_text(listing->list, store->last.list) &&
		span_equal_text(listing->sublist, store->last.sublist)) {
		*ret_slot = store->last.slot;
		return 0;
	}
	r = slot_by(store, Q_SLOT_GET, listing, ret_slot);
	if (r == 0)
		r = slot_by(store, Q_SLOT_ADD, listing, ret_slot);
	if (r <= 0)
		return r < 0 ? r : E_CORRUPT;
	if (listing->list.len < NAME_KEPT_MAX && listing->sublist.len < NAME_KEPT_MAX) {
		name_keep(store->last.list, listing->list);
		name_keep(store->last.sublist, listing->sublist);
		store->last.slot = *ret_slot;
	}
	return 0;
}

/* By Q_POLICY_GET or Q_POLICY_ADD: 1, 0 for none. */
static int policy_by(struct store *store, enum query name, const struct store_listing *listing,
	int64_t *ret_policy)
{
	AUTO(sql) *sql = sql_start(store, name);

	sql_add_text(sql, listing->policy);
	sql_add_int(sql, listing->policy_version);
	if (name == Q_POLICY_GET)
		return sql_number(sql, ret_policy);
	sql_add_text(sql, listing->criterion);
	return sql_insert(sql, ret_policy);
}

int policy_of(struct store *store, const struct store_listing *listing, int64_t *ret_policy)
{
	int r;

	if (store->last.policy != 0 && store->last.policy_version == listing->policy_version &&
		span_equal_text(listing->policy, store->last.policy_name)) {
		*ret_policy = store->last.policy;
		return 0;
	}
	r = policy_by(store, Q_POLICY_GET, listing, ret_policy);
	if (r == 0)
		r = policy_by(store, Q_POLICY_ADD, listing, ret_policy);
	if (r <= 0)
		return r < 0 ? r : E_CORRUPT;
	if (listing->policy.len < NAME_KEPT_MAX) {
		name_keep(store->last.policy_name, listing->policy);
		store->last.policy_version = listing->policy_version;
		store->last.policy = *ret_policy;
	}
	return 0;
}

int store_list_count(struct store *store, struct span list, uint64_t *ret_count)
{
	AUTO(sql) *sql = sql_start(store, Q_LIST_COUNT);

	sql_add_text(sql, list);
	return sql_count(sql, ret_count);
}

int store_review_count(struct store *store, const struct store_review *review, uint64_t *ret_count)
{
	AUTO(sql) *sql = sql_start(store, Q_REVIEW_COUNT);

	sql_add_text(sql, review->list);
	sql_add_text(sql, review->sublist);
	sql_add_int(sql, review->since_s);
	return sql_count(sql, ret_count);
}
