/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "grey/suspicion.h"

static void suspicion_is_a_sum(void **state)
{
	const struct suspicion all = {true, false, true, true, true, true};
	const struct suspicion generic = {.generic_name = true, .no_spf_pass = true};
	char text[SUSPICION_TEXT_SIZE];

	(void)state;
	assert_int_equal(suspicion_sum(&(struct suspicion){0}), 0);
	assert_int_equal(suspicion_sum(&all), SUSPICION_MAX);
	assert_int_equal(suspicion_sum(&generic), 3);
	assert_int_equal(suspicion_sum(&(struct suspicion){.listed = true}), 2);
	assert_string_equal(suspicion_print(&generic, text), "generic PTR, no SPF pass");
	assert_string_equal(suspicion_print(&(struct suspicion){0}, text), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(suspicion_is_a_sum)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
