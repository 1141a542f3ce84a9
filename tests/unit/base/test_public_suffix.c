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

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(names_below_which_anybody_registers)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
