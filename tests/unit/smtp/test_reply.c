/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include <stdio.h>

#include "base/macro.h"
#include "smtp/reply.h"

struct row {
	const char *input;
	int result;
	const char *printed;
};

static const struct row rows[] = {
	{"250 ok\r\n", 1, "250 ok\r\n"},
	{"250 ok\n", 1, "250 ok\r\n"},
	{"250\r\n", 1, "250 \r\n"},
	{"250-a\r\n250-b\r\n250 c\r\n", 1, "250-a\r\n250-b\r\n250 c\r\n"},
	{"550 5.1.1 <x>: no\x1b[31m such\xc3\xbcser\r\n", 1,
		"550 5.1.1 <x>: no?[31m such??ser\r\n"},
	{"250 a\rb\r\n", 1, "250 a?b\r\n"},
	{"250-a\r\n550 b\r\n", E_PARSE, NULL},
	{"25 ok\r\n", E_PARSE, NULL},
	{"250ok\r\n", E_PARSE, NULL},
	{"999 ok\r\n", E_PARSE, NULL},
	{"150 ok\r\n", E_PARSE, NULL},
	{"\r\n", E_PARSE, NULL},
	{"HTTP/1.1 200 OK\r\n", E_PARSE, NULL},
};

static int read_pieces(struct span input, size_t step, struct buf *out)
{
	struct smtp_reply_parser parser;
	struct smtp_reply reply;
	size_t start = 0;
	size_t used;
	int r = 0;

	smtp_reply_parser_init(&parser, &smtp_limits_default);
	for (size_t end = 0; end < input.len && r == 0; start += used) {
		end = end + step < input.len ? end + step : input.len;
		used = 0;
		r = smtp_reply_next(
			&parser, span_of(input.ptr + start, end - start), &reply, &used);
	}
	if (r == 1)
		smtp_reply_print(&reply, out);
	smtp_reply_parser_done(&parser);
	return r;
}

static void replies_are_checked_and_made_printable(void **state)
{
	static const size_t steps[] = {1, 4, 1000};

	(void)state;
	for (size_t i = 0; i < COUNTOF(rows) * COUNTOF(steps); i++) {
		const struct row *row = &rows[i / COUNTOF(steps)];
		struct buf out;

		buf_init(&out, 0);
		assert_int_equal(
			read_pieces(span_text(row->input), steps[i % COUNTOF(steps)], &out),
			row->result);
		if (row->printed != NULL)
			assert_string_equal(buf_cstr(&out), row->printed);
		buf_done(&out);
	}
}

static void two_replies_in_one_piece_are_two(void **state)
{
	struct span input = span_text("250-a\r\n250 b\r\n354 go\r\n");
	struct smtp_reply_parser parser;
	struct smtp_reply reply;
	size_t used;

	(void)state;
	smtp_reply_parser_init(&parser, &smtp_limits_default);
	assert_int_equal(smtp_reply_next(&parser, input, &reply, &used), 1);
	assert_int_equal(reply.lines_len, 2);
	assert_int_equal(smtp_reply_next(&parser, span_from(input, used), &reply, &used), 1);
	assert_int_equal(reply.code, 354);
	assert_int_equal(smtp_reply_class(&reply), 3);
	assert_true(span_equal_text(reply.text, "go\n"));
	smtp_reply_parser_done(&parser);
}

static void a_backend_without_end_is_cut_off(void **state)
{
	struct smtp_reply_parser parser;
	struct smtp_reply reply;
	char line[4000];
	size_t used;
	int r = 0;

	(void)state;
	smtp_reply_parser_init(&parser, &smtp_limits_default);
	for (unsigned i = 0; i < 65 && r == 0; i++)
		r = smtp_reply_next(&parser, span_text("250-more\r\n"), &reply, &used);
	assert_int_equal(r, E_LIMIT);
	smtp_reply_parser_done(&parser);

	memset(line, '2', sizeof(line));
	smtp_reply_parser_init(&parser, &smtp_limits_default);
	assert_int_equal(
		smtp_reply_next(&parser, span_of(line, sizeof(line)), &reply, &used), E_LIMIT);
	smtp_reply_parser_done(&parser);
}

static void printed_lines_fit_into_512_octets(void **state)
{
	struct smtp_reply_parser parser;
	struct smtp_reply reply;
	char line[1100];
	struct buf out;
	size_t used;

	(void)state;
	snprintf(line, sizeof(line), "250 %01000d\r\n", 7);
	buf_init(&out, 0);
	smtp_reply_parser_init(&parser, &smtp_limits_default);
	assert_int_equal(smtp_reply_next(&parser, span_text(line), &reply, &used), 1);
	smtp_reply_print(&reply, &out);
	assert_int_equal(buf_len(&out), 512);
	smtp_reply_parser_done(&parser);
	buf_done(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(replies_are_checked_and_made_printable),
		cmocka_unit_test(two_replies_in_one_piece_are_two),
		cmocka_unit_test(a_backend_without_end_is_cut_off),
		cmocka_unit_test(printed_lines_fit_into_512_octets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
