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

/* Everything at 100 ms; at_ms 0: something has to end first. */
static const struct {
	struct feed_due due;
	enum feed_step step;
	int64_t at_ms;
} dues[] = {
	{{.fetch_at_ms = 200}, FEED_WAIT, 200},
	{{.fetch_at_ms = 100}, FEED_FETCH, 100},
	{{.fetch_at_ms = 200, .send_at_ms = 100}, FEED_SEND, 100},
	{{.fetch_at_ms = 200, .send_at_ms = 150}, FEED_WAIT, 150},
	/* The refresh was over before the zone was worked through. */
	{{.fetch_at_ms = 50, .send_at_ms = 100}, FEED_SEND, 50},
	{{.fetch_at_ms = 50, .send_at_ms = 100, .others_send = true}, FEED_WAIT, 0},
	/* What the keeper did not want is offered again later; until then something newer may
	 * come. */
	{{.fetch_at_ms = 100, .send_at_ms = 150}, FEED_FETCH, 100},
	{{.fetch_at_ms = 100, .send_at_ms = 150, .others_send = true}, FEED_FETCH, 100},
	{{.fetch_at_ms = 200, .send_at_ms = 150, .others_send = true}, FEED_WAIT, 200},
	{{.fetch_at_ms = 50, .send_at_ms = 100, .is_busy = true}, FEED_WAIT, 0},
	{{.fetch_at_ms = 50, .is_busy = true}, FEED_WAIT, 0},
};

static void what_was_fetched_is_sent_before_more_is_fetched(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNTOF(dues); i++) {
		int64_t want = dues[i].at_ms != 0 ? dues[i].at_ms : INT64_MAX;

		assert_int_equal(feed_due_step(&dues[i].due, 100), dues[i].step);
		assert_true(feed_due_at_ms(&dues[i].due, 100) == want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_soa_holds_within_bounds),
		cmocka_unit_test(without_an_soa_it_is_tried_each_minute),
		cmocka_unit_test(what_was_fetched_is_sent_before_more_is_fetched),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
