/* SPDX-License-Identifier: ISC */
#include <string.h>

#include "base/err.h"
#include "process/run_state.h"
#include "unit.h"

static struct run_state state_of(const char *text)
{
	struct run_state state;

	assert_int_equal(run_state_parse(span_text(text), &state), 0);
	return state;
}

static void test_what_was_printed_is_read_again(void **state)
{
	struct run_state told = {.pid = 811, .since_s = 1000, .written_ms = 86400123, .len = 2};
	struct run_state read;
	struct buf text;

	(void)state;
	told.roles[0] = (struct role_state){.role = "gate",
		.life = LIFE_READY,
		.pid = 820,
		.since_s = 1002,
		.silent_s = 24,
		.deaths = {.count = 9, .signal = 9, .hung = 1, .recent_s = {1001, 900, 800}}};
	told.roles[1] = (struct role_state){
		.role = "courier", .life = LIFE_DOWN, .deaths = {.count = 1, .recent_s = {1003}}};
	buf_init(&text, 0);
	run_state_print(&told, &text);
	assert_int_equal(run_state_parse(buf_span(&text), &read), 0);
	assert_memory_equal(&read, &told, sizeof(told));
	buf_done(&text);
}

static void test_other_versions_are_known_as_such(void **state)
{
	struct run_state read = {.pid = 7};

	(void)state;
	assert_int_equal(state_of("stockade-run 1\nrun pid=1 colour=7\nmood good\n"
				  "role web ready pid=2 load=high\n")
				 .roles[0]
				 .pid,
		2);
	assert_int_equal(
		run_state_parse(span_text("stockade-run 2\nrun pid=1\n"), &read), E_VERSION);
	assert_int_equal(read.pid, 7); /* untouched */
}

static void test_what_is_none_is_refused(void **state)
{
	static const char *const wrong[] = {
		"",
		"stockade",
		"#!/bin/sh\n",
		"stockade-run 1\nrun pid=-1\n",
		"stockade-run 1\nrun pid=99999999999999999999\n",
		"stockade-run 1\nrole web asleep\n",
		"stockade-run 1\nrole web\n",
		"stockade-run 1\nrole a-very-long-name-of-a-role ready\n",
		"stockade-run 1\nrole a ready\nrole b ready\nrole c ready\nrole d ready\n"
		"role e ready\nrole f ready\nrole g ready\nrole h ready\nrole i ready\n",
	};
	struct run_state read;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_equal(run_state_parse(span_text(wrong[i]), &read), E_PARSE);
}

static void test_a_role_is_well_when_it_works_and_stays_up(void **state)
{
	struct role_state role = {.life = LIFE_READY};

	(void)state;
	assert_true(role_state_is_well(&role, 10000));
	role.silent_s = 20;
	assert_false(role_state_is_well(&role, 10000));
	role = (struct role_state){.life = LIFE_STARTING};
	assert_false(role_state_is_well(&role, 10000));
	role.life = LIFE_READY;
	for (int64_t i = 0; i < DEATHS_TOO_MANY; i++) {
		assert_true(role_state_is_well(&role, 10000));
		role_deaths_add(&role.deaths, (struct role_deaths){.recent_s = {10000 + i}});
	}
	assert_false(role_state_is_well(&role, 10002));
	assert_false(role_state_is_well(&role, 10000 + DEATHS_WITHIN_S - 1));
	assert_true(role_state_is_well(&role, 10000 + DEATHS_WITHIN_S));
}

static void test_the_last_deaths_are_kept_and_all_are_counted(void **state)
{
	struct role_deaths deaths = {.count = 0};

	(void)state;
	for (int64_t i = 1; i <= 20; i++)
		role_deaths_add(&deaths, (struct role_deaths){.signal = i % 2 == 0 ? 11 : 0,
						 .exit_code = i % 2 == 0 ? 0 : 70,
						 .recent_s = {i * 1000}});
	assert_int_equal(deaths.count, 20);
	assert_int_equal(deaths.signal, 11);
	assert_int_equal(deaths.exit_code, 0);
	assert_int_equal(deaths.recent_s[0], 20000);
	assert_int_equal(deaths.recent_s[DEATHS_KEPT - 1], 13000);
	assert_int_equal(role_deaths_lately(&deaths, 20000), 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_was_printed_is_read_again),
		cmocka_unit_test(test_other_versions_are_known_as_such),
		cmocka_unit_test(test_what_is_none_is_refused),
		cmocka_unit_test(test_a_role_is_well_when_it_works_and_stays_up),
		cmocka_unit_test(test_the_last_deaths_are_kept_and_all_are_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
