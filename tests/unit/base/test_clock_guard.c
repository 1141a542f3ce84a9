/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "base/clock_guard.h"

static void a_clock_that_jumps_ahead_holds_expiry_back(void **state)
{
	struct clock_guard guard = {0};

	(void)state;
	assert_true(clock_guard_allows(&guard, 1000000, 0));
	assert_true(clock_guard_allows(&guard, 1000001, 1000));
	assert_true(clock_guard_allows(
		&guard, 1050000, 50000000)); /* a long sleep, both clocks agree */
	assert_false(clock_guard_allows(&guard, 1050000 + 31536000, 50001000));
	assert_false(clock_guard_allows(&guard, 1050001 + 31536000, 50002000));
	assert_true(clock_guard_allows(&guard, 1050002, 50003000)); /* set right again */
	assert_false(clock_guard_allows(&guard, 1050002 + 7200, 50004000));
	assert_true(clock_guard_allows(
		&guard, 1050002 + 7801, 50004000 + 600 * 1000)); /* believed at last */
}

static void the_jump_is_left_out_of_the_time_until_it_is_believed(void **state)
{
	struct clock_guard guard = {0};
	int64_t year_s = 31536000;

	(void)state;
	assert_int_equal(clock_guard_now_s(&guard, 1000000, 0), 1000000);
	assert_int_equal(clock_guard_now_s(&guard, 1000010 + year_s, 10000), 1000010);
	assert_int_equal(clock_guard_now_s(&guard, 1000070 + year_s, 70000), 1000070);
	assert_int_equal(clock_guard_now_s(&guard, 1000080, 80000), 1000080); /* set right */
	assert_int_equal(clock_guard_now_s(&guard, 1000090 + year_s, 90000), 1000090);
	assert_int_equal(clock_guard_now_s(&guard, 1000690 + year_s, 690000), 1000690 + year_s);
}

static void small_steps_and_steps_back_are_believed(void **state)
{
	struct clock_guard guard = {0};

	(void)state;
	assert_int_equal(clock_guard_now_s(&guard, 1000000, 0), 1000000);
	assert_int_equal(clock_guard_now_s(&guard, 1003600, 1000), 1003600);
	assert_int_equal(clock_guard_now_s(&guard, 1003600 - 86400, 2000), 1003600 - 86400);
	assert_true(clock_guard_allows(&guard, 1003601 - 86400, 3000));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_clock_that_jumps_ahead_holds_expiry_back),
		cmocka_unit_test(the_jump_is_left_out_of_the_time_until_it_is_believed),
		cmocka_unit_test(small_steps_and_steps_back_are_believed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
