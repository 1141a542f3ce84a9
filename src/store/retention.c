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

/* ---- evidence ---- */

struct evidence_page {
	int64_t *ids; /* those that no listing rests on */
	size_t len;
	uint32_t looked_at;
};

/* The next of the oldest, from where the last step ended. */
static int evidence_read(
	struct store *store, int64_t before_s, uint32_t limit, struct evidence_page *page)
{
	AUTO(sql) *sql = sql_start(store, Q_EVIDENCE_OLD);
	int r;

	sql_add_int(sql, store->keep_at.time_s);
	sql_add_int(sql, store->keep_at.id);
	sql_add_int(sql, before_s);
	sql_add_int(sql, limit);
	while ((r = sql_next(sql)) > 0) {
		page->looked_at++;
		store->keep_at.id = sql_int(sql, 0);
		store->keep_at.time_s = sql_int(sql, 1);
		if (sql_int(sql, 2) == 0)
			page->ids[page->len++] = sql_int(sql, 0);
	}
	return r;
}

static int evidence_drop(struct store *store, int64_t id)
{
	AUTO(sql) *sql = sql_start(store, Q_DROP_EVIDENCE);

	sql_add_int(sql, id);
	return sql_run(sql);
}

/* Those that listings rest on are passed over, a step's worth each time, and not again before the
 * end is reached. */
static int drop_evidence(struct store *store, const struct store_keep *keep)
{
	struct evidence_page page = {.ids = mem_alloc_array(keep->limit, sizeof(int64_t))};
	uint64_t incidents = 0, evidence = 0;
	int r = store_counts(store, &incidents, &evidence);

	if (r >= 0)
		r = evidence_read(store,
			evidence > keep->incidents_max ? INT64_MAX : keep->incidents_before_s,
			keep->limit, &page);
	for (size_t i = 0; i < page.len && r >= 0; i++)
		r = evidence_drop(store, page.ids[i]);
	if (page.looked_at < keep->limit)
		store->keep_at.time_s = store->keep_at.id = 0;
	store->counts.evidence -= (int64_t)page.len;
	mem_free(page.ids);
	return r < 0 ? r : (int)page.len;
}

/* In this order: what holds another row goes before it. */
static int drop_step(struct store *store, const struct store_keep *keep)
{
	static const enum query of_the_trail[] = {Q_DROP_LISTINGS, Q_DROP_GROUPS, Q_DROP_EVENTS};
	int dropped = drop_incidents(store, keep);
	int r = dropped;

	for (size_t i = 0; i < COUNTOF(of_the_trail) && r >= 0; i++) {
		r = drop_by_age(store, of_the_trail[i], keep->audit_before_s, keep->limit);
		dropped += r;
	}
	if (r >= 0)
		r = drop_evidence(store, keep);
	return r < 0 ? r : dropped + r;
}

int store_drop_old(struct store *store, const struct store_keep *keep)
{
	int r = store_begin(store);

	return r < 0 ? r : transaction_end(store, drop_step(store, keep));
}
