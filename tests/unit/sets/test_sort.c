/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "base/mem.h"
#include "sets/prefix.h"

static uint64_t random_state = 1;

static uint32_t random_u32(void)
{
	random_state = random_state * UINT64_C(6364136223846793005) + 1442695040888963407u;
	return (uint32_t)(random_state >> 32);
}

/* Sorts and checks: ascending, and equal addresses in the order in which they came. */
static void check_sort(struct point *points, size_t len)
{
	struct point *spare = mem_alloc_array(len + 1, sizeof(*spare));
	uint64_t sum = 0;

	for (size_t i = 0; i < len; i++) {
		points[i].number = (uint32_t)i;
		sum += points[i].address;
	}
	point_sort(points, spare, len);
	for (size_t i = 0; i < len; i++)
		sum -= points[i].address;
	assert_int_equal(sum, 0);
	for (size_t i = 1; i < len; i++) {
		assert_true(points[i - 1].address <= points[i].address);
		if (points[i - 1].address == points[i].address)
			assert_true(points[i - 1].number < points[i].number);
	}
	mem_free(spare);
}

static void points_are_sorted_and_equal_ones_keep_their_order(void **state)
{
	enum { MOST = 3000 };
	static const uint32_t masks[] = {
		UINT32_MAX, 0xff, 0xff00, 0xff0000, 0xff000000, 0x80000001, 0};
	struct point *points = mem_alloc_array(MOST, sizeof(*points));

	(void)state;
	for (size_t i = 0; i < sizeof(masks) / sizeof(masks[0]); i++) {
		for (size_t len = 0; len <= MOST; len = len * 3 + 1) {
			for (size_t j = 0; j < len; j++)
				points[j].address = random_u32() & masks[i];
			check_sort(points, len);
			check_sort(points, len); /* in order already */
		}
	}
	mem_free(points);
}

/* In order but for the last, the first, or two in the middle. */
static void one_out_of_order_is_noticed(void **state)
{
	enum { LEN = 1000 };
	struct point points[LEN];

	(void)state;
	for (size_t odd = 0; odd < LEN; odd += 37) {
		for (size_t i = 0; i < LEN; i++)
			points[i].address = (uint32_t)i << 20;
		points[odd].address = odd < LEN / 2 ? UINT32_MAX : 0;
		check_sort(points, LEN);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(points_are_sorted_and_equal_ones_keep_their_order),
		cmocka_unit_test(one_out_of_order_is_noticed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
