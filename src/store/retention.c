/* SPDX-License-Identifier: ISC */
#include "base/macro.h"
#include "store/sql.h"
#include "store/store_priv.h"

/* What is too old to keep. */

/* In this order: what holds another row goes before it. */
static int drop_step(struct store *store, const struct store_keep *keep)
{
	const struct {
		enum query name;
		int64_t before_s;
		int64_t *count; /* of those that are left */
	} kinds[] = {
		{Q_DROP_INCIDENTS, keep->incidents_before_s, &store->counts.incidents},
		{Q_DROP_LISTINGS, keep->audit_before_s, NULL},
		{Q_DROP_GROUPS, keep->audit_before_s, NULL},
		{Q_DROP_EVIDENCE, keep->incidents_before_s, &store->counts.evidence},
		{Q_DROP_EVENTS, keep->audit_before_s, NULL},
	};
	int dropped = 0;

	for (size_t i = 0; i < COUNTOF(kinds); i++) {
		AUTO(sql) *sql = sql_start(store, kinds[i].name);
		int r;

		sql_add_int(sql, kinds[i].before_s);
		sql_add_int(sql, keep->limit);
		r = (int)sql_update(sql);
		if (r < 0)
			return r;
		dropped += r;
		if (kinds[i].count != NULL)
			*kinds[i].count -= r;
	}
	return dropped;
}

int store_drop_old(struct store *store, const struct store_keep *keep)
{
	int r = store_begin(store);

	return r < 0 ? r : transaction_end(store, drop_step(store, keep));
}
