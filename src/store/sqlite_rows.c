/* SPDX-License-Identifier: ISC */
#include <stdio.h>

#include "base/macro.h"
#include "base/mem.h"
#include "store/chain.h"
#include "store/sqlite_priv.h"

/* ---- numbers of the store ---- */

static int meta_get(struct store *store, const char *key, int64_t *ret_value)
{
	int r = 0;
	sqlite3_stmt *statement = store_statement(store, Q_META_GET, &r);

	if (statement == NULL)
		return r;
	store_bind_span(statement, 1, span_text(key));
	r = store_step(store, statement);
	if (r > 0)
		*ret_value = sqlite3_column_int64(statement, 0);
	sqlite3_reset(statement);
	return r > 0 ? 0 : r < 0 ? r : E_CORRUPT;
}

static int meta_change(struct store *store, enum query query, const char *key, int64_t value)
{
	int r = 0;
	sqlite3_stmt *statement = store_statement(store, query, &r);

	if (statement == NULL)
		return r;
	store_bind_span(statement, 1, span_text(key));
	sqlite3_bind_int64(statement, 2, value);
	r = store_run(store, statement);
	return r < 0 ? r : 0;
}

int store_probe(struct store *store, int64_t now_s)
{
	int r = store_begin(store);

	if (r >= 0)
		r = meta_change(store, Q_META_SET, "touched", now_s);
	if (r >= 0)
		return store_commit(store);
	store_rollback(store);
	return r;
}

int store_serial(struct store *store, uint32_t *ret_serial)
{
	int64_t value = 0;
	int r = meta_get(store, "serial", &value);

	if (r >= 0)
		*ret_serial = (uint32_t)value;
	return r;
}

int store_serial_set(struct store *store, uint32_t serial)
{
	return meta_change(store, Q_META_SET, "serial", serial);
}

int store_counts(struct store *store, uint64_t *ret_incidents, uint64_t *ret_evidence)
{
	int64_t incidents = 0;
	int64_t evidence = 0;
	int r = meta_get(store, "incidents", &incidents);

	if (r >= 0)
		r = meta_get(store, "evidence", &evidence);
	if (r < 0)
		return r;
	*ret_incidents = (uint64_t)incidents;
	*ret_evidence = (uint64_t)evidence;
	return 0;
}

void store_forget_counts(struct store *store)
{
	store->counts_len = 0;
	store->incidents_change = 0;
	store->evidence_change = 0;
	store->place = 0; /* a rolled-back transaction may have made it */
}

static int count_write(struct store *store, const struct place_count *count)
{
	int r = 0;
	sqlite3_stmt *statement;

	if (count->change == 0)
		return 0;
	statement = store_statement(store, Q_PLACE_COUNT, &r);
	if (statement == NULL)
		return r;
	sqlite3_bind_int64(statement, 1, count->place);
	sqlite3_bind_int64(statement, 2, count->change);
	return store_run(store, statement);
}

int store_flush_counts(struct store *store)
{
	int r = 0;

	for (size_t i = 0; i < store->counts_len && r >= 0; i++)
		r = count_write(store, &store->counts[i]);
	if (r >= 0 && store->incidents_change != 0)
		r = meta_change(store, Q_META_ADD, "incidents", store->incidents_change);
	if (r >= 0 && store->evidence_change != 0)
		r = meta_change(store, Q_META_ADD, "evidence", store->evidence_change);
	store->counts_len = 0;
	store->incidents_change = 0;
	store->evidence_change = 0;
	return r < 0 ? r : 0;
}

int store_count_place(struct store *store, int64_t place, int64_t change)
{
	for (size_t i = 0; i < store->counts_len; i++) {
		if (store->counts[i].place == place) {
			store->counts[i].change += change;
			return 0;
		}
	}
	if (store->counts_len == PLACE_COUNTS)
		return count_write(store, &(struct place_count){place, change});
	store->counts[store->counts_len++] = (struct place_count){place, change};
	return 0;
}

/* ---- changes ---- */

int store_change_add(
	struct store *store, uint32_t serial, struct span list, const struct source *source)
{
	int r = 0;
	sqlite3_stmt *statement = store_statement(store, Q_CHANGE_ADD, &r);
	struct key key = {.bits = -1};

	if (statement == NULL)
		return r;
	if (source != NULL)
		key = key_of(source);
	sqlite3_bind_int64(statement, 1, serial);
	store_bind_span(statement, 2, source != NULL ? list : span_text(""));
	store_bind_key(statement, 3, &key);
	r = store_run(store, statement);
	return r < 0 ? r : 0;
}

/* Behind `after` in the circle of RFC 1982: at most half a circle ahead. */
static bool change_is_behind(uint32_t serial, uint32_t after)
{
	return serial != after && serial - after < UINT32_C(0x80000000);
}

int store_changes(struct store *store, uint32_t after,
	int (*each)(struct span list, const struct source *source, void *arg), void *arg)
{
	int r = 0;
	sqlite3_stmt *statement = store_statement(store, Q_CHANGES, &r);

	if (statement == NULL)
		return r;
	while (r >= 0 && (r = store_step(store, statement)) > 0) {
		struct source source;
		struct span list = store_column_span(statement, 1);

		if (!change_is_behind((uint32_t)sqlite3_column_int64(statement, 0), after))
			continue;
		if (list.len == 0)
			r = each(list, NULL, arg);
		else if ((r = store_column_source(statement, 2, &source)) >= 0)
			r = each(list, &source, arg);
	}
	sqlite3_reset(statement);
	return r < 0 ? r : 0;
}

static int change_drop(struct store *store, uint32_t serial)
{
	int r = 0;
	sqlite3_stmt *statement = store_statement(store, Q_CHANGE_DROP, &r);

	if (statement == NULL)
		return r;
	sqlite3_bind_int64(statement, 1, serial);
	return store_run(store, statement);
}

int store_changes_drop(struct store *store, uint32_t serial)
{
	int r = 0;
	sqlite3_stmt *statement = store_statement(store, Q_CHANGE_SERIALS, &r);

	if (statement == NULL)
		return r;
	while (r >= 0 && (r = store_step(store, statement)) > 0) {
		uint32_t old = (uint32_t)sqlite3_column_int64(statement, 0);

		if (!change_is_behind(old, serial))
			r = change_drop(store, old);
	}
	sqlite3_reset(statement);
	return r < 0 ? r : 0;
}

/* ---- places and policies ---- */

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

static int place_of(struct store *store, struct span list, struct span sublist, int64_t *ret_place)
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

static int policy_of(struct store *store, const struct store_listing *listing, int64_t *ret_policy)
{
	sqlite3_stmt *statement;
	int r = row_find(
		store, Q_POLICY_GET, listing->policy, span_text(""), listing->policy_version);

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
	if (r > 0)
		*ret_policy = r;
	return r > 0 ? 0 : r < 0 ? r : E_CORRUPT;
}

/* ---- listings ---- */

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
	r = place_of(store, listing->list, listing->sublist, &place);
	if (r >= 0)
		r = policy_of(store, listing, &policy);
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

/* Binds ?1 to ?4; false when nothing can be within. */
static void bind_range(sqlite3_stmt *statement, const struct key_range *range)
{
	sqlite3_bind_blob(
		statement, 1, range->first.bytes, (int)range->first.len, SQLITE_TRANSIENT);
	sqlite3_bind_blob(statement, 2, range->last.bytes, (int)range->last.len, SQLITE_TRANSIENT);
	sqlite3_bind_int(statement, 3, range->bits_min);
	sqlite3_bind_int(statement, 4, range->bits_max);
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
	bind_range(statement, &range);
	return listing_rows(store, statement, select, select->source, each, arg);
}

/* The source itself and what is within: for a domain that is two ranges, for which this makes one that holds both. */
static struct key_range range_about(const struct source *source)
{
	struct key_range range;
	struct key key = key_of(source);

	if (source->kind == SOURCE_NET) {
		key_within(source, &range);
		return range;
	}
	range = (struct key_range){key, key, KEY_BELOW, KEY_NAME};
	return range;
}

static int listings_one(struct store *store, const struct store_select *select, enum query query,
	store_listing_call *each, void *arg)
{
	int64_t limit = select->limit != 0 ? (int64_t)select->limit : -1;
	int r = 0;
	sqlite3_stmt *statement = store_statement(store, query, &r);
	struct key_range range;

	if (statement == NULL)
		return r;
	switch (query) {
	case Q_LISTINGS_ENDED:
		range = range_about(select->source);
		bind_range(statement, &range);
		sqlite3_bind_int64(statement, 5, limit);
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

int store_listings_all(struct store *store, store_listing_call *each, void *arg)
{
	struct store_select select = {.limit = 0};
	int r = 0;
	sqlite3_stmt *statement = store_statement(store, Q_LISTINGS_ALL, &r);

	if (statement == NULL)
		return r;
	return listing_rows(store, statement, &select, NULL, each, arg);
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

/* ---- evidence ---- */

int store_evidence_add(struct store *store, const struct store_evidence *evidence, uint64_t *ret_id)
{
	int r = 0;
	sqlite3_stmt *statement = store_statement(store, Q_EVIDENCE_ADD, &r);
	struct key key;

	if (statement == NULL)
		return r;
	if (evidence->message.len != 0)
		store_bind_blob(statement, 1, evidence->message);
	store_bind_span(statement, 2, evidence->kind);
	if (evidence->source != NULL) {
		key = key_of(evidence->source);
		store_bind_key(statement, 3, &key);
	}
	sqlite3_bind_int64(statement, 5, evidence->time_s);
	store_bind_span(statement, 6, evidence->sensor);
	sqlite3_bind_int(statement, 7, evidence->weight);
	store_bind_span(statement, 8, evidence->note);
	r = store_run(store, statement);
	if (r <= 0)
		return r;
	store->evidence_change++;
	*ret_id = (uint64_t)sqlite3_last_insert_rowid(store->db);
	return 1;
}

static int evidence_row(sqlite3_stmt *statement, store_evidence_call *each, void *arg)
{
	struct source source;
	struct store_evidence evidence = {
		.id = (uint64_t)sqlite3_column_int64(statement, 0),
		.message = store_column_span(statement, 1),
		.kind = store_column_span(statement, 2),
		.source = &source,
		.time_s = sqlite3_column_int64(statement, 5),
		.sensor = store_column_span(statement, 6),
		.weight = sqlite3_column_int(statement, 7),
		.note = store_column_span(statement, 8),
	};
	int r = store_column_source(statement, 3, &source);

	return r < 0 ? r : each(&evidence, arg);
}

/* A statement whose parameters are a range and a limit. */
static sqlite3_stmt *range_statement(struct store *store, enum query query,
	const struct source *source, uint32_t limit, int *ret_error)
{
	sqlite3_stmt *statement = store_statement(store, query, ret_error);
	struct key_range range;

	if (statement == NULL)
		return NULL;
	range = range_about(source);
	bind_range(statement, &range);
	sqlite3_bind_int64(statement, 5, limit != 0 ? (int64_t)limit : -1);
	return statement;
}

int store_evidence_of(struct store *store, const struct source *source, uint32_t limit,
	store_evidence_call *each, void *arg)
{
	int r = 0;
	sqlite3_stmt *statement = range_statement(store, Q_EVIDENCE_OF, source, limit, &r);

	if (statement == NULL)
		return r;
	while ((r = store_step(store, statement)) > 0) {
		r = evidence_row(statement, each, arg);
		if (r != 0)
			break;
	}
	sqlite3_reset(statement);
	return r;
}

/* ---- incidents ---- */

static int incident_raise(struct store *store, const struct store_incident *incident)
{
	int r = 0;
	sqlite3_stmt *statement = store_statement(store, Q_INCIDENT_RAISE, &r);

	if (statement == NULL)
		return r;
	sqlite3_bind_int64(statement, 1, (int64_t)incident->number);
	sqlite3_bind_int64(statement, 2, incident->count);
	sqlite3_bind_int64(statement, 3, incident->last_s);
	r = store_run(store, statement);
	return r < 0 ? r : 0;
}

int store_incident_put(struct store *store, const struct store_incident *incident)
{
	int r = 0;
	sqlite3_stmt *statement = store_statement(store, Q_INCIDENT_PUT, &r);
	struct key key = key_of(&incident->source);

	if (statement == NULL)
		return r;
	sqlite3_bind_int64(statement, 1, (int64_t)incident->number);
	store_bind_key(statement, 2, &key);
	sqlite3_bind_int64(statement, 4, incident->first_s);
	sqlite3_bind_int64(statement, 5, incident->last_s);
	sqlite3_bind_int64(statement, 6, incident->count);
	store_bind_span(statement, 7, incident->rule);
	store_bind_span(statement, 8, incident->mode);
	store_bind_span(statement, 9, incident->host);
	sqlite3_bind_int64(statement, 10, incident->code);
	store_bind_span(statement, 11, incident->text);
	store_bind_span(statement, 12, incident->helo);
	store_bind_span(statement, 13, incident->ptr);
	store_bind_span(statement, 14, incident->sender);
	store_bind_span(statement, 15, incident->recipient);
	store_bind_span(statement, 16, incident->list);
	store_bind_blob(statement, 17, incident->checks);
	r = store_run(store, statement);
	if (r < 0)
		return r;
	if (r == 0)
		return incident_raise(store, incident);
	store->incidents_change++;
	return 1;
}

static int incident_row(sqlite3_stmt *statement, store_incident_call *each, void *arg)
{
	struct store_incident incident = {
		.number = (uint64_t)sqlite3_column_int64(statement, 0),
		.first_s = sqlite3_column_int64(statement, 3),
		.last_s = sqlite3_column_int64(statement, 4),
		.count = (uint32_t)sqlite3_column_int64(statement, 5),
		.rule = store_column_span(statement, 6),
		.mode = store_column_span(statement, 7),
		.host = store_column_span(statement, 8),
		.code = (uint32_t)sqlite3_column_int64(statement, 9),
		.text = store_column_span(statement, 10),
		.helo = store_column_span(statement, 11),
		.ptr = store_column_span(statement, 12),
		.sender = store_column_span(statement, 13),
		.recipient = store_column_span(statement, 14),
		.list = store_column_span(statement, 15),
		.checks = store_column_span(statement, 16),
	};
	int r = store_column_source(statement, 1, &incident.source);

	return r < 0 ? r : each(&incident, arg);
}

int store_incident_get(struct store *store, uint64_t number, store_incident_call *each, void *arg)
{
	int r = 0;
	sqlite3_stmt *statement = store_statement(store, Q_INCIDENT_GET, &r);

	if (statement == NULL)
		return r;
	sqlite3_bind_int64(statement, 1, (int64_t)number);
	r = store_step(store, statement);
	if (r > 0)
		r = incident_row(statement, each, arg);
	else if (r == 0)
		r = E_ABSENT;
	sqlite3_reset(statement);
	return r;
}

int store_incidents_of(struct store *store, const struct source *source, uint32_t limit,
	store_incident_call *each, void *arg)
{
	int r = 0;
	sqlite3_stmt *statement = range_statement(store, Q_INCIDENTS_OF, source, limit, &r);

	if (statement == NULL)
		return r;
	while ((r = store_step(store, statement)) > 0) {
		r = incident_row(statement, each, arg);
		if (r != 0)
			break;
	}
	sqlite3_reset(statement);
	return r;
}

/* ---- the audit trail ---- */

static void event_row(sqlite3_stmt *statement, struct store_event *event)
{
	*event = (struct store_event){
		.id = (uint64_t)sqlite3_column_int64(statement, 0),
		.time_s = sqlite3_column_int64(statement, 1),
		.author = store_column_span(statement, 2),
		.verb = store_column_span(statement, 3),
		.subject = store_column_span(statement, 4),
		.reason = store_column_span(statement, 5),
		.undoes = (uint64_t)sqlite3_column_int64(statement, 6),
		.serial = (uint32_t)sqlite3_column_int64(statement, 7),
		.undone = sqlite3_column_int(statement, 9) != 0,
	};
}

/* The number and hash of the last event; 0 and no bytes before the first. */
static int event_last(
	struct store *store, uint64_t *ret_id, uint8_t hash[CHAIN_SIZE], size_t *ret_len)
{
	int r = 0;
	sqlite3_stmt *statement = store_statement(store, Q_EVENT_LAST, &r);
	struct span last;

	if (statement == NULL)
		return r;
	sqlite3_bind_int(statement, 1, 1);
	r = store_step(store, statement);
	*ret_id = 0;
	*ret_len = 0;
	if (r > 0) {
		last = store_column_span(statement, 8);
		*ret_id = (uint64_t)sqlite3_column_int64(statement, 0);
		*ret_len = last.len < CHAIN_SIZE ? last.len : CHAIN_SIZE;
		memcpy(hash, last.ptr, *ret_len);
	}
	sqlite3_reset(statement);
	return r < 0 ? r : 0;
}

int store_event_add(struct store *store, const struct store_event *event, uint64_t *ret_id)
{
	uint8_t before[CHAIN_SIZE];
	uint8_t hash[CHAIN_SIZE];
	struct store_event row = *event;
	size_t before_len = 0;
	sqlite3_stmt *statement;
	int r = event_last(store, &row.id, before, &before_len);

	if (r < 0)
		return r;
	row.id++;
	chain_hash(span_of(before, before_len), &row, hash);
	statement = store_statement(store, Q_EVENT_ADD, &r);
	if (statement == NULL)
		return r;
	sqlite3_bind_int64(statement, 1, (int64_t)row.id);
	sqlite3_bind_int64(statement, 2, row.time_s);
	store_bind_span(statement, 3, row.author);
	store_bind_span(statement, 4, row.verb);
	store_bind_span(statement, 5, row.subject);
	store_bind_span(statement, 6, row.reason);
	if (row.undoes != 0)
		sqlite3_bind_int64(statement, 7, (int64_t)row.undoes);
	sqlite3_bind_int64(statement, 8, row.serial);
	store_bind_blob(statement, 9, span_of(hash, sizeof(hash)));
	r = store_run(store, statement);
	if (r <= 0)
		return r < 0 ? r : E_EXISTS;
	*ret_id = row.id;
	return 0;
}

int store_event_get(struct store *store, uint64_t id, store_event_call *each, void *arg)
{
	int r = 0;
	sqlite3_stmt *statement = store_statement(store, Q_EVENT_GET, &r);
	struct store_event event;

	if (statement == NULL)
		return r;
	sqlite3_bind_int64(statement, 1, (int64_t)id);
	r = store_step(store, statement);
	if (r > 0) {
		event_row(statement, &event);
		r = each(&event, arg);
	} else if (r == 0) {
		r = E_ABSENT;
	}
	sqlite3_reset(statement);
	return r;
}

int store_events_of(struct store *store, const struct source *source, uint32_t limit,
	store_event_call *each, void *arg)
{
	int r = 0;
	sqlite3_stmt *statement;

	if (source != NULL) {
		statement = range_statement(store, Q_EVENTS_OF, source, limit, &r);
	} else {
		statement = store_statement(store, Q_EVENT_LAST, &r);
		if (statement != NULL)
			sqlite3_bind_int64(statement, 1, limit != 0 ? (int64_t)limit : -1);
	}
	if (statement == NULL)
		return r;
	while ((r = store_step(store, statement)) > 0) {
		struct store_event event;

		event_row(statement, &event);
		r = each(&event, arg);
		if (r != 0)
			break;
	}
	sqlite3_reset(statement);
	return r;
}

int store_events_verify(struct store *store, uint64_t *ret_bad_id)
{
	uint8_t before[CHAIN_SIZE];
	uint8_t hash[CHAIN_SIZE];
	size_t before_len = 0;
	bool first = true;
	int r = 0;
	sqlite3_stmt *statement = store_statement(store, Q_EVENT_FIRST, &r);

	if (statement == NULL)
		return r;
	while ((r = store_step(store, statement)) > 0) {
		struct span stored = store_column_span(statement, 8);
		struct store_event event;

		event_row(statement, &event);
		chain_hash(span_of(before, before_len), &event, hash);
		/* The first row kept may follow one that was too old to keep: it is the anchor, unless it is number one. */
		if ((!first || event.id == 1) && !span_equal(stored, span_of(hash, sizeof(hash)))) {
			*ret_bad_id = event.id;
			r = E_CHECKSUM;
			break;
		}
		first = false;
		before_len = stored.len < CHAIN_SIZE ? stored.len : CHAIN_SIZE;
		memcpy(before, stored.ptr, before_len);
	}
	sqlite3_reset(statement);
	return r;
}

/* ---- retention ---- */

static int drop_rows(struct store *store, enum query query, int64_t before_s, uint32_t limit)
{
	int r = 0;
	sqlite3_stmt *statement = store_statement(store, query, &r);

	if (statement == NULL)
		return r;
	sqlite3_bind_int64(statement, 1, before_s);
	sqlite3_bind_int64(statement, 2, limit);
	return store_run(store, statement);
}

static int drop_step(struct store *store, const struct store_keep *keep)
{
	int incidents = drop_rows(store, Q_DROP_INCIDENTS, keep->incidents_before_s, keep->limit);
	int listings = incidents < 0 ? incidents
				     : drop_rows(store, Q_DROP_LISTINGS, keep->audit_before_s,
					       keep->limit);
	int evidence = listings < 0 ? listings
				    : drop_rows(store, Q_DROP_EVIDENCE, keep->incidents_before_s,
					      keep->limit);
	int events = evidence < 0
			     ? evidence
			     : drop_rows(store, Q_DROP_EVENTS, keep->audit_before_s, keep->limit);

	if (events < 0)
		return events;
	store->incidents_change -= incidents;
	store->evidence_change -= evidence;
	return incidents + listings + evidence + events;
}

int store_drop_old(struct store *store, const struct store_keep *keep)
{
	int dropped;
	int r = store_begin(store);

	if (r < 0)
		return r;
	dropped = drop_step(store, keep);
	if (dropped < 0) {
		store_rollback(store);
		return dropped;
	}
	r = store_commit(store);
	return r < 0 ? r : dropped;
}
