/* SPDX-License-Identifier: ISC */
#include "keeper/feed_commit.h"

#include <sqlite3.h>

#include "base/mem.h"
#include "keeper/command.h"
#include "keeper/feed_row.h"
#include "keeper/numbering_publisher.h"
#include "keeper/temp_store.h"
#include "moving_clock.h"

/* ---- a publisher that only gives numbers, and a connection that only hears answers ---- */

static struct keeper_parts parts;
enum { ONE = 1 << 16 };
static struct store_guard guard;
static size_t published, stop_at, replies;
static int replied_error;
static uint64_t replied_changed;
static char replied_text[512];

enum served publisher_publish(struct publisher *publisher, const struct change *change,
	uint32_t number, enum publish_when when)
{
	(void)publisher;
	(void)number;
	assert_true(when == PUBLISH_NOW || change->all);
	if (++published == stop_at)
		loop_stop(guard.loop);
	return SERVED_BY_DELTA;
}

void publisher_turn(struct publisher *publisher)
{
	(void)publisher;
}

uint32_t publisher_serial(const struct publisher *publisher)
{
	(void)publisher;
	return serial;
}

struct connection *connection_ref(struct connection *connection)
{
	return connection;
}

void connection_unref(struct connection **connection)
{
	*connection = NULL;
}

struct connection *connections_first(const struct connections *connections)
{
	(void)connections;
	return NULL;
}

void connection_answer(struct connection *connection, Stockade__Answer *answer)
{
	(void)connection;
	(void)answer;
}

void connection_reply(struct connection *connection, Stockade__Answer *answer, struct arena *arena,
	enum reply_when when)
{
	(void)connection;
	assert_int_equal(when, REPLY_NOW);
	replies++;
	replied_error = answer->error;
	replied_changed = answer->changed;
	snprintf(replied_text, sizeof(replied_text), "%s", answer->text);
	arena_free(&arena);
	loop_stop(guard.loop);
}

/* ---- a feed ---- */

static const struct conf_policy policies[] = {
	{.name = "partner", .version = 1, .text = "On their list.", .takes_feed = true}};
static const struct conf_sublist sublists[] = {{.name = "partner", .policy = "partner"}};
static const struct conf_list lists[] = {
	{.name = "main", .sublists_len = COUNTOF(sublists), .sublists = sublists}};
static const struct conf_feed feeds[] = {{.name = "partner",
	.zone = "bl.partner.example",
	.into = "main",
	.largest_change = 20,
	.limit = 1000}};
#define CONF                                                                             \
	{                                                                                \
		.policies = policies, .policies_len = COUNTOF(policies), .lists = lists, \
		.lists_len = COUNTOF(lists), .feeds = feeds, .feeds_len = COUNTOF(feeds) \
	}
static const struct conf conf = CONF, other_conf = CONF;

static void nothing_more(void *arg)
{
	(void)arg;
}

static int feed_make(void **state)
{
	int r = temp_store_make(state);

	guard = (struct store_guard){.store = temp_store, .conf = &conf, .loop = loop_new()};
	parts = (struct keeper_parts){.guard = &guard};
	parts.transaction = transaction_new(&guard, NULL, nothing_more, NULL);
	parts.queue = command_queue_new(&parts);
	published = stop_at = 0;
	return r;
}

static int feed_remove(void **state)
{
	transaction_free(&parts.transaction);
	command_queue_free(&parts.queue);
	loop_free(&guard.loop);
	return temp_store_remove(state);
}

/* 198.51.100.1, or 203.0.112.0 and those behind it. */
static struct feed_item entry_of(unsigned number)
{
	struct feed_item entry = {.reason = "", .listed = 1};
	char address[32];
	struct source source;

	snprintf(address, sizeof(address), "203.0.%u.%u", 112 + number / 256, number % 256);
	source = temp_source(number == ONE ? "198.51.100.1" : address);
	entry.source = (struct feed_source){.ip = source.net.ip, .bits = source.net.bits};
	return entry;
}

/* Offers the whole zone. Whether it is answered at once, or in steps. */
static int offer(unsigned first, unsigned count, uint32_t to_serial)
{
	static struct connection courier;
	struct feed_staging *staging = mem_new(feed_staging);
	struct fault text = {""};
	int r;

	snprintf(staging->name, sizeof(staging->name), "partner");
	staging->whole = true;
	staging->to_serial = to_serial;
	staging->sublists_len = 1;
	staging->conf = &conf;
	staging->arena = arena_new(0);
	staging->entries = mem_alloc(count * sizeof(*staging->entries) + 1);
	for (unsigned i = count; i-- > 0;)
		staging->entries[staging->len++] = entry_of(first + i);
	courier.feed = staging;
	replies = 0;
	replied_error = 0;
	r = feed_commit(&parts, &courier, 1, &text);
	feed_forget(&courier);
	return r;
}

/* All of its steps. */
static uint64_t take_many(unsigned first, unsigned count, uint32_t to_serial)
{
	assert_int_equal(offer(first, count, to_serial), 0);
	if (replies == 0)
		loop_run(guard.loop);
	assert_int_equal(replies, 1);
	return replied_changed;
}

static uint64_t take(uint32_t to_serial)
{
	uint64_t changed = take_many(ONE, 1, to_serial);

	assert_int_equal(replied_error, 0);
	return changed;
}

static void enter_by_hand(const char *address)
{
	AUTO(arena) *arena = arena_new(0);
	struct source source = temp_source(address);
	struct change change = {.arena = arena};
	struct listing_writer writer = {.store = temp_store,
		.change = &change,
		.author = span_text("root"),
		.now_s = 1000,
		.event = {.verb = span_text("add"),
			.subject = span_text("x"),
			.reason = span_text("seen here")}};
	struct store_evidence evidence = {
		.kind = span_text("operator"), .sensor = span_text("root"), .weight = 1};
	struct listing_row row = {.list = span_text("main"),
		.sublist = span_text("partner"),
		.source = &source,
		.policy = &policies[0],
		.reason = span_text("seen here")};

	assert_int_equal(store_begin(temp_store), 0);
	assert_int_equal(listing_enter(&writer, &row, &evidence), LISTING_ADDED);
	assert_int_equal(store_commit(temp_store), 0);
}

static uint32_t taken_serial(void)
{
	struct feed_row row;

	assert_true(feed_row_read(temp_store, span_text("partner"), &row) >= 0);
	return row.feed.serial;
}

static void what_a_feed_lists_is_one_event_and_the_same_again_is_none(void **state)
{
	(void)state;
	assert_int_equal(take(1), 1);
	assert_int_equal(temp_store_events(), 1);
	assert_int_equal(published, 1);
	assert_int_equal(take(2), 0);
	assert_int_equal(temp_store_events(), 1);
	assert_int_equal(published, 1);
	assert_int_equal(taken_serial(), 2);
}

static void what_somebody_else_entered_there_stays_without_an_event(void **state)
{
	(void)state;
	enter_by_hand("198.51.100.1");
	take(1);
	take(2);
	assert_int_equal(temp_store_events(), 1);
	assert_int_equal(published, 0);
	assert_int_equal(taken_serial(), 2);
}

/* ---- steps ---- */

/* A row that is written takes a millisecond: work is counted, and no machine is too slow or too
 * fast. */
static void on_row(void *arg, int what, const char *database, const char *table, sqlite3_int64 row)
{
	(void)arg;
	(void)what;
	(void)database;
	(void)table;
	(void)row;
	moving_clock_add(1);
}

static int on_open(sqlite3 *db, char **error, const struct sqlite3_api_routines *api)
{
	(void)error;
	(void)api;
	sqlite3_update_hook(db, on_row, NULL);
	return SQLITE_OK;
}

static uint64_t listed(void)
{
	uint64_t count = 0;

	assert_true(store_feed_count(temp_store, span_text("feed:partner"), &count) >= 0);
	return count;
}

static bool is_unfinished(void)
{
	uint64_t event = 0;

	return store_unfinished(temp_store, 0, &event) > 0;
}

static void many_are_taken_in_steps_of_one_event(void **state)
{
	(void)state;
	assert_int_equal(take_many(0, 500, 1), 500);
	assert_true(published >= 5);
	assert_int_equal(temp_store_events(), 1);
	assert_int_equal(listed(), 500);
	assert_int_equal(taken_serial(), 1);
	assert_false(is_unfinished());
	assert_string_equal(replied_text, "500 listings added, 0 ended");
}

static void begin_and_stop(unsigned steps)
{
	stop_at = steps;
	assert_int_equal(offer(0, 500, 2), 0);
	loop_run(guard.loop);
	assert_int_equal(published, steps);
	assert_int_equal(replies, 0);
	assert_true(is_unfinished());
}

static bool needs_whole_zone(void)
{
	struct feed_row row;

	assert_true(feed_row_read(temp_store, span_text("partner"), &row) >= 0);
	return row.feed.rules == 0;
}

static void on_look(struct timer *timer, void *arg)
{
	(void)arg;
	if (is_unfinished())
		timer_set(timer, loop_now_ms(guard.loop) + 1);
	else
		loop_stop(guard.loop);
}

static void resume(void)
{
	struct timer look;

	command_queue_resume(parts.queue);
	timer_init(&look, guard.loop, on_look, NULL);
	timer_set(&look, loop_now_ms(guard.loop));
	loop_run(guard.loop);
	timer_done(&look);
}

static void what_a_keeper_had_begun_is_taken_after_its_end(void **state)
{
	uint64_t before;

	(void)state;
	begin_and_stop(3);
	assert_true(needs_whole_zone());
	assert_int_equal(taken_serial(), 0);
	before = listed();
	assert_true(before > 0 && before < 500);
	command_queue_free(&parts.queue); /* it ends */
	parts.queue = command_queue_new(&parts);
	resume();
	assert_int_equal(listed(), before);
	assert_int_equal(take_many(0, 500, 2), 500 - before);
	assert_int_equal(listed(), 500);
	assert_false(needs_whole_zone());
	assert_int_equal(taken_serial(), 2);
}

static void a_second_one_waits_for_the_first(void **state)
{
	(void)state;
	begin_and_stop(2);
	assert_int_equal(offer(0, 10, 3), E_AGAIN);
	loop_run(guard.loop);
	assert_int_equal(replies, 1);
	assert_int_equal(listed(), 500);
}

static void another_configuration_ends_it(void **state)
{
	(void)state;
	begin_and_stop(2);
	guard.conf = &other_conf;
	loop_run(guard.loop);
	assert_int_equal(replied_error, E_AGAIN);
	assert_string_equal(replied_text, "the configuration was changed meanwhile");
	assert_true(needs_whole_zone());
	guard.conf = &conf;
}

static void too_much_is_refused_before_anything_is_written(void **state)
{
	(void)state;
	take_many(0, 500, 1);
	published = 0;
	assert_int_equal(take_many(0, 399, 2), 0);
	assert_int_equal(replied_error, E_LIMIT);
	assert_non_null(strstr(replied_text, "more than 20% of its 500 entries would change"));
	assert_int_equal(published, 0);
	assert_int_equal(temp_store_events(), 1);
	assert_int_equal(taken_serial(), 1);
	assert_int_equal(take_many(0, 400, 2), 100);
	assert_int_equal(listed(), 400);
	take_many(1000, 400, 3);
	assert_int_equal(replied_error, E_LIMIT);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, feed_make, feed_remove)
	const struct CMUnitTest tests[] = {
		CASE(what_a_feed_lists_is_one_event_and_the_same_again_is_none),
		CASE(what_somebody_else_entered_there_stays_without_an_event),
		CASE(many_are_taken_in_steps_of_one_event),
		CASE(what_a_keeper_had_begun_is_taken_after_its_end),
		CASE(a_second_one_waits_for_the_first),
		CASE(another_configuration_ends_it),
		CASE(too_much_is_refused_before_anything_is_written),
	};

	moving_clock_start();
	sqlite3_auto_extension((void (*)(void))on_open);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
