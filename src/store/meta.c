/* SPDX-License-Identifier: ISC */
#include "store/meta.h"

#include "base/macro.h"
#include "store/sql.h"
#include "store/store_priv.h"

int meta_get(struct store *store, const char *key, int64_t *ret_value)
{
	AUTO(sql) *sql = sql_start(store, Q_META_GET);
	int r;

	sql_add_text(sql, span_text(key));
	r = sql_number(sql, ret_value);
	return r > 0 ? 0 : r < 0 ? r : E_CORRUPT;
}

static int meta_change(struct store *store, enum query name, const char *key, int64_t value)
{
	AUTO(sql) *sql = sql_start(store, name);

	sql_add_text(sql, span_text(key));
	sql_add_int(sql, value);
	return sql_run(sql);
}

int meta_set(struct store *store, const char *key, int64_t value)
{
	return meta_change(store, Q_META_SET, key, value);
}

int meta_add(struct store *store, const char *key, int64_t change)
{
	return change != 0 ? meta_change(store, Q_META_ADD, key, change) : 0;
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
	return meta_set(store, "serial", serial);
}

int store_counts(struct store *store, uint64_t *ret_incidents, uint64_t *ret_evidence)
{
	int64_t incidents = 0, evidence = 0;
	int r = meta_get(store, "incidents", &incidents);

	if (r >= 0)
		r = meta_get(store, "evidence", &evidence);
	if (r < 0)
		return r;
	*ret_incidents = (uint64_t)incidents;
	*ret_evidence = (uint64_t)evidence;
	return 0;
}

/* By Q_SLOT_COUNT or Q_GROUP_COUNT. */
static int count_write(struct store *store, enum query name, int64_t row, int64_t change)
{
	AUTO(sql) *sql = NULL;

	if (change == 0)
		return 0;
	sql = sql_start(store, name);
	sql_add_int(sql, row);
	sql_add_int(sql, change);
	return sql_run(sql);
}

int counts_slot(struct store *store, int64_t slot, int64_t change)
{
	struct row_counts *counts = &store->counts;

	for (size_t i = 0; i < counts->slots_len; i++) {
		if (counts->slots[i].slot == slot) {
			counts->slots[i].change += change;
			return 0;
		}
	}
	if (counts->slots_len == SLOT_COUNTS_MAX)
		return count_write(store, Q_SLOT_COUNT, slot, change);
	counts->slots[counts->slots_len++] = (struct slot_count){slot, change};
	return 0;
}

int counts_group(struct store *store, int64_t group, int64_t change)
{
	struct row_counts *counts = &store->counts;
	int r;

	for (size_t i = 0; i < counts->groups_len; i++) {
		if (counts->groups[i].group == group) {
			counts->groups[i].change += change;
			return 0;
		}
	}
	r = counts->groups_len == GROUP_COUNTS_MAX ? counts_write_groups(store) : 0;
	if (r >= 0)
		counts->groups[counts->groups_len++] = (struct group_count){group, change};
	return r;
}

int counts_write_groups(struct store *store)
{
	struct row_counts *counts = &store->counts;
	int r = 0;

	for (size_t i = 0; i < counts->groups_len && r >= 0; i++)
		r = count_write(
			store, Q_GROUP_COUNT, counts->groups[i].group, counts->groups[i].change);
	counts->groups_len = 0;
	return r;
}

int counts_write(struct store *store)
{
	struct row_counts *counts = &store->counts;
	int r = counts_write_groups(store);

	for (size_t i = 0; i < counts->slots_len && r >= 0; i++)
		r = count_write(
			store, Q_SLOT_COUNT, counts->slots[i].slot, counts->slots[i].change);
	if (r >= 0)
		r = meta_add(store, "incidents", counts->incidents);
	if (r >= 0)
		r = meta_add(store, "evidence", counts->evidence);
	return r;
}
