/* SPDX-License-Identifier: ISC */
#include "smtpd/pace.h"
#include "unit.h"

static const struct pace_limits limits = {
	.in_hand_ms = 300000, .least_rate = 500, .longest_ms = 3600000};

/* Until when a client lasts that sends so many octets each step_ms. */
static int64_t lasts_ms(const struct pace_limits *by, size_t octets, int64_t step_ms)
{
	struct pace pace;
	int64_t now_ms = 1000;

	pace_start(&pace, by, now_ms);
	while (now_ms + step_ms < pace_deadline_ms(&pace)) {
		now_ms += step_ms;
		pace_read(&pace, by, octets, now_ms);
	}
	return pace_deadline_ms(&pace) - 1000;
}

static void who_drips_does_not_last(void **state)
{
	(void)state;
	assert_in_range(lasts_ms(&limits, 1, 20000), 300000, 300100);
	assert_in_range(lasts_ms(&limits, 250, 1000), 599000, 601000);
	assert_in_range(lasts_ms(&limits, 1, 299000), 300000, 300100);
}

static void who_sends_by_the_least_rate_lasts_as_long_as_anybody_may(void **state)
{
	(void)state;
	assert_int_equal(lasts_ms(&limits, 500, 1000), 3600000);
	assert_int_equal(lasts_ms(&limits, 100000, 1000), 3600000);
}

static void a_pause_is_allowed_again_and_again(void **state)
{
	(void)state;
	assert_int_equal(lasts_ms(&limits, 150000, 299000), 3600000);
	assert_in_range(lasts_ms(&limits, 1000000, 301000), 300000, 300000);
}

static void without_a_least_rate_each_octet_counts(void **state)
{
	const struct pace_limits any = {.in_hand_ms = 300000, .longest_ms = 3600000};

	(void)state;
	assert_int_equal(lasts_ms(&any, 1, 299000), 3600000);
}

static void held_back_time_does_not_count(void **state)
{
	struct pace pace;

	(void)state;
	pace_start(&pace, &limits, 1000);
	pace_hold(&pace, 2000);
	pace_hold(&pace, 50000);
	pace_go_on(&pace, 102000);
	pace_go_on(&pace, 900000);
	assert_int_equal(pace_deadline_ms(&pace), 1000 + 300000 + 100000);
	pace_read(&pace, &limits, 1 << 20, 102000);
	assert_int_equal(pace_deadline_ms(&pace), 102000 + 300000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_drips_does_not_last),
		cmocka_unit_test(who_sends_by_the_least_rate_lasts_as_long_as_anybody_may),
		cmocka_unit_test(a_pause_is_allowed_again_and_again),
		cmocka_unit_test(without_a_least_rate_each_octet_counts),
		cmocka_unit_test(held_back_time_does_not_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
