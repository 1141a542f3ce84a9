/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "base/macro.h"
#include "rbldnsd/query_line.h"

/* The lines of the query log, which other people's programs read. */
struct line_case {
	const char *query;
	size_t query_len;
	const char *answer; /* its header */
	const char *line;
};

#define BYTES(text) (text), sizeof(text) - 1
#define HEAD        "\x12\x34\1\0\0\1\0\0\0\0\0\0"
#define ANSWERED    "\x12\x34\x84\0\0\1\0\1\0\0\0\0"

static const struct line_case line_cases[] = {
	{BYTES(HEAD "\1"
		    "2"
		    "\2Bl\7Example\0\0\1\0\1"),
		ANSWERED, "1700000000 192.0.2.7 2.Bl.Example A IN: NOERROR/1/12\n"},
	{BYTES(HEAD "\0\0\2\0\1"), "\x12\x34\x80\5\0\1\0\0\0\0\0\0",
		"1700000000 192.0.2.7 . NS IN: REFUSED/0/12\n"},
	{BYTES(HEAD "\1x\0\0\x41\0\3"), "\x12\x34\x80\3\0\1\0\0\0\0\0\0",
		"1700000000 192.0.2.7 x type65 CH: NXDOMAIN/0/12\n"},
	{BYTES(HEAD "\1x\0\0\xff\0\x09"), "\x12\x34\x80\x0b\0\1\1\2\0\0\0\0",
		"1700000000 192.0.2.7 x ANY class9: rcode11/258/12\n"},
	{BYTES(HEAD "\6a\n.\"\xff\\\0\0\x10\0\1"), ANSWERED,
		"1700000000 192.0.2.7 a\\010\\.\\\"\\255\\\\ TXT IN: NOERROR/1/12\n"},
	/* no question, or a broken one: nothing to write */
	{BYTES(HEAD), "\x12\x34\x80\1\0\0\0\0\0\0\0\0", ""},
	{BYTES(HEAD "\x3f"
		    "abc"),
		ANSWERED, ""},
	{BYTES(HEAD "\3abc"), ANSWERED, ""},
};

static void queries_are_logged_as_rbldnsd_logs_them(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNTOF(line_cases); i++) {
		const struct line_case *row = &line_cases[i];
		uint8_t out[DNS_HEADER_SIZE];
		struct dns_request request = {
			.query = span_of(row->query, row->query_len),
			.client = {.ip = ip_from_v4(0xc0000207), .port = 1234},
			.out = out,
			.out_len = sizeof(out),
		};
		char text[RBL_QUERY_LINE_MAX];
		size_t len;

		memcpy(out, row->answer, sizeof(out));
		len = rbl_query_line(&request, 1700000000, text);
		assert_int_equal(len, strlen(row->line));
		assert_memory_equal(text, row->line, len);
	}
}

static void a_query_without_an_answer_is_not_logged(void **state)
{
	struct dns_request request = {.query = span_of(HEAD "\1x\0\0\1\0\1", 19), .out_len = 0};
	char text[RBL_QUERY_LINE_MAX];

	(void)state;
	assert_int_equal(rbl_query_line(&request, 1, text), 0);
}

static void the_longest_name_fits(void **state)
{
	uint8_t query[DNS_HEADER_SIZE + DNS_NAME_MAX + 4] = {0};
	uint8_t out[DNS_HEADER_SIZE] = {[5] = 1};
	struct dns_request request = {
		.query = span_of(query, sizeof(query)), .out = out, .out_len = 12};
	char text[RBL_QUERY_LINE_MAX];
	size_t at = DNS_HEADER_SIZE;
	size_t len;

	(void)state;
	for (unsigned label = 0; label < 4; label++) { /* 63 + 63 + 63 + 61, and the lengths */
		uint8_t label_len = label < 3 ? 63 : 61;

		query[at++] = label_len;
		memset(query + at, 1, label_len);
		at += label_len;
	}
	assert_int_equal(at, DNS_HEADER_SIZE + DNS_NAME_MAX - 1);
	len = rbl_query_line(&request, INT64_MAX, text);
	assert_true(len > 4 * 250 && len < RBL_QUERY_LINE_MAX);
	assert_int_equal(text[len - 1], '\n');
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(queries_are_logged_as_rbldnsd_logs_them),
		cmocka_unit_test(a_query_without_an_answer_is_not_logged),
		cmocka_unit_test(the_longest_name_fits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
