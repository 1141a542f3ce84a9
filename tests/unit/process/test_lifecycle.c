/* SPDX-License-Identifier: ISC */
/* Lives of roles, told as events and what the supervisor is to do: no process, no clock. */
#include "process/lifecycle.h"

#include "base/macro.h"
#include "unit.h"

enum event {
	STARTED,
	NOT_STARTED,
	READY,
	CRASHED,
	BUSY,
	HOPELESS,
	SAME,  /* a reload that changes nothing for the process */
	OTHER, /* one that changes its sockets or jail */
	UNWANTED,
	END,
};

struct step {
	enum event event;
	int64_t at_ms;
	enum life_action wanted;
	int64_t delay_ms; /* of LIFE_START_LATER */
};

static enum life_action happens(struct lifecycles *all, const struct step *step)
{
	struct lifecycle *role = &all->roles[0];

	switch (step->event) {
	case STARTED:
		lifecycle_started(role, step->at_ms);
		return LIFE_LEAVE;
	case NOT_STARTED:
		return lifecycle_start_failed(role, step->at_ms);
	case READY:
		lifecycle_ready(role, step->at_ms);
		return LIFE_LEAVE;
	case CRASHED:
		return lifecycle_died(all, role, DEATH_CRASH, step->at_ms);
	case BUSY:
		return lifecycle_died(all, role, DEATH_BUSY, step->at_ms);
	case HOPELESS:
		return lifecycle_died(all, role, DEATH_HOPELESS, step->at_ms);
	case SAME:
		return lifecycle_configure(role, LIFE_SAME_PROCESS, step->at_ms);
	case OTHER:
		return lifecycle_configure(role, LIFE_NEW_PROCESS, step->at_ms);
	case UNWANTED:
		return lifecycle_configure(role, LIFE_UNWANTED, step->at_ms);
	case END:
		return lifecycle_end(role, step->at_ms);
	}
	return LIFE_LEAVE;
}

/* Plays the steps with one role that the first configuration wants. */
static void play(struct lifecycles *all, const struct step *steps, size_t len)
{
	all->len = 1;
	assert_int_equal(lifecycle_configure(&all->roles[0], LIFE_NEW_PROCESS, 0), LIFE_START);
	for (size_t i = 0; i < len; i++) {
		enum life_action action = happens(all, &steps[i]);

		if (action != steps[i].wanted)
			fail_msg("step %zu: %d instead of %d", i, action, steps[i].wanted);
		if (action == LIFE_START_LATER)
			assert_int_equal(all->roles[0].delay_ms, steps[i].delay_ms);
		assert_int_equal(all->roles[0].waits, action == LIFE_START_LATER);
	}
}

static void the_pause_doubles_while_a_role_does_not_stay_up(void **state)
{
	struct lifecycles all = {.reported_ready = true};
	const struct step steps[] = {
		{STARTED, 0, LIFE_LEAVE, 0},
		{CRASHED, 1, LIFE_START_LATER, 20},
		{STARTED, 21, LIFE_LEAVE, 0},
		{READY, 30, LIFE_LEAVE, 0},
		{CRASHED, 1029, LIFE_START_LATER, 40}, /* a millisecond short of healthy */
		{NOT_STARTED, 1069, LIFE_START_LATER, 80},
		{STARTED, 1149, LIFE_LEAVE, 0},
		{READY, 1150, LIFE_LEAVE, 0},
		{CRASHED, 2150, LIFE_START_LATER, 20},
		{STARTED, 2170, LIFE_LEAVE, 0},
		{BUSY, 2171, LIFE_START_LATER, 1000},
	};

	(void)state;
	play(&all, steps, COUNTOF(steps));
	for (int i = 0; i < 10; i++) {
		lifecycle_started(&all.roles[0], 3000);
		lifecycle_died(&all, &all.roles[0], DEATH_CRASH, 3000);
	}
	assert_int_equal(all.roles[0].delay_ms, 30000); /* and no longer */
}

static void what_cannot_work_ends_all_before_everything_was_ready_only(void **state)
{
	struct lifecycles before = {0}, after = {.reported_ready = true};
	const struct step gives_up[] = {
		{STARTED, 0, LIFE_LEAVE, 0}, {HOPELESS, 1, LIFE_GIVE_UP, 0}};
	const struct step goes_on[] = {
		{STARTED, 0, LIFE_LEAVE, 0}, {HOPELESS, 1, LIFE_START_LATER, 20}};

	(void)state;
	play(&before, gives_up, COUNTOF(gives_up));
	play(&after, goes_on, COUNTOF(goes_on));
}

static void a_reload_reaches_a_role_in_every_state(void **state)
{
	struct lifecycles all = {.reported_ready = true};
	const struct step steps[] = {
		{STARTED, 0, LIFE_LEAVE, 0},
		{SAME, 1, LIFE_CONFIGURE, 0}, /* it takes it when it is ready */
		{READY, 2, LIFE_LEAVE, 0},
		{SAME, 3, LIFE_CONFIGURE, 0},
		{OTHER, 4, LIFE_TERM, 0},
		{OTHER, 5, LIFE_LEAVE, 0}, /* it is ending already */
		{CRASHED, 6, LIFE_START, 0},
		{STARTED, 7, LIFE_LEAVE, 0},
		{READY, 8, LIFE_LEAVE, 0},
		{UNWANTED, 9, LIFE_TERM, 0},
		{CRASHED, 10, LIFE_LEAVE, 0},
		{SAME, 11, LIFE_START, 0},
		{STARTED, 12, LIFE_LEAVE, 0},
		{CRASHED, 13, LIFE_START_LATER, 20},
		{UNWANTED, 14, LIFE_LEAVE, 0},
	};

	(void)state;
	play(&all, steps, COUNTOF(steps));
}

static void a_role_that_waits_for_its_start_goes_on_waiting_after_a_reload(void **state)
{
	struct lifecycles all = {.reported_ready = true};
	const struct step steps[] = {
		{STARTED, 0, LIFE_LEAVE, 0},
		{CRASHED, 1, LIFE_START_LATER, 20},
	};

	(void)state;
	play(&all, steps, COUNTOF(steps));
	assert_int_equal(lifecycle_configure(&all.roles[0], LIFE_NEW_PROCESS, 0), LIFE_LEAVE);
	assert_true(all.roles[0].waits);
}

/* The keeper is the first in the table and the last to end. */
static void the_keeper_ends_when_the_others_have(void **state)
{
	struct lifecycles all = {.len = 3, .last = 0};
	struct lifecycle *keeper = &all.roles[0], *dns = &all.roles[1], *gate = &all.roles[2];

	(void)state;
	for (size_t i = 0; i < all.len; i++) {
		lifecycle_configure(&all.roles[i], LIFE_SAME_PROCESS, 0);
		lifecycle_started(&all.roles[i], 0);
	}
	lifecycle_ready(gate, 5);
	lifecycles_stop(&all);
	assert_int_equal(lifecycle_stop(&all, keeper, 0), LIFE_LEAVE);
	assert_int_equal(lifecycle_stop(&all, dns, 0), LIFE_TERM);
	assert_int_equal(lifecycle_stop(&all, gate, 0), LIFE_TERM);
	assert_int_equal(lifecycle_died(&all, dns, DEATH_CRASH, 6), LIFE_LEAVE); /* not again */
	assert_int_equal(lifecycle_stop(&all, keeper, 0), LIFE_LEAVE);
	assert_int_equal(lifecycle_died(&all, gate, DEATH_CRASH, 7), LIFE_LEAVE);
	assert_int_equal(lifecycle_stop(&all, keeper, 0), LIFE_TERM);
	assert_true(lifecycles_any_lives(&all));
	assert_int_equal(lifecycle_died(&all, keeper, DEATH_CRASH, 8), LIFE_LEAVE);
	assert_false(lifecycles_any_lives(&all));
}

static void a_role_that_waits_is_not_started_by_a_stop(void **state)
{
	struct lifecycles all = {.len = 2, .last = 0};

	(void)state;
	for (size_t i = 0; i < all.len; i++) {
		lifecycle_configure(&all.roles[i], LIFE_SAME_PROCESS, 0);
		lifecycle_started(&all.roles[i], 0);
	}
	lifecycle_died(&all, &all.roles[0], DEATH_CRASH, 1);
	assert_true(all.roles[0].waits);
	lifecycles_stop(&all);
	assert_false(all.roles[0].waits);
}

/* systemd is told once, when each wanted role was ready or has failed. */
static void ready_is_reported_once_and_a_failed_role_does_not_hold_it_up(void **state)
{
	struct lifecycles all = {.len = 3, .last = 0};

	(void)state;
	for (size_t i = 0; i < 2; i++) { /* the third is not in run.roles */
		lifecycle_configure(&all.roles[i], LIFE_SAME_PROCESS, 0);
		lifecycle_started(&all.roles[i], 0);
	}
	assert_false(lifecycles_report_ready(&all));
	lifecycle_ready(&all.roles[1], 1);
	assert_false(lifecycles_report_ready(&all));
	lifecycle_died(&all, &all.roles[0], DEATH_CRASH, 2);
	assert_true(lifecycles_report_ready(&all));
	assert_false(lifecycles_report_ready(&all));
}

/* ---- signs of life ---- */

static struct lifecycles one_ready(void)
{
	struct lifecycles all = {.reported_ready = true, .len = 1};

	all.roles[0].silence_ms = 30000;
	lifecycle_configure(&all.roles[0], LIFE_NEW_PROCESS, 0);
	lifecycle_started(&all.roles[0], 0);
	lifecycle_ready(&all.roles[0], 0);
	return all;
}

static enum life_action tick(struct lifecycles *all, int64_t now_ms)
{
	lifecycles_tick(all, now_ms);
	return lifecycle_tick(&all->roles[0], now_ms);
}

static void who_gives_no_sign_of_life_is_killed_once_and_started_again(void **state)
{
	struct lifecycles all = one_ready();
	struct lifecycle *role = &all.roles[0];

	(void)state;
	for (int64_t now_ms = 1000; now_ms < 100000; now_ms += 1000) {
		if (now_ms % 15000 == 0 && now_ms <= 60000)
			lifecycle_sign(role, now_ms);
		assert_int_equal(tick(&all, now_ms), now_ms == 90000 ? LIFE_KILL : LIFE_LEAVE);
	}
	assert_int_equal(lifecycle_died(&all, role, DEATH_CRASH, 100000), LIFE_START_LATER);
	lifecycle_started(role, 100020);
	assert_int_equal(tick(&all, 101000), LIFE_LEAVE);
	lifecycle_ready(role, 101000);
	assert_int_equal(tick(&all, 102000), LIFE_LEAVE);
}

/* A machine that was paused, or a supervisor that had no turn: everybody is late then. */
static void nobody_is_blamed_for_a_time_in_which_nothing_ran(void **state)
{
	struct lifecycles all = one_ready();

	(void)state;
	assert_int_equal(tick(&all, 1000), LIFE_LEAVE);
	assert_int_equal(tick(&all, 3600000), LIFE_LEAVE);
	for (int64_t now_ms = 3601000; now_ms < 3630000; now_ms += 1000)
		assert_int_equal(tick(&all, now_ms), LIFE_LEAVE);
	assert_int_equal(tick(&all, 3630000), LIFE_KILL);
}

/* Also a reload that has to end one that hangs comes to its end. */
/* Whoever was told to end, and was paused with us, has its time all the same. */
static void a_time_in_which_nothing_ran_does_not_count_against_an_end(void **state)
{
	struct lifecycles all = one_ready();
	struct lifecycle *role = &all.roles[0];

	(void)state;
	assert_int_equal(tick(&all, 1000), LIFE_LEAVE);
	role->formers[0] = (struct former){.life = FORMER_SERVING, .silence_ms = 30000};
	assert_int_equal(lifecycle_end(role, 1000), LIFE_TERM);
	assert_int_equal(former_end(&role->formers[0], 1000), LIFE_TERM);
	assert_int_equal(tick(&all, 601000), LIFE_LEAVE);
	assert_int_equal(former_tick(&role->formers[0], 601000), LIFE_LEAVE);
	for (int64_t now_ms = 602000; now_ms < 625000; now_ms += 1000)
		assert_int_equal(tick(&all, now_ms), LIFE_LEAVE);
	assert_int_equal(tick(&all, 625000), LIFE_KILL);
	assert_int_equal(former_tick(&role->formers[0], 625000), LIFE_KILL);
}

static void who_never_says_that_it_is_ready_is_killed(void **state)
{
	struct lifecycles all = one_ready();
	struct lifecycle *role = &all.roles[0];

	(void)state;
	lifecycle_died(&all, role, DEATH_CRASH, 0);
	lifecycle_started(role, 1000);
	for (int64_t now_ms = 1000; now_ms < 301000; now_ms += 1000)
		assert_int_equal(tick(&all, now_ms), LIFE_LEAVE);
	assert_int_equal(tick(&all, 301000), LIFE_KILL);
	assert_int_equal(lifecycle_died(&all, role, DEATH_CRASH, 301000), LIFE_START_LATER);
}

static void silence_is_told_when_a_sign_did_not_come(void **state)
{
	struct lifecycles all = one_ready();
	struct lifecycle *role = &all.roles[0];

	(void)state;
	assert_int_equal(lifecycle_silence_ms(role, 19999), 0);
	assert_int_equal(lifecycle_silence_ms(role, 20000), 20000);
	lifecycle_sign(role, 20000);
	assert_int_equal(lifecycle_silence_ms(role, 20000), 0);
	assert_int_equal(lifecycle_kill(role), LIFE_KILL);
	assert_int_equal(lifecycle_kill(role), LIFE_LEAVE);
	assert_int_equal(tick(&all, 21000), LIFE_LEAVE); /* it is gone in a moment */
	lifecycle_end(role, 21000);
	assert_int_equal(lifecycle_silence_ms(role, 99000), 0);
}

static void who_does_not_end_is_killed(void **state)
{
	struct lifecycles all = one_ready();
	struct lifecycle *role = &all.roles[0];

	(void)state;
	assert_int_equal(lifecycle_configure(role, LIFE_NEW_PROCESS, 1000), LIFE_TERM);
	for (int64_t now_ms = 1000; now_ms < 26000; now_ms += 1000)
		assert_int_equal(tick(&all, now_ms), LIFE_LEAVE);
	assert_int_equal(tick(&all, 26000), LIFE_KILL);
	assert_int_equal(tick(&all, 27000), LIFE_LEAVE);
	assert_int_equal(lifecycle_died(&all, role, DEATH_CRASH, 27000), LIFE_START);
}

/* ---- replacing ---- */

static void a_role_is_replaced_and_the_former_serves_until_the_next_is_ready(void **state)
{
	struct lifecycles all = one_ready();
	struct lifecycle *role = &all.roles[0];
	struct former *former = &role->formers[0];

	(void)state;
	assert_int_equal(lifecycle_configure(role, LIFE_BESIDE, 1000), LIFE_REPLACE);
	assert_int_equal(lifecycle_replaced(role), 0);
	lifecycle_started(role, 1000);
	assert_int_equal(former->life, FORMER_SERVING);
	/* The next cannot start: the former goes on. */
	assert_int_equal(lifecycle_died(&all, role, DEATH_HOPELESS, 1100), LIFE_START_LATER);
	assert_int_equal(former_tick(former, 1200), LIFE_LEAVE);
	lifecycle_started(role, 1200);
	lifecycle_ready(role, 1300);
	assert_int_equal(former_retire(former, 1300), LIFE_RETIRE);
	assert_int_equal(former_retire(former, 1300), LIFE_LEAVE);
	former_sign(former, 601000); /* it goes on with its work */
	assert_int_equal(former_tick(former, 601299), LIFE_LEAVE);
	assert_int_equal(former_tick(former, 601300), LIFE_TERM);
	assert_int_equal(former_tick(former, 626299), LIFE_LEAVE);
	assert_int_equal(former_tick(former, 626300), LIFE_KILL);
	assert_int_equal(former_tick(former, 700000), LIFE_LEAVE);
}

/* Reloads, one after the other, while nobody leaves: no number of processes. */
static void a_former_that_hangs_is_killed(void **state)
{
	struct lifecycles all = {.len = 1};
	struct lifecycle *role = &all.roles[0];
	struct former *former = &role->formers[0];

	(void)state;
	role->wanted = true;
	role->silence_ms = 30000;
	lifecycle_started(role, 0);
	lifecycle_ready(role, 1000);
	assert_int_equal(lifecycle_configure(role, LIFE_BESIDE, 2000), LIFE_REPLACE);
	assert_int_equal(lifecycle_replaced(role), 0);
	former_sign(former, 11000);
	assert_int_equal(former_retire(former, 12000), LIFE_RETIRE);
	assert_int_equal(former_tick(former, 40999), LIFE_LEAVE);
	assert_int_equal(former_tick(former, 41000), LIFE_KILL);
	assert_int_equal(former_tick(former, 42000), LIFE_LEAVE);
	/* The machine was paused: nobody is blamed. */
	former->life = FORMER_SERVING;
	lifecycles_tick(&all, 90000);
	assert_int_equal(former_tick(former, 90000), LIFE_LEAVE);
}

static void formers_are_bounded(void **state)
{
	struct lifecycles all = one_ready();
	struct lifecycle *role = &all.roles[0];

	(void)state;
	for (size_t i = 0; i < FORMERS_MAX; i++) {
		assert_int_equal(lifecycle_configure(role, LIFE_BESIDE, 0), LIFE_REPLACE);
		assert_int_equal(lifecycle_replaced(role), i);
		lifecycle_started(role, 0);
		lifecycle_ready(role, 0);
	}
	assert_int_equal(lifecycle_configure(role, LIFE_BESIDE, 0), LIFE_TERM);
	assert_int_equal(lifecycle_died(&all, role, DEATH_CRASH, 1), LIFE_START);
	lifecycle_started(role, 1);
	lifecycle_ready(role, 2);
	role->formers[1].life = FORMER_NONE;
	assert_int_equal(lifecycle_configure(role, LIFE_BESIDE, 3), LIFE_REPLACE);
	assert_int_equal(lifecycle_replaced(role), 1);
}

static void the_keeper_waits_for_formers_too(void **state)
{
	struct lifecycles all = {.len = 2, .last = 0};
	struct lifecycle *keeper = &all.roles[0], *gate = &all.roles[1];

	(void)state;
	lifecycle_started(keeper, 0);
	gate->formers[2].life = FORMER_RETIRING;
	lifecycles_stop(&all);
	assert_int_equal(former_end(&gate->formers[2], 0), LIFE_TERM);
	assert_int_equal(lifecycle_stop(&all, keeper, 0), LIFE_LEAVE);
	gate->formers[2].life = FORMER_NONE;
	assert_int_equal(lifecycle_stop(&all, keeper, 0), LIFE_TERM);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_pause_doubles_while_a_role_does_not_stay_up),
		cmocka_unit_test(what_cannot_work_ends_all_before_everything_was_ready_only),
		cmocka_unit_test(a_reload_reaches_a_role_in_every_state),
		cmocka_unit_test(a_role_that_waits_for_its_start_goes_on_waiting_after_a_reload),
		cmocka_unit_test(the_keeper_ends_when_the_others_have),
		cmocka_unit_test(a_role_that_waits_is_not_started_by_a_stop),
		cmocka_unit_test(ready_is_reported_once_and_a_failed_role_does_not_hold_it_up),
		cmocka_unit_test(who_gives_no_sign_of_life_is_killed_once_and_started_again),
		cmocka_unit_test(nobody_is_blamed_for_a_time_in_which_nothing_ran),
		cmocka_unit_test(a_time_in_which_nothing_ran_does_not_count_against_an_end),
		cmocka_unit_test(who_never_says_that_it_is_ready_is_killed),
		cmocka_unit_test(silence_is_told_when_a_sign_did_not_come),
		cmocka_unit_test(who_does_not_end_is_killed),
		cmocka_unit_test(a_role_is_replaced_and_the_former_serves_until_the_next_is_ready),
		cmocka_unit_test(a_former_that_hangs_is_killed),
		cmocka_unit_test(formers_are_bounded),
		cmocka_unit_test(the_keeper_waits_for_formers_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
