/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include <stdio.h>

#include "base/macro.h"
#include "base/utf8.h"
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
		"550 5.1.1 <x>: no?[31m such\xc3\xbcser\r\n"},
	{"550 a\xc2\x85"
	 "b \xfc \xc3(\xe2\x82\xac\r\n",
		1, "550 a??b ? ?(\xe2\x82\xac\r\n"},
	{"250 a\rb\tc\r\n", 1, "250 a?b\tc\r\n"},
	{"250-a\r\n550 b\r\n", 1, "550-a\r\n550 b\r\n"},
	{"550-5.7.1 a\r\n450-4.7.1 b\r\n451 4.3.0 c\r\n", 1,
		"451-5.7.1 a\r\n451-4.7.1 b\r\n451 4.3.0 c\r\n"},
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
	char line[9000];
	size_t used;
	int r = 0;

	(void)state;
	smtp_reply_parser_init(&parser, &smtp_limits_default);
	for (unsigned i = 0; i < 101 && r == 0; i++)
		r = smtp_reply_next(&parser, span_text("250-more\r\n"), &reply, &used);
	assert_int_equal(r, E_LIMIT);
	smtp_reply_parser_done(&parser);

	memset(line, '2', sizeof(line));
	smtp_reply_parser_init(&parser, &smtp_limits_default);
	assert_int_equal(
		smtp_reply_next(&parser, span_of(line, sizeof(line)), &reply, &used), E_LIMIT);
	smtp_reply_parser_done(&parser);
}

struct folding {
	const char *start; /* of the text */
	char filler;       /* to 1,000 octets */
	const char *printed_start;
	size_t first_line; /* octets, with CRLF */
};

/* What the server said is whole again when the lines are put together, codes left out. */
static void long_lines_go_on_in_the_next_one(void **state)
{
	static const struct folding foldings[] = {
		{"", '7', "550-7", 512},
		{"5.7.1 see", '7', "550-5.7.1 see7", 512},
		{"5.7.1 see ", '7', "550-5.7.1 see\r\n550-5.7.1 777", 15},
		{"5.7.1 \xc3\xbc", '\xbc', "550-5.7.1 \xc3\xbc?", 512},
		{"12.7.1.0 ", '7', "550-12.7.1.0\r\n550-7", 14},
	};

	(void)state;
	for (size_t i = 0; i < COUNTOF(foldings); i++) {
		char line[1100], filler[1001];
		struct buf out;
		struct span first;

		memset(filler, foldings[i].filler, sizeof(filler) - 1);
		filler[1000 - strlen(foldings[i].start)] = '\0';
		snprintf(line, sizeof(line), "550 %s%s\r\n", foldings[i].start, filler);
		buf_init(&out, 0);
		assert_int_equal(read_pieces(span_text(line), sizeof(line), &out), 1);
		assert_true(span_has_prefix_nocase(buf_span(&out), foldings[i].printed_start));
		first = buf_span(&out);
		assert_int_equal(span_find(first, '\n') + 1, foldings[i].first_line);
		buf_done(&out);
	}
}

static void no_character_is_cut_in_two(void **state)
{
	char line[800] = "550 5.7.1 ";
	struct buf out;
	struct span rest;

	(void)state;
	for (size_t i = 0; i < 200; i++)
		strcat(line, "\xe2\x82\xac");
	strcat(line, "\r\n");
	buf_init(&out, 0);
	assert_int_equal(read_pieces(span_text(line), sizeof(line), &out), 1);
	rest = buf_span(&out);
	assert_int_equal(span_find(rest, '\n') + 1, 12 + 166 * 3);
	while (rest.len != 0)
		assert_true(utf8_is_valid(span_split(&rest, '\n')));
	buf_done(&out);
}

static void enhanced_codes_are_those_that_begin_a_reply(void **state)
{
	static const struct {
		const char *line, *code;
	} codes[] = {
		{"554 5.7.1 no", "5.7.1"},
		{"450 4.7.25", "4.7.25"},
		{"550 4.7.1 of another class", ""},
		{"550 5.7.1: no", ""},
		{"550 5.7", ""},
		{"550 5..1 x", ""},
		{"550 5.1234.1 x", ""},
		{"550", ""},
		{"550 mail from 5.7.1", ""},
	};

	(void)state;
	for (size_t i = 0; i < COUNTOF(codes); i++) {
		struct smtp_reply_parser parser;
		struct smtp_reply reply;
		char line[64], text[SMTP_REPLY_TEXT_SIZE];
		size_t used;

		snprintf(line, sizeof(line), "%s\r\n", codes[i].line);
		smtp_reply_parser_init(&parser, &smtp_limits_default);
		assert_int_equal(smtp_reply_next(&parser, span_text(line), &reply, &used), 1);
		assert_true(span_equal_text(smtp_reply_enhanced(&reply), codes[i].code));
		assert_true(strncmp(smtp_reply_show(&reply, text), codes[i].line,
				    strlen(codes[i].line)) == 0);
		smtp_reply_parser_done(&parser);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(replies_are_checked_and_made_printable),
		cmocka_unit_test(two_replies_in_one_piece_are_two),
		cmocka_unit_test(a_backend_without_end_is_cut_off),
		cmocka_unit_test(long_lines_go_on_in_the_next_one),
		cmocka_unit_test(no_character_is_cut_in_two),
		cmocka_unit_test(enhanced_codes_are_those_that_begin_a_reply),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
