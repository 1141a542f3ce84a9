/* SPDX-License-Identifier: ISC */
#include "base/err.h"
#include "base/mem.h"
#include "unit.h"

static void an_array_keeps_its_items_while_it_grows(void **state)
{
	uint32_t *items = NULL;
	size_t room = 0, moves = 0;

	(void)state;
	for (uint32_t len = 0; len < 10000; len++) {
		size_t before = room;

		mem_grow(&items, &room, len + 1, sizeof(*items));
		assert_true(room > len);
		moves += room != before;
		items[len] = len;
	}
	assert_true(moves < 25);
	for (uint32_t i = 0; i < 10000; i++)
		assert_int_equal(items[i], i);
	mem_shrink(&items, &room, 10, sizeof(*items));
	assert_int_equal(room, 10);
	assert_int_equal(items[9], 9);
	mem_free(items);
}

static void what_does_not_fit_changes_nothing(void **state)
{
	char *bytes = NULL;
	size_t room = 0;

	(void)state;
	assert_int_equal(mem_grow_try(&bytes, &room, 100, 1), 0);
	assert_int_equal(room, 100);
	mem_fail_after(1);
	assert_int_equal(mem_grow_try(&bytes, &room, 100, 1), 0); /* there already */
	assert_int_equal(mem_grow_try(&bytes, &room, 101, 1), E_NOMEM);
	assert_int_equal(mem_grow_try(&bytes, &room, SIZE_MAX, 16), E_NOMEM);
	assert_int_equal(room, 100);
	mem_free(bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_array_keeps_its_items_while_it_grows),
		cmocka_unit_test(what_does_not_fit_changes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
