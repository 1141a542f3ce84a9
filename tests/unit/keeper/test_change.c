/* SPDX-License-Identifier: ISC */
#include "keeper/change.h"

#include <stdio.h>

#include "base/macro.h"
#include "unit.h"

static struct source address(unsigned number)
{
	char text[32];
	struct source source;

	snprintf(text, sizeof(text), "10.0.%u.%u", number / 256, number % 256);
	assert_int_equal(source_parse(span_text(text), &source, NULL), 0);
	return source;
}

static void add_many(struct change *change, unsigned first, unsigned count)
{
	for (unsigned i = first; i < first + count; i++) {
		struct source source = address(i);

		change_add(change, span_text("main"), &source);
	}
}

static void rows_of_one_source_are_one_source(void **state)
{
	AUTO(arena) *arena = arena_new(0);
	struct change change = {.arena = arena};
	struct source source = address(1);

	(void)state;
	change_add(&change, span_text("main"), &source);
	change_add(&change, span_text("main"), &source);
	assert_int_equal(change.len, 1);
	assert_int_equal(change.rows, 2);
	change_add(&change, span_text("other"), &source); /* on another list it answers otherwise */
	assert_int_equal(change.len, 2);
}

static void what_is_only_touched_is_not_counted(void **state)
{
	AUTO(arena) *arena = arena_new(0);
	struct change change = {.arena = arena};
	struct source source = address(1);

	(void)state;
	change_touch(&change, span_text("main"), &source);
	assert_int_equal(change.len, 1);
	assert_int_equal(change.rows, 0);
}

static void more_than_fit_are_everything(void **state)
{
	AUTO(arena) *arena = arena_new(0);
	struct change change = {.arena = arena};

	(void)state;
	add_many(&change, 0, CHANGED_MAX);
	assert_false(change.all);
	add_many(&change, CHANGED_MAX, 100);
	assert_true(change.all);
	assert_int_equal(change.len, CHANGED_MAX);
	assert_int_equal(change.rows, CHANGED_MAX + 100);
}

static void two_together_hold_what_both_hold(void **state)
{
	AUTO(arena) *arena = arena_new(0);
	struct change first = {.arena = arena}, second = {.arena = arena};

	(void)state;
	add_many(&first, 0, 3);
	add_many(&second, 10, 4);
	change_join(&first, &second);
	assert_int_equal(first.len, 7);
	assert_int_equal(first.rows, 7);
	second.all = true;
	change_join(&first, &second);
	assert_true(first.all);
	assert_int_equal(first.rows, 11);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_of_one_source_are_one_source),
		cmocka_unit_test(what_is_only_touched_is_not_counted),
		cmocka_unit_test(more_than_fit_are_everything),
		cmocka_unit_test(two_together_hold_what_both_hold),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
