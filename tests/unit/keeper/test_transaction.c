/* SPDX-License-Identifier: ISC */
#include "keeper/transaction.h"

#include "keeper/temp_store.h"
#include "moving_clock.h"

/* ---- a publisher that remembers what it was told ---- */

static uint32_t next_serial;
static size_t published;
static enum served serves_by;
static enum publish_when published_when;
static int number_fails;

int publisher_number(struct publisher *publisher, const struct change *change, uint32_t *ret_serial)
{
	(void)publisher;
	assert_int_not_equal(change->rows, 0);
	if (number_fails < 0)
		return number_fails;
	*ret_serial = ++next_serial;
	return store_serial_set(temp_store, next_serial);
}

enum served publisher_publish(struct publisher *publisher, const struct change *change,
	uint32_t serial, enum publish_when when)
{
	uint32_t stored = 0;

	(void)publisher;
	(void)change;
	/* Acknowledged means committed: whoever hears of a serial finds it in the store. */
	assert_int_equal(store_serial(temp_store, &stored), 0);
	assert_int_equal(stored, serial);
	published++;
	published_when = when;
	return serves_by;
}

/* ---- an item that writes an event ---- */

struct recorder {
	struct transaction_item item;
	const char *verb;
	int returns;       /* by run */
	const char *words; /* of a refusal */
	uint32_t rows;
	int finished;
	struct transaction_result result;
};

static int recorder_run(void *arg)
{
	struct recorder *recorder = arg;
	struct store_event event = {.time_s = 1,
		.author = span_text("root"),
		.verb = span_text(recorder->verb),
		.subject = span_text("x"),
		.reason = span_text("test")};
	uint64_t id = 0;

	assert_true(store_event_add(temp_store, &event, &id) >= 0);
	recorder->item.change.rows = recorder->rows;
	if (recorder->words != NULL)
		fault_set(&recorder->item.why, recorder->returns, "%s", recorder->words);
	return recorder->returns;
}

static void recorder_finish(const struct transaction_result *result, void *arg)
{
	struct recorder *recorder = arg;

	recorder->finished++;
	recorder->result = *result;
}

static void recorder_init(struct recorder *recorder, const char *verb)
{
	*recorder = (struct recorder){.item = {.run = recorder_run, .finish = recorder_finish},
		.verb = verb,
		.returns = ITEM_KEEP,
		.rows = 1};
	recorder->item.arg = recorder;
}

/* ---- the machine under test ---- */

static struct conf conf;
static struct loop *loop;
static struct store_guard guard;
static struct transaction *transaction;
static int commits;

static void on_committed(void *arg)
{
	(void)arg;
	commits++;
}

static int machine_make(void **state)
{
	int r = temp_store_make(state);

	loop = loop_new();
	guard = (struct store_guard){.store = temp_store, .conf = &conf, .loop = loop};
	next_serial = 100;
	published = 0;
	number_fails = 0;
	serves_by = SERVED_BY_DELTA;
	commits = 0;
	transaction = transaction_new(&guard, NULL, on_committed, NULL);
	return r;
}

static int machine_remove(void **state)
{
	transaction_commit(transaction);
	transaction_free(&transaction);
	loop_free(&loop);
	if (guard.store == NULL)
		temp_store = NULL;
	return temp_store_remove(state);
}

static void stop_on(struct timer *timer, void *arg)
{
	(void)timer;
	loop_stop(arg);
}

static void turn(void)
{
	struct timer timer;

	timer_init(&timer, loop, stop_on, loop);
	moving_clock_add(10);
	timer_set(&timer, loop_now_ms(loop) + 5);
	loop_run(loop);
	timer_done(&timer);
}

/* ---- cases ---- */

static void all_of_a_turn_is_one_commit_under_one_serial(void **state)
{
	struct recorder first, second;

	(void)state;
	recorder_init(&first, "add");
	recorder_init(&second, "remove");
	transaction_join(transaction, &first.item);
	transaction_join(transaction, &second.item);
	assert_int_equal(first.finished + second.finished, 0); /* nothing is on disk yet */
	turn();
	assert_int_equal(first.finished, 1);
	assert_int_equal(first.result.error, 0);
	assert_int_equal(first.result.serial, 101);
	assert_int_equal(second.result.serial, 101);
	assert_int_equal(published, 1);
	assert_int_equal(commits, 1);
	assert_int_equal(temp_store_events(), 2);
}

static void a_wrong_item_is_taken_back_alone(void **state)
{
	struct recorder good, wrong;

	(void)state;
	recorder_init(&good, "add");
	recorder_init(&wrong, "undo");
	wrong.returns = E_CONFLICT;
	wrong.words = "undone already";
	transaction_join(transaction, &good.item);
	transaction_join(transaction, &wrong.item);
	transaction_commit(transaction);
	assert_int_equal(good.result.error, 0);
	assert_int_equal(wrong.result.error, E_CONFLICT);
	assert_string_equal(wrong.item.why.text, "undone already");
	assert_int_equal(temp_store_events(), 1);
	assert_false(guard.is_bad);
}

static void an_error_without_words_that_is_not_the_stores_gets_some(void **state)
{
	struct recorder wrong;

	(void)state;
	recorder_init(&wrong, "add");
	wrong.returns = E_CONFLICT;
	transaction_join(transaction, &wrong.item);
	transaction_commit(transaction);
	assert_int_equal(wrong.result.error, E_CONFLICT);
	assert_non_null(strstr(wrong.item.why.text, "nothing was changed"));
	assert_false(guard.is_bad);
}

static void a_failure_of_the_store_takes_everything_back_and_tells_everybody(void **state)
{
	struct recorder good, last;

	(void)state;
	recorder_init(&good, "add");
	recorder_init(&last, "add");
	last.returns = E_FULL;
	transaction_join(transaction, &good.item);
	transaction_join(transaction, &last.item);
	assert_int_equal(good.result.error, E_FULL);
	assert_int_equal(last.result.error, E_FULL);
	assert_int_equal(good.finished, 1);
	assert_int_equal(temp_store_events(), 0);
	assert_true(guard.is_bad);
	assert_int_equal(published, 0);
	transaction_commit(transaction); /* nothing is left of it */
	assert_int_equal(commits, 0);
}

static void a_number_that_cannot_be_given_fails_all(void **state)
{
	struct recorder good;

	(void)state;
	recorder_init(&good, "add");
	number_fails = E_IO;
	transaction_join(transaction, &good.item);
	turn();
	assert_int_equal(good.result.error, E_IO);
	assert_int_equal(temp_store_events(), 0);
}

static void what_changes_no_listing_has_no_serial_and_is_not_published(void **state)
{
	struct recorder quiet;

	(void)state;
	recorder_init(&quiet, "accept-feed");
	quiet.rows = 0;
	transaction_join(transaction, &quiet.item);
	transaction_commit(transaction);
	assert_int_equal(quiet.result.error, 0);
	assert_int_equal(quiet.result.serial, 0);
	assert_int_equal(temp_store_events(), 1);
	assert_int_equal(published, 0);
}

static void a_dry_run_leaves_nothing(void **state)
{
	struct recorder joined, alone;

	(void)state;
	recorder_init(&joined, "add");
	recorder_init(&alone, "undo");
	joined.returns = alone.returns = ITEM_TAKE_BACK;
	transaction_join(transaction, &joined.item);
	transaction_run_alone(transaction, &alone.item);
	assert_int_equal(joined.result.error, 0);
	assert_int_equal(alone.result.error, 0);
	assert_int_equal(temp_store_events(), 0);
	assert_int_equal(published, 0);
}

static void an_item_alone_comes_after_what_was_there_and_is_over_at_once(void **state)
{
	struct recorder before, alone;

	(void)state;
	recorder_init(&before, "add");
	recorder_init(&alone, "undo");
	alone.item.when = PUBLISH_LATER;
	serves_by = SERVED_BY_SNAPSHOT;
	transaction_join(transaction, &before.item);
	transaction_run_alone(transaction, &alone.item);
	assert_int_equal(before.result.serial, 101);
	assert_int_equal(alone.result.serial, 102);
	assert_int_equal(alone.result.served, SERVED_BY_SNAPSHOT);
	assert_int_equal(published, 2);
	assert_int_equal(published_when, PUBLISH_LATER);
}

static void a_crowd_of_sources_is_committed_before_one_more_comes(void **state)
{
	struct recorder many, one;
	AUTO(arena) *arena = arena_new(0);

	(void)state;
	recorder_init(&many, "add");
	recorder_init(&one, "add");
	many.item.change.arena = arena;
	for (unsigned i = 0; i < CHANGED_MAX / 2 + 1; i++) {
		char address[32];
		struct source source;

		snprintf(address, sizeof(address), "10.0.%u.%u", i / 256, i % 256);
		source = temp_source(address);
		change_add(&many.item.change, span_text("main"), &source);
	}
	many.rows = many.item.change.rows;
	transaction_join(transaction, &many.item);
	assert_int_equal(many.finished, 0);
	transaction_join(transaction, &one.item);
	assert_int_equal(many.finished, 1);
	assert_int_equal(one.finished, 0);
	transaction_commit(transaction);
	assert_int_equal(one.result.serial, 102);
}

static void without_a_store_an_item_is_refused_with_the_reason(void **state)
{
	struct recorder item;

	(void)state;
	recorder_init(&item, "add");
	store_free(&guard.store);
	guard.error = E_ABSENT;
	snprintf(guard.why, sizeof(guard.why), "it is gone");
	transaction_join(transaction, &item.item);
	assert_int_equal(item.finished, 1);
	assert_int_equal(item.result.error, E_ABSENT);
	assert_non_null(strstr(item.item.why.text, "it is gone"));
}

static void rows_without_an_item_are_told_what_became_of_them(void **state)
{
	struct recorder evidence, good;

	(void)state;
	recorder_init(&evidence, "evidence");
	recorder_init(&good, "add");
	assert_int_equal(transaction_open(transaction), 0);
	recorder_run(&evidence);
	transaction_await(transaction, &evidence.item);
	transaction_join(transaction, &good.item);
	turn();
	assert_int_equal(evidence.finished, 1);
	assert_int_equal(evidence.result.error, 0);
	assert_int_equal(temp_store_events(), 2);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, machine_make, machine_remove)
	const struct CMUnitTest tests[] = {
		CASE(all_of_a_turn_is_one_commit_under_one_serial),
		CASE(a_wrong_item_is_taken_back_alone),
		CASE(an_error_without_words_that_is_not_the_stores_gets_some),
		CASE(a_failure_of_the_store_takes_everything_back_and_tells_everybody),
		CASE(a_number_that_cannot_be_given_fails_all),
		CASE(what_changes_no_listing_has_no_serial_and_is_not_published),
		CASE(a_dry_run_leaves_nothing),
		CASE(an_item_alone_comes_after_what_was_there_and_is_over_at_once),
		CASE(a_crowd_of_sources_is_committed_before_one_more_comes),
		CASE(without_a_store_an_item_is_refused_with_the_reason),
		CASE(rows_without_an_item_are_told_what_became_of_them),
	};

	moving_clock_start();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
