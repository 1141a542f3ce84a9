/* SPDX-License-Identifier: ISC */
#include "base/macro.h"
#include "dns/quota.h"
#include "dns/rrl.h"
#include "unit.h"

static const struct dns_rrl_limits limits = {
	.rates = {10, 100, 0},
	.burst_s = 2,
	.slip = 2,
	.v4_bits = 24,
	.v6_bits = 56,
};

static struct ip ip_of(const char *text)
{
	struct ip ip;

	assert_int_equal(ip_parse(span_text(text), &ip), 0);
	return ip;
}

static void take(struct dns_rrl *rrl, const char *client, enum dns_rrl_kind kind, unsigned times,
	int64_t now_ms, unsigned ret_counts[3])
{
	struct ip ip = ip_of(client);

	ret_counts[0] = ret_counts[1] = ret_counts[2] = 0;
	for (unsigned i = 0; i < times; i++)
		ret_counts[dns_rrl_take(
			rrl, &limits, &(struct dns_rrl_answer){ip, kind}, now_ms)]++;
}

static void a_network_gets_its_rate_and_no_more(void **state)
{
	struct dns_rrl *rrl = dns_rrl_new(1);
	int64_t now_ms = INT64_C(0xffffffff) - 500; /* its 32 bits run over on the way */
	unsigned counts[3];

	(void)state;
	take(rrl, "192.0.2.1", DNS_RRL_ANSWER, 100, now_ms, counts);
	assert_int_equal(counts[DNS_RRL_PASS], 20); /* two seconds' worth at once */
	assert_int_equal(counts[DNS_RRL_SLIP], 40); /* every second one of the rest */
	assert_int_equal(counts[DNS_RRL_DROP], 40);
	for (unsigned second = 1; second < 5; second++) {
		take(rrl, "192.0.2.200", DNS_RRL_ANSWER, 50, now_ms + second * 1000, counts);
		assert_int_equal(counts[DNS_RRL_PASS], 10);
	}
	take(rrl, "192.0.2.1", DNS_RRL_ANSWER, 100, now_ms + 3600000, counts);
	assert_int_equal(counts[DNS_RRL_PASS], 20);
	dns_rrl_free(&rrl);
}

static void networks_and_kinds_have_each_their_own(void **state)
{
	struct dns_rrl *rrl = dns_rrl_new(1);
	unsigned counts[3];

	(void)state;
	take(rrl, "192.0.2.1", DNS_RRL_ANSWER, 100, 1, counts);
	take(rrl, "192.0.2.1", DNS_RRL_NEGATIVE, 100, 1, counts);
	assert_int_equal(counts[DNS_RRL_PASS], 100);
	take(rrl, "192.0.2.1", DNS_RRL_ERROR, 1000, 1, counts); /* 0: no limit */
	assert_int_equal(counts[DNS_RRL_PASS], 1000);
	take(rrl, "192.0.3.1", DNS_RRL_ANSWER, 100, 1, counts);
	assert_int_equal(counts[DNS_RRL_PASS], 20);
	take(rrl, "2001:db8:0:ff::1", DNS_RRL_ANSWER, 100, 1, counts);
	assert_int_equal(counts[DNS_RRL_PASS], 20);
	take(rrl, "2001:db8:0:1::9", DNS_RRL_ANSWER, 100, 1, counts);
	assert_int_equal(counts[DNS_RRL_PASS], 0); /* of the same /56 */
	take(rrl, "2001:db8:0:100::1", DNS_RRL_ANSWER, 100, 1, counts);
	assert_int_equal(counts[DNS_RRL_PASS], 20);
	dns_rrl_free(&rrl);
}

static void workers_share_a_rate(void **state)
{
	struct dns_rrl *rrl = dns_rrl_new(4);
	struct dns_rrl *many = dns_rrl_new(100);
	unsigned counts[3];

	(void)state;
	take(rrl, "192.0.2.1", DNS_RRL_NEGATIVE, 1000, 1, counts);
	assert_int_equal(counts[DNS_RRL_PASS], 50);
	take(many, "192.0.2.1", DNS_RRL_ANSWER, 1000, 1, counts);
	assert_int_equal(counts[DNS_RRL_PASS], 2); /* never less than one a second */
	dns_rrl_free(&rrl);
	dns_rrl_free(&many);
}

/* Forged addresses of a million networks do not wash the one under attack out of the table. */
static void the_network_under_attack_is_remembered(void **state)
{
	struct dns_rrl *rrl = dns_rrl_new(1);
	struct ip victim = ip_of("192.0.2.1");
	unsigned passed = 0;

	(void)state;
	for (uint32_t i = 0; i < 1000000; i++) {
		int64_t now_ms = i / 1000; /* a million queries a second */

		dns_rrl_take(rrl, &limits,
			&(struct dns_rrl_answer){ip_from_v4(i << 8), DNS_RRL_ANSWER}, now_ms);
		if (i % 100 == 0)
			passed += dns_rrl_take(rrl, &limits,
					  &(struct dns_rrl_answer){victim, DNS_RRL_ANSWER},
					  now_ms) == DNS_RRL_PASS;
	}
	assert_in_range(passed, 20, 60); /* of 10000; the table was washed through thirty times */
	dns_rrl_free(&rrl);
}

static void without_slip_nothing_is_sent(void **state)
{
	struct dns_rrl_limits silent = limits;
	struct dns_rrl *rrl = dns_rrl_new(1);
	unsigned slipped = 0;

	(void)state;
	silent.slip = 0;
	for (unsigned i = 0; i < 100; i++)
		slipped += dns_rrl_take(rrl, &silent,
				   &(struct dns_rrl_answer){ip_of("192.0.2.1"), DNS_RRL_ANSWER},
				   1) == DNS_RRL_SLIP;
	assert_int_equal(slipped, 0);
	silent.slip = 1;
	for (unsigned i = 0; i < 100; i++)
		slipped += dns_rrl_take(rrl, &silent,
				   &(struct dns_rrl_answer){ip_of("192.0.2.1"), DNS_RRL_ANSWER},
				   1) == DNS_RRL_SLIP;
	assert_int_equal(slipped, 100);
	dns_rrl_free(&rrl);
}

static void a_quota_counts_through_its_period(void **state)
{
	enum { DAY_S = 86400 };
	struct dns_quota *quota = dns_quota_new();
	int64_t now_s = INT64_C(20000) * DAY_S + 5;

	(void)state;
	for (uint32_t i = 1; i <= 1000; i++)
		assert_int_equal(dns_quota_count(quota, span_text("one"), DAY_S, now_s), i);
	assert_int_equal(dns_quota_count(quota, span_text("two"), DAY_S, now_s), 1);
	assert_int_equal(dns_quota_count(quota, span_text("one"), DAY_S, now_s + DAY_S - 6), 1001);
	assert_int_equal(dns_quota_count(quota, span_text("one"), DAY_S, now_s + DAY_S), 1);
	dns_quota_free(&quota);
}

static void who_asked_much_is_not_forgotten_for_those_who_asked_once(void **state)
{
	struct dns_quota *quota = dns_quota_new();

	(void)state;
	for (unsigned i = 0; i < 1000; i++)
		dns_quota_count(quota, span_text("much"), 86400, 1);
	for (uint32_t i = 0; i < 1000000; i++)
		dns_quota_count(quota, span_of(&i, sizeof(i)), 86400, 1);
	assert_int_equal(dns_quota_count(quota, span_text("much"), 86400, 1), 1001);
	dns_quota_free(&quota);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_network_gets_its_rate_and_no_more),
		cmocka_unit_test(networks_and_kinds_have_each_their_own),
		cmocka_unit_test(workers_share_a_rate),
		cmocka_unit_test(the_network_under_attack_is_remembered),
		cmocka_unit_test(without_slip_nothing_is_sent),
		cmocka_unit_test(a_quota_counts_through_its_period),
		cmocka_unit_test(who_asked_much_is_not_forgotten_for_those_who_asked_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
