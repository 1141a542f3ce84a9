/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "sets/answer_rows.h"

enum { FAR = 2000000000 };

static int64_t value(struct answer_rows *rows, uint8_t sublist, int64_t until_s, const char *reason)
{
	return answer_rows_value(
		rows, &(struct statement){sublist, false, until_s, span_text(reason)});
}

/* Whatever was asked for before: equal values have one number, others have others. */
static void a_value_is_known_again(void **state)
{
	struct answer_rows *rows = answer_rows_new();
	int64_t first = value(rows, 1, FAR, "3 trap hits");

	(void)state;
	assert_int_equal(value(rows, 1, FAR, "3 trap hits"), first);
	assert_int_not_equal(value(rows, 2, FAR, "3 trap hits"), first);
	assert_int_equal(value(rows, 1, FAR, "3 trap hits"), first);
	assert_int_not_equal(value(rows, 1, FAR + 1, "3 trap hits"), first);
	assert_int_equal(value(rows, 1, FAR, "3 trap hits"), first);
	assert_int_not_equal(value(rows, 1, FAR, "3 trap hit"), first);
	assert_int_not_equal(value(rows, 1, FAR, "3 trap hitz"), first);
	assert_int_not_equal(value(rows, 1, FAR, ""), first);
	assert_int_equal(value(rows, 1, FAR, "3 trap hits"), first);
	answer_rows_free(&rows);
}

static void an_exclusion_is_one_value_whatever_else_is_said(void **state)
{
	struct answer_rows *rows = answer_rows_new();
	int64_t listed = value(rows, 1, 0, "");
	int64_t excluded =
		answer_rows_value(rows, &(struct statement){1, true, 0, span_text("by hand")});

	(void)state;
	assert_int_not_equal(listed, excluded);
	assert_int_equal(answer_rows_value(rows, &(struct statement){1, true, FAR, span_text("")}),
		excluded);
	assert_int_not_equal(
		answer_rows_value(rows, &(struct statement){2, true, FAR, span_text("")}),
		excluded);
	assert_int_equal(value(rows, 1, 0, ""), listed);
	answer_rows_free(&rows);
}

static void impossible_values_are_refused_at_any_time(void **state)
{
	static const char long_text[REASON_MAX + 1];
	struct answer_rows *rows = answer_rows_new();

	(void)state;
	assert_int_equal(answer_rows_value(rows,
				 &(struct statement){ROW_VALUES_MAX, false, 0, span_text("")}),
		E_RANGE);
	assert_true(answer_rows_value(rows, &(struct statement){1, true, 0, span_text("")}) >= 0);
	assert_int_equal(
		answer_rows_value(rows, &(struct statement){1, true, -1, span_text("")}), E_RANGE);
	assert_int_equal(answer_rows_value(rows,
				 &(struct statement){1, true, INT64_C(1) << 56, span_text("")}),
		E_RANGE);
	assert_int_equal(answer_rows_value(rows, &(struct statement){1, true, 0,
							 span_of(long_text, REASON_MAX + 1)}),
		E_LIMIT);
	answer_rows_free(&rows);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_value_is_known_again),
		cmocka_unit_test(an_exclusion_is_one_value_whatever_else_is_said),
		cmocka_unit_test(impossible_values_are_refused_at_any_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
