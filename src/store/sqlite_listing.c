/* SPDX-License-Identifier: ISC */
#include <string.h>

#include "base/arena.h"
#include "base/mem.h"
#include "store/sqlite_priv.h"

enum { PLACE_ID_MAX = 1 << 20 };

/* Listings: entered, ended, entered again, and found by their source, by what covers it, and by what is within it. */

static int listing_insert(struct store *store, const struct store_listing *listing, int64_t place,
	int64_t policy, uint64_t *ret_id)
{
	int r = 0;
	sqlite3_stmt *statement = store_statement(store, Q_LISTING_ADD, &r);
	struct key key = key_of(&listing->source);

	if (statement == NULL)
		return r;
	sqlite3_bind_int64(statement, 1, place);
	store_bind_key(statement, 2, &key);
	sqlite3_bind_int64(statement, 4, listing->since_s);
	sqlite3_bind_int64(statement, 5, listing->until_s);
	sqlite3_bind_int64(statement, 6, policy);
	store_bind_span(statement, 7, listing->reason);
	sqlite3_bind_int64(statement, 8, (int64_t)listing->incident);
	store_bind_span(statement, 9, listing->author);
	sqlite3_bind_int(statement, 10, listing->excluded);
	sqlite3_bind_int64(statement, 11, (int64_t)listing->added_event);
	r = store_run(store, statement);
	if (r > 0)
		*ret_id = (uint64_t)sqlite3_last_insert_rowid(store->db);
	return r;
}

static int listing_link(struct store *store, uint64_t listing, uint64_t evidence)
{
	int r = 0;
	sqlite3_stmt *statement = store_statement(store, Q_LISTING_EVIDENCE_ADD, &r);

	if (statement == NULL)
		return r;
	sqlite3_bind_int64(statement, 1, (int64_t)listing);
	sqlite3_bind_int64(statement, 2, (int64_t)evidence);
	r = store_run(store, statement);
	return r < 0 ? r : 0;
}

int store_listing_add(struct store *store, const struct store_listing *listing, uint64_t evidence,
	uint64_t *ret_id)
{
	int64_t place = 0;
	int64_t policy = 0;
	uint64_t id = 0;
	int r;

	/* RFC 6471, section 2.1: nothing is listed but by a published criterion, and on evidence. */
	if (listing->policy.len == 0 || evidence == 0)
		return E_USAGE;
	r = store_place_of(store, listing->list, listing->sublist, &place);
	if (r >= 0)
		r = store_policy_of(store, listing, &policy);
	if (r >= 0)
		r = listing_insert(store, listing, place, policy, &id);
	if (r <= 0)
		return r;
	r = listing_link(store, id, evidence);
	if (r >= 0)
		r = store_count_place(store, place, 1);
	if (r < 0)
		return r;
	*ret_id = id;
	return 1;
}

static int listing_place(struct store *store, uint64_t id, int64_t *ret_place)
{
	int r = 0;
	sqlite3_stmt *statement = store_statement(store, Q_LISTING_PLACE, &r);

	if (statement == NULL)
		return r;
	sqlite3_bind_int64(statement, 1, (int64_t)id);
	r = store_step(store, statement);
	if (r > 0)
		*ret_place = sqlite3_column_int64(statement, 0);
	sqlite3_reset(statement);
	return r > 0 ? 0 : r < 0 ? r : E_ABSENT;
}

int store_listing_end(struct store *store, uint64_t id, int64_t now_s, struct span by,
	struct span reason, uint64_t event)
{
	int64_t place = 0;
	int r = listing_place(store, id, &place);
	sqlite3_stmt *statement = r < 0 ? NULL : store_statement(store, Q_LISTING_END, &r);

	if (statement == NULL)
		return r;
	sqlite3_bind_int64(statement, 1, (int64_t)id);
	sqlite3_bind_int64(statement, 2, now_s);
	store_bind_span(statement, 3, by);
	store_bind_span(statement, 4, reason);
	if (event != 0)
		sqlite3_bind_int64(statement, 5, (int64_t)event);
	r = store_run(store, statement);
	if (r <= 0)
		return r < 0 ? r : E_ABSENT;
	return store_count_place(store, place, -1);
}

int64_t store_list_end(struct store *store, struct span list, int64_t now_s, struct span by,
	struct span reason, uint64_t event)
{
	int r = 0;
	sqlite3_stmt *statement = store_statement(store, Q_LIST_END, &r);
	int64_t ended;

	if (statement == NULL)
		return r;
	store_bind_span(statement, 1, list);
	sqlite3_bind_int64(statement, 2, now_s);
	store_bind_span(statement, 3, by);
	store_bind_span(statement, 4, reason);
	sqlite3_bind_int64(statement, 5, (int64_t)event);
	ended = store_run(store, statement);
	if (ended < 0)
		return ended;
	statement = store_statement(store, Q_LIST_COUNT_NONE, &r);
	if (statement == NULL)
		return r;
	store_bind_span(statement, 1, list);
	r = store_run(store, statement);
	return r < 0 ? r : ended;
}

static int listing_copy_evidence(struct store *store, uint64_t from, uint64_t to)
{
	int r = 0;
	sqlite3_stmt *statement = store_statement(store, Q_LISTING_EVIDENCE_AGAIN, &r);

	if (statement == NULL)
		return r;
	sqlite3_bind_int64(statement, 1, (int64_t)from);
	sqlite3_bind_int64(statement, 2, (int64_t)to);
	r = store_run(store, statement);
	return r < 0 ? r : 0;
}

int store_listing_again(
	struct store *store, uint64_t id, int64_t now_s, uint64_t event, uint64_t *ret_id)
{
	int64_t place = 0;
	uint64_t copy;
	int r = listing_place(store, id, &place);
	sqlite3_stmt *statement = r < 0 ? NULL : store_statement(store, Q_LISTING_AGAIN, &r);

	if (statement == NULL)
		return r;
	sqlite3_bind_int64(statement, 1, (int64_t)id);
	sqlite3_bind_int64(statement, 2, now_s);
	sqlite3_bind_int64(statement, 3, (int64_t)event);
	r = store_run(store, statement);
	if (r <= 0)
		return r;
	copy = (uint64_t)sqlite3_last_insert_rowid(store->db);
	r = listing_copy_evidence(store, id, copy);
	if (r >= 0)
		r = store_count_place(store, place, 1);
	if (r < 0)
		return r;
	*ret_id = copy;
	return 1;
}

static int listing_row(sqlite3_stmt *statement, struct store_listing *listing)
{
	*listing = (struct store_listing){
		.id = (uint64_t)sqlite3_column_int64(statement, 0),
		.list = store_column_span(statement, 1),
		.sublist = store_column_span(statement, 2),
		.since_s = sqlite3_column_int64(statement, 5),
		.until_s = sqlite3_column_int64(statement, 6),
		.policy = store_column_span(statement, 7),
		.policy_version = (uint32_t)sqlite3_column_int64(statement, 8),
		.reason = store_column_span(statement, 9),
		.incident = (uint64_t)sqlite3_column_int64(statement, 10),
		.author = store_column_span(statement, 11),
		.excluded = sqlite3_column_int(statement, 12) != 0,
		.added_event = (uint64_t)sqlite3_column_int64(statement, 13),
		.ended_s = sqlite3_column_int64(statement, 14),
		.ended_by = store_column_span(statement, 15),
		.ended_reason = store_column_span(statement, 16),
		.ended_event = (uint64_t)sqlite3_column_int64(statement, 17),
	};
	return store_column_source(statement, 3, &listing->source);
}

/* Rows of a prepared statement; list: only those of it, when not empty. skip: not this source itself. 1: stopped. */
static int listing_rows(struct store *store, sqlite3_stmt *statement,
	const struct store_select *select, const struct source *skip, store_listing_call *each,
	void *arg)
{
	uint32_t left = select->limit != 0 ? select->limit : UINT32_MAX;
	int r;

	while ((r = store_step(store, statement)) > 0 && left != 0) {
		struct store_listing listing;

		r = listing_row(statement, &listing);
		if (r < 0)
			break;
		if (select->list.len != 0 && !span_equal(select->list, listing.list))
			continue;
		if (skip != NULL && source_equal(skip, &listing.source))
			continue;
		left--;
		r = each(&listing, arg);
		if (r != 0)
			break;
	}
	sqlite3_reset(statement);
	return r != 0 ? r : left == 0;
}

static int listings_covering(
	struct store *store, const struct store_select *select, store_listing_call *each, void *arg)
{
	struct key key;
	int r = 0;

	for (unsigned step = 0; r == 0 && key_covering(select->source, step, &key); step++) {
		sqlite3_stmt *statement = store_statement(store, Q_LISTINGS_AT, &r);

		if (statement == NULL)
			return r;
		store_bind_key(statement, 1, &key);
		r = listing_rows(store, statement, select, NULL, each, arg);
	}
	return r;
}

static int listings_at(
	struct store *store, const struct store_select *select, store_listing_call *each, void *arg)
{
	struct key key = key_of(select->source);
	int r = 0;
	sqlite3_stmt *statement = store_statement(store, Q_LISTINGS_AT, &r);

	if (statement == NULL)
		return r;
	store_bind_key(statement, 1, &key);
	return listing_rows(store, statement, select, NULL, each, arg);
}

static int listings_feed(
	struct store *store, const struct store_select *select, store_listing_call *each, void *arg)
{
	struct store_select all = {.limit = select->limit};
	int r = 0;
	sqlite3_stmt *statement = store_statement(store, Q_LISTINGS_FEED, &r);

	if (statement == NULL)
		return r;
	store_bind_span(statement, 1, select->list);
	return listing_rows(store, statement, &all, NULL, each, arg);
}

static int listings_within(
	struct store *store, const struct store_select *select, store_listing_call *each, void *arg)
{
	struct key_range range;
	sqlite3_stmt *statement;
	int r = 0;

	if (!key_within(select->source, &range))
		return 0;
	statement = store_statement(store, Q_LISTINGS_WITHIN, &r);
	if (statement == NULL)
		return r;
	store_bind_range(statement, &range);
	return listing_rows(store, statement, select, select->source, each, arg);
}

static int listings_one(struct store *store, const struct store_select *select, enum query query,
	store_listing_call *each, void *arg)
{
	int64_t limit = select->limit != 0 ? (int64_t)select->limit : -1;
	int r = 0;
	sqlite3_stmt *statement = store_statement(store, query, &r);

	if (statement == NULL)
		return r;
	switch (query) {
	case Q_LISTINGS_ENDED:
		store_bind_about(statement, select->source, select->limit);
		break;
	case Q_LISTINGS_PAGE:
		store_bind_span(statement, 1, select->list);
		sqlite3_bind_int64(statement, 2, (int64_t)select->after_id);
		sqlite3_bind_int64(statement, 3, limit);
		break;
	case Q_LISTINGS_EXPIRED:
		sqlite3_bind_int64(statement, 1, select->time_s);
		sqlite3_bind_int64(statement, 2, limit);
		break;
	default:
		sqlite3_bind_int64(statement, 1, (int64_t)select->after_id);
		break;
	}
	return listing_rows(store, statement, select, NULL, each, arg);
}

int store_listings(
	struct store *store, const struct store_select *select, store_listing_call *each, void *arg)
{
	int r = E_USAGE;

	switch (select->which) {
	case STORE_AT:
		r = listings_at(store, select, each, arg);
		break;
	case STORE_FEED:
		r = listings_feed(store, select, each, arg);
		break;
	case STORE_COVERING:
		r = listings_covering(store, select, each, arg);
		break;
	case STORE_WITHIN:
		r = listings_within(store, select, each, arg);
		break;
	case STORE_ENDED:
		r = listings_one(store, select, Q_LISTINGS_ENDED, each, arg);
		break;
	case STORE_PAGE:
		r = listings_one(store, select, Q_LISTINGS_PAGE, each, arg);
		break;
	case STORE_ADDED:
		r = listings_one(store, select, Q_LISTINGS_ADDED, each, arg);
		break;
	case STORE_REMOVED:
		r = listings_one(store, select, Q_LISTINGS_REMOVED, each, arg);
		break;
	case STORE_EXPIRED:
		r = listings_one(store, select, Q_LISTINGS_EXPIRED, each, arg);
		break;
	}
	return r;
}

/* The names of all places by number; a join would look them up for each of millions of rows. */
struct place_name {
	struct span list, sublist;
};

struct places {
	struct arena *arena;
	struct place_name *names;
	size_t len;
};

static int places_read(struct store *store, struct places *places)
{
	int r = 0;
	sqlite3_stmt *statement = store_statement(store, Q_PLACES, &r);

	while (statement != NULL && (r = store_step(store, statement)) > 0) {
		int64_t id = sqlite3_column_int64(statement, 0);

		if (id < 0 || id > PLACE_ID_MAX) {
			r = E_CORRUPT;
			break;
		}
		if ((size_t)id >= places->len) {
			size_t len = (size_t)id + 1;

			places->names = mem_resize(places->names, len * sizeof(*places->names));
			memset(places->names + places->len, 0,
				(len - places->len) * sizeof(*places->names));
			places->len = len;
		}
		places->names[id] = (struct place_name){
			arena_copy(places->arena, store_column_span(statement, 1)),
			arena_copy(places->arena, store_column_span(statement, 2))};
	}
	sqlite3_reset(statement);
	return r;
}

static int listing_row_short(
	sqlite3_stmt *statement, const struct places *places, struct store_listing *listing)
{
	int64_t place = sqlite3_column_int64(statement, 0);

	if (place < 0 || (size_t)place >= places->len)
		return E_CORRUPT;
	listing->list = places->names[place].list;
	listing->sublist = places->names[place].sublist;
	listing->until_s = sqlite3_column_int64(statement, 3);
	listing->reason = store_column_span(statement, 4);
	listing->excluded = sqlite3_column_int(statement, 5) != 0;
	return store_column_source(statement, 1, &listing->source);
}

int store_listings_all(struct store *store, store_listing_call *each, void *arg)
{
	struct places places = {.arena = arena_new(0)};
	struct store_listing listing = {.id = 0};
	int r = places_read(store, &places);
	sqlite3_stmt *statement = r < 0 ? NULL : store_statement(store, Q_LISTINGS_ALL, &r);

	while (statement != NULL && (r = store_step(store, statement)) > 0) {
		r = listing_row_short(statement, &places, &listing);
		if (r >= 0)
			r = each(&listing, arg);
		if (r != 0)
			break;
	}
	if (statement != NULL)
		sqlite3_reset(statement);
	mem_free(places.names);
	arena_free(&places.arena);
	return r < 0 ? r : 0;
}

int store_listing_next_end(struct store *store, int64_t *ret_until_s)
{
	int r = 0;
	sqlite3_stmt *statement = store_statement(store, Q_LISTING_NEXT_END, &r);

	if (statement == NULL)
		return r;
	r = store_step(store, statement);
	if (r > 0)
		*ret_until_s = sqlite3_column_int64(statement, 0); /* NULL gives 0 */
	sqlite3_reset(statement);
	return r < 0 ? r : 0;
}

int store_listing_evidence(struct store *store, uint64_t id, uint64_t *numbers, size_t *count)
{
	size_t len = 0;
	int r = 0;
	sqlite3_stmt *statement = store_statement(store, Q_LISTING_EVIDENCE, &r);

	if (statement == NULL)
		return r;
	sqlite3_bind_int64(statement, 1, (int64_t)id);
	sqlite3_bind_int64(statement, 2, (int64_t)*count);
	while ((r = store_step(store, statement)) > 0 && len < *count)
		numbers[len++] = (uint64_t)sqlite3_column_int64(statement, 0);
	sqlite3_reset(statement);
	if (r < 0)
		return r;
	*count = len;
	return 0;
}
