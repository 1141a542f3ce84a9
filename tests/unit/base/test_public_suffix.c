/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include <string.h>

#include "base/macro.h"
#include "base/public_suffix.h"

static void names_below_which_anybody_registers(void **state)
{
	static const char *const suffixes[] = {"com", "co.uk", "kawasaki.jp", "any.kawasaki.jp",
		"xn--fiqs8s", "xn--55qx5d.cn", "in-addr.arpa", "unheard-of", ""};
	static const char *const others[] = {"example.com", "example.co.uk", "city.kawasaki.jp",
		"blogspot.com", "github.io", "compute-1.amazonaws.com", "bad.unheard-of", "2.1",
		"\\.uk", "a\\.co.uk"};
	char long_name[300];

	(void)state;
	for (size_t i = 0; i < COUNTOF(suffixes); i++)
		if (!public_suffix_is(span_text(suffixes[i])))
			fail_msg("'%s' is no public suffix", suffixes[i]);
	for (size_t i = 0; i < COUNTOF(others); i++)
		if (public_suffix_is(span_text(others[i])))
			fail_msg("'%s' is a public suffix", others[i]);
	memset(long_name, 'a', sizeof(long_name));
	long_name[sizeof(long_name) - 7] = '.';
	assert_false(public_suffix_is(span_of((const uint8_t *)long_name, sizeof(long_name))));
}

static void what_somebody_registered(void **state)
{
	static const char *const cases[][2] = {{"mx.example.co.uk", "example.co.uk"},
		{"example.com", "example.com"}, {"a.b.c.example.com", "example.com"},
		{"mail.blogspot.com", "blogspot.com"}, {"co.uk", ""}, {"com", ""}, {"", ""}};

	(void)state;
	for (size_t i = 0; i < COUNTOF(cases); i++) {
		struct span owner = public_suffix_owner(span_text(cases[i][0]));

		if (!span_equal_text(owner, cases[i][1]))
			fail_msg("'%s' is of '%.*s'", cases[i][0], (int)owner.len, owner.ptr);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(names_below_which_anybody_registers),
		cmocka_unit_test(what_somebody_registered)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
