/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "base/macro.h"
#include "portal/rate.h"

static const struct rate_settings settings = {.burst = 3, .per_minute = 6};

static struct ip ip(const char *text)
{
	struct ip ip;

	assert_int_equal(ip_parse(span_text(text), &ip), 0);
	return ip;
}

static void a_burst_is_free_and_then_tokens_come_back(void **state)
{
	AUTO(rate) *rate = rate_new(&settings);
	struct ip client = ip("192.0.2.1");

	(void)state;
	for (int i = 0; i < 3; i++)
		assert_int_equal(rate_take(rate, client, 1000), 0);
	assert_int_equal(rate_take(rate, client, 1000), 10);
	assert_int_equal(rate_take(rate, client, 10500), 1); /* half a second is told as one */
	assert_int_equal(rate_take(rate, client, 11000), 0);
	assert_int_equal(rate_take(rate, client, 11000), 10);
	for (int i = 0; i < 3; i++) /* never more than a burst, however long ago */
		assert_int_equal(rate_take(rate, client, 100000000), 0);
	assert_int_not_equal(rate_take(rate, client, 100000000), 0);
}

static void asking_in_vain_costs_nothing(void **state)
{
	AUTO(rate) *rate = rate_new(&settings);
	struct ip client = ip("192.0.2.1");

	(void)state;
	for (int i = 0; i < 3; i++)
		rate_take(rate, client, 1000);
	for (int64_t now_ms = 1000; now_ms < 11000; now_ms += 100)
		assert_int_not_equal(rate_take(rate, client, now_ms), 0);
	assert_int_equal(rate_take(rate, client, 11000), 0);
}

static void a_network_shares_one_bucket_of_which_a_source_has_half(void **state)
{
	AUTO(rate) *rate = rate_new(&settings);

	(void)state;
	for (int i = 0; i < 3; i++)
		assert_int_equal(rate_take(rate, ip("192.0.2.1"), 1000), 0);
	assert_int_not_equal(rate_take(rate, ip("192.0.2.1"), 1000), 0);
	for (uint32_t i = 0; i < 3; i++) /* its neighbours are answered */
		assert_int_equal(rate_take(rate, ip_from_v4(0xc000024d + i), 1000), 0);
	assert_int_not_equal(rate_take(rate, ip("192.0.2.3"), 1000), 0);
	assert_int_equal(rate_take(rate, ip("192.0.3.1"), 1000), 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(rate_take(rate, ip("2001:db8::1"), 1000), 0);
	assert_int_not_equal(rate_take(rate, ip("2001:db8::ffff:1"), 1000), 0); /* the same /64 */
	for (int i = 0; i < 3; i++)
		assert_int_equal(rate_take(rate, ip("2001:db8:0:1::1"), 1000), 0);
	assert_int_not_equal(rate_take(rate, ip("2001:db8:0:2::1"), 1000), 0);
	assert_int_equal(rate_take(rate, ip("2001:db8:1::1"), 1000), 0);
}

/* What its network could not give is not taken from a source. */
static void who_waits_for_his_network_loses_nothing(void **state)
{
	AUTO(rate) *rate = rate_new(&settings);

	(void)state;
	for (uint32_t i = 0; i < 6; i++)
		assert_int_equal(rate_take(rate, ip_from_v4(0xc0000200 + i), 1000), 0);
	for (int i = 0; i < 100; i++)
		assert_int_not_equal(rate_take(rate, ip("192.0.2.99"), 1000), 0);
	assert_int_equal(rate_take(rate, ip("192.0.2.99"), 16000), 0);
	assert_int_equal(rate_take(rate, ip("192.0.2.99"), 16000), 0);
	assert_int_equal(rate_take(rate, ip("192.0.2.99"), 16000), 0);
}

/* However many come, each newcomer gets an answer and the table stays as it is. */
static void many_clients_replace_the_idle_ones(void **state)
{
	AUTO(rate) *rate = rate_new(&settings);

	(void)state;
	for (uint32_t i = 0; i < 100000; i++)
		assert_int_equal(rate_take(rate, ip_from_v4(i << 8), 1000 + i), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_burst_is_free_and_then_tokens_come_back),
		cmocka_unit_test(asking_in_vain_costs_nothing),
		cmocka_unit_test(a_network_shares_one_bucket_of_which_a_source_has_half),
		cmocka_unit_test(who_waits_for_his_network_loses_nothing),
		cmocka_unit_test(many_clients_replace_the_idle_ones),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
