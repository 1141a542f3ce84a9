/* SPDX-License-Identifier: ISC */
#include "smtpd/stress.h"
#include "unit.h"

static void it_begins_at_90_per_cent_and_ends_after_half_a_quiet_minute(void **state)
{
	struct stress stress = {0};

	(void)state;
	assert_false(stress_look(&stress, 89, 1000));
	assert_true(stress_look(&stress, 90, 2000));
	assert_false(stress_look(&stress, 95, 3000));
	assert_false(stress_look(&stress, 76, 100000));
	assert_false(stress_look(&stress, 75, 101000));
	assert_false(stress_look(&stress, 80, 120000)); /* not quiet any more */
	assert_false(stress_look(&stress, 10, 130000));
	assert_false(stress_look(&stress, 10, 159999));
	assert_true(stress.is_on);
	assert_true(stress_look(&stress, 10, 160000));
	assert_false(stress.is_on);
}

static void what_was_full_is_felt_for_minutes(void **state)
{
	struct stress stress = {0};

	(void)state;
	assert_false(stress_is_felt(&stress, 500));
	stress_look(&stress, 90, 1000);
	assert_true(stress_is_felt(&stress, 1000));
	stress_look(&stress, 0, 2000);
	stress_look(&stress, 0, 2000 + STRESS_QUIET_MS);
	assert_false(stress_is_felt(&stress, 2000 + STRESS_QUIET_MS));
	stress_look(&stress, 100, 100000);
	stress_look(&stress, 0, 101000);
	stress_look(&stress, 0, 140000);
	assert_false(stress.is_on);
	assert_true(stress_is_felt(&stress, 100000 + STRESS_TOLD_MS - 1));
	assert_false(stress_is_felt(&stress, 100000 + STRESS_TOLD_MS));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_begins_at_90_per_cent_and_ends_after_half_a_quiet_minute),
		cmocka_unit_test(what_was_full_is_felt_for_minutes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
