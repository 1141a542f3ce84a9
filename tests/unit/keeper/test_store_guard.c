/* SPDX-License-Identifier: ISC */
#include "keeper/store_guard.h"

#include <sqlite3.h>

#include "keeper/temp_store.h"
#include "moving_clock.h"

static struct conf conf;
static struct loop *loop;
static struct store_guard guard;

static int guard_make(void **state)
{
	int r = temp_store_make(state);

	loop = loop_new();
	guard = (struct store_guard){.store = temp_store, .conf = &conf, .loop = loop};
	conf.store = temp_url;
	return r;
}

static int guard_remove(void **state)
{
	loop_free(&loop);
	temp_store = guard.store;
	return temp_store_remove(state);
}

static void stop_on(struct timer *timer, void *arg)
{
	(void)timer;
	loop_stop(arg);
}

static void pass(int64_t ms)
{
	struct timer timer;

	timer_init(&timer, loop, stop_on, loop);
	moving_clock_add(ms);
	timer_set(&timer, loop_now_ms(loop));
	loop_run(loop);
	timer_done(&timer);
}

static void a_damaged_store_is_closed_and_opened_anew(void **state)
{
	struct fault why = {""};

	(void)state;
	assert_int_equal(store_guard_failed(&guard, E_CORRUPT), E_CORRUPT);
	assert_null(guard.store);
	assert_false(store_guard_is_well(&guard));
	assert_int_equal(store_guard_need(&guard, &why), E_CORRUPT);
	assert_true(guard.retry_ms > loop_now_ms(loop));
	assert_int_equal(store_guard_open(&guard, false), 0);
	store_guard_worked(&guard);
	assert_true(store_guard_is_well(&guard));
}

static void within_a_transaction_a_damaged_store_stays_open(void **state)
{
	(void)state;
	guard.in_transaction = true;
	store_guard_failed(&guard, E_CORRUPT);
	assert_non_null(guard.store);
	assert_false(store_guard_is_well(&guard));
}

static void who_is_refused_meanwhile_does_not_put_off_the_next_try(void **state)
{
	int64_t retry_ms;

	(void)state;
	store_guard_failed(&guard, E_CORRUPT);
	retry_ms = guard.retry_ms;
	pass(500);
	assert_int_equal(store_guard_failed(&guard, E_CORRUPT), E_CORRUPT);
	assert_int_equal(store_guard_failed(&guard, E_IO), E_IO);
	assert_int_equal(guard.retry_ms, retry_ms);
	assert_int_equal(guard.error, E_CORRUPT); /* why it was closed */
}

/* ---- a full disk ---- */

static void what_was_put_aside_is_for_operators_until_there_is_room_again(void **state)
{
	struct fault why = {""};

	(void)state;
	guard.reserve = RESERVE_NONE;
	assert_false(store_guard_use_reserve(&guard));
	store_guard_look(&guard);
	assert_int_equal(guard.reserve, RESERVE_KEPT);
	assert_int_equal(store_guard_takes_bulk(&guard, &why), 0);
	assert_true(store_guard_use_reserve(&guard));
	assert_true(store_guard_use_reserve(
		&guard)); /* others of the same transaction try again, too */
	assert_int_equal(store_guard_takes_bulk(&guard, &why), E_FULL);
	store_guard_look(&guard); /* not at once */
	assert_int_equal(guard.reserve, RESERVE_USED);
	pass(10000);
	store_guard_look(&guard);
	assert_int_equal(guard.reserve, RESERVE_KEPT);
	assert_int_equal(store_guard_takes_bulk(&guard, &why), 0);
}

static void a_long_log_is_told(void **state)
{
	char path[128];

	(void)state;
	snprintf(path, sizeof(path), "%s/s.db-wal", temp_folder);
	store_guard_look(&guard);
	assert_false(guard.log_is_long);
	assert_int_equal(truncate(path, 100 << 20), 0);
	store_guard_look(&guard);
	assert_true(guard.log_is_long);
	assert_int_equal(truncate(path, 90 << 20), 0);
	store_guard_look(&guard);
	assert_true(guard.log_is_long); /* until it is much shorter */
	assert_int_equal(truncate(path, 0), 0);
	store_guard_look(&guard);
	assert_false(guard.log_is_long);
}

static void note_that_it_goes_on(void *arg)
{
	++*(unsigned *)arg;
}

/* The supervisor kills a start of which it hears nothing for minutes. */
static void an_older_schema_is_no_silence(void **state)
{
	unsigned told = 0;
	sqlite3 *db = NULL;

	(void)state;
	store_free(&guard.store);
	assert_int_equal(sqlite3_open(temp_url + strlen("sqlite:"), &db), SQLITE_OK);
	assert_int_equal(
		sqlite3_exec(db, "DROP INDEX listing_group_review; PRAGMA user_version = 6", NULL,
			NULL, NULL),
		SQLITE_OK);
	sqlite3_close(db);
	guard.goes_on = note_that_it_goes_on;
	guard.arg = &told;
	assert_int_equal(store_guard_open(&guard, false), 0);
	assert_int_equal(told, 2); /* its begin and its end: it was short */
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, guard_make, guard_remove)
	const struct CMUnitTest tests[] = {
		CASE(a_damaged_store_is_closed_and_opened_anew),
		CASE(within_a_transaction_a_damaged_store_stays_open),
		CASE(who_is_refused_meanwhile_does_not_put_off_the_next_try),
		CASE(what_was_put_aside_is_for_operators_until_there_is_room_again),
		CASE(a_long_log_is_told),
		CASE(an_older_schema_is_no_silence),
	};

	moving_clock_start();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
