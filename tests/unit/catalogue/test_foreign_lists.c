/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "catalogue/foreign_lists.h"

static void error_codes_belong_to_their_zones(void **state)
{
	static const struct {
		const char *zone;
		uint8_t code[4];
		bool is_error;
	} cases[] = {
		{"list.dnswl.org", {127, 0, 0, 255}, true},
		{"LIST.DNSWL.ORG", {127, 0, 10, 3}, true},
		{"list.dnswl.org", {127, 0, 5, 3}, false},
		{"notdnswl.org", {127, 0, 0, 255}, false},
		{"key.dbl.spamhaus.org", {127, 0, 1, 255}, true},
		{"bl.example.net", {127, 255, 255, 1}, true},
		{"bl.example.net", {127, 255, 254, 1}, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(foreign_code_is_error(span_text(cases[i].zone), cases[i].code),
			cases[i].is_error);
}

static void ended_lists_are_found_by_their_zones(void **state)
{
	(void)state;
	assert_string_equal(foreign_dead_find(span_text("dnsbl.sorbs.net"))->date, "2024-06-05");
	assert_string_equal(foreign_dead_find(span_text("SORBS.net"))->zone, "sorbs.net");
	assert_null(foreign_dead_find(span_text("mysorbs.net")));
	assert_null(foreign_dead_find(span_text("net")));
	assert_null(foreign_dead_find(span_text("dnsbl.manitu.net")));
}

/* The page for administrators has a row for each, with its terms. */
static void the_page_has_all_presets(void **state)
{
	static char page[64 * 1024];
	FILE *file = fopen("../../doc/third-party-lists.md", "r");

	(void)state;
	assert_non_null(file);
	page[fread(page, 1, sizeof(page) - 1, file)] = '\0';
	fclose(file);
	for (size_t i = 0; foreign_list_at(i) != NULL; i++) {
		const struct foreign_list *known = foreign_list_at(i);
		char row[300];

		snprintf(row, sizeof(row), "\n| `%s` | %s | %s |\n", known->preset, known->zone,
			known->terms);
		if (strstr(page, row) == NULL)
			fail_msg("no row: %s", row);
		assert_ptr_equal(foreign_list_find(span_text(known->preset)), known);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(error_codes_belong_to_their_zones),
		cmocka_unit_test(ended_lists_are_found_by_their_zones),
		cmocka_unit_test(the_page_has_all_presets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
