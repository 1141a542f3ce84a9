/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "gate/passed_cache.h"

static void who_was_added_is_known_until_then(void **state)
{
	struct passed_cache *cache = passed_cache_new(64);
	struct ip ip = ip_from_v4(0xc0000201u);

	(void)state;
	assert_false(passed_cache_has(cache, ip, 100));
	passed_cache_add(cache, ip, 200);
	assert_true(passed_cache_has(cache, ip, 199));
	assert_false(passed_cache_has(cache, ip, 200));
	assert_false(passed_cache_has(cache, ip_from_v4(0xc0000202u), 100));
	passed_cache_add(cache, ip, 300);
	assert_true(passed_cache_has(cache, ip, 299));
	passed_cache_free(&cache);
	assert_null(cache);
}

static void a_flood_pushes_out_the_oldest_and_takes_no_more_memory(void **state)
{
	struct passed_cache *cache = passed_cache_new(64);
	unsigned known = 0;

	(void)state;
	for (uint32_t i = 0; i < 10000; i++)
		passed_cache_add(cache, ip_from_v4(0x0a000000u + i), 1000 + i);
	for (uint32_t i = 0; i < 10000; i++)
		known += passed_cache_has(cache, ip_from_v4(0x0a000000u + i), 0);
	assert_int_equal(known, 64); /* every place is used, none twice */
	assert_true(passed_cache_has(cache, ip_from_v4(0x0a000000u + 9999), 0));
	passed_cache_free(&cache);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_was_added_is_known_until_then),
		cmocka_unit_test(a_flood_pushes_out_the_oldest_and_takes_no_more_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
