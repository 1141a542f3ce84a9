/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "base/macro.h"
#include "grey/generic_name.h"

static struct ip ip_of(const char *text)
{
	struct ip ip = {0};

	assert_int_equal(ip_parse(span_text(text), &ip), 0);
	return ip;
}

static void names_that_pools_give_out(void **state)
{
	static const struct {
		const char *name, *ip;
		bool generic;
	} cases[] = {
		{"203-0-113-7.dyn.isp.example", "203.0.113.7", true},
		{"7.113.0.203.isp.example", "203.0.113.7", true},
		{"host-203x0x113.isp.example", "203.0.113.7", true},
		{"cb007107.isp.example", "203.0.113.7", true},
		{"pool12.isp.example", "203.0.113.7", true},
		{"a.dialup.isp.example", "203.0.113.7", true},
		{"mx1.example.org", "203.0.113.7", false},
		{"mail-oi1-f54.google.com", "209.85.167.54", false},
		{"mail-203.example.org", "203.0.113.7", false},
		{"dynamic.example", "203.0.113.7", false},
		{"mx.pools.example", "203.0.113.7", false},
		{"o1.mail.example.org", "2001:db8::1", false},
		{"", "203.0.113.7", false},
	};

	(void)state;
	for (size_t i = 0; i < COUNTOF(cases); i++)
		if (name_is_generic(span_text(cases[i].name), ip_of(cases[i].ip)) !=
			cases[i].generic)
			fail_msg("%s of %s", cases[i].name, cases[i].ip);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(names_that_pools_give_out)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
