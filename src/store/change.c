/* SPDX-License-Identifier: ISC */
#include "base/macro.h"
#include "store/sql.h"
#include "store/store_priv.h"

/* The changes that those who follow the published state have not taken yet. */

int store_change_add(
	struct store *store, uint32_t serial, struct span list, const struct source *source)
{
	AUTO(sql) *sql = sql_start(store, Q_CHANGE_ADD);
	struct key key = source != NULL ? key_of(source) : (struct key){.bits = -1};

	sql_add_int(sql, serial);
	sql_add_text(sql, source != NULL ? list : span_text(""));
	sql_add_key(sql, &key);
	return sql_run(sql);
}

/* Behind `after` in the circle of RFC 1982: at most half a circle ahead. */
static bool change_is_behind(uint32_t serial, uint32_t after)
{
	return serial != after && serial - after < UINT32_C(0x80000000);
}

int store_changes(struct store *store, uint32_t after,
	int (*each)(struct span list, const struct source *source, void *arg), void *arg)
{
	AUTO(sql) *sql = sql_start(store, Q_CHANGES);
	int r = 0;

	while (r >= 0 && (r = sql_next(sql)) > 0) {
		struct source source;
		struct span list = sql_span(sql, 1);

		if (!change_is_behind(sql_u32(sql, 0), after))
			continue;
		if (list.len == 0)
			r = each(list, NULL, arg);
		else if ((r = sql_source(sql, 2, &source)) >= 0)
			r = each(list, &source, arg);
	}
	return r < 0 ? r : 0;
}

static int changes_drop(struct store *store, uint32_t serial, uint32_t limit)
{
	AUTO(sql) *sql = sql_start(store, Q_CHANGE_SERIALS);
	int dropped = 0, r = 0;

	while (r >= 0 && dropped < (int)limit && (r = sql_next(sql)) > 0) {
		uint32_t old = sql_u32(sql, 0);

		if (!change_is_behind(old, serial)) {
			AUTO(sql) *drop = sql_start(store, Q_CHANGE_DROP);

			sql_add_int(drop, old);
			r = (int)sql_update(drop);
			dropped += r > 0 ? r : 0;
		}
	}
	return r < 0 ? r : dropped;
}

int store_changes_drop(struct store *store, uint32_t serial, uint32_t limit)
{
	int r = store_begin(store);

	return r < 0 ? r : transaction_end(store, changes_drop(store, serial, limit));
}
