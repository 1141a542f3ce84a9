/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

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

/* A pipe that nobody reads: were a line to wait, this test would never end. */
static void a_stuck_reader_loses_lines_and_is_told_how_many(void **state)
{
	int saved = dup(STDERR_FILENO);
	char text[65536];
	ssize_t len;
	int ends[2];

	(void)state;
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	assert_true(fcntl(ends[0], F_SETFL, O_NONBLOCK) >= 0);
	assert_true(dup2(ends[1], STDERR_FILENO) >= 0);
	log_open("test", LOG_INFO);
	for (int i = 0; i < 5000; i++)
		log_event(EV_ROLE_STARTED, LOG_FIELDS(log_number("number", i)));
	while (read(ends[0], text, sizeof(text)) > 0)
		continue;
	log_event(EV_ROLE_STOPPED, LOG_FIELDS(log_number("number", -1)));
	len = read(ends[0], text, sizeof(text) - 1);
	assert_true(dup2(saved, STDERR_FILENO) >= 0);
	close(saved);
	assert_true(len > 0);
	text[len] = '\0';
	assert_non_null(strstr(text, "event=log.dropped level=warning lines="));
	assert_non_null(strstr(text, "event=role.stopped"));
	close(ends[0]);
	close(ends[1]);
}

static void times_are_utc(void **state)
{
	char text[CLOCK_TEXT_SIZE];

	(void)state;
	assert_string_equal(clock_print_utc(1795269780, text), "2026-11-21T14:03:00Z");
	assert_string_equal(clock_print_minute(1795269780, text), "2026-11-21 14:03");
	assert_string_equal(clock_print_http(1795269780, text), "Sat, 21 Nov 2026 14:03:00 GMT");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_has_name_level_and_fields),
		cmocka_unit_test(strangers_cannot_break_the_line),
		cmocka_unit_test(a_long_value_is_cut_not_overrun),
		cmocka_unit_test(a_stuck_reader_loses_lines_and_is_told_how_many),
		cmocka_unit_test(times_are_utc),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
