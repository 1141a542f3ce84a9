/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include <string.h>

#include "base/macro.h"
#include "portal/lookup.h"

static void what_people_type_is_understood(void **state)
{
	static const struct {
		const char *typed, *canonical;
	} cases[] = {
		{"7K3M-9QXT-2FHH", "7K3M-9QXT-2FHH"},
		{" 7k3m 9qxt 2fhh ", "7K3M-9QXT-2FHH"},
		{"7k3m9qxt2fhh.", "7K3M-9QXT-2FHH"},
		{"https://mail.example.org/why/7K3M-9QXT-2FHH", "7K3M-9QXT-2FHH"},
		{"<https://mail.example.org/why/198.51.100.9>", "198.51.100.9"},
		{"[198.51.100.9]", "198.51.100.9"},
		{"198.51.100.0/24", "198.51.100.0/24"},
		{"2001:DB8::25", "2001:db8::25"},
		{"2001:db8:1::/48", "2001:db8:1::/48"},
		{"Firm.Example.", "firm.example"},
	};

	(void)state;
	for (size_t i = 0; i < COUNTOF(cases); i++) {
		AUTO(arena) *arena = arena_new(0);
		struct lookup lookup;

		assert_int_equal(lookup_parse(span_text(cases[i].typed), &lookup), 0);
		assert_string_equal(lookup_print(&lookup, arena), cases[i].canonical);
	}
}

static void mistakes_are_told_apart(void **state)
{
	static const struct {
		const char *typed;
		int error;
	} cases[] = {
		{"", E_ABSENT}, {"  .", E_ABSENT}, {"7K3M-9QXT-2FHJ", E_CHECKSUM},
		{"7K3M-9QXT-2FH", E_TRUNCATED}, {"hello", E_TRUNCATED},
		{"198.51.100.9/24", E_RANGE}, {"a b@c", E_PARSE}, {"b\xc3\xbc.", E_PARSE},
		{"javascript:alert(1)", E_PARSE}, {".com", E_PARSE}, {"0.0.0.0/0", E_LIMIT},
		{"198.51.100.0/23", E_LIMIT}, {"2001:db8::/47", E_LIMIT}, {"::/0", E_LIMIT},
		{"<script>", E_TRUNCATED}, /* brackets are decoration: the word "script" is left */
	};

	(void)state;
	for (size_t i = 0; i < COUNTOF(cases); i++) {
		struct lookup lookup = {.incident = 77};

		assert_int_equal(lookup_parse(span_text(cases[i].typed), &lookup), cases[i].error);
		assert_int_equal(lookup.incident, 77);
		assert_non_null(lookup_advice(cases[i].error));
	}
	assert_non_null(strstr(lookup_advice(E_CHECKSUM), "a character seems mistyped"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_people_type_is_understood),
		cmocka_unit_test(mistakes_are_told_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
