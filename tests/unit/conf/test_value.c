/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "base/macro.h"
#include "conf/code.h"
#include "conf/value.h"

static void durations_have_units(void **state)
{
	static const struct {
		const char *text;
		int r;
		int64_t ms;
	} cases[] = {
		{"0", 0, 0},
		{"250ms", 0, 250},
		{"90s", 0, 90000},
		{"5m", 0, 300000},
		{"24h", 0, 86400000},
		{"2w", 0, INT64_C(14) * 86400000},
		{"30d", 0, INT64_C(30) * 86400000},
		{"2y", 0, INT64_C(730) * 86400000},
		{"100y", 0, INT64_C(36500) * 86400000},
		{"101y", E_RANGE, 0},
		{"9223372036854775807s", E_RANGE, 0},
		{"5", E_PARSE, 0},
		{"m", E_PARSE, 0},
		{"", E_PARSE, 0},
		{"5 m", E_PARSE, 0},
		{"5M", E_PARSE, 0},
		{"-5m", E_PARSE, 0},
		{"5mm", E_PARSE, 0},
		{"1h30m", E_PARSE, 0},
	};

	(void)state;
	for (size_t i = 0; i < COUNTOF(cases); i++) {
		char printed[DURATION_TEXT_SIZE];
		int64_t ms = -7, again = -7;

		assert_int_equal(duration_parse(span_text(cases[i].text), &ms, NULL), cases[i].r);
		assert_int_equal(ms, cases[i].r == 0 ? cases[i].ms : -7);
		if (cases[i].r < 0)
			continue;
		assert_int_equal(
			duration_parse(span_text(duration_print(ms, printed)), &again, NULL), 0);
		assert_int_equal(again, ms);
	}
}

static void sizes_count_in_powers_of_1024(void **state)
{
	char printed[DURATION_TEXT_SIZE];
	uint64_t size = 7;

	(void)state;
	assert_int_equal(size_parse(span_text("64K"), &size, NULL), 0);
	assert_int_equal(size, 65536);
	assert_int_equal(size_parse(span_text("50M"), &size, NULL), 0);
	assert_int_equal(size, 52428800);
	assert_string_equal(size_print(size, printed), "50M");
	assert_string_equal(size_print(0, printed), "0");
	assert_string_equal(size_print(1000, printed), "1000");
	assert_int_equal(size_parse(span_text("1000"), &size, NULL), 0);
	assert_int_equal(size, 1000);
	assert_int_equal(size_parse(span_text("1.5M"), &size, NULL), E_PARSE);
	assert_int_equal(size_parse(span_text("9999999999999G"), &size, NULL), E_RANGE);
	assert_int_equal(size, 1000);
}

static const struct {
	const char *code, *address;
	bool fits;
} patterns[] = {
	{"127.0.*.1-3", "127.0.9.3", true},
	{"127.0.*.1-3", "127.0.9.4", false},
	{"127.0.0.[2;4..7;9-11]", "127.0.0.6", true},
	{"127.0.0.[2;4..7;9-11]", "127.0.0.10", true},
	{"127.0.0.[2;4..7;9-11]", "127.0.0.8", false},
	{"&0x06", "127.0.0.4", true},
	{"&6", "127.0.0.10", true},
	{"&0x06", "127.0.0.9", false},
	{"&0x06", "127.0.1.2", false},
	{"127.0.&1.*", "127.0.3.200", true},
	{"127.0.&1.*", "127.0.2.200", false},
};

static void weights_stand_behind_codes(void **state)
{
	static const char *const bad[] = {"127.0.0.2*", "127.0.0.2*101", "127.0.0.2*-101",
		"127.0.0.2*x", "127.0.0.2*3*4", "*3", "127.0.0.*3*", "127.0.0.2 *3"};
	struct conf_filter filter;

	(void)state;
	assert_int_equal(filter_parse(span_text("127.0.0.2*-3"), &filter, NULL), 0);
	assert_true(filter.has_weight);
	assert_int_equal(filter.weight, -3);
	assert_int_equal(filter_parse(span_text("127.0.0.*"), &filter, NULL), 0);
	assert_false(filter.has_weight);
	for (size_t i = 0; i < COUNTOF(bad); i++) {
		if (filter_parse(span_text(bad[i]), &filter, NULL) >= 0)
			fail_msg("taken: %s", bad[i]);
	}
}

static void codes_are_patterns_within_127(void **state)
{
	static const char *const bad[] = {"", "127", "127.0.0", "127.0.0.", "127.0.0.2.",
		"127.0.0.2.3", "127..0.2", "127.0.0.256", "127.0.0.9-2", "127.0.0.-2", "127.0.0.2-",
		"127.0.0.a", "0127.0.0.2", "126.0.0.2", "*.0.0.2", "127.255.255.254", "127.*.*.*",
		"127.0.0.2 ", "127.0.0.[]", "127.0.0.[2;]", "127.0.0.[2..]", "127.0.0.[;2]",
		"127.0.0.[9..2]", "127.0.0.[2", "127.0.0.2]", "127.0.0.&", "127.0.0.&0", "&0x",
		"&0x100", "&256", "&-1", "127.0.0.2..4", "127.[0..255].255.9", "&2.3",
		"127.0.0.[2]3"};
	struct conf_code code;

	(void)state;
	for (size_t i = 0; i < COUNTOF(patterns); i++) {
		struct ip ip;

		assert_int_equal(code_parse(span_text(patterns[i].code), &code, NULL), 0);
		assert_int_equal(ip_parse(span_text(patterns[i].address), &ip), 0);
		if (code_matches(&code, ip.b + 12) != patterns[i].fits)
			fail_msg("%s, %s", patterns[i].code, patterns[i].address);
	}
	for (size_t i = 0; i < COUNTOF(bad); i++) {
		if (code_parse(span_text(bad[i]), &code, NULL) >= 0)
			fail_msg("taken: %s", bad[i]);
	}
}

static void names_mailboxes_and_urls(void **state)
{
	static const char *const domains[] = {"example.org", "a.b.c.example",
		"xn--bcher-kva.example", "_dmarc.x.org", "1.2.example"};
	static const char *const no_domains[] = {"", "localhost", "example.org.", ".example.org",
		"a..b", "-a.org", "a-.org", "a b.org", "192.0.2.1", "b\303\274cher.example",
		"a@b.org", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.org"};
	static const char *const no_mailboxes[] = {"", "a", "@a.org", "a@", "a@b", "a b@c.org",
		".a@b.org", "a.@b.org", "a..b@c.org", "\"a\"@b.org", "a@b@c.org"};
	static const char *const no_urls[] = {"", "https://", "ftp://a.org", "https:///x",
		"https://a b", "https://a\"b", "https://a<b", "javascript:alert(1)",
		"https://a\nb"};

	(void)state;
	for (size_t i = 0; i < COUNTOF(domains); i++)
		assert_int_equal(domain_check(span_text(domains[i]), NULL), 0);
	for (size_t i = 0; i < COUNTOF(no_domains); i++) {
		if (domain_check(span_text(no_domains[i]), NULL) >= 0)
			fail_msg("taken: %s", no_domains[i]);
	}
	assert_int_equal(mailbox_check(span_text("post.master+x@example.org"), NULL), 0);
	for (size_t i = 0; i < COUNTOF(no_mailboxes); i++) {
		if (mailbox_check(span_text(no_mailboxes[i]), NULL) >= 0)
			fail_msg("taken: %s", no_mailboxes[i]);
	}
	assert_int_equal(url_check(span_text("https://mail.example.org/why?x=$ip"), NULL), 0);
	for (size_t i = 0; i < COUNTOF(no_urls); i++) {
		if (url_check(span_text(no_urls[i]), NULL) >= 0)
			fail_msg("taken: %s", no_urls[i]);
	}
}

static void own_names_are_short_and_lower_case(void **state)
{
	static const char *const bad[] = {
		"", "A", "a_b", "-a", "a-", "a.b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};

	(void)state;
	assert_int_equal(name_check(span_text("trap-hits2"), NULL), 0);
	for (size_t i = 0; i < COUNTOF(bad); i++)
		assert_int_equal(name_check(span_text(bad[i]), NULL), E_PARSE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(durations_have_units),
		cmocka_unit_test(sizes_count_in_powers_of_1024),
		cmocka_unit_test(codes_are_patterns_within_127),
		cmocka_unit_test(weights_stand_behind_codes),
		cmocka_unit_test(names_mailboxes_and_urls),
		cmocka_unit_test(own_names_are_short_and_lower_case),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
