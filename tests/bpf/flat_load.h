/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * What user space does once for a snapshot: the file goes into one map as it is, and where the sections of a list begin into
 * another. Pure; any thread.
 */
#include "base/macro.h"
#include "flat.h"
#include "list/snapshot.h"

static inline struct flat_table flat_table_of(const struct prefix_table_record *record)
{
	struct flat_table table = {
		.count = record->packed.count,
		.exceptions = record->packed.exceptions,
		.base_at = (uint32_t)record->base_at,
		.offset_at = (uint32_t)record->offset_at,
		.extra_at = (uint32_t)record->packed.extra_at,
		.exception_place_at = (uint32_t)record->packed.exception_index_at,
		.exception_row_at = (uint32_t)record->packed.exception_row_at,
		.rung_at = {(uint32_t)record->key_at},
		.rung_len = {record->packed.count},
		.rungs = record->packed.count != 0,
		.key_bytes = record->key_bytes,
		.low_bits = record->low_bits,
		.inline_bits = record->packed.inline_bits,
		.extra_bits = record->packed.extra_bits,
	};
	uint64_t at = record->ladder_at;

	for (uint32_t len = table.count; len > FLAT_FANOUT && record->key_bytes > 2;
		table.rungs++) {
		ASSERT(table.rungs < FLAT_RUNGS);
		len = (len + FLAT_FANOUT - 1) / FLAT_FANOUT;
		table.rung_at[table.rungs] = (uint32_t)at;
		table.rung_len[table.rungs] = len;
		at += (uint64_t)len * record->key_bytes;
	}
	return table;
}

/* The list at a place of the file, which fits into FLAT_SIZE. */
static inline struct flat_list flat_list_of(struct span file, size_t place)
{
	const struct snapshot_header *header = (const void *)file.ptr;
	const struct list_record *record =
		(const struct list_record *)(const void *)(file.ptr + header->lists_at) + place;

	ASSERT(file.len <= FLAT_SIZE);
	return (struct flat_list){
		.rows = record->rows.rows,
		.hits = record->rows.hits,
		.row_first_at = (uint32_t)record->rows.first_at,
		.hit_at = (uint32_t)record->rows.hit_at,
		.v4_points = flat_table_of(&record->v4_points),
		.v4_steps = flat_table_of(&record->v4_steps),
		.hosts = flat_table_of(&record->hosts),
		.nets = flat_table_of(&record->nets),
		.steps = flat_table_of(&record->steps),
	};
}
