/* SPDX-License-Identifier: ISC */
#include "base/bucket_table.h"
#include "base/macro.h"
#include "unit.h"

struct visit {
	struct bucket_entry entry;
	int count;
};

static struct visit *visit(struct bucket_table *table, uint32_t v4, int64_t now)
{
	struct visit *visit = bucket_table_need(table, ip_from_v4(v4), 0);

	visit->entry.used = now;
	visit->count++;
	return visit;
}

static void an_entry_is_found_by_address_and_number(void **state)
{
	AUTO(bucket_table) *table = bucket_table_new(64, sizeof(struct visit));
	struct ip ip = ip_from_v4(0xc0000201u);

	(void)state;
	assert_null(bucket_table_find(table, ip, 0));
	assert_int_equal(visit(table, 0xc0000201u, 100)->count, 1);
	assert_int_equal(visit(table, 0xc0000201u, 200)->count, 2);
	assert_ptr_equal(bucket_table_find(table, ip, 0), bucket_table_need(table, ip, 0));
	assert_null(bucket_table_find(table, ip, 1));
	assert_null(bucket_table_find(table, ip_from_v4(0xc0000202u), 0));
}

static void a_flood_pushes_out_the_oldest_and_takes_no_more_memory(void **state)
{
	AUTO(bucket_table) *table = bucket_table_new(64, sizeof(struct visit));
	unsigned known = 0;

	(void)state;
	for (uint32_t i = 0; i < 10000; i++)
		assert_int_equal(visit(table, 0x0a000000u + i, 1000 + i)->count, 1);
	for (uint32_t i = 0; i < 10000; i++)
		known += bucket_table_find(table, ip_from_v4(0x0a000000u + i), 0) != NULL;
	assert_int_equal(known, 64); /* every entry is used, none twice */
	assert_non_null(bucket_table_find(table, ip_from_v4(0x0a000000u + 9999), 0));
}

static void a_bucket_can_be_cleared_by_hand(void **state)
{
	AUTO(bucket_table) *table = bucket_table_new(1, sizeof(struct visit));
	struct visit *bucket;

	(void)state;
	visit(table, 1, 100);
	bucket = bucket_table_bucket(table, ip_from_v4(2), 0);
	for (size_t i = 0; i < BUCKET_WAYS; i++)
		bucket[i] = (struct visit){0};
	assert_null(bucket_table_find(table, ip_from_v4(1), 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_entry_is_found_by_address_and_number),
		cmocka_unit_test(a_flood_pushes_out_the_oldest_and_takes_no_more_memory),
		cmocka_unit_test(a_bucket_can_be_cleared_by_hand),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
