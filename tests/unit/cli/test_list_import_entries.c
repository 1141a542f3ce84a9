/* SPDX-License-Identifier: ISC */
/* In which order an import is sent: the keeper's store is fast when neighbours come together. */
#include "unit.h"

#include "base/macro.h"
#include "base/mem.h"
#include "cli/list_import_entries.h"

enum { GROUPS = 2 };

static void add(struct import *import, const char *text, uint16_t group)
{
	struct source source;

	assert_int_equal(source_parse(span_text(text), &source, NULL), 0);
	import_add(import, &source, group);
}

static void check_order(struct import *import, const char *const *texts, size_t len)
{
	import_sort(import);
	assert_int_equal(import->len, len);
	for (size_t i = 0; i < len; i++) {
		char text[SOURCE_TEXT_SIZE];
		struct source source;

		import_entry_source(&import->entries[i], &source);
		assert_string_equal(source_print(&source, text), texts[i]);
	}
}

static void addresses_go_by_group_then_by_address_the_wider_first(void **state)
{
	static const char *const order[] = {"192.0.2.0/24", "192.0.2.0", "192.0.2.200", "10.0.0.1"};
	struct cli cli = {.arena = arena_new(0)};
	struct import import = {.cli = &cli};
	struct import *owner = &import;

	(void)state;
	import.groups = mem_alloc_array(GROUPS, sizeof(*import.groups));
	add(&import, "10.0.0.1", 1);
	add(&import, "192.0.2.200", 0);
	add(&import, "192.0.2.0", 0);
	add(&import, "192.0.2.0/24", 0);
	check_order(&import, order, COUNTOF(order));
	assert_int_equal(import.groups[0].len, 3);
	assert_int_equal(import.groups[1].len, 1);
	import_free(&owner);
	arena_free(&cli.arena);
}

static void domains_go_by_their_ends_so_that_names_stand_below_one_another(void **state)
{
	static const char *const order[] = {
		"example.com", "a.example.com", "z.a.example.com", "b.example.com", "example.net"};
	struct cli cli = {.arena = arena_new(0)};
	struct import import = {.cli = &cli};
	struct import *owner = &import;

	(void)state;
	import.groups = mem_alloc_array(GROUPS, sizeof(*import.groups));
	for (size_t i = COUNTOF(order); i-- > 0;)
		add(&import, order[i], 0);
	check_order(&import, order, COUNTOF(order));
	import_free(&owner);
	arena_free(&cli.arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_go_by_group_then_by_address_the_wider_first),
		cmocka_unit_test(domains_go_by_their_ends_so_that_names_stand_below_one_another),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
