/* SPDX-License-Identifier: ISC */
#include "policy/feed_compare.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/macro.h"
#include "unit.h"

enum { SPAM = 1, HACKED = 2, REASON = 7, OTHER_REASON = 8 };

static struct feed_source net(unsigned last)
{
	char text[32];
	struct feed_source source = {.bits = 128};

	snprintf(text, sizeof(text), "192.0.2.%u", last);
	assert_int_equal(ip_parse(span_text(text), &source.ip), 0);
	return source;
}

static struct feed_source domain(const char *name)
{
	return (struct feed_source){.domain = name};
}

static struct feed_listing held_on(int bit)
{
	return (struct feed_listing){
		.source = net(1), .list = "main", .reason_hash = REASON, .bit = bit};
}

/* ---- one source ---- */

static void what_is_held_as_it_shall_be_stays(void **state)
{
	struct feed_target target = {.sublists = SPAM, .reason_hash = REASON};
	struct feed_listing held = held_on(0);

	(void)state;
	assert_int_equal(feed_fate(&target, &held), FEED_STAYS);
	assert_int_equal(feed_missing(&target, &held, 1), 0);
	assert_false(feed_differs(&target, &held, 1));
}

static void another_reason_or_exclusion_replaces(void **state)
{
	struct feed_target target = {.sublists = SPAM, .reason_hash = OTHER_REASON};
	struct feed_listing held = held_on(0);

	(void)state;
	assert_int_equal(feed_fate(&target, &held), FEED_REPLACED);
	assert_int_equal(feed_missing(&target, &held, 1), SPAM);
	target = (struct feed_target){.sublists = SPAM, .excluded = SPAM, .reason_hash = REASON};
	assert_int_equal(feed_fate(&target, &held), FEED_REPLACED);
	assert_true(feed_differs(&target, &held, 1));
}

static void another_sublist_ends_the_one_and_adds_the_other(void **state)
{
	struct feed_target target = {.sublists = HACKED, .reason_hash = REASON};
	struct feed_listing held = held_on(0);

	(void)state;
	assert_int_equal(feed_fate(&target, &held), FEED_GONE);
	assert_int_equal(feed_missing(&target, &held, 1), HACKED);
}

static void a_sublist_that_is_no_longer_the_feeds_loses_its_listing(void **state)
{
	struct feed_target target = {.sublists = UINT32_MAX, .reason_hash = REASON};
	struct feed_listing held = held_on(-1);

	(void)state;
	assert_int_equal(feed_fate(&target, &held), FEED_GONE);
}

static void what_the_feed_does_not_name_goes(void **state)
{
	struct feed_target nothing = {.sublists = 0};
	struct feed_listing held[] = {held_on(0), held_on(1)};

	(void)state;
	assert_int_equal(feed_fate(&nothing, &held[0]), FEED_GONE);
	assert_int_equal(feed_fate(&nothing, &held[1]), FEED_GONE);
	assert_int_equal(feed_missing(&nothing, held, 2), 0);
	assert_true(feed_differs(&nothing, held, 2));
	assert_false(feed_differs(&nothing, held, 0));
}

/* ---- the merge ---- */

static void each_source_comes_once_with_what_is_held_of_it(void **state)
{
	struct feed_listing listings[] = {
		{.source = net(9)},
		{.source = net(2), .bit = 1},
		{.source = net(2), .bit = 0},
		{.source = domain("a.example")},
	};
	struct feed_item entries[] = {
		{.source = domain("b.example"), .reason = "", .listed = SPAM},
		{.source = net(2), .reason = "", .listed = HACKED},
		{.source = net(3), .reason = "", .listed = SPAM},
	};
	struct feed_merge merge = {.listings = listings,
		.listings_len = COUNTOF(listings),
		.entries = entries,
		.entries_len = COUNTOF(entries)};
	static const struct {
		unsigned last;
		const char *domain;
		uint32_t listed;
		size_t held;
	} expected[] = {{2, NULL, HACKED, 2}, {3, NULL, SPAM, 0}, {9, NULL, 0, 1},
		{0, "a.example", 0, 1}, {0, "b.example", SPAM, 0}};

	(void)state;
	qsort(listings, COUNTOF(listings), sizeof(listings[0]), feed_listing_order);
	qsort(entries, COUNTOF(entries), sizeof(entries[0]), feed_item_order);
	for (size_t i = 0; i < COUNTOF(expected); i++) {
		assert_true(feed_merge_next(&merge));
		assert_int_equal(merge.entry.listed, expected[i].listed);
		assert_int_equal(merge.held_len, expected[i].held);
		if (expected[i].domain != NULL)
			assert_string_equal(merge.entry.source.domain, expected[i].domain);
		else
			assert_true(ip_equal(merge.entry.source.ip, net(expected[i].last).ip));
	}
	assert_false(feed_merge_next(&merge));
}

/* Whatever both hold: each listing is met once, each entry once, and the sources only go up. */
static void a_random_merge_loses_nothing(void **state)
{
	(void)state;
	srand(1);
	for (int round = 0; round < 200; round++) {
		struct feed_listing listings[40];
		struct feed_item entries[40];
		struct feed_merge merge = {.listings = listings,
			.listings_len = (size_t)rand() % 40,
			.entries = entries,
			.entries_len = (size_t)rand() % 40};
		size_t met = 0, named = 0;
		size_t all = merge.listings_len, entries_len = merge.entries_len;
		struct feed_item last = {.source = net(0)};

		for (size_t i = 0; i < all; i++)
			listings[i] =
				(struct feed_listing){.source = net(1 + (unsigned)rand() % 30)};
		for (size_t i = 0; i < entries_len; i++)
			entries[i] = (struct feed_item){.source = net(1 + (unsigned)rand() % 30),
				.reason = "x",
				.listed = 1};
		qsort(listings, all, sizeof(listings[0]), feed_listing_order);
		qsort(entries, entries_len, sizeof(entries[0]), feed_item_order);
		while (feed_merge_next(&merge)) {
			assert_true(feed_item_order(&last, &merge.entry) <= 0);
			last = merge.entry;
			met += merge.held_len;
			named += merge.entry.listed;
		}
		assert_int_equal(met, all);
		assert_int_equal(named, entries_len);
	}
}

/* ---- limits ---- */

static void a_part_may_change_and_always_a_few(void **state)
{
	(void)state;
	assert_int_equal(feed_change_max(1000000, 10), 100000);
	assert_int_equal(feed_change_max(10, 10), 20);
	assert_int_equal(feed_change_max(0, 50), 20);
}

static void a_source_in_short_is_the_source(void **state)
{
	struct feed_source v4 = net(1), name = domain(".example");
	struct source source;
	char text[SOURCE_TEXT_SIZE];

	(void)state;
	feed_source_expand(&v4, &source);
	assert_string_equal(source_print(&source, text), "192.0.2.1");
	feed_source_expand(&name, &source);
	assert_int_equal(source.kind, SOURCE_DOMAIN);
	assert_string_equal(source.domain, ".example");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_held_as_it_shall_be_stays),
		cmocka_unit_test(another_reason_or_exclusion_replaces),
		cmocka_unit_test(another_sublist_ends_the_one_and_adds_the_other),
		cmocka_unit_test(a_sublist_that_is_no_longer_the_feeds_loses_its_listing),
		cmocka_unit_test(what_the_feed_does_not_name_goes),
		cmocka_unit_test(each_source_comes_once_with_what_is_held_of_it),
		cmocka_unit_test(a_random_merge_loses_nothing),
		cmocka_unit_test(a_part_may_change_and_always_a_few),
		cmocka_unit_test(a_source_in_short_is_the_source),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
