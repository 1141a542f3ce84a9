/* SPDX-License-Identifier: ISC */
#include "gate/client_quota.h"
#include "unit.h"

#include "base/macro.h"

static const struct conf conf = {
	.source_limits = {.connections = 2, .a_minute = {4, 6, 0, 1, 60}},
	.network_limits = {.connections = 3, .a_minute = {5, 100, 0, 100, 100}},
};

static struct client_quota *quota;
static struct quota_ask ask;

static int begin(void **state)
{
	(void)state;
	quota = client_quota_new(16);
	ask = (struct quota_ask){.conf = &conf, .standing = QUOTA_STRANGER, .now_ms = 1000};
	return 0;
}

static int end(void **state)
{
	(void)state;
	client_quota_free(&quota);
	return 0;
}

static struct ip ip_of(const char *text)
{
	struct ip ip;

	assert_int_equal(ip_parse(span_text(text), &ip), 0);
	return ip;
}

static bool opens(const char *client, struct quota_hold *hold)
{
	return client_quota_open(quota, ip_of(client), &ask, hold);
}

static void a_source_and_a_network_have_so_many_connections(void **state)
{
	struct quota_hold holds[3], none;
	char text[PREFIX_TEXT_SIZE];

	(void)state;
	assert_true(opens("192.0.2.1", &holds[0]));
	assert_true(opens("192.0.2.1", &holds[1]));
	assert_false(opens("192.0.2.1", &none));
	assert_string_equal(prefix_print(ask.excess.who, text), "192.0.2.1");
	assert_int_equal(ask.excess.limit, 2);
	assert_true(opens("192.0.2.2", &holds[2]));
	assert_false(opens("192.0.2.3", &none));
	assert_string_equal(prefix_print(ask.excess.who, text), "192.0.2.0/24");
	assert_int_equal(ask.excess.limit, 3);
	client_quota_close(quota, &holds[0]);
	assert_true(opens("192.0.2.3", &holds[0]));
	for (size_t i = 0; i < COUNTOF(holds); i++)
		client_quota_close(quota, &holds[i]);
}

static void ipv6_goes_by_its_prefixes(void **state)
{
	struct quota_hold holds[3], none;

	(void)state;
	assert_true(opens("2001:db8::1", &holds[0]));
	assert_true(opens("2001:db8::2", &holds[1]));
	assert_false(opens("2001:db8::3", &none));
	assert_true(opens("2001:db8:0:1::1", &holds[2]));
	assert_false(opens("2001:db8:0:2::1", &none));
	for (size_t i = 0; i < COUNTOF(holds); i++)
		client_quota_close(quota, &holds[i]);
}

static void who_is_known_good_has_four_times_as_much(void **state)
{
	struct quota_hold holds[8], none;

	(void)state;
	ask.standing = QUOTA_KNOWN_GOOD;
	for (size_t i = 0; i < COUNTOF(holds); i++)
		assert_true(opens("192.0.2.1", &holds[i]));
	assert_false(opens("192.0.2.1", &none));
	assert_int_equal(ask.excess.limit, 8);
	for (size_t i = 0; i < COUNTOF(holds); i++)
		client_quota_close(quota, &holds[i]);
}

/* Opens and closes; how often it was let in. */
static unsigned visits(const char *client, unsigned times)
{
	struct quota_hold hold;
	unsigned opened = 0;

	for (unsigned i = 0; i < times; i++) {
		if (!opens(client, &hold))
			continue;
		client_quota_close(quota, &hold);
		opened++;
	}
	return opened;
}

static void new_connections_come_back_with_time(void **state)
{
	(void)state;
	assert_int_equal(visits("192.0.2.1", 10), 4);
	assert_int_equal(ask.excess.wait_ms, 15000);
	assert_int_equal(visits("192.0.2.2", 10), 1); /* the network's fifth */
	assert_int_equal(visits("198.51.100.1", 10), 4);
	ask.now_ms += 14999;
	assert_int_equal(visits("192.0.2.1", 1), 0);
	ask.now_ms += 1;
	assert_int_equal(visits("192.0.2.1", 10), 1);
	ask.now_ms += 3600000;
	assert_int_equal(visits("192.0.2.1", 10), 4);
}

static void what_is_refused_takes_nothing(void **state)
{
	(void)state;
	assert_int_equal(visits("192.0.2.1", 1000), 4);
	assert_int_equal(visits("192.0.2.2", 1), 1);
	assert_int_equal(visits("192.0.2.2", 1000), 0); /* the network is at its limit */
	ask.now_ms += 12000;
	assert_int_equal(visits("192.0.2.2", 1), 1); /* and had a token taken for it alone */
}

static unsigned takes(const struct quota_hold *hold, enum limit_rate rate, unsigned times)
{
	unsigned taken = 0;

	for (unsigned i = 0; i < times; i++)
		taken += client_quota_take(hold, rate, &ask);
	return taken;
}

static void each_rate_is_its_own_and_outlives_the_connection(void **state)
{
	struct quota_hold hold;

	(void)state;
	assert_true(opens("192.0.2.1", &hold));
	assert_int_equal(takes(&hold, LIMIT_MESSAGES, 10), 6);
	assert_int_equal(takes(&hold, LIMIT_RECIPIENTS, 1000), 1000); /* 0: no limit */
	assert_true(client_quota_has_room(&hold, LIMIT_UNKNOWN_RECIPIENTS, &ask));
	assert_int_equal(takes(&hold, LIMIT_UNKNOWN_RECIPIENTS, 10), 1);
	assert_false(client_quota_has_room(&hold, LIMIT_UNKNOWN_RECIPIENTS, &ask));
	client_quota_close(quota, &hold);
	assert_true(opens("192.0.2.1", &hold));
	assert_int_equal(takes(&hold, LIMIT_MESSAGES, 10), 0);
	ask.standing = QUOTA_KNOWN_GOOD;
	assert_int_equal(takes(&hold, LIMIT_MESSAGES, 100), 18);
	client_quota_close(quota, &hold);
}

static void who_has_no_limits_takes_what_it_likes(void **state)
{
	const struct quota_hold nobody = {0};

	(void)state;
	assert_int_equal(takes(&nobody, LIMIT_MESSAGES, 1000), 1000);
}

static void a_lower_limit_after_a_reload_holds_from_then_on(void **state)
{
	const struct conf lower = {.source_limits = {.a_minute = {0, 2}}};
	struct quota_hold hold;

	(void)state;
	assert_true(opens("192.0.2.1", &hold));
	assert_int_equal(takes(&hold, LIMIT_MESSAGES, 10), 6);
	ask.conf = &lower;
	assert_int_equal(takes(&hold, LIMIT_MESSAGES, 10), 0);
	ask.now_ms += 60000;
	assert_int_equal(takes(&hold, LIMIT_MESSAGES, 10), 2);
	client_quota_close(quota, &hold);
}

/* Those who hold something are never forgotten, whoever else comes. */
static void many_others_make_nobody_forget_who_is_there(void **state)
{
	struct quota_hold holds[2], none;
	char client[IP_TEXT_SIZE];

	(void)state;
	assert_true(opens("192.0.2.1", &holds[0]));
	assert_true(opens("192.0.2.1", &holds[1]));
	for (uint32_t i = 0; i < 1000; i++)
		visits(ip_print(ip_from_v4(0x0a000000 + i * 256), client), 1);
	assert_false(opens("192.0.2.1", &none));
	client_quota_close(quota, &holds[0]);
	client_quota_close(quota, &holds[1]);
	assert_true(opens("192.0.2.1", &holds[0]));
	client_quota_close(quota, &holds[0]);
}

static void refusals_are_told_once_a_minute_and_network(void **state)
{
	(void)state;
	assert_int_equal(client_quota_refused(quota, ip_of("192.0.2.1"), 1000), 1);
	assert_int_equal(client_quota_refused(quota, ip_of("192.0.2.2"), 2000), 0);
	assert_int_equal(client_quota_refused(quota, ip_of("198.51.100.1"), 2000), 1);
	assert_int_equal(client_quota_refused(quota, ip_of("192.0.2.3"), 60999), 0);
	assert_int_equal(client_quota_refused(quota, ip_of("192.0.2.1"), 61000), 3);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_source_and_a_network_have_so_many_connections),
		TEST(ipv6_goes_by_its_prefixes),
		TEST(who_is_known_good_has_four_times_as_much),
		TEST(new_connections_come_back_with_time),
		TEST(what_is_refused_takes_nothing),
		TEST(each_rate_is_its_own_and_outlives_the_connection),
		TEST(who_has_no_limits_takes_what_it_likes),
		TEST(a_lower_limit_after_a_reload_holds_from_then_on),
		TEST(many_others_make_nobody_forget_who_is_there),
		TEST(refusals_are_told_once_a_minute_and_network),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
