/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "base/macro.h"
#include "base/ring.h"

enum { SIZE = 1024, RECORDS = 200000 };

static bool put(struct ring *ring, const void *octets, size_t len)
{
	const struct span parts[] = {span_of(octets, len / 2), {NULL, 0},
		span_of((const uint8_t *)octets + len / 2, len - len / 2)};

	return ring_put(ring, parts, COUNTOF(parts));
}

/* Lengths of all remainders, so that records meet the end of the ring in every way. */
static void records_come_out_as_they_went_in(void **state)
{
	struct ring *ring = ring_new(SIZE);
	uint8_t octets[300];
	struct span record;

	(void)state;
	assert_false(ring_peek(ring, &record));
	for (size_t i = 0; i < 10000; i++) {
		size_t len = i * 7 % sizeof(octets);

		memset(octets, (int)i, len);
		assert_true(put(ring, octets, len));
		assert_true(put(ring, octets, len / 2));
		assert_true(ring_peek(ring, &record));
		assert_int_equal(record.len, len);
		for (size_t k = 0; k < len; k++)
			assert_int_equal(record.ptr[k], (uint8_t)i);
		ring_drop(ring);
		assert_true(ring_peek(ring, &record));
		assert_int_equal(record.len, len / 2);
		ring_drop(ring);
		assert_false(ring_peek(ring, &record));
	}
	ring_free(&ring);
}

static void what_finds_no_room_is_not_taken(void **state)
{
	struct ring *ring = ring_new(SIZE);
	uint8_t octets[SIZE] = {0};
	struct span record;
	unsigned count = 0;

	(void)state;
	assert_false(put(ring, octets, SIZE));
	for (; put(ring, octets, 100); count++)
		;
	assert_int_equal(count, SIZE / 104);
	assert_true(ring_peek(ring, &record));
	ring_drop(ring);
	assert_false(put(ring, octets, 200));
	assert_true(put(ring, octets, 50)); /* behind the others, or over the mark at the end */
	for (; ring_peek(ring, &record); count--)
		ring_drop(ring);
	assert_int_equal(count, 0);
	ring_free(&ring);
}

static atomic_bool written;

static void *write_records(void *arg)
{
	struct ring *ring = arg;

	for (uint32_t i = 0; i < RECORDS;) {
		uint32_t octets[16];

		for (size_t k = 0; k < COUNTOF(octets); k++)
			octets[k] = i;
		if (put(ring, octets, 4 + i % 60))
			i++;
		else
			sched_yield();
	}
	atomic_store(&written, true);
	return NULL;
}

static void two_threads_need_no_lock(void **state)
{
	struct ring *ring = ring_new(SIZE);
	struct span record;
	pthread_t thread;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, write_records, ring), 0);
	for (uint32_t i = 0; i < RECORDS;) {
		uint32_t number;

		if (!ring_peek(ring, &record)) {
			sched_yield();
			continue;
		}
		memcpy(&number, record.ptr, sizeof(number));
		assert_int_equal(number, i);
		assert_int_equal(record.len, 4 + i % 60);
		ring_drop(ring);
		i++;
	}
	pthread_join(thread, NULL);
	assert_true(atomic_load(&written));
	assert_false(ring_peek(ring, &record));
	ring_free(&ring);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records_come_out_as_they_went_in),
		cmocka_unit_test(what_finds_no_room_is_not_taken),
		cmocka_unit_test(two_threads_need_no_lock),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
