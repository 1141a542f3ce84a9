/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include <stdio.h>

#include "base/macro.h"
#include "smtp/command.h"

struct row {
	const char *line; /* without the end */
	enum smtp_verb verb;
	const char *params;
	bool unclean;
};

static const struct row rows[] = {
	{"EHLO mail.example.org", SMTP_EHLO, "mail.example.org", false},
	{"ehlo  x ", SMTP_EHLO, "x", false},
	{"MAIL FROM:<a@b>", SMTP_MAIL, "FROM:<a@b>", false},
	{"RCPT\tTO:<a@b>", SMTP_RCPT, "TO:<a@b>", false},
	{"DATA", SMTP_DATA, "", false},
	{"", SMTP_UNKNOWN, "", false},
	{"DATAX", SMTP_UNKNOWN, "", false},
	{"XCLIENT ADDR=127.0.0.1", SMTP_XCLIENT, "ADDR=127.0.0.1", false},
	{"xforward ADDR=127.0.0.1", SMTP_XCLIENT, "ADDR=127.0.0.1", false},
	{"BDAT 9223372036854775808 LAST", SMTP_BDAT, "9223372036854775808 LAST", false},
	{"GET / HTTP/1.1", SMTP_FOREIGN, "/ HTTP/1.1", false},
	{"CONNECT mx:25 HTTP/1.0", SMTP_FOREIGN, "mx:25 HTTP/1.0", false},
	{"Subject: hello", SMTP_FOREIGN, "hello", false},
	{"X-Mailer: y", SMTP_FOREIGN, "y", false},
	{"\x16\x03\x01 x", SMTP_FOREIGN, "x", true},
	{"HELO a\rMAIL", SMTP_HELO, "a\rMAIL", true},
	{"HELO a\x01", SMTP_HELO, "a\x01", true},
	{"NOOP \x7f", SMTP_NOOP, "\x7f", true},
	{"HELO b\xc3\xbc"
	 "cher",
		SMTP_HELO,
		"b\xc3\xbc"
		"cher",
		false},
};

static void assert_command(const struct smtp_command *command, const struct row *row)
{
	assert_int_equal(command->verb, row->verb);
	assert_true(span_equal_text(command->params, row->params));
	assert_int_equal(command->unclean, row->unclean);
}

static void commands_are_read_whole_and_byte_by_byte(void **state)
{
	static const char *const ends[] = {"\r\n", "\n"};

	(void)state;
	for (size_t i = 0; i < COUNTOF(rows) * 2; i++) {
		const struct row *row = &rows[i / 2];
		struct smtp_parser parser;
		struct smtp_command command;
		char text[256];
		size_t used;
		int len = snprintf(text, sizeof(text), "%s%s", row->line, ends[i % 2]);

		smtp_parser_init(&parser, &smtp_limits_default);
		for (size_t have = 0; have < (size_t)len; have++) {
			assert_int_equal(
				smtp_parser_next(&parser, span_of(text, have), &command, &used), 0);
			assert_int_equal(used, 0);
		}
		assert_int_equal(
			smtp_parser_next(&parser, span_of(text, (size_t)len), &command, &used), 1);
		assert_int_equal(used, len);
		assert_command(&command, row);
	}
}

static void several_commands_in_one_piece_come_one_after_the_other(void **state)
{
	struct span input = span_text("EHLO a\r\nMAIL FROM:<>\nRCPT TO:<b@c>\r\nDA");
	static const enum smtp_verb expected[] = {SMTP_EHLO, SMTP_MAIL, SMTP_RCPT};
	struct smtp_parser parser;
	struct smtp_command command;
	size_t used;

	(void)state;
	smtp_parser_init(&parser, &smtp_limits_default);
	for (size_t i = 0; i < COUNTOF(expected); i++) {
		assert_int_equal(smtp_parser_next(&parser, input, &command, &used), 1);
		assert_int_equal(command.verb, expected[i]);
		input = span_from(input, used);
	}
	assert_int_equal(smtp_parser_next(&parser, input, &command, &used), 0);
	assert_int_equal(used, 0);
}

static void a_nul_is_unclean(void **state)
{
	static const char line[] = "MAIL FROM:<a@b\0>\r\n";
	struct smtp_parser parser;
	struct smtp_command command;
	size_t used;

	(void)state;
	smtp_parser_init(&parser, &smtp_limits_default);
	assert_int_equal(
		smtp_parser_next(&parser, span_of(line, sizeof(line) - 1), &command, &used), 1);
	assert_true(command.unclean);
}

/* Feeds len bytes of 'A', `step` at a time, then the rest; counts what comes out. */
static void feed_long_line(size_t len, size_t step, unsigned *limits, unsigned *commands)
{
	char text[6000];
	struct smtp_parser parser;
	struct smtp_command command;
	size_t start = 0;
	size_t end = 0;

	memset(text, 'A', len);
	memcpy(text + len, "\r\nNOOP\r\n", 8);
	smtp_parser_init(&parser, &smtp_limits_default);
	*limits = *commands = 0;
	while (start < len + 8) {
		size_t used = 0;
		int r = smtp_parser_next(
			&parser, span_of(text + start, end - start), &command, &used);

		start += used;
		*limits += r == E_LIMIT;
		*commands += r == 1 && command.verb == SMTP_NOOP;
		if (r == 0) {
			assert_true(end < len + 8);
			end = end + step < len + 8 ? end + step : len + 8;
		}
	}
}

static void a_line_that_is_too_long_is_told_once_and_the_next_one_counts(void **state)
{
	static const size_t steps[] = {1, 7, 1000, 6000};

	(void)state;
	for (size_t len = 2040; len < 5000; len += 3) {
		for (size_t i = 0; i < COUNTOF(steps); i++) {
			unsigned limits;
			unsigned commands;

			feed_long_line(len, steps[i], &limits, &commands);
			assert_int_equal(limits, len + 2 > 2048);
			assert_int_equal(commands, 1);
		}
	}
}

static void chunks_say_how_much_follows(void **state)
{
	static const struct {
		const char *params;
		int result;
		uint64_t octets;
		bool last;
	} chunks[] = {
		{"0", 0, 0, false},
		{"86", 0, 86, false},
		{"86 LAST", 0, 86, true},
		{"0  last", 0, 0, true},
		{"", E_PARSE, 0, false},
		{"LAST", E_PARSE, 0, false},
		{"-1", E_PARSE, 0, false},
		{"5 FIRST", E_PARSE, 0, false},
		{"5 LAST LAST", E_PARSE, 0, false},
		{"9223372036854775808", E_PARSE, 0, false},
	};

	(void)state;
	for (size_t i = 0; i < COUNTOF(chunks); i++) {
		uint64_t octets = 0;
		bool last = false;

		if (smtp_chunk_parse(span_text(chunks[i].params), &octets, &last) !=
				chunks[i].result ||
			octets != chunks[i].octets || last != chunks[i].last)
			fail_msg("BDAT '%s'", chunks[i].params);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(commands_are_read_whole_and_byte_by_byte),
		cmocka_unit_test(several_commands_in_one_piece_come_one_after_the_other),
		cmocka_unit_test(a_nul_is_unclean),
		cmocka_unit_test(chunks_say_how_much_follows),
		cmocka_unit_test(a_line_that_is_too_long_is_told_once_and_the_next_one_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
