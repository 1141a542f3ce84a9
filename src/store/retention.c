/* SPDX-License-Identifier: ISC */
#include "base/macro.h"
#include "base/mem.h"
#include "store/sql.h"
#include "store/store_priv.h"

/* What is too old to keep, or too much. */

static int drop_by_age(struct store *store, enum query name, int64_t before_s, uint32_t limit)
{
	AUTO(sql) *sql = sql_start(store, name);

	sql_add_int(sql, before_s);
	sql_add_int(sql, limit);
	return (int)sql_update(sql);
}

static int drop_oldest_incidents(struct store *store, int64_t count)
{
	AUTO(sql) *sql = sql_start(store, Q_DROP_OLDEST_INCIDENTS);

	sql_add_int(sql, count);
	return (int)sql_update(sql);
}

/* Incidents come from strangers: those that are too old go, and the oldest of too many. */
static int drop_incidents(struct store *store, const struct store_keep *keep)
{
	uint64_t incidents = 0, evidence = 0;
	int r = drop_by_age(store, Q_DROP_INCIDENTS, keep->incidents_before_s, keep->limit);
	int dropped = r;

	if (r >= 0)
		r = store_counts(store, &incidents, &evidence);
	if (r < 0)
		return r;
	incidents -= (uint64_t)dropped < incidents ? (uint64_t)dropped : incidents;
	if ((uint32_t)dropped < keep->limit && incidents > keep->incidents_max) {
		uint64_t excess = incidents - keep->incidents_max;

		r = drop_oldest_incidents(
			store, (int64_t)(excess < keep->limit ? excess : keep->limit));
	} else {
		r = 0;
	}
	if (r >= 0)
		store->counts.incidents -= dropped + r;
	return r < 0 ? r : dropped + r;
}

/* ---- evidence and events ---- */

/* Rows of a kind by their age, of which other rows may need some. */
struct old_rows {
	enum query name;
	struct keep_at *at; /* where the last step ended */
	int64_t before_s;
	uint32_t limit;
	int (*drop)(struct store *store, int64_t id);
};

struct old_page {
	int64_t *ids; /* those that nothing needs */
	size_t len;
	uint32_t looked_at;
};

static int old_read(struct store *store, const struct old_rows *rows, struct old_page *page)
{
	AUTO(sql) *sql = sql_start(store, rows->name);
	int r;

	sql_add_int(sql, rows->at->time_s);
	sql_add_int(sql, rows->at->id);
	sql_add_int(sql, rows->before_s);
	sql_add_int(sql, rows->limit);
	while ((r = sql_next(sql)) > 0) {
		page->looked_at++;
		rows->at->id = sql_int(sql, 0);
		rows->at->time_s = sql_int(sql, 1);
		if (sql_int(sql, 2) == 0)
			page->ids[page->len++] = sql_int(sql, 0);
	}
	return r;
}

/* Those that are needed are passed over, a step's worth each time, and not again before the end is
 * reached. */
static int old_drop(struct store *store, const struct old_rows *rows)
{
	struct old_page page = {.ids = mem_alloc_array(rows->limit, sizeof(int64_t))};
	int r = old_read(store, rows, &page);

	for (size_t i = 0; i < page.len && r >= 0; i++)
		r = rows->drop(store, page.ids[i]);
	if (page.looked_at < rows->limit)
		*rows->at = (struct keep_at){0, 0};
	mem_free(page.ids);
	return r < 0 ? r : (int)page.len;
}

static int run_about(struct store *store, enum query name, int64_t id)
{
	AUTO(sql) *sql = sql_start(store, name);

	sql_add_int(sql, id);
	return sql_run(sql);
}

static int evidence_drop(struct store *store, int64_t id)
{
	return run_about(store, Q_DROP_EVIDENCE, id);
}

static int drop_evidence(struct store *store, const struct store_keep *keep)
{
	struct old_rows rows = {.name = Q_EVIDENCE_OLD,
		.at = &store->evidence_at,
		.before_s = keep->incidents_before_s,
		.limit = keep->limit,
		.drop = evidence_drop};
	uint64_t incidents = 0, evidence = 0;
	int r = store_counts(store, &incidents, &evidence);

	if (evidence > keep->incidents_max)
		rows.before_s = INT64_MAX;
	if (r >= 0)
		r = old_drop(store, &rows);
	if (r >= 0)
		store->counts.evidence -= r;
	return r;
}

/* The chain goes on: the event behind keeps the hash. */
static int event_drop(struct store *store, int64_t id)
{
	int r = run_about(store, Q_EVENT_HASH_KEEP, id);

	return r < 0 ? r : run_about(store, Q_DROP_EVENT, id);
}

static int drop_events(struct store *store, const struct store_keep *keep)
{
	return old_drop(store, &(struct old_rows){.name = Q_EVENTS_OLD,
				       .at = &store->events_at,
				       .before_s = keep->audit_before_s,
				       .limit = keep->limit,
				       .drop = event_drop});
}

static int drop_listings(struct store *store, const struct store_keep *keep)
{
	return drop_by_age(store, Q_DROP_LISTINGS, keep->audit_before_s, keep->limit);
}

static int drop_groups(struct store *store, const struct store_keep *keep)
{
	return drop_by_age(store, Q_DROP_GROUPS, keep->audit_before_s, keep->limit);
}

/* In this order: what holds another row goes before it. */
static int drop_step(struct store *store, const struct store_keep *keep)
{
	static int (*const kinds[])(struct store *, const struct store_keep *) = {
		drop_incidents, drop_listings, drop_groups, drop_events, drop_evidence};
	int dropped = 0, r = 0;

	for (size_t i = 0; i < COUNTOF(kinds) && r >= 0; i++) {
		r = kinds[i](store, keep);
		dropped += r;
	}
	return r < 0 ? r : dropped;
}

int store_drop_old(struct store *store, const struct store_keep *keep)
{
	int r = store_begin(store);

	return r < 0 ? r : transaction_end(store, drop_step(store, keep));
}
