/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include <string.h>

#include "base/macro.h"
#include "gate/helo.h"

static const struct {
	const char *helo;
	enum helo_kind kind;
	const char *ip;
} cases[] = {
	{"", HELO_ABSENT, NULL},
	{"mail.example.org", HELO_NAME, NULL},
	{"a-1.b2.example", HELO_NAME, NULL},
	{"win_srv.example.org", HELO_NAME, NULL},
	{"1.2.3.example", HELO_NAME, NULL},
	{"xn--bcher-kva.example", HELO_NAME, NULL},
	{"friend", HELO_SHORT, NULL},
	{"localhost", HELO_SHORT, NULL},
	{"[192.0.2.1]", HELO_LITERAL, "192.0.2.1"},
	{"[IPv6:2001:db8::1]", HELO_LITERAL, "2001:db8::1"},
	{"[ipv6:2001:db8::1]", HELO_LITERAL, "2001:db8::1"},
	{"[2001:db8::1]", HELO_INVALID, NULL},
	{"[IPv6:192.0.2.1]", HELO_INVALID, NULL},
	{"[192.0.2.256]", HELO_INVALID, NULL},
	{"[mail.example.org]", HELO_INVALID, NULL},
	{"[192.0.2.12", HELO_INVALID, NULL},
	{"1192.0.2.1]", HELO_INVALID, NULL},
	{"[]", HELO_INVALID, NULL},
	{"[", HELO_INVALID, NULL},
	{"192.0.2.1", HELO_ADDRESS, "192.0.2.1"},
	{"2001:db8::1", HELO_ADDRESS, "2001:db8::1"},
	{"10.0.0.300", HELO_INVALID, NULL},
	{"mail.123", HELO_INVALID, NULL},
	{"-a.example", HELO_INVALID, NULL},
	{"a-.example", HELO_INVALID, NULL},
	{"a..example", HELO_INVALID, NULL},
	{".example", HELO_INVALID, NULL},
	{"mail.example.", HELO_NAME, NULL},
	{"friend.", HELO_SHORT, NULL},
	{"mail.example..", HELO_INVALID, NULL},
	{"192.0.2.1.", HELO_INVALID, NULL},
	{".", HELO_INVALID, NULL},
	{"mail example.org", HELO_INVALID, NULL},
	{"mail.ex\xc3\xa4mple", HELO_INVALID, NULL},
	{"<script>.example", HELO_INVALID, NULL},
};

static void each_argument_is_what_the_standard_says(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNTOF(cases); i++) {
		struct ip ip = {0};
		struct ip expected = {0};

		print_message("  %s\n", cases[i].helo);
		assert_int_equal(helo_parse(span_text(cases[i].helo), &ip), cases[i].kind);
		if (cases[i].ip == NULL)
			continue;
		assert_int_equal(ip_parse(span_text(cases[i].ip), &expected), 0);
		assert_true(ip_equal(ip, expected));
	}
}

static void lengths_are_those_of_dns(void **state)
{
	char name[300];
	struct ip ip;

	(void)state;
	memset(name, 'a', sizeof(name));
	name[63] = '.';
	assert_int_equal(helo_parse(span_of(name, 65), &ip), HELO_NAME);
	name[63] = 'a';
	name[64] = '.';
	assert_int_equal(helo_parse(span_of(name, 66), &ip), HELO_INVALID);
	for (size_t i = 1; i < sizeof(name); i += 2)
		name[i] = '.';
	name[64] = 'a';
	assert_int_equal(helo_parse(span_of(name, 253), &ip), HELO_NAME);
	assert_int_equal(helo_parse(span_of(name, 255), &ip), HELO_INVALID);
	assert_int_equal(helo_parse(span_of("mail\0.example", 13), &ip), HELO_INVALID);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_argument_is_what_the_standard_says),
		cmocka_unit_test(lengths_are_those_of_dns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
