/* SPDX-License-Identifier: ISC */
#include "smtpd/backend_places.h"
#include "unit.h"

enum { PLACES = 8, MANY = 600 };

static struct backend_places *places;
static struct backend_place taken[MANY];
static unsigned came;

static void on_came(void *arg)
{
	(void)arg;
	came++;
}

static int begin(void **state)
{
	(void)state;
	places = backend_places_new(PLACES);
	came = 0;
	for (size_t i = 0; i < MANY; i++)
		taken[i] = (struct backend_place){.came = on_came};
	return 0;
}

static int end(void **state)
{
	(void)state;
	for (size_t i = 0; i < MANY; i++)
		if (taken[i].state == BACKEND_PLACE_WAITS)
			backend_places_give(places, &taken[i]);
	for (size_t i = 0; i < MANY; i++)
		backend_places_give(places, &taken[i]);
	assert_int_equal(backend_places_percent(places), 0);
	backend_places_free(&places);
	return 0;
}

/* For the network 10.0.N.0/24. */
static enum backend_place_state take(size_t i, uint32_t network)
{
	const struct ip client = ip_from_v4(0x0a000000 + network * 256 + (uint32_t)i % 256);

	return backend_places_take(places, &client, &taken[i]);
}

static void a_network_waits_for_its_own_and_leaves_some_to_others(void **state)
{
	(void)state;
	assert_int_equal(take(0, 1), BACKEND_PLACE_HELD);
	assert_int_equal(take(1, 1), BACKEND_PLACE_WAITS); /* 7 are free, it has 1 */
	assert_int_equal(take(2, 2), BACKEND_PLACE_HELD);
	assert_int_equal(backend_places_percent(places), 25);
	backend_places_give(places, &taken[0]);
	assert_int_equal(taken[1].state, BACKEND_PLACE_HELD);
	assert_int_equal(came, 1);
}

static void there_are_no_more_than_there_are_for_ours_either(void **state)
{
	(void)state;
	for (size_t i = 0; i < PLACES; i++)
		assert_int_equal(backend_places_take(places, NULL, &taken[i]), BACKEND_PLACE_HELD);
	assert_int_equal(backend_places_take(places, NULL, &taken[PLACES]), BACKEND_PLACE_WAITS);
	assert_int_equal(backend_places_percent(places), 100);
	backend_places_give(places, &taken[3]);
	assert_int_equal(taken[PLACES].state, BACKEND_PLACE_HELD);
	assert_int_equal(backend_places_percent(places), 100);
}

static void the_first_for_whose_network_there_is_room_is_next(void **state)
{
	(void)state;
	for (size_t i = 0; i + 1 < PLACES; i++)
		backend_places_take(places, NULL, &taken[i]);
	assert_int_equal(take(10, 1), BACKEND_PLACE_HELD); /* the last one */
	assert_int_equal(take(11, 1), BACKEND_PLACE_WAITS);
	assert_int_equal(take(12, 2), BACKEND_PLACE_WAITS);
	assert_int_equal(take(13, 3), BACKEND_PLACE_WAITS);
	backend_places_give(places, &taken[0]);
	assert_int_equal(taken[11].state, BACKEND_PLACE_WAITS);
	assert_int_equal(taken[12].state, BACKEND_PLACE_HELD);
	backend_places_give(places, &taken[13]); /* it left */
	backend_places_give(places, &taken[1]);
	assert_int_equal(taken[11].state, BACKEND_PLACE_WAITS);
	backend_places_give(places, &taken[10]);
	assert_int_equal(taken[11].state, BACKEND_PLACE_HELD);
	assert_int_equal(came, 2);
}

/* 10.0.1.0/24 and 10.0.2.0/24 hold one each, and have many waiting. */
static void who_holds_none_does_not_wait_behind_those_who_do(void **state)
{
	(void)state;
	for (size_t i = 0; i < PLACES - 2; i++)
		backend_places_take(places, NULL, &taken[i]);
	take(10, 1);
	take(11, 2);
	for (size_t i = 20; i < 60; i++)
		assert_int_equal(take(i, 1 + i % 2), BACKEND_PLACE_WAITS);
	take(60, 3);
	backend_places_give(places, &taken[10]);
	assert_int_equal(
		taken[60].state, BACKEND_PLACE_HELD); /* 10.0.1 holds none, either, but had */
	backend_places_give(places, &taken[0]);
	assert_int_equal(taken[20].state, BACKEND_PLACE_HELD);
	assert_int_equal(taken[21].state, BACKEND_PLACE_WAITS);
}

static void few_wait_for_one_network(void **state)
{
	size_t waiting = 0;

	(void)state;
	for (size_t i = 0; i < MANY - 1; i++)
		waiting += take(i, 1) == BACKEND_PLACE_WAITS;
	assert_in_range(waiting, 300, 450);
	assert_int_equal(take(MANY - 1, 2), BACKEND_PLACE_HELD);
}

static void more_places_are_given_at_once(void **state)
{
	(void)state;
	for (size_t i = 0; i <= PLACES; i++)
		backend_places_take(places, NULL, &taken[i]);
	backend_places_set_count(places, PLACES + 1);
	assert_int_equal(taken[PLACES].state, BACKEND_PLACE_HELD);
	backend_places_set_count(places, 1);
	assert_int_equal(backend_places_take(places, NULL, &taken[20]), BACKEND_PLACE_WAITS);
	for (size_t i = 0; i < PLACES; i++)
		backend_places_give(places, &taken[i]);
	assert_int_equal(taken[20].state, BACKEND_PLACE_WAITS);
	backend_places_give(places, &taken[PLACES]);
	assert_int_equal(taken[20].state, BACKEND_PLACE_HELD);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_network_waits_for_its_own_and_leaves_some_to_others),
		TEST(there_are_no_more_than_there_are_for_ours_either),
		TEST(the_first_for_whose_network_there_is_room_is_next),
		TEST(who_holds_none_does_not_wait_behind_those_who_do),
		TEST(few_wait_for_one_network),
		TEST(more_places_are_given_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
