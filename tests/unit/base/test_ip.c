/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "base/ip.h"
#include "base/macro.h"

struct prefix_case {
	const char *text;
	int result;
	const char *printed;
};

static const struct prefix_case prefix_cases[] = {
	{"198.51.100.0/24", 0, "198.51.100.0/24"},
	{"198.51.100.9", 0, "198.51.100.9"},
	{"198.51.100.9/32", 0, "198.51.100.9"},
	{"0.0.0.0/0", 0, "0.0.0.0/0"},
	{"2001:db8::/32", 0, "2001:db8::/32"},
	{"2001:DB8::1", 0, "2001:db8::1"},
	{"::/0", 0, "::/0"},
	{"::1", 0, "::1"},
	{"::2", 0, "::2"},
	{"::10:0", 0, "::10:0"},
	{"::0.16.0.0/112", 0, "::10:0/112"},
	{"::ffff:192.0.2.1", 0, "192.0.2.1"},
	{"198.51.100.9/24", E_RANGE, NULL},
	{"198.51.100.0/33", E_PARSE, NULL},
	{"198.51.100.0/", E_PARSE, NULL},
	{"198.51.100.0/-1", E_PARSE, NULL},
	{"198.51.100", E_PARSE, NULL},
	{"", E_PARSE, NULL},
	{"2001:db8::/129", E_PARSE, NULL},
};

static void prefixes_parse_and_print(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNTOF(prefix_cases); i++) {
		struct prefix prefix;
		char text[PREFIX_TEXT_SIZE];

		assert_int_equal(prefix_parse(span_text(prefix_cases[i].text), &prefix, NULL),
			prefix_cases[i].result);
		if (prefix_cases[i].result == 0)
			assert_string_equal(prefix_print(prefix, text), prefix_cases[i].printed);
	}
}

static void endpoints_need_brackets_for_ipv6(void **state)
{
	struct endpoint endpoint;
	char text[ENDPOINT_TEXT_SIZE];

	(void)state;
	assert_int_equal(endpoint_parse(span_text("[::1]:25"), &endpoint, NULL), 0);
	assert_string_equal(endpoint_print(endpoint, text), "[::1]:25");
	assert_int_equal(endpoint_parse(span_text("127.0.0.1:65535"), &endpoint, NULL), 0);
	assert_int_equal(endpoint_parse(span_text("127.0.0.1:65536"), &endpoint, NULL), E_PARSE);
	assert_int_equal(endpoint_parse(span_text("::1:25"), &endpoint, NULL), E_PARSE);
	assert_int_equal(endpoint_parse(span_text("127.0.0.1"), &endpoint, NULL), E_PARSE);
}

static void special_nets_are_known(void **state)
{
	struct ip ip;

	(void)state;
	assert_int_equal(ip_parse(span_text("127.0.0.1"), &ip), 0);
	assert_true(ip_is_special_use(ip, false));
	assert_int_equal(ip_parse(span_text("198.51.100.9"), &ip), 0);
	assert_false(ip_is_special_use(ip, false));
	assert_true(ip_is_special_use(ip, true));
	assert_int_equal(ip_parse(span_text("8.8.8.8"), &ip), 0);
	assert_false(ip_is_special_use(ip, true));
}

static void who_is_behind_an_address(void **state)
{
	static const struct {
		const char *address, *source, *network;
	} cases[] = {{"198.51.100.9", "198.51.100.9", "198.51.100.0/24"},
		{"2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64", "2001:db8:1::/48"}};

	(void)state;
	for (size_t i = 0; i < COUNTOF(cases); i++) {
		char text[PREFIX_TEXT_SIZE];
		struct ip ip;

		assert_int_equal(ip_parse(span_text(cases[i].address), &ip), 0);
		assert_string_equal(prefix_print(ip_source_of(ip), text), cases[i].source);
		assert_string_equal(prefix_print(ip_network_of(ip), text), cases[i].network);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(prefixes_parse_and_print),
		cmocka_unit_test(endpoints_need_brackets_for_ipv6),
		cmocka_unit_test(special_nets_are_known),
		cmocka_unit_test(who_is_behind_an_address),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
