/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include <string.h>

#include "base/macro.h"
#include "conf/code.h"
#include "gate/dnsbl.h"

static const char two_to_eleven[] = "127.0.0.2-11";
static const char any_of_four[] = "127.0-254.*.*";
static const char just_one[] = "127.0.0.1";
static const char trusted[] = "127.0.*.1-3";

static const struct {
	const char *name;
	const char *zone;
	const char *code;
	const char *answer; /* addresses, blanks between */
	enum dnsbl_reading reading;
	uint8_t last; /* octet of the code that is told */
} cases[] = {
	{"no address", "bl.test", two_to_eleven, "", DNSBL_CLEAN, 0},
	{"in the set", "bl.test", two_to_eleven, "127.0.0.2", DNSBL_LISTED, 2},
	{"at the end of the range", "bl.test", two_to_eleven, "127.0.0.11", DNSBL_LISTED, 11},
	{"behind the range", "bl.test", two_to_eleven, "127.0.0.12", DNSBL_CLEAN, 0},
	{"another octet", "bl.test", two_to_eleven, "127.0.1.2", DNSBL_CLEAN, 0},
	{"the second of two", "bl.test", two_to_eleven, "127.0.0.99 127.0.0.4", DNSBL_LISTED, 4},
	{"the first of two", "bl.test", two_to_eleven, "127.0.0.3 127.0.0.4", DNSBL_LISTED, 3},
	{"H10, H19: outside of 127/8", "bl.test", any_of_four, "203.0.113.10", DNSBL_BROKEN, 10},
	{"one wrong address spoils all", "bl.test", any_of_four, "127.0.0.2 203.0.113.10",
		DNSBL_BROKEN, 10},
	{"H11: public resolver", "zen.test", any_of_four, "127.255.255.254", DNSBL_BROKEN, 254},
	{"H13: unregistered", "score.test", any_of_four, "127.255.255.255", DNSBL_BROKEN, 255},
	{"H14: blocked", "uribl.test", any_of_four, "127.0.0.1", DNSBL_BROKEN, 1},
	{"H14: in a range", "uribl.test", trusted, "127.0.0.1", DNSBL_BROKEN, 1},
	{"H15: 127.0.0.1 by its name", "hostkarma.test", just_one, "127.0.0.1", DNSBL_LISTED, 1},
	{"127.0.0.0", "bl.test", any_of_four, "127.0.0.0", DNSBL_BROKEN, 0},
	{"H12: quota of dnswl", "list.dnswl.org", any_of_four, "127.0.0.255", DNSBL_BROKEN, 255},
	{"H12: trust for all", "list.dnswl.org", trusted, "127.0.10.3", DNSBL_BROKEN, 3},
	{"H12: real trust", "list.dnswl.org", trusted, "127.0.5.3", DNSBL_LISTED, 3},
	{"the same code elsewhere", "notdnswl.org", trusted, "127.0.10.3", DNSBL_LISTED, 3},
	{"an address of a domain list", "dbl.spamhaus.org", any_of_four, "127.0.1.255",
		DNSBL_BROKEN, 255},
	{"IPv6 as an answer", "bl.test", any_of_four, "2001:db8::7f00:2", DNSBL_BROKEN, 2},
};

static void answers_are_read_as_the_table_says(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNTOF(cases); i++) {
		struct conf_filter filter;
		struct conf_dnsbl dnsbl = {.zone = cases[i].zone,
			.codes_len = 1,
			.codes = &filter,
			.has_one = strcmp(cases[i].code, just_one) == 0};
		struct span rest = span_text(cases[i].answer);
		struct ip addresses[4];
		struct dnsbl_hit hit = {{0}, 0};
		size_t count = 0;

		print_message("  %s\n", cases[i].name);
		assert_int_equal(filter_parse(span_text(cases[i].code), &filter, NULL), 0);
		while (rest.len != 0)
			assert_int_equal(ip_parse(span_split(&rest, ' '), &addresses[count++]), 0);
		assert_int_equal(dnsbl_read(&dnsbl, addresses, count, &hit), cases[i].reading);
		assert_int_equal(hit.code[3], cases[i].last);
	}
}

/* As postscreen_dnsbl_sites adds: each filter once, however many addresses it fits. */
static const struct {
	const char *codes, *answer;
	int weight;
} weights[] = {
	{"127.0.0.2", "127.0.0.2", 4}, /* that of the entry */
	{"127.0.0.2 127.0.0.3", "127.0.0.2 127.0.0.3", 4},
	{"127.0.0.2*3", "127.0.0.2", 3},
	{"127.0.0.2-9*3", "127.0.0.2 127.0.0.3", 3},
	{"127.0.0.2*3 127.0.0.3*-2 127.0.0.4*50", "127.0.0.2 127.0.0.3", 1},
	{"127.0.0.2*3 127.0.0.2-9*2", "127.0.0.2", 5},
	{"127.0.0.2*3 127.0.0.3", "127.0.0.2 127.0.0.3", 7},
	{"127.0.0.*3 127.0.0.**3", "127.0.0.9", 3},
	{"&0x02*1 &0x04*2 &0x08*4", "127.0.0.14", 7},
	{"127.0.0.[4;7;10..12]*6", "127.0.0.11", 6},
	{"127.0.0.2*0", "127.0.0.2", 0},
};

static size_t filters_parse(const char *codes, struct conf_filter *filters, size_t max)
{
	struct span rest = span_text(codes);
	size_t count = 0;

	while (rest.len != 0 && count < max) {
		struct span word = span_split(&rest, ' ');

		if (filter_parse(word, &filters[count], NULL) >= 0)
			count++;
	}
	return count;
}

static void weights_add_up(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNTOF(weights); i++) {
		struct conf_filter filters[4];
		struct conf_dnsbl dnsbl = {.zone = "bl.test", .weight = 4, .codes = filters};
		struct span rest = span_text(weights[i].answer);
		struct dnsbl_hit hit = {{0}, -1};
		struct ip addresses[4];
		size_t count = 0;

		print_message("  %s\n", weights[i].codes);
		dnsbl.codes_len = filters_parse(weights[i].codes, filters, COUNTOF(filters));
		while (rest.len != 0)
			assert_int_equal(ip_parse(span_split(&rest, ' '), &addresses[count++]), 0);
		assert_int_equal(dnsbl_read(&dnsbl, addresses, count, &hit), DNSBL_LISTED);
		assert_int_equal(hit.weight, weights[i].weight);
	}
}

static void what_is_not_known_may_add_all_weights(void **state)
{
	struct conf_filter filters[4];
	struct conf_dnsbl dnsbl = {.weight = -4, .codes = filters};
	int may_add[2] = {-1, 1};

	(void)state;
	dnsbl.codes_len = filters_parse("127.0.0.2*3 127.0.0.3*-2 127.0.0.4 127.0.0.5", filters, 4);
	assert_int_equal(dnsbl.codes_len, 4);
	dnsbl_add_weights(&dnsbl, may_add);
	assert_int_equal(may_add[0], -1 - 2 - 4);
	assert_int_equal(may_add[1], 1 + 3);
}

/* ---- health ---- */

static void a_list_counts_once_it_passed(void **state)
{
	struct dnsbl_health health = {0};

	(void)state;
	assert_int_equal(dnsbl_health_state(&health), DNSBL_UNTRIED);
	assert_false(dnsbl_health_test(&health, DNSBL_TEST_EVERYTHING, 100));
	assert_int_equal(dnsbl_health_state(&health), DNSBL_UNTRIED);
	assert_false(dnsbl_health_test(&health, DNSBL_TEST_PASSED, 101)); /* no news */
	assert_int_equal(dnsbl_health_state(&health), DNSBL_HEALTHY);
	assert_int_equal(dnsbl_health_test_after_ms(&health), DNSBL_TEST_EVERY_MS);
}

static void three_failures_suspend_and_two_passes_restore(void **state)
{
	struct dnsbl_health health = {0};

	(void)state;
	dnsbl_health_test(&health, DNSBL_TEST_PASSED, 100);
	for (unsigned i = 0; i < DNSBL_FAILURES_TO_SUSPEND - 1; i++) {
		assert_false(dnsbl_health_test(&health, DNSBL_TEST_EMPTY, 200));
		assert_int_equal(dnsbl_health_state(&health), DNSBL_HEALTHY);
		assert_int_equal(dnsbl_health_test_after_ms(&health), DNSBL_TEST_AGAIN_MS);
	}
	assert_true(dnsbl_health_test(&health, DNSBL_TEST_EMPTY, 210));
	assert_int_equal(dnsbl_health_state(&health), DNSBL_SUSPENDED);
	assert_int_equal(health.since_s, 210);
	assert_false(dnsbl_health_may_ask(&health));
	assert_false(dnsbl_health_test(&health, DNSBL_TEST_EVERYTHING, 220)); /* told already */

	assert_false(dnsbl_health_test(&health, DNSBL_TEST_PASSED, 300));
	assert_int_equal(dnsbl_health_state(&health), DNSBL_SUSPENDED);
	assert_false(dnsbl_health_test(&health, DNSBL_TEST_EMPTY, 305)); /* passes in a row */
	assert_false(dnsbl_health_test(&health, DNSBL_TEST_PASSED, 310));
	assert_true(dnsbl_health_test(&health, DNSBL_TEST_PASSED, 315));
	assert_int_equal(dnsbl_health_state(&health), DNSBL_HEALTHY);
	assert_true(dnsbl_health_may_ask(&health));
}

static void a_failure_now_and_then_is_nothing(void **state)
{
	struct dnsbl_health health = {0};

	(void)state;
	for (unsigned i = 0; i < 100; i++) {
		dnsbl_health_test(&health, DNSBL_TEST_SILENT, i);
		dnsbl_health_test(&health, DNSBL_TEST_SILENT, i);
		dnsbl_health_test(&health, DNSBL_TEST_PASSED, i);
		assert_int_equal(dnsbl_health_state(&health), DNSBL_HEALTHY);
	}
}

static bool lookup(struct dnsbl_health *health, enum dnsbl_cause cause, bool answered, int64_t ms)
{
	return dnsbl_health_lookup(health, cause, answered, &(struct dnsbl_times){ms, 1});
}

static void a_silent_list_is_left_alone_for_longer_and_longer(void **state)
{
	struct dnsbl_health health = {0};
	int64_t pause_ms = DNSBL_PAUSE_FIRST_MS;
	int64_t now_ms = 1000;

	(void)state;
	dnsbl_health_test(&health, DNSBL_TEST_PASSED, 1);
	for (unsigned i = 0; i < DNSBL_ERRORS_TO_PAUSE - 1; i++)
		assert_false(lookup(&health, DNSBL_FOR_CLIENT, false, now_ms));
	assert_true(lookup(&health, DNSBL_FOR_CLIENT, false, now_ms));
	assert_int_equal(dnsbl_health_state(&health), DNSBL_PAUSED);
	for (unsigned round = 0; round < 10; round++) {
		/* lookups that were under way when the pause began do not make it longer */
		assert_false(lookup(&health, DNSBL_FOR_CLIENT, false, now_ms));
		assert_int_equal(health.paused_until_ms, now_ms + pause_ms);
		now_ms += pause_ms;
		assert_false(dnsbl_health_may_ask(&health)); /* no client has to find out */
		assert_false(lookup(&health, DNSBL_FOR_US, false, now_ms));
		pause_ms = pause_ms * 2 < DNSBL_PAUSE_LONGEST_MS ? pause_ms * 2
								 : DNSBL_PAUSE_LONGEST_MS;
	}
	assert_int_equal(pause_ms, DNSBL_PAUSE_LONGEST_MS);
	assert_true(lookup(&health, DNSBL_FOR_US, true, now_ms + pause_ms));
	assert_int_equal(dnsbl_health_state(&health), DNSBL_HEALTHY);
	assert_true(dnsbl_health_may_ask(&health));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_are_read_as_the_table_says),
		cmocka_unit_test(weights_add_up),
		cmocka_unit_test(what_is_not_known_may_add_all_weights),
		cmocka_unit_test(a_list_counts_once_it_passed),
		cmocka_unit_test(three_failures_suspend_and_two_passes_restore),
		cmocka_unit_test(a_failure_now_and_then_is_nothing),
		cmocka_unit_test(a_silent_list_is_left_alone_for_longer_and_longer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
