/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/hash.h"
#include "base/macro.h"
#include "grey/table.h"

enum { NOW = 1700000000, HOUR = 3600, DAY = 86400 };

static struct grey_table *table_of(size_t entries, size_t network)
{
	return grey_table_new(&(struct grey_limits){.entries = entries,
		.network = network,
		.retry_within_s = DAY,
		.remember_s = 36 * DAY});
}

static struct grey_entry entry_of(uint64_t number, enum grey_state state)
{
	return (struct grey_entry){
		.key = {hash_mix(number + 1), number},
		.first_s = NOW,
		.last_s = NOW,
		.network = (uint32_t)hash_mix(number + 77),
		.kind = GREY_TRIPLET,
		.state = (uint8_t)state,
	};
}

static bool has(const struct grey_table *table, uint64_t number, int64_t now_s)
{
	struct grey_entry entry = entry_of(number, GREY_WAITS);

	return grey_table_find(table, entry.key, now_s) != NULL;
}

static void put(struct grey_table *table, struct grey_entry entry, int64_t now_s)
{
	assert_int_equal(grey_table_put(table, &entry, now_s), 0);
}

/* Beside a plain array that remembers the same. */
static void holds_what_was_put(void **state)
{
	enum { NUMBERS = 20000, STEPS = 100000 };
	AUTO(grey_table) *table = table_of(1 << 20, 1 << 20);
	bool *there = calloc(NUMBERS, sizeof(*there));
	size_t count = 0;
	uint64_t seed = 1;

	(void)state;
	for (size_t i = 0; i < STEPS; i++) {
		uint64_t number = (seed = hash_mix(seed + 1)) % NUMBERS;

		assert_int_equal(has(table, number, NOW), there[number]);
		put(table, entry_of(number, GREY_WAITS), NOW);
		count += !there[number];
		there[number] = true;
	}
	assert_int_equal(grey_table_count(table), count);
	assert_int_equal(grey_table_count_waiting(table), count);
	free(there);
}

static void a_walk_meets_each_once_in_order(void **state)
{
	enum { NUMBERS = 5000 };
	AUTO(grey_table) *table = table_of(1 << 20, 1 << 20);
	struct grey_entry some[64];
	struct grey_key from = {0, 0};
	size_t met = 0, len;

	(void)state;
	for (uint64_t i = 0; i < NUMBERS; i++)
		put(table, entry_of(i, GREY_WAITS), NOW);
	while ((len = grey_table_walk(table, from, some, COUNTOF(some))) != 0) {
		for (size_t i = 1; i < len; i++)
			assert_true(some[i - 1].key.high < some[i].key.high);
		assert_true(from.high <= some[0].key.high);
		from = some[len - 1].key;
		from.low++;
		met += len;
	}
	assert_int_equal(met, NUMBERS);
}

static void what_is_over_is_not_found_and_goes(void **state)
{
	AUTO(grey_table) *table = table_of(1 << 20, 1 << 20);

	(void)state;
	put(table, entry_of(1, GREY_WAITS), NOW);
	put(table, entry_of(2, GREY_PASSED), NOW);
	assert_true(has(table, 1, NOW + DAY - 1));
	assert_false(has(table, 1, NOW + DAY));
	assert_true(has(table, 2, NOW + 36 * DAY - 1));
	assert_false(has(table, 2, NOW + 36 * DAY));
	/* a time to come is taken for now */
	assert_true(has(table, 1, NOW - 10 * DAY));
	for (uint64_t i = 10; i < 2000; i++)
		put(table, entry_of(i, GREY_PASSED), NOW + 30 * DAY);
	assert_int_equal(grey_table_count_waiting(table), 0);
}

static void a_full_table_loses_the_oldest_that_wait(void **state)
{
	enum { ROOM = 4000 };
	AUTO(grey_table) *table = table_of(ROOM, ROOM);
	size_t old = 0, new = 0;

	(void)state;
	for (uint64_t i = 0; i < ROOM; i++) {
		struct grey_entry entry = entry_of(i, GREY_WAITS);

		entry.first_s += i < ROOM / 2 ? 0 : HOUR;
		put(table, entry, NOW + HOUR);
	}
	for (uint64_t i = ROOM; i < ROOM + ROOM / 4; i++)
		put(table, entry_of(i, GREY_WAITS), NOW + HOUR);
	assert_int_equal(grey_table_count(table), ROOM);
	for (uint64_t i = 0; i < ROOM; i++)
		*(i < ROOM / 2 ? &old : &new) += has(table, i, NOW + HOUR);
	assert_int_equal(new, ROOM / 2);
	assert_true(old < ROOM / 2);
}

static void strangers_push_out_nobody_who_passed(void **state)
{
	enum { ROOM = 4000, PASSED = 2500 };
	AUTO(grey_table) *table = table_of(ROOM, ROOM);

	(void)state;
	for (uint64_t i = 0; i < PASSED; i++)
		put(table, entry_of(i, GREY_PASSED), NOW);
	for (uint64_t i = PASSED; i < 20 * ROOM; i++)
		put(table, entry_of(i, GREY_WAITS), NOW);
	for (uint64_t i = 0; i < PASSED; i++)
		assert_true(has(table, i, NOW));
	assert_int_equal(grey_table_count(table), ROOM);
}

static void those_that_passed_leave_room_for_others(void **state)
{
	enum { ROOM = 4000 };
	AUTO(grey_table) *table = table_of(ROOM, ROOM);

	(void)state;
	for (uint64_t i = 0; i < 3 * ROOM; i++) {
		put(table, entry_of(i, GREY_WAITS), NOW);
		put(table, entry_of(i, GREY_PASSED), NOW);
	}
	assert_true(grey_table_count(table) - grey_table_count_waiting(table) <= ROOM / 4 * 3);
	put(table, entry_of(5 * ROOM, GREY_WAITS), NOW);
	assert_true(has(table, 5 * ROOM, NOW));
}

static void a_network_has_its_share(void **state)
{
	enum { ROOM = 4000, SHARE = 100, OTHERS = 3000 };
	AUTO(grey_table) *table = table_of(ROOM, SHARE);
	size_t left = 0;

	(void)state;
	for (uint64_t i = 0; i < OTHERS; i++)
		put(table, entry_of(i, GREY_WAITS), NOW);
	for (uint64_t i = OTHERS; i < 10 * ROOM; i++) {
		struct grey_entry entry = entry_of(i, GREY_WAITS);

		entry.network = 12345;
		put(table, entry, NOW);
	}
	for (uint64_t i = 0; i < OTHERS; i++)
		assert_true(has(table, i, NOW));
	for (uint64_t i = OTHERS; i < 10 * ROOM; i++)
		left += has(table, i, NOW);
	assert_int_equal(left, SHARE);
	/* and the newest of its own is among them */
	assert_true(has(table, 10 * ROOM - 1, NOW));
}

static void a_clock_that_is_set_takes_all_along(void **state)
{
	AUTO(grey_table) *table = table_of(1 << 20, 1 << 20);
	const int64_t year = 365 * DAY;

	(void)state;
	put(table, entry_of(1, GREY_WAITS), NOW);
	put(table, entry_of(2, GREY_PASSED), NOW);
	grey_table_shift(table, year);
	assert_int_equal(grey_table_find(table, entry_of(1, GREY_WAITS).key, NOW + year)->first_s,
		NOW + year);
	assert_true(has(table, 2, NOW + year));
	grey_table_shift(table, -3 * year);
	assert_true(has(table, 1, NOW - 2 * year));
	assert_false(has(table, 1, NOW - 2 * year + DAY));
}

static void a_million_in_forty_octets_each(void **state)
{
	enum { MILLION = 1000000 };
	AUTO(grey_table) *table = table_of(MILLION + MILLION / 5, MILLION);

	(void)state;
	for (uint64_t i = 0; i < MILLION; i++)
		put(table, entry_of(i, GREY_WAITS), NOW);
	assert_int_equal(grey_table_count(table), MILLION);
	for (uint64_t i = 0; i < MILLION; i++)
		assert_true(has(table, i, NOW));
	print_message("%zu octets each\n", grey_table_memory(table) / MILLION);
	assert_true(grey_table_memory(table) / MILLION <= 48);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(holds_what_was_put),
		cmocka_unit_test(a_walk_meets_each_once_in_order),
		cmocka_unit_test(what_is_over_is_not_found_and_goes),
		cmocka_unit_test(a_full_table_loses_the_oldest_that_wait),
		cmocka_unit_test(strangers_push_out_nobody_who_passed),
		cmocka_unit_test(those_that_passed_leave_room_for_others),
		cmocka_unit_test(a_network_has_its_share),
		cmocka_unit_test(a_clock_that_is_set_takes_all_along),
		cmocka_unit_test(a_million_in_forty_octets_each),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
