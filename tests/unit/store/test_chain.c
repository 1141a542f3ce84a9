/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include <string.h>

#include "base/macro.h"
#include "store/chain.h"

static const struct store_event model = {.id = 2, .time_s = 1000, .serial = 7, .undoes = 1};

static struct store_event event_of(const char *author, const char *verb)
{
	struct store_event event = model;

	event.author = span_text(author);
	event.verb = span_text(verb);
	event.subject = span_text("198.51.100.1");
	event.reason = span_text("spam");
	return event;
}

static void assert_differs(const struct store_event *other)
{
	struct store_event event = event_of("root", "add");
	uint8_t a[CHAIN_SIZE], b[CHAIN_SIZE];

	chain_hash(span_text("before"), &event, a);
	chain_hash(span_text("before"), other, b);
	assert_memory_not_equal(a, b, CHAIN_SIZE);
}

static void each_member_counts(void **state)
{
	struct store_event events[8];

	(void)state;
	for (size_t i = 0; i < COUNTOF(events); i++)
		events[i] = event_of("root", "add");
	events[0].id++;
	events[1].time_s++;
	events[2].author = span_text("eve");
	events[3].verb = span_text("undo");
	events[4].subject = span_text("198.51.100.2");
	events[5].reason = span_text("");
	events[6].undoes = 0;
	events[7].serial++;
	for (size_t i = 0; i < COUNTOF(events); i++)
		assert_differs(&events[i]);
}

static void letters_cannot_move_from_one_text_to_the_next(void **state)
{
	struct store_event event = event_of("roota", "dd");

	(void)state;
	assert_differs(&event);
}

static void the_event_before_counts(void **state)
{
	struct store_event event = event_of("root", "add");
	uint8_t a[CHAIN_SIZE], b[CHAIN_SIZE];

	(void)state;
	chain_hash(span_text(""), &event, a);
	chain_hash(span_of(a, sizeof(a)), &event, b);
	assert_memory_not_equal(a, b, CHAIN_SIZE);
}

/* The hashes of a store that is in use have to stay what they are: BLAKE2b of 32 bytes over numbers
 * of 64 bits, the high byte first, and texts with their length before them. */
static void the_hash_is_what_it_was(void **state)
{
	static const uint8_t expected[CHAIN_SIZE] = {0xa8, 0x37, 0xd9, 0x3c, 0x4b, 0x9c, 0x60, 0xb8,
		0xb1, 0x66, 0xe7, 0x63, 0xf2, 0xb1, 0x31, 0xe2, 0x8c, 0xd3, 0x90, 0x51, 0x40, 0x74,
		0xa7, 0xfb, 0x2c, 0x16, 0x89, 0x6c, 0xb2, 0xf3, 0x86, 0xa8};
	struct store_event event = event_of("root", "add");
	uint8_t hash[CHAIN_SIZE];

	(void)state;
	chain_hash(span_text("before"), &event, hash);
	assert_memory_equal(hash, expected, CHAIN_SIZE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_member_counts),
		cmocka_unit_test(letters_cannot_move_from_one_text_to_the_next),
		cmocka_unit_test(the_event_before_counts),
		cmocka_unit_test(the_hash_is_what_it_was),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
