/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include <string.h>

#include "base/macro.h"
#include "grey/record.h"

enum { NOW = 1700000000 };

static const struct grey_entry sample = {.key = {UINT64_C(0x0102030405060708), 9},
	.first_s = NOW - 5,
	.last_s = NOW,
	.network = 0xa1b2c3d4,
	.kind = GREY_GROUP,
	.state = GREY_PASSED,
	.passes = 3};

static void heads_and_records_come_back(void **state)
{
	const struct grey_head head = {7, {{1, 2, 3}}, GREY_FILE_WHOLE};
	struct grey_head read;
	struct grey_entry entry;
	struct buf octets;

	(void)state;
	buf_init(&octets, 0);
	grey_head_print(&head, &octets);
	assert_int_equal(buf_len(&octets), GREY_HEAD_SIZE);
	assert_int_equal(grey_head_read(buf_span(&octets), &read), 0);
	assert_int_equal(read.generation, 7);
	assert_int_equal(read.state, GREY_FILE_WHOLE);
	assert_memory_equal(&read.secret, &head.secret, sizeof(read.secret));
	buf_clear(&octets);
	grey_record_print(7, &sample, &octets);
	assert_int_equal(buf_len(&octets), GREY_RECORD_SIZE);
	assert_int_equal(grey_record_read(buf_span(&octets), 7, &entry), 0);
	assert_memory_equal(&entry, &sample, sizeof(entry));
	/* what an older file left at this place */
	assert_int_equal(grey_record_read(buf_span(&octets), 8, &entry), E_CHECKSUM);
	buf_done(&octets);
}

static void each_damaged_octet_is_seen(void **state)
{
	const struct grey_head head = {7, {{1, 2, 3}}, GREY_FILE_WHOLE};
	uint8_t octets[GREY_HEAD_SIZE];
	struct grey_entry entry;
	struct grey_head read;
	struct buf out;

	(void)state;
	buf_init(&out, 0);
	grey_head_print(&head, &out);
	for (size_t i = 0; i < GREY_HEAD_SIZE; i++) {
		memcpy(octets, buf_span(&out).ptr, GREY_HEAD_SIZE);
		octets[i] ^= 0x40;
		assert_true(grey_head_read(span_of(octets, GREY_HEAD_SIZE), &read) < 0);
		assert_true(grey_head_read(span_of(buf_span(&out).ptr, i), &read) < 0);
	}
	buf_clear(&out);
	grey_record_print(7, &sample, &out);
	for (size_t i = 0; i < GREY_RECORD_SIZE; i++) {
		memcpy(octets, buf_span(&out).ptr, GREY_RECORD_SIZE);
		octets[i] ^= 0x40;
		assert_true(grey_record_read(span_of(octets, GREY_RECORD_SIZE), 7, &entry) < 0);
		assert_true(grey_record_read(span_of(buf_span(&out).ptr, i), 7, &entry) < 0);
	}
	buf_done(&out);
}

static void behind_a_damaged_record_others_are_read(void **state)
{
	const struct grey_limits limits = {
		.entries = 100, .network = 100, .retry_within_s = 86400, .remember_s = 86400};
	AUTO(grey_table) *table = grey_table_new(&limits);
	struct grey_entry entry = sample;
	struct grey_counts counts = {0};
	struct grey_records records = {.generation = 7, .now_s = NOW};
	uint8_t octets[10 * GREY_RECORD_SIZE];
	struct buf out;

	(void)state;
	buf_init(&out, 0);
	for (uint64_t i = 0; i < 10; i++) {
		entry.key.high = i << 56;
		grey_record_print(7, &entry, &out);
	}
	memcpy(octets, buf_span(&out).ptr, sizeof(octets));
	octets[3 * GREY_RECORD_SIZE + 5] ^= 1;
	records.octets = span_of(octets, sizeof(octets) - 1); /* and the last one is torn */
	grey_records_take(&records, table, &counts);
	assert_int_equal(counts.records, 8);
	assert_int_equal(counts.damaged, 2);
	assert_int_equal(grey_table_count(table), 8);
	/* of one that is there the newer holds */
	entry.key.high = 0;
	entry.last_s = NOW - 100;
	entry.passes = 1;
	buf_clear(&out);
	grey_record_print(7, &entry, &out);
	records.octets = buf_span(&out);
	grey_records_take(&records, table, &counts);
	assert_int_equal(grey_table_find(table, entry.key, NOW)->passes, 3);
	buf_done(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(heads_and_records_come_back),
		cmocka_unit_test(each_damaged_octet_is_seen),
		cmocka_unit_test(behind_a_damaged_record_others_are_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
