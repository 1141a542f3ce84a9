/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include <stdio.h>
#include <string.h>

#include "base/macro.h"
#include "bus/record.h"
#include "keeper/message.h"

/* One incident as it lies in the store, told again and again. */
struct row {
	struct arena *arena;
	struct store_incident incident;
};

static void row_tell(struct row *row, int64_t time_s, const char *recipient)
{
	Stockade__Incident wire = STOCKADE__INCIDENT__INIT;

	wire.last_s = time_s;
	wire.helo = (char *)"mail.example";
	wire.sender = (char *)"a@example";
	wire.recipient = (char *)recipient;
	row->incident.sightings = sightings_add(row->arena, &row->incident, &wire);
}

static const Stockade__Incident *row_show(struct row *row, bool is_private)
{
	struct encoder encoder = {.arena = row->arena, .is_private = is_private};

	return incident_encode(&encoder, &row->incident);
}

static void the_last_five_stay_in_their_order(void **state)
{
	AUTO(arena) *arena = arena_new(0);
	struct row row = {.arena = arena, .incident = {.first_s = 1}};
	const Stockade__Incident *shown;

	(void)state;
	for (int64_t at = 2; at < 10; at++)
		row_tell(&row, at, "b@example");
	shown = row_show(&row, true);
	assert_int_equal(shown->n_sightings, BUS_SIGHTINGS_MAX);
	assert_int_equal(shown->sightings[0]->time_s, 5);
	assert_int_equal(shown->sightings[4]->time_s, 9);
}

/* The spool tells again what was not acknowledged. */
static void told_twice_is_seen_once(void **state)
{
	AUTO(arena) *arena = arena_new(0);
	struct row row = {.arena = arena, .incident = {.first_s = 1}};

	(void)state;
	row_tell(&row, 7, "b@example");
	row_tell(&row, 7, "b@example");
	assert_int_equal(row_show(&row, true)->n_sightings, 2);
	row_tell(&row, 7, "c@example");
	assert_int_equal(row_show(&row, true)->n_sightings, 3);
}

static void a_row_from_before_tells_of_its_own_mail(void **state)
{
	AUTO(arena) *arena = arena_new(0);
	struct row row = {.arena = arena,
		.incident = {.first_s = 4,
			.helo = span_text("old.example"),
			.recipient = span_text("joe@example")}};
	const Stockade__Incident *shown = row_show(&row, true);

	(void)state;
	assert_int_equal(shown->n_sightings, 1);
	assert_int_equal(shown->sightings[0]->time_s, 4);
	assert_string_equal(shown->sightings[0]->helo, "old.example");
	assert_string_equal(shown->sightings[0]->recipient, "joe@example");
}

static void only_operators_see_who_wrote_to_whom(void **state)
{
	AUTO(arena) *arena = arena_new(0);
	struct row row = {.arena = arena, .incident = {.first_s = 1}};
	const Stockade__Incident *shown;

	(void)state;
	row_tell(&row, 2, "b@example");
	shown = row_show(&row, false);
	assert_int_equal(shown->n_sightings, 2);
	assert_string_equal(shown->sightings[1]->helo, "mail.example");
	assert_string_equal(shown->sightings[1]->sender, "");
	assert_string_equal(shown->sightings[1]->recipient, "");
	assert_string_equal(row_show(&row, true)->sightings[1]->recipient, "b@example");
}

static void damaged_sightings_leave_the_row_readable(void **state)
{
	AUTO(arena) *arena = arena_new(0);
	struct row row = {
		.arena = arena, .incident = {.first_s = 4, .sightings = span_text("\xff\xff\xff")}};

	(void)state;
	assert_int_equal(row_show(&row, true)->n_sightings, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_last_five_stay_in_their_order),
		cmocka_unit_test(told_twice_is_seen_once),
		cmocka_unit_test(a_row_from_before_tells_of_its_own_mail),
		cmocka_unit_test(only_operators_see_who_wrote_to_whom),
		cmocka_unit_test(damaged_sightings_leave_the_row_readable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
