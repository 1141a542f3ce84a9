/* SPDX-License-Identifier: ISC */
#include "base/macro.h"
#include "store/sql.h"
#include "store/store_priv.h"
#include "store/words.h"

/* Evidence and incidents: what was seen, and what was told to a client. */

int store_evidence_add(struct store *store, const struct store_evidence *evidence, uint64_t *ret_id)
{
	AUTO(sql) *sql = sql_start(store, Q_EVIDENCE_ADD);
	int64_t id = 0;
	int r = words_check(evidence->note);

	if (r < 0)
		return r;
	if (evidence->message.len != 0)
		sql_add_blob(sql, evidence->message);
	else
		sql_add_null(sql);
	sql_add_text(sql, evidence->kind);
	sql_add_source(sql, evidence->source);
	sql_add_int(sql, evidence->time_s);
	sql_add_text(sql, evidence->sensor);
	sql_add_int(sql, evidence->weight);
	sql_add_text(sql, evidence->note);
	r = sql_insert(sql, &id);
	if (r <= 0)
		return r;
	store->counts.evidence++;
	*ret_id = (uint64_t)id;
	return 1;
}

int store_incident_put(struct store *store, const struct store_incident *incident)
{
	AUTO(sql) *sql = sql_start(store, Q_INCIDENT_PUT);
	int r;

	sql_add_id(sql, incident->number);
	sql_add_source(sql, &incident->source);
	sql_add_int(sql, incident->first_s);
	sql_add_int(sql, incident->last_s);
	sql_add_int(sql, incident->count);
	sql_add_text(sql, incident->rule);
	sql_add_text(sql, incident->mode);
	sql_add_text(sql, incident->host);
	sql_add_int(sql, incident->code);
	sql_add_text(sql, incident->text);
	sql_add_text(sql, incident->helo);
	sql_add_text(sql, incident->ptr);
	sql_add_text(sql, incident->sender);
	sql_add_text(sql, incident->recipient);
	sql_add_text(sql, incident->list);
	sql_add_blob(sql, incident->checks);
	sql_add_blob(sql, incident->sightings);
	r = (int)sql_update(sql);
	store->counts.incidents += r > 0;
	return r;
}

int store_incident_raise(struct store *store, const struct store_incident *incident)
{
	AUTO(sql) *sql = sql_start(store, Q_INCIDENT_RAISE);

	sql_add_id(sql, incident->number);
	sql_add_int(sql, incident->count);
	sql_add_int(sql, incident->last_s);
	sql_add_blob(sql, incident->sightings);
	return sql_run(sql);
}

static int incident_read(const struct sql *sql, store_incident_call *each, void *arg)
{
	struct store_incident incident = {
		.number = sql_id(sql, 0),
		.first_s = sql_int(sql, 3),
		.last_s = sql_int(sql, 4),
		.count = sql_u32(sql, 5),
		.rule = sql_span(sql, 6),
		.mode = sql_span(sql, 7),
		.host = sql_span(sql, 8),
		.code = sql_u32(sql, 9),
		.text = sql_span(sql, 10),
		.helo = sql_span(sql, 11),
		.ptr = sql_span(sql, 12),
		.sender = sql_span(sql, 13),
		.recipient = sql_span(sql, 14),
		.list = sql_span(sql, 15),
		.checks = sql_span(sql, 16),
		.sightings = sql_span(sql, 17),
	};
	int r = sql_source(sql, 1, &incident.source);

	return r < 0 ? r : each(&incident, arg);
}

int store_incident_oldest(struct store *store, int64_t *ret_last_s)
{
	AUTO(sql) *sql = sql_start(store, Q_INCIDENT_OLDEST);
	int r = sql_number(sql, ret_last_s); /* NULL gives 0 */

	return r < 0 ? r : 0;
}

int store_incident_get(struct store *store, uint64_t number, store_incident_call *each, void *arg)
{
	AUTO(sql) *sql = sql_start(store, Q_INCIDENT_GET);
	int r;

	sql_add_id(sql, number);
	r = sql_next(sql);
	return r > 0 ? incident_read(sql, each, arg) : r < 0 ? r : E_ABSENT;
}

int store_incidents_of(struct store *store, const struct source *source, uint32_t limit,
	store_incident_call *each, void *arg)
{
	AUTO(sql) *sql = sql_start(store, Q_INCIDENTS_OF);
	int r = 0;

	sql_add_about(sql, source, limit);
	while (r == 0 && (r = sql_next(sql)) > 0)
		r = incident_read(sql, each, arg);
	return r;
}
