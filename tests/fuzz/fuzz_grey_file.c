/* SPDX-License-Identifier: ISC */
/* A file of the greylist, as the gate reads it at its start: whatever stands there, the table stays
 * within its bound, and what was read once is read again from what is written of it. */
#include <stdint.h>
#include <stdlib.h>

#include "base/macro.h"
#include "grey/record.h"

enum { NOW = 1700000000, ENTRIES = 64 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_again(const struct grey_table *table)
{
	struct grey_entry entries[ENTRIES], again;
	size_t count = grey_table_walk(table, (struct grey_key){0, 0}, entries, ENTRIES);
	struct buf octets;

	buf_init(&octets, 0);
	for (size_t i = 0; i < count; i++) {
		buf_clear(&octets);
		grey_record_print(9, &entries[i], &octets);
		if (grey_record_read(buf_span(&octets), 9, &again) < 0 ||
			again.key.high != entries[i].key.high || again.last_s != entries[i].last_s)
			abort();
	}
	buf_done(&octets);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct grey_limits limits = {.entries = ENTRIES,
		.network = ENTRIES / 4,
		.retry_within_s = 86400,
		.remember_s = 36 * 86400};
	AUTO(grey_table) *table = grey_table_new(&limits);
	struct grey_counts counts = {0};
	struct grey_head head = {0};
	struct grey_records records = {.octets = span_of(data, size), .now_s = NOW};

	if (grey_head_read(records.octets, &head) == 0)
		records.octets = span_from(records.octets, GREY_HEAD_SIZE);
	records.generation = head.generation;
	grey_records_take(&records, table, &counts);
	if (grey_table_count(table) > ENTRIES || grey_table_count_waiting(table) > ENTRIES)
		abort();
	read_again(table);
	grey_table_shift(table, -INT64_C(86400) * 365);
	return 0;
}
