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
	{"authentication-RESULTS: MX1.example.org; spf=pass\r\n\tx\r\nA: b\r\n\r\n",
		"A: b\r\n\r\n"},
	{"Authentication-Results \t: mx1.example.org 1; none\r\n\r\n", "\r\n"},
	{"Authentication-Results:mx1.example.org\r\nA: b\r\n\r\n", "A: b\r\n\r\n"},
	{"Authentication-Results: (a (b\\) c)) \r\n\t\"mx\\1.example.org\"; x\r\n\r\n", "\r\n"},
	{"Authentication-Results:\r\n mx1.example.org(c);\r\n spf=pass\r\nA: b\r\n\r\n",
		"A: b\r\n\r\n"},
	{"Authentication-Results: mx1.example.org.other; x\r\n y\r\n\r\n",
		"Authentication-Results: mx1.example.org.other; x\r\n y\r\n\r\n"},
	{"Authentication-Results: mx1.example; x\r\n\r\n",
		"Authentication-Results: mx1.example; x\r\n\r\n"},
	{"Authentication-Results: (mx1.example.org) other; x\r\n y\r\n\r\n",
		"Authentication-Results: (mx1.example.org) other; x\r\n y\r\n\r\n"},
	{"Authentication-Results:\r\nX-Stockade: a\r\nA: b\r\n\r\n",
		"Authentication-Results:\r\nA: b\r\n\r\n"},
	{"Authentication-Results: \r\n\r\nmx1.example.org; body\r\n",
		"Authentication-Results: \r\n\r\nmx1.example.org; body\r\n"},
	{"Authentication-Results-X: mx1.example.org\r\n\r\n",
		"Authentication-Results-X: mx1.example.org\r\n\r\n"},
	{"ARC-Authentication-Results: mx1.example.org; x\r\n\r\n",
		"ARC-Authentication-Results: mx1.example.org; x\r\n\r\n"},
	{"Authentication-Results: (cut", "Authentication-Results: (cut"},
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
		smtp_header_filter_init(&filter, "X-Stockade", "mx1.example.org");
		while (input.len != 0) {
			smtp_header_filter_read(&filter, span_first(input, step), &out);
			input = span_from(input, step);
		}
		smtp_header_filter_finish(&filter, &out);
		assert_string_equal(buf_cstr(&out), rows[i / COUNTOF(steps)].output);
		buf_done(&out);
	}
}

/* A comment that is longer than what is held back hides whose results they are. */
static void results_behind_a_long_comment_go(void **state)
{
	struct smtp_header_filter filter;
	char field[2 * HEADER_HELD_MAX];
	struct buf out;

	(void)state;
	memset(field, 'c', sizeof(field));
	buf_init(&out, 0);
	smtp_header_filter_init(&filter, "X-Stockade", "mx1.example.org");
	smtp_header_filter_read(&filter, span_text("Authentication-Results: ("), &out);
	smtp_header_filter_read(&filter, span_of(field, sizeof(field)), &out);
	smtp_header_filter_read(
		&filter, span_text(") mx1.example.org; x\r\n y\r\nA: b\r\n\r\n"), &out);
	smtp_header_filter_finish(&filter, &out);
	assert_string_equal(buf_cstr(&out), "A: b\r\n\r\n");
	buf_done(&out);
}

static void with_no_prefix_all_fields_stay(void **state)
{
	struct smtp_header_filter filter;
	struct buf out;

	(void)state;
	buf_init(&out, 0);
	smtp_header_filter_init(&filter, NULL, NULL);
	smtp_header_filter_read(&filter, span_text("X-Stockade: a\r\n b\r\n\r\n"), &out);
	smtp_header_filter_finish(&filter, &out);
	assert_string_equal(buf_cstr(&out), "X-Stockade: a\r\n b\r\n\r\n");
	buf_clear(&out);
	smtp_header_filter_init(&filter, NULL, NULL);
	smtp_header_filter_read(&filter, span_text(" a\r\n"), &out);
	smtp_header_filter_finish(&filter, &out);
	assert_string_equal(buf_cstr(&out), "\r\n a\r\n");
	buf_done(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(our_fields_are_taken_out_of_the_header_only),
		cmocka_unit_test(results_behind_a_long_comment_go),
		cmocka_unit_test(with_no_prefix_all_fields_stay),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
