/* SPDX-License-Identifier: ISC */
#include "store/sqlite_priv.h"

/* Evidence and incidents: what was seen, and what was told to a client. */

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
	sqlite3_stmt *statement = store_statement(store, Q_INCIDENTS_OF, &r);

	if (statement == NULL)
		return r;
	store_bind_about(statement, source, limit);
	while ((r = store_step(store, statement)) > 0) {
		r = incident_row(statement, each, arg);
		if (r != 0)
			break;
	}
	sqlite3_reset(statement);
	return r;
}
