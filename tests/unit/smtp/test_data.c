/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include <stdlib.h>

#include "base/macro.h"
#include "smtp/data.h"

struct row {
	const char *input;
	const char *output;
	int result;
	const char *rest; /* what is left when the end was found */
};

static const struct row rows[] = {
	{".\r\n", "", 1, ""},
	{"\r\n.\r\n", "\r\n", 1, ""},
	{"a\r\n.\r\nQUIT\r\n", "a\r\n", 1, "QUIT\r\n"},
	{"a\r\n..\r\n.\r\n", "a\r\n..\r\n", 1, ""},
	{"a\r\n..b\r\n.\r\n", "a\r\n..b\r\n", 1, ""},
	{".b\r\n.\r\n", "b\r\n", 1, ""},
	{"...\r\n.\r\n", "...\r\n", 1, ""},
	{"a\nb\r\n.\r\n", "a\r\nb\r\n", 1, ""},
	{"\n\n.\r\n\r\n.\r\n", "\r\n\r\n..\r\n\r\n", 1, ""},
	/* Everything that other servers have taken for an end. */
	{"a\n.\nMAIL", "a\r\n..\r\nMAIL", 0, NULL},
	{"a\n.\r\nMAIL", "a\r\n..\r\nMAIL", 0, NULL},
	{"a\r\n.\nMAIL", "a\r\n..\r\nMAIL", 0, NULL},
	{"a\r.\rMAIL", "a\r\n..\r\nMAIL", 0, NULL},
	{"a\r\n.\rMAIL", "a\r\n..\r\nMAIL", 0, NULL},
	{"a\r.\r\nMAIL", "a\r\n..\r\nMAIL", 0, NULL},
	{"a\r\n.\r\r\nMAIL", "a\r\n..\r\nMAIL", 0, NULL},
	{"a\r\r\n.\r\r\nMAIL", "a\r\n..\r\nMAIL", 0, NULL},
	{"a\n\r.\r\nMAIL", "a\r\n\r\n..\r\nMAIL", 0, NULL},
	{"a\n.\r\r\nMAIL", "a\r\n..\r\nMAIL", 0, NULL},
	{"a\r\n. \r\nMAIL", "a\r\n \r\nMAIL", 0, NULL},
	{"a\r\n\n.\r\nMAIL", "a\r\n\r\n..\r\nMAIL", 0, NULL},
	/* A line that was ended by a CRLF makes an end possible again. */
	{"a\n.\r\n.\r\n", "a\r\n..\r\n", 1, ""},
	{"a\r\r\n.\r\n", "a\r\n", 1, ""},
	/* A bare CR ends a line like a bare LF. */
	{"a\rb\r\rc\r\r\n.\r\n", "a\r\nb\r\nc\r\n", 1, ""},
	{"\r.\r\n\r.\r.\r\n.\r\n", "\r\n..\r\n\r\n..\r\n..\r\n", 1, ""},
	{"..\rb\r\n.\r\n", "..\r\nb\r\n", 1, ""},
	{"caf\xe9 \xff\x01\r\n.\r\n", "caf\xe9 \xff\x01\r\n", 1, ""},
};

static int read_pieces(struct span input, size_t step, struct buf *out, struct span *ret_rest)
{
	struct smtp_data data;
	int r = 0;

	smtp_data_init(&data);
	while (input.len != 0 && r == 0) {
		size_t used;

		r = smtp_data_read(&data, span_first(input, step), out, &used);
		assert_true(r == 1 || used == (step < input.len ? step : input.len));
		input = span_from(input, used);
	}
	*ret_rest = input;
	return r;
}

static void a_message_is_written_canonically_and_ends_once(void **state)
{
	static const size_t steps[] = {1, 2, 3, 1000};

	(void)state;
	for (size_t i = 0; i < COUNTOF(rows); i++) {
		for (size_t j = 0; j < COUNTOF(steps); j++) {
			struct span rest;
			struct buf out;
			int r;

			buf_init(&out, 0);
			r = read_pieces(span_text(rows[i].input), steps[j], &out, &rest);
			assert_int_equal(r, rows[i].result);
			assert_string_equal(buf_cstr(&out), rows[i].output);
			if (r == 1)
				assert_true(span_equal_text(rest, rows[i].rest));
			buf_done(&out);
		}
	}
}

static void a_nul_beside_the_dot_is_data(void **state)
{
	static const char input[] = "a\r\n.\0\r\n\0.\r\n.\r\n";
	static const char output[] = "a\r\n\0\r\n\0.\r\n";
	struct span rest;
	struct buf out;

	(void)state;
	buf_init(&out, 0);
	assert_int_equal(read_pieces(span_of(input, sizeof(input) - 1), 1, &out, &rest), 1);
	assert_true(span_equal(buf_span(&out), span_of(output, sizeof(output) - 1)));
	buf_done(&out);
}

static void octets_count_the_message_and_not_the_stuffing(void **state)
{
	struct smtp_data data;
	struct buf out;
	size_t used;

	(void)state;
	buf_init(&out, 0);
	smtp_data_init(&data);
	assert_int_equal(smtp_data_read(&data, span_text("..a\nb\r\n.\r\n"), &out, &used), 1);
	assert_int_equal(data.octets, 7); /* ".a" CRLF "b" CRLF */
	buf_done(&out);
}

static void a_line_of_any_length_holds_nothing_back(void **state)
{
	enum { LONG = 1 << 20 };
	char *line = malloc(LONG);
	struct smtp_data data;
	struct buf out;
	size_t used;

	(void)state;
	memset(line, 'x', LONG);
	buf_init(&out, 0);
	smtp_data_init(&data);
	assert_int_equal(smtp_data_read(&data, span_of(line, LONG), &out, &used), 0);
	assert_int_equal(buf_len(&out), LONG);
	buf_done(&out);
	free(line);
}

static const struct {
	const char *input, *output;
} chunk_rows[] = {
	{"", ""},
	{"a\r\n.\r\nb\r\n", "a\r\n..\r\nb\r\n"},
	{".\r\n..\r\n.a\r\n", "..\r\n...\r\n..a\r\n"},
	{"a\n.\nb", "a\r\n..\r\nb\r\n"},
	{"a\r.b\r", "a\r\n..b\r\n"},
	{".", "..\r\n"},
	{"a\r\r\n", "a\r\n"},
};

/* The client counts the octets of a chunk: no dot ends it, and it may end anywhere. */
static void chunks_become_lines(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNTOF(chunk_rows); i++) {
		for (size_t step = 1; step < 20; step += 18) {
			struct span input = span_text(chunk_rows[i].input);
			struct smtp_data data;
			struct buf out;

			buf_init(&out, 0);
			smtp_data_init(&data);
			for (; input.len != 0; input = span_from(input, step))
				smtp_data_read_chunk(&data, span_first(input, step), &out);
			smtp_data_finish_chunks(&data, &out);
			assert_string_equal(buf_cstr(&out), chunk_rows[i].output);
			buf_done(&out);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_message_is_written_canonically_and_ends_once),
		cmocka_unit_test(a_nul_beside_the_dot_is_data),
		cmocka_unit_test(chunks_become_lines),
		cmocka_unit_test(octets_count_the_message_and_not_the_stuffing),
		cmocka_unit_test(a_line_of_any_length_holds_nothing_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
