/* SPDX-License-Identifier: ISC */
#include <stdio.h>

#include "store/sqlite_priv.h"

/* Lists with their sublists (together: a place) and policies with their versions are rows of their own, made when the
 * first listing names them. */

/* The number of the row that `get` finds or `add` makes; the first two parameters of both are the same. */
static int row_find(
	struct store *store, enum query get, struct span name, struct span sublist, int64_t version)
{
	int r = 0;
	sqlite3_stmt *statement = store_statement(store, get, &r);

	if (statement == NULL)
		return r;
	store_bind_span(statement, 1, name);
	if (get == Q_PLACE_GET)
		store_bind_span(statement, 2, sublist);
	else
		sqlite3_bind_int64(statement, 2, version);
	r = store_step(store, statement);
	if (r > 0)
		r = sqlite3_column_int(statement, 0);
	sqlite3_reset(statement);
	return r;
}

static int place_find_or_make(
	struct store *store, struct span list, struct span sublist, int64_t *ret_place)
{
	sqlite3_stmt *statement;
	int r = row_find(store, Q_PLACE_GET, list, sublist, 0);

	if (r == 0) {
		statement = store_statement(store, Q_PLACE_ADD, &r);
		if (statement == NULL)
			return r;
		store_bind_span(statement, 1, list);
		store_bind_span(statement, 2, sublist);
		r = store_run(store, statement);
		if (r > 0)
			r = (int)sqlite3_last_insert_rowid(store->db);
	}
	if (r > 0)
		*ret_place = r;
	return r > 0 ? 0 : r < 0 ? r : E_CORRUPT;
}

static void place_remember(
	struct store *store, struct span list, struct span sublist, int64_t place)
{
	if (list.len >= sizeof(store->place_list) || sublist.len >= sizeof(store->place_sublist))
		return;
	snprintf(store->place_list, sizeof(store->place_list), "%.*s", (int)list.len, list.ptr);
	snprintf(store->place_sublist, sizeof(store->place_sublist), "%.*s", (int)sublist.len,
		sublist.ptr);
	store->place = place;
}

int store_place_of(struct store *store, struct span list, struct span sublist, int64_t *ret_place)
{
	int r;

	if (store->place != 0 && span_equal_text(list, store->place_list) &&
		span_equal_text(sublist, store->place_sublist)) {
		*ret_place = store->place;
		return 0;
	}
	r = place_find_or_make(store, list, sublist, ret_place);
	if (r >= 0)
		place_remember(store, list, sublist, *ret_place);
	return r;
}

int store_policy_of(struct store *store, const struct store_listing *listing, int64_t *ret_policy)
{
	sqlite3_stmt *statement;
	int r;

	if (store->policy != 0 && store->policy_version == listing->policy_version &&
		span_equal_text(listing->policy, store->policy_name)) {
		*ret_policy = store->policy;
		return 0;
	}
	r = row_find(store, Q_POLICY_GET, listing->policy, span_text(""), listing->policy_version);

	if (r == 0) {
		statement = store_statement(store, Q_POLICY_ADD, &r);
		if (statement == NULL)
			return r;
		store_bind_span(statement, 1, listing->policy);
		sqlite3_bind_int64(statement, 2, listing->policy_version);
		store_bind_span(statement, 3, listing->criterion);
		r = store_run(store, statement);
		if (r > 0)
			r = (int)sqlite3_last_insert_rowid(store->db);
	}
	if (r <= 0)
		return r < 0 ? r : E_CORRUPT;
	if (listing->policy.len < sizeof(store->policy_name)) {
		snprintf(store->policy_name, sizeof(store->policy_name), "%.*s",
			(int)listing->policy.len, listing->policy.ptr);
		store->policy_version = listing->policy_version;
		store->policy = r;
	}
	*ret_policy = r;
	return 0;
}

int store_list_count(struct store *store, struct span list, uint64_t *ret_count)
{
	int r = 0;
	sqlite3_stmt *statement = store_statement(store, Q_LIST_COUNT, &r);

	if (statement == NULL)
		return r;
	store_bind_span(statement, 1, list);
	r = store_step(store, statement);
	if (r > 0)
		*ret_count = (uint64_t)sqlite3_column_int64(statement, 0);
	sqlite3_reset(statement);
	return r < 0 ? r : 0;
}
