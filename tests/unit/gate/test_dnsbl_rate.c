/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "gate/dnsbl_rate.h"

/* hits of each hundred clients, all in this minute; what it said last but SAME. */
static enum dnsbl_rate_news minute(
	struct dnsbl_rate *rate, int64_t minute, unsigned clients, unsigned hits_of_100)
{
	enum dnsbl_rate_news last = DNSBL_RATE_SAME;

	for (unsigned i = 0; i < clients; i++) {
		bool hit = (i + 1) * hits_of_100 / 100 != i * hits_of_100 / 100;
		enum dnsbl_rate_news news = dnsbl_rate_note(rate, hit, minute * 60000 + i);

		last = news != DNSBL_RATE_SAME ? news : last;
	}
	return last;
}

static void three_times_the_norm_is_told_once_and_so_is_its_end(void **state)
{
	struct dnsbl_rate rate = {0};

	(void)state;
	for (int64_t i = 1; i <= 10; i++)
		assert_int_equal(minute(&rate, i, 200, 20), DNSBL_RATE_SAME);
	assert_int_equal(minute(&rate, 11, 200, 50), DNSBL_RATE_SAME);
	assert_int_equal(minute(&rate, 12, 200, 100), DNSBL_RATE_HIGH);
	assert_int_equal(minute(&rate, 13, 200, 100), DNSBL_RATE_SAME);
	assert_int_equal(minute(&rate, 14, 200, 20), DNSBL_RATE_SAME);
	assert_int_equal(minute(&rate, 15, 1, 0), DNSBL_RATE_USUAL);
	assert_int_equal(minute(&rate, 16, 200, 100), DNSBL_RATE_HIGH);
}

static void few_clients_say_nothing(void **state)
{
	struct dnsbl_rate rate = {0};

	(void)state;
	assert_int_equal(minute(&rate, 1, 499, 0), DNSBL_RATE_SAME);
	assert_int_equal(minute(&rate, 2, 400, 100), DNSBL_RATE_SAME); /* no norm yet */
	rate = (struct dnsbl_rate){.norm_asked = 10000, .norm_hits = 100};
	assert_int_equal(minute(&rate, 3, DNSBL_RATE_SAMPLES - 1, 100), DNSBL_RATE_SAME);
	assert_int_equal(minute(&rate, 4, 200, 4), DNSBL_RATE_SAME); /* 8 hits may be chance */
	assert_int_equal(minute(&rate, 5, DNSBL_RATE_SAMPLES, 100), DNSBL_RATE_HIGH);
}

/* Years of one norm do not keep a new one away. */
static void what_was_counts_less_and_less(void **state)
{
	struct dnsbl_rate rate = {0};

	(void)state;
	for (int64_t i = 1; i <= 1000; i++)
		minute(&rate, i, 1000, 10);
	assert_true(rate.norm_asked <= DNSBL_RATE_MEMORY + 1000);
	for (int64_t i = 1001; i <= 1300; i++)
		assert_int_equal(minute(&rate, i, 1000, 25), DNSBL_RATE_SAME);
	assert_int_equal(minute(&rate, 1301, 1000, 50), DNSBL_RATE_SAME);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(three_times_the_norm_is_told_once_and_so_is_its_end),
		cmocka_unit_test(few_clients_say_nothing),
		cmocka_unit_test(what_was_counts_less_and_less),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
