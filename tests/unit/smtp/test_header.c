/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "base/macro.h"
#include "smtp/header.h"

static const struct {
	const char *input;
	const char *output;
} rows[] = {
	{"A: b\r\n\r\nbody\r\n", "A: b\r\n\r\nbody\r\n"},
	{"X-Stockade: pass\r\nA: b\r\n\r\n", "A: b\r\n\r\n"},
	{"A: b\r\nx-STOCKADE : pass\r\n\tfolded\r\n more\r\nC: d\r\n\r\n", "A: b\r\nC: d\r\n\r\n"},
	{"X-Stockade-Client-IP: 1\r\n\r\n", "\r\n"},
	{"X-Stock: 1\r\n folded\r\n\r\n", "X-Stock: 1\r\n folded\r\n\r\n"},
	{"A: b\r\n\r\nX-Stockade: in the body\r\n", "A: b\r\n\r\nX-Stockade: in the body\r\n"},
	{"\r\nX-Stockade: body\r\n", "\r\nX-Stockade: body\r\n"},
	{" ; note=x\r\nA: b\r\n\r\n", "\r\n ; note=x\r\nA: b\r\n\r\n"},
	{"\tx\r\nX-Stockade: body\r\n", "\r\n\tx\r\nX-Stockade: body\r\n"},
	{" \r\n", "\r\n \r\n"},
	{"X-Stockade: a\r\n ; note=x\r\nA: b\r\n\r\n", "A: b\r\n\r\n"},
	{"\rnot empty\r\nX-Stockade: no\r\n\r\n", "\rnot empty\r\n\r\n"},
	{"no field\r\nX-Stockade: no\r\n", "no field\r\n"},
	{"X-Sto", "X-Sto"},
	{"", ""},
};

static void our_fields_are_taken_out_of_the_header_only(void **state)
{
	static const size_t steps[] = {1, 2, 5, 1000};

	(void)state;
	for (size_t i = 0; i < COUNTOF(rows) * COUNTOF(steps); i++) {
		struct span input = span_text(rows[i / COUNTOF(steps)].input);
		size_t step = steps[i % COUNTOF(steps)];
		struct smtp_header_filter filter;
		struct buf out;

		buf_init(&out, 0);
		smtp_header_filter_init(&filter, "X-Stockade");
		while (input.len != 0) {
			smtp_header_filter_read(&filter, span_first(input, step), &out);
			input = span_from(input, step);
		}
		smtp_header_filter_finish(&filter, &out);
		assert_string_equal(buf_cstr(&out), rows[i / COUNTOF(steps)].output);
		buf_done(&out);
	}
}

static void with_no_prefix_all_fields_stay(void **state)
{
	struct smtp_header_filter filter;
	struct buf out;

	(void)state;
	buf_init(&out, 0);
	smtp_header_filter_init(&filter, NULL);
	smtp_header_filter_read(&filter, span_text("X-Stockade: a\r\n b\r\n\r\n"), &out);
	smtp_header_filter_finish(&filter, &out);
	assert_string_equal(buf_cstr(&out), "X-Stockade: a\r\n b\r\n\r\n");
	buf_clear(&out);
	smtp_header_filter_init(&filter, NULL);
	smtp_header_filter_read(&filter, span_text(" a\r\n"), &out);
	smtp_header_filter_finish(&filter, &out);
	assert_string_equal(buf_cstr(&out), "\r\n a\r\n");
	buf_done(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(our_fields_are_taken_out_of_the_header_only),
		cmocka_unit_test(with_no_prefix_all_fields_stay),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
