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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(labels_are_counted_and_anything_odd_is_none),
		cmocka_unit_test(lengths_have_their_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
