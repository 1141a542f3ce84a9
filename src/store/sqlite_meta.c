/* SPDX-License-Identifier: ISC */
#include <string.h>

#include "store/sqlite_priv.h"

/* The numbers of the store, the changes that those who follow it have not taken yet, and what is too old to keep. */

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
	store->place = store->policy = 0; /* a rolled-back transaction may have made them */
}

void store_save_counts(struct store *store)
{
	memcpy(store->part.counts, store->counts, sizeof(store->counts));
	store->part.counts_len = store->counts_len;
	store->part.incidents_change = store->incidents_change;
	store->part.evidence_change = store->evidence_change;
}

void store_restore_counts(struct store *store)
{
	memcpy(store->counts, store->part.counts, sizeof(store->counts));
	store->counts_len = store->part.counts_len;
	store->incidents_change = store->part.incidents_change;
	store->evidence_change = store->part.evidence_change;
	store->place = store->policy = 0; /* the part may have made them */
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

static int changes_drop(struct store *store, uint32_t serial, uint32_t limit)
{
	int dropped = 0, r = 0;
	sqlite3_stmt *statement = store_statement(store, Q_CHANGE_SERIALS, &r);

	if (statement == NULL)
		return r;
	while (r >= 0 && dropped < (int)limit && (r = store_step(store, statement)) > 0) {
		uint32_t old = (uint32_t)sqlite3_column_int64(statement, 0);

		if (!change_is_behind(old, serial)) {
			r = change_drop(store, old);
			dropped += r > 0 ? r : 0;
		}
	}
	sqlite3_reset(statement);
	return r < 0 ? r : dropped;
}

int store_changes_drop(struct store *store, uint32_t serial, uint32_t limit)
{
	int dropped;
	int r = store_begin(store);

	if (r < 0)
		return r;
	dropped = changes_drop(store, serial, limit);
	if (dropped <= 0) {
		store_rollback(store);
		return dropped;
	}
	r = store_commit(store);
	return r < 0 ? r : dropped;
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
