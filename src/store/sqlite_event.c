/* SPDX-License-Identifier: ISC */
#include <string.h>

#include "store/chain.h"
#include "store/sqlite_priv.h"

/* The audit trail: each event carries a hash of itself and of the one before it. */

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
	sqlite3_stmt *statement =
		store_statement(store, source != NULL ? Q_EVENTS_OF : Q_EVENT_LAST, &r);

	if (statement == NULL)
		return r;
	if (source != NULL)
		store_bind_about(statement, source, limit);
	else
		sqlite3_bind_int64(statement, 1, limit != 0 ? (int64_t)limit : -1);
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
