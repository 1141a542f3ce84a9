/* SPDX-License-Identifier: ISC */
#include "base/macro.h"
#include "dns/cookie.h"
#include "unit.h"

#include <stdio.h>

/* The examples of RFC 9018 appendix A: servers of other makers answer so. */
static const struct vector {
	const char *client;
	const char *secrets;
	const char *sent;
	int64_t now_s;
	bool good;
	const char *answered;
} vectors[] = {
	{"198.51.100.100", "e5e973e5a6b2a43f48e7dc849e37bfcf", "2464c4abcf10c957", 1559731985,
		false, "2464c4abcf10c957010000005cf79f111f8130c3eee29480"},
	{"198.51.100.100", "e5e973e5a6b2a43f48e7dc849e37bfcf",
		"2464c4abcf10c957010000005cf79f111f8130c3eee29480", 1559734385, true,
		"2464c4abcf10c957010000005cf7a871d4a564a1442aca77"},
	{"203.0.113.203", "e5e973e5a6b2a43f48e7dc849e37bfcf",
		"fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5", 1559734700, false,
		"fc93fc62807ddb86010000005cf7a9acf73a7810aca2381e"},
	{"203.0.113.203", "e5e973e5a6b2a43f48e7dc849e37bfcf",
		"fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5", 1559728000, true,
		"fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5"},
	{"2001:db8:220:1:59de:d0f4:8769:82b8",
		"445536bcd2513298075a5d379663c962\ndd3bdf9344b678b185a6f5cb60fca715",
		"22681ab97d52c298010000005cf7c57926556bd0934c72f8", 1559741961, true,
		"22681ab97d52c298010000005cf7c609a6bb79d16625507a"},
};

static struct span unhex(const char *hex, uint8_t *out)
{
	size_t len = strlen(hex) / 2;

	for (size_t i = 0; i < len; i++) {
		unsigned byte;

		assert_int_equal(sscanf(hex + 2 * i, "%2x", &byte), 1);
		out[i] = (uint8_t)byte;
	}
	return span_of(out, len);
}

static struct ip ip_of(const char *text)
{
	struct ip ip;

	assert_int_equal(ip_parse(span_text(text), &ip), 0);
	return ip;
}

static struct dns_cookie_secrets secrets_of(const char *text)
{
	struct dns_cookie_secrets secrets;
	struct fault why;

	if (dns_cookie_secrets_parse(span_text(text), &secrets, &why) < 0)
		fail_msg("%s", why.text);
	return secrets;
}

static void cookies_are_those_of_the_standard(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNTOF(vectors); i++) {
		const struct vector *v = &vectors[i];
		struct dns_cookie_secrets secrets = secrets_of(v->secrets);
		uint8_t sent[DNS_COOKIE_LONGEST], answered[DNS_COOKIE_SIZE],
			expected[DNS_COOKIE_SIZE];
		bool good;

		good = dns_cookie_renew(&secrets,
			&(struct dns_cookie_asked){
				unhex(v->sent, sent), ip_of(v->client), v->now_s},
			answered);
		unhex(v->answered, expected);
		assert_int_equal(good, v->good);
		assert_memory_equal(answered, expected, sizeof(expected));
	}
}

static void a_cookie_is_good_for_its_address_and_an_hour(void **state)
{
	struct dns_cookie_secrets ours, theirs;
	uint8_t cookie[DNS_COOKIE_SIZE], again[DNS_COOKIE_SIZE], newer[DNS_COOKIE_SIZE];
	struct ip client = ip_of("192.0.2.7");
	struct span whole = span_of(cookie, sizeof(cookie));
	int64_t now_s = INT64_C(0x100000000) - 100; /* its 32 bits are about to run over */

	(void)state;
	dns_cookie_secrets_random(&ours);
	dns_cookie_secrets_random(&theirs);
	assert_false(dns_cookie_renew(&ours,
		&(struct dns_cookie_asked){
			span_of("clientck", DNS_COOKIE_CLIENT_SIZE), client, now_s},
		cookie));

	assert_true(dns_cookie_renew(
		&ours, &(struct dns_cookie_asked){whole, client, now_s + 1799}, again));
	assert_memory_equal(again, cookie, sizeof(cookie));
	assert_true(dns_cookie_renew(
		&ours, &(struct dns_cookie_asked){whole, client, now_s + 1801}, newer));
	assert_memory_not_equal(newer, cookie, sizeof(cookie));
	assert_true(dns_cookie_renew(&ours,
		&(struct dns_cookie_asked){span_of(newer, sizeof(newer)), client, now_s + 4000},
		again));
	assert_true(dns_cookie_renew(
		&ours, &(struct dns_cookie_asked){whole, client, now_s - 299}, again));

	assert_false(dns_cookie_renew(
		&ours, &(struct dns_cookie_asked){whole, client, now_s + 3601}, again));
	assert_false(dns_cookie_renew(
		&ours, &(struct dns_cookie_asked){whole, client, now_s - 301}, again));
	assert_false(dns_cookie_renew(
		&ours, &(struct dns_cookie_asked){whole, ip_of("192.0.2.8"), now_s}, again));
	assert_false(
		dns_cookie_renew(&theirs, &(struct dns_cookie_asked){whole, client, now_s}, again));
	for (size_t i = 0; i < sizeof(cookie); i++) {
		cookie[i] ^= 1;
		if (i != 15) /* the time: another hash, and still in time */
			assert_false(dns_cookie_renew(
				&ours, &(struct dns_cookie_asked){whole, client, now_s}, again));
		cookie[i] ^= 1;
	}
}

static void secrets_come_from_a_file(void **state)
{
	static const struct {
		const char *text;
		size_t len;
		const char *why;
	} cases[] = {
		{"# two\r\n\n445536bcd2513298075a5d379663c962\r\nDD3BDF9344B678B185A6F5CB60FCA715 \n",
			2, NULL},
		{"445536bcd2513298075a5d379663c962", 1, NULL},
		{"", 0, "1:1: there is no secret"},
		{"# none\n", 0, "1:1: there is no secret"},
		{"#\n445536bcd251329807", 0, "2:1: a secret has 32 hex digits, this one 18"},
		{"445536bcd2513298075a5d379663c96g\n", 0,
			"1:32: a secret consists of hex digits only"},
		{"445536bcd2513298075a5d379663c962\n445536bcd2513298075a5d379663c962\n"
		 "445536bcd2513298075a5d379663c962\n445536bcd2513298075a5d379663c962\n"
		 "445536bcd2513298075a5d379663c962\n",
			0, "5:1: more than 4 secrets"},
	};

	(void)state;
	for (size_t i = 0; i < COUNTOF(cases); i++) {
		struct dns_cookie_secrets secrets = {.len = 99};
		struct fault why = {""};
		int r = dns_cookie_secrets_parse(span_text(cases[i].text), &secrets, &why);

		assert_int_equal(r == 0, cases[i].why == NULL);
		assert_int_equal(secrets.len, r == 0 ? cases[i].len : 99);
		if (r < 0)
			assert_string_equal(why.text, cases[i].why);
	}
	assert_int_equal(secrets_of(cases[0].text).secrets[1][0], 0xdd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cookies_are_those_of_the_standard),
		cmocka_unit_test(a_cookie_is_good_for_its_address_and_an_hour),
		cmocka_unit_test(secrets_come_from_a_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
