/* SPDX-License-Identifier: ISC */
#include "base/macro.h"
#include "feed/times.h"
#include "unit.h"

static const struct {
	struct dns_soa soa;
	int64_t every_s;
	struct feed_times want;
} cases[] = {
	{{.refresh_s = 1800, .retry_s = 900, .expire_s = 604800}, 0, {1800, 900, 604800}},
	{{.refresh_s = 1, .retry_s = 1, .expire_s = 1}, 0, {60, 60, 3600}},
	{{.refresh_s = UINT32_MAX, .retry_s = UINT32_MAX, .expire_s = UINT32_MAX}, 0,
		{86400, 86400, 60 * 86400}},
	{{.refresh_s = 600, .retry_s = 7200, .expire_s = 604800}, 0, {600, 600, 604800}},
	{{.refresh_s = 1800, .retry_s = 900, .expire_s = 604800}, 300, {300, 300, 604800}},
	{{.refresh_s = 1800, .retry_s = 900, .expire_s = 3600}, 86400, {86400, 900, 2 * 86400}},
};

static void the_soa_holds_within_bounds(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNTOF(cases); i++) {
		struct feed_times times = feed_times_of(&cases[i].soa, cases[i].every_s);

		assert_int_equal(times.refresh_s, cases[i].want.refresh_s);
		assert_int_equal(times.retry_s, cases[i].want.retry_s);
		assert_int_equal(times.expire_s, cases[i].want.expire_s);
	}
}

static void without_an_soa_it_is_tried_each_minute(void **state)
{
	(void)state;
	assert_int_equal(feed_times_of(NULL, 0).retry_s, 60);
	assert_int_equal(feed_times_of(NULL, 5).retry_s, 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_soa_holds_within_bounds),
		cmocka_unit_test(without_an_soa_it_is_tried_each_minute),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
