/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include <string.h>

#include "base/hostname.h"
#include "base/macro.h"

static void labels_are_counted_and_anything_odd_is_none(void **state)
{
	static const struct {
		const char *name;
		unsigned labels;
	} cases[] = {
		{"localhost", 1},
		{"example.org", 2},
		{"_dmarc.x.org", 3},
		{"1.2.example", 3},
		{"xn--bcher-kva.example", 2},
		{"", 0},
		{".", 0},
		{"example.org.", 0},
		{".example.org", 0},
		{"a..b", 0},
		{"-a.org", 0},
		{"a-.org", 0},
		{"a b.org", 0},
		{"a@b.org", 0},
		{"b\303\274cher.example", 0},
		{"192.0.2.1", 0},
		{"10.0.0.300", 0},
		{"42", 0},
	};

	(void)state;
	for (size_t i = 0; i < COUNTOF(cases); i++)
		if (hostname_labels(span_text(cases[i].name)) != cases[i].labels)
			fail_msg("'%s' is not %u labels", cases[i].name, cases[i].labels);
}

static void lengths_have_their_limits(void **state)
{
	uint8_t name[HOSTNAME_MAX + 1];

	(void)state;
	memset(name, 'a', sizeof(name));
	assert_int_equal(hostname_labels(span_of(name, HOSTNAME_LABEL_MAX)), 1);
	assert_int_equal(hostname_labels(span_of(name, HOSTNAME_LABEL_MAX + 1)), 0);
	for (size_t i = HOSTNAME_LABEL_MAX; i < HOSTNAME_MAX; i += HOSTNAME_LABEL_MAX + 1)
		name[i] = '.';
	assert_int_equal(hostname_labels(span_of(name, HOSTNAME_MAX)), 4);
	name[HOSTNAME_MAX - 2] = '.';
	assert_int_equal(hostname_labels(span_of(name, HOSTNAME_MAX)), 5);
	assert_int_equal(hostname_labels(span_of(name, HOSTNAME_MAX + 1)), 0);
}

static void a_pattern_covers_a_name_or_all_below(void **state)
{
	static const struct {
		const char *pattern, *name;
		bool covers;
	} rows[] = {
		{"example.org", "Example.ORG", true},
		{"example.org", "www.example.org", false},
		{".example.org", "example.org", true},
		{".example.org", "a.b.example.org", true},
		{".example.org", "anexample.org", false},
		{".example.org", ".example.org", false},
		{".example.org", "org", false},
		{"example.org", "", false},
	};

	(void)state;
	for (size_t i = 0; i < COUNTOF(rows); i++)
		if (hostname_covers(rows[i].pattern, span_text(rows[i].name)) != rows[i].covers)
			fail_msg("%s and %s", rows[i].pattern, rows[i].name);
	assert_true(span_equal_text(hostname_without_dot(span_text("a.example.")), "a.example"));
	assert_true(span_equal_text(hostname_without_dot(span_text("a.example")), "a.example"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(labels_are_counted_and_anything_odd_is_none),
		cmocka_unit_test(lengths_have_their_limits),
		cmocka_unit_test(a_pattern_covers_a_name_or_all_below),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
