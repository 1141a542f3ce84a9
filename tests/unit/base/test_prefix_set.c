/* SPDX-License-Identifier: ISC */
#include "base/macro.h"
#include "base/prefix_set.h"
#include "unit.h"

static void addresses_are_found_in_networks(void **state)
{
	static const char *const written[] = {"192.0.2.0/24", "192.0.2.128/25", "192.0.2.7",
		"198.51.100.9", "198.51.100.10", "2001:db8::/32", "2001:db8:5::/48", "10.0.0.0/8",
		"255.255.255.255", "::"};
	static const struct {
		const char *ip;
		bool in;
	} cases[] = {
		{"192.0.2.0", true},
		{"192.0.2.7", true},
		{"192.0.2.255", true},
		{"192.0.3.0", false},
		{"192.0.1.255", false},
		{"198.51.100.8", false},
		{"198.51.100.9", true},
		{"198.51.100.10", true},
		{"198.51.100.11", false},
		{"2001:db7:ffff::", false},
		{"2001:db8::", true},
		{"2001:db8:6::1", true},
		{"2001:db9::", false},
		{"10.255.255.255", true},
		{"11.0.0.0", false},
		{"255.255.255.255", true},
		{"0.0.0.0", false},
		{"::", true},
		{"::1", false},
		{"ffff::", false},
	};
	struct prefix prefixes[COUNTOF(written)];
	struct prefix_set *set;

	(void)state;
	for (size_t i = 0; i < COUNTOF(written); i++)
		assert_int_equal(prefix_parse(span_text(written[i]), &prefixes[i], NULL), 0);
	set = prefix_set_new(prefixes, COUNTOF(prefixes));
	assert_false(prefix_set_is_empty(set));
	for (size_t i = 0; i < COUNTOF(cases); i++) {
		struct ip ip;

		assert_int_equal(ip_parse(span_text(cases[i].ip), &ip), 0);
		if (prefix_set_has(set, ip) != cases[i].in)
			fail_msg("%s", cases[i].ip);
	}
	prefix_set_free(&set);
}

static void an_empty_set_has_nobody(void **state)
{
	struct prefix_set *set = prefix_set_new(NULL, 0);

	(void)state;
	assert_true(prefix_set_is_empty(set));
	assert_true(prefix_set_is_empty(NULL));
	assert_false(prefix_set_has(set, ip_from_v4(1)));
	assert_false(prefix_set_has(NULL, ip_from_v4(1)));
	prefix_set_free(&set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_are_found_in_networks),
		cmocka_unit_test(an_empty_set_has_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
