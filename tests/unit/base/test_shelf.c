/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "base/mem.h"
#include "base/shelf.h"

enum { WORKERS = 4, OBJECTS = 2000 };

struct object {
	int number;
	int again; /* always the same as number: a torn or freed object shows */
};

static _Atomic int living;
static _Atomic bool stop;

static struct object *object_new(int number)
{
	struct object *object = mem_new(object);

	object->number = number;
	object->again = number;
	atomic_fetch_add(&living, 1);
	return object;
}

static void object_release(void *arg)
{
	atomic_fetch_sub(&living, 1);
	mem_free(arg);
}

static void *work(void *arg)
{
	struct shelf *shelf = arg;
	struct shelf_item *held = NULL;
	int last = 0;

	while (!atomic_load(&stop) || last < OBJECTS) {
		const struct object *object;

		shelf_refresh(shelf, &held);
		object = shelf_object(held);
		if (object == NULL)
			continue;
		assert_int_equal(object->number, object->again);
		assert_true(object->number >= last);
		last = object->number;
	}
	shelf_release(shelf, &held);
	return NULL;
}

static void workers_see_whole_objects_in_order(void **state)
{
	struct shelf *shelf = shelf_new(object_release);
	pthread_t threads[WORKERS];

	(void)state;
	for (int i = 0; i < WORKERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, work, shelf), 0);
	for (int i = 1; i <= OBJECTS; i++)
		shelf_put(shelf, object_new(i));
	atomic_store(&stop, true);
	for (int i = 0; i < WORKERS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(shelf_sweep(shelf), 0);
	assert_int_equal(atomic_load(&living), 1);
	shelf_free(&shelf);
	assert_int_equal(atomic_load(&living), 0);
}

static void refresh_tells_news_once(void **state)
{
	struct shelf *shelf = shelf_new(object_release);
	struct shelf_item *held = NULL;

	(void)state;
	assert_int_equal(shelf_refresh(shelf, &held), 0);
	assert_null(shelf_object(held));
	shelf_put(shelf, object_new(1));
	assert_int_equal(shelf_refresh(shelf, &held), 1);
	assert_int_equal(shelf_refresh(shelf, &held), 0);
	shelf_put(shelf, object_new(2));
	assert_int_equal(
		((struct object *)shelf_object(held))->number, 1); /* kept until the holder looks */
	assert_int_equal(shelf_refresh(shelf, &held), 1);
	assert_int_equal(shelf_sweep(shelf), 0);
	assert_int_equal(atomic_load(&living), 1);
	shelf_release(shelf, &held);
	shelf_free(&shelf);
}

/* A worker that lets the last reference go frees nothing itself: that could take longer than an
 * answer may. */
static void only_the_writer_frees(void **state)
{
	struct shelf *shelf = shelf_new(object_release);
	struct shelf_item *held = NULL, *other = NULL;

	(void)state;
	shelf_put(shelf, object_new(1));
	shelf_refresh(shelf, &held);
	shelf_put(shelf, object_new(2));
	shelf_refresh(shelf, &other);
	assert_int_equal(shelf_sweep(shelf), 1);
	shelf_refresh(shelf, &held);
	assert_int_equal(atomic_load(&living), 2);
	assert_int_equal(shelf_sweep(shelf), 0);
	assert_int_equal(atomic_load(&living), 1);
	shelf_put(shelf, object_new(3));
	shelf_release(shelf, &held);
	shelf_release(shelf, &other);
	assert_int_equal(atomic_load(&living), 2);
	shelf_put(shelf, object_new(4));
	assert_int_equal(atomic_load(&living), 1);
	shelf_free(&shelf);
	assert_int_equal(atomic_load(&living), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(workers_see_whole_objects_in_order),
		cmocka_unit_test(refresh_tells_news_once),
		cmocka_unit_test(only_the_writer_frees),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
