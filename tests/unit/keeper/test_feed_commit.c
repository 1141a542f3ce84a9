/* SPDX-License-Identifier: ISC */
#include "keeper/feed_commit.h"

#include "keeper/feed_row.h"
#include "keeper/listing_writer.h"
#include "keeper/numbering_publisher.h"
#include "keeper/temp_store.h"
#include "keeper/transaction.h"

/* ---- a publisher that only gives numbers ---- */

static size_t published;

enum served publisher_publish(struct publisher *publisher, const struct change *change,
	uint32_t number, enum publish_when when)
{
	(void)publisher;
	(void)change;
	(void)number;
	(void)when;
	published++;
	return SERVED_BY_DELTA;
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
static const struct conf conf = {.policies = policies,
	.policies_len = COUNTOF(policies),
	.lists = lists,
	.lists_len = COUNTOF(lists),
	.feeds = feeds,
	.feeds_len = COUNTOF(feeds)};

static struct store_guard guard;
static struct keeper_parts parts;

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
	published = 0;
	return r;
}

static int feed_remove(void **state)
{
	transaction_free(&parts.transaction);
	loop_free(&guard.loop);
	return temp_store_remove(state);
}

/* The whole zone, which lists only this address. */
static uint32_t take(const char *address, uint32_t to_serial)
{
	AUTO(arena) *arena = arena_new(0);
	struct source source = temp_source(address);
	struct feed_item entry = {.source = {.ip = source.net.ip, .bits = source.net.bits},
		.reason = "",
		.listed = 1};
	struct feed_staging staging = {.name = "partner",
		.whole = true,
		.to_serial = to_serial,
		.sublists_len = 1,
		.conf = &conf,
		.arena = arena,
		.entries = &entry,
		.len = 1};
	struct fault text = {""};
	uint32_t changed = 0;

	assert_int_equal(feed_commit(&parts, &staging, &text, &changed), 0);
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
	assert_int_equal(take("198.51.100.1", 1), 1);
	assert_int_equal(temp_store_events(), 1);
	assert_int_equal(published, 1);
	assert_int_equal(take("198.51.100.1", 2), 0);
	assert_int_equal(temp_store_events(), 1);
	assert_int_equal(published, 1);
	assert_int_equal(taken_serial(), 2);
}

static void what_somebody_else_entered_there_stays_without_an_event(void **state)
{
	(void)state;
	enter_by_hand("198.51.100.1");
	take("198.51.100.1", 1);
	take("198.51.100.1", 2);
	assert_int_equal(temp_store_events(), 1);
	assert_int_equal(published, 0);
	assert_int_equal(taken_serial(), 2);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, feed_make, feed_remove)
	const struct CMUnitTest tests[] = {
		CASE(what_a_feed_lists_is_one_event_and_the_same_again_is_none),
		CASE(what_somebody_else_entered_there_stays_without_an_event),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
