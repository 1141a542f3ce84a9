/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "gate/incidents.h"

enum { HOUR = 3600, MINUTE = 60 };

static const struct ip *source(void)
{
	static struct ip ip;

	ip = ip_from_v4(0xc6336409u);
	return &ip;
}

static void one_number_per_source_story_and_hour(void **state)
{
	struct incident_book *book = incident_book_new(64, HOUR, MINUTE);
	struct incident_note first = incident_book_note(book, *source(), 1, 1000);
	struct incident_note again = incident_book_note(book, *source(), 1, 1000 + HOUR - 1);
	struct incident_note other = incident_book_note(book, *source(), 2, 1000);
	struct incident_note later = incident_book_note(book, *source(), 1, 1000 + HOUR);

	(void)state;
	assert_true(first.number != 0 && first.is_new && first.count == 1);
	assert_true(again.number == first.number && !again.is_new);
	assert_int_equal(again.count, 2);
	assert_int_equal(again.first_s, 1000);
	assert_int_equal(again.last_s, 1000 + HOUR - 1);
	assert_true(other.number != first.number && other.is_new);
	assert_true(later.number != first.number && later.is_new);
	assert_int_equal(later.count, 1);
	incident_book_free(&book);
}

static void a_flood_is_told_seldom_and_with_its_count(void **state)
{
	struct incident_book *book = incident_book_new(64, HOUR, MINUTE);
	unsigned told = 0;
	uint32_t last = 0;

	(void)state;
	for (unsigned i = 0; i < 1000; i++) {
		struct incident_note note = incident_book_note(book, *source(), 1, 1000);

		if (note.is_worth) {
			told++;
			last = note.count;
		}
	}
	assert_int_equal(told, INCIDENT_TOLD_SINGLY + 5); /* then 32, 64 ... 512 */
	assert_int_equal(last, 512);
	assert_true(incident_book_note(book, *source(), 1, 1000 + MINUTE).is_worth);
	incident_book_free(&book);
}

static void a_clock_that_jumps_back_keeps_nothing_for_ever(void **state)
{
	struct incident_book *book = incident_book_new(64, HOUR, MINUTE);
	struct incident_note first = incident_book_note(book, *source(), 1, 1000000);

	(void)state;
	assert_true(incident_book_note(book, *source(), 1, 1000).number != first.number);
	incident_book_free(&book);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_number_per_source_story_and_hour),
		cmocka_unit_test(a_flood_is_told_seldom_and_with_its_count),
		cmocka_unit_test(a_clock_that_jumps_back_keeps_nothing_for_ever),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
