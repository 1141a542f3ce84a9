/* SPDX-License-Identifier: ISC */
#include "conf/settings.h"
#include "unit.h"

static void quantities_have_a_range(void **state)
{
	(void)state;
	for (size_t i = 0; i < settings_len; i++) {
		if (setting_has_range(settings[i].type) && settings[i].low >= settings[i].high)
			fail_msg("%s", settings[i].path);
	}
}

static void quantities_are_printed_as_they_are_written(void **state)
{
	const struct setting number = {.type = SETTING_NUMBER}, part = {.type = SETTING_PERCENT},
			     wait = {.type = SETTING_MILLISECONDS},
			     keep = {.type = SETTING_SECONDS}, size = {.type = SETTING_SIZE};
	char text[DURATION_TEXT_SIZE];

	(void)state;
	assert_string_equal(setting_print_quantity(&number, -100, text), "-100");
	assert_string_equal(setting_print_quantity(&part, 30, text), "30%");
	assert_string_equal(setting_print_quantity(&wait, 1500, text), "1500ms");
	assert_string_equal(setting_print_quantity(&keep, 86400, text), "1d");
	assert_string_equal(setting_print_quantity(&size, 65536, text), "64K");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(quantities_have_a_range),
		cmocka_unit_test(quantities_are_printed_as_they_are_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
