/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/macro.h"

static void a_line_has_name_level_and_fields(void **state)
{
	char text[512];

	(void)state;
	log_format(EV_ROLE_STARTED, LOG_FIELDS(log_text("role", "gate"), log_number("pid", -7)),
		text, sizeof(text));
	assert_string_equal(text, "event=role.started level=notice role=gate pid=-7");
}

static void strangers_cannot_break_the_line(void **state)
{
	char text[512];

	(void)state;
	log_format(EV_GATE_REFUSE,
		LOG_FIELDS(log_text("helo", "a\nevent=x \"q\" \x01\xc3\xa9"), log_text("none", "")),
		text, sizeof(text));
	assert_string_equal(text,
		"event=gate.refuse level=info helo=\"a\\x0aevent=x \\\"q\\\" \\x01\\xc3\\xa9\"");
}

static void a_long_value_is_cut_not_overrun(void **state)
{
	char text[64];
	char value[256];
	size_t len;

	(void)state;
	memset(value, '\n', sizeof(value) - 1);
	value[sizeof(value) - 1] = '\0';
	len = log_format(EV_GATE_REFUSE, LOG_FIELDS(log_text("helo", value)), text, sizeof(text));
	assert_int_equal(len, sizeof(text) - 1);
	assert_int_equal(strlen(text), len);
}

static void times_are_utc(void **state)
{
	char text[CLOCK_TEXT_SIZE];

	(void)state;
	assert_string_equal(clock_print_utc(1795269780, text), "2026-11-21T14:03:00Z");
	assert_string_equal(clock_print_minute(1795269780, text), "2026-11-21 14:03");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_has_name_level_and_fields),
		cmocka_unit_test(strangers_cannot_break_the_line),
		cmocka_unit_test(a_long_value_is_cut_not_overrun),
		cmocka_unit_test(times_are_utc),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
