/* SPDX-License-Identifier: ISC */
#include <stdlib.h>

#include "base/mem.h"
#include "rbldata/paint.h"

/*
 * Each level is painted for itself, then each finer one is laid over the coarser:
 *
 *     /8 level    10.0.0.0/8 a                    |a                                  |
 *     /24 level   10.1.0.0/22 b, 10.1.2.0/24 c         |b       |bc |b  |
 *     steps                                       |a   |b       |bc |b  |a            |
 *
 * Single addresses, the great mass, are not put through that. They stay points with their own
 * answer above the steps, joined with what ranges of their level say there.
 */
struct sweep {
	struct rbl_values *values;
	struct rbl_range *open[RBL_OVERLAP_MAX];
	size_t open_len;
	struct steps *steps;
};

void rbl_leveled_done(struct rbl_leveled *leveled)
{
	mem_free(leveled->points);
	for (unsigned i = 0; i < RBL_LEVELS; i++)
		mem_free(leveled->levels[i].items);
	*leveled = (struct rbl_leveled){0};
}

int rbl_leveled_reserve(struct rbl_leveled *leveled, size_t points)
{
	if (leveled->points_len + points > UINT32_MAX / 2)
		return E_LIMIT;
	return mem_grow_try(&leveled->points, &leveled->points_size, leveled->points_len + points,
		sizeof(*leveled->points));
}

static int range_add(struct rbl_leveled *leveled, enum rbl_level level, struct rbl_range range)
{
	struct rbl_ranges *ranges = &leveled->levels[level];
	int r = 0;

	if (level == RBL_LEVEL_32 && range.first == range.last) {
		r = rbl_leveled_reserve(leveled, 1);
		if (r == 0)
			leveled->points[leveled->points_len++] =
				(struct point){range.first, range.value};
		return r;
	}
	r = mem_grow_try(&ranges->items, &ranges->size, ranges->len + 1, sizeof(*ranges->items));
	if (r == 0)
		ranges->items[ranges->len++] = range;
	return r;
}

/* What whole octets give. A coarser level gets what is left in the middle when the incomplete ends
 * have gone to the finer one; a range inside one block of 256 stays where it is, unless it is that
 * block. */
int rbl_leveled_add(struct rbl_leveled *leveled, uint32_t first, uint32_t last, uint32_t value)
{
	int r = 0;

	for (unsigned shift = 0; r == 0; shift += 8) {
		uint32_t unit = UINT32_C(1) << shift; /* a step of this level */
		uint32_t within = (unit << 8) - 1;    /* the bits of a block of 256 of them */
		enum rbl_level level = (enum rbl_level)(RBL_LEVEL_32 - shift / 8);

		if (shift == 24)
			return range_add(leveled, level, (struct rbl_range){first, last, value});
		if ((first | within) >= last) {
			bool is_block = (first & within) == 0 && (last & within) == within;

			return range_add(leveled, is_block ? level - 1 : level,
				(struct rbl_range){first, last, value});
		}
		if ((first & within) != 0) {
			r = range_add(
				leveled, level, (struct rbl_range){first, first | within, value});
			first = (first | within) + 1;
		}
		if (r == 0 && (last & within) != within) {
			r = range_add(
				leveled, level, (struct rbl_range){last & ~within, last, value});
			last = (last & ~within) - 1;
		}
		if (first > last)
			return r;
	}
	return r;
}

/* ---- One level ---- */

static int range_compare(const void *a, const void *b)
{
	const struct rbl_range *left = a, *right = b;

	if (left->first != right->first)
		return left->first < right->first ? -1 : 1;
	if (left->last != right->last)
		return left->last < right->last ? -1 : 1;
	return (left->value > right->value) - (left->value < right->value);
}

static void ranges_sort(struct rbl_ranges *ranges)
{
	size_t kept = 0;

	if (ranges->len == 0)
		return;
	qsort(ranges->items, ranges->len, sizeof(*ranges->items), range_compare);
	for (size_t i = 0; i < ranges->len; i++) {
		if (kept == 0 || range_compare(&ranges->items[kept - 1], &ranges->items[i]) != 0)
			ranges->items[kept++] = ranges->items[i];
	}
	ranges->len = kept;
}

/* What the open ranges say together, from `first` on. */
static int sweep_step(struct sweep *sweep, u128 first)
{
	uint32_t numbers[RBL_OVERLAP_MAX];
	int64_t answer = rbl_uncovered;

	for (size_t i = 0; i < sweep->open_len; i++)
		numbers[i] = sweep->open[i]->value;
	if (sweep->open_len != 0)
		answer = rbl_values_join(sweep->values, numbers, sweep->open_len);
	return answer < 0 ? (int)answer
			  : rbl_steps_add(sweep->steps, (struct step){first, (uint32_t)answer},
				    rbl_uncovered);
}

/* Closes what ends before key, end after end. */
static int sweep_close(struct sweep *sweep, u128 key)
{
	int r = 0;

	while (r == 0 && sweep->open_len != 0) {
		uint32_t next = sweep->open[0]->last;
		size_t kept = 0;

		for (size_t i = 1; i < sweep->open_len; i++)
			next = sweep->open[i]->last < next ? sweep->open[i]->last : next;
		if ((u128)next >= key)
			break;
		for (size_t i = 0; i < sweep->open_len; i++) {
			if (sweep->open[i]->last != next)
				sweep->open[kept++] = sweep->open[i];
		}
		sweep->open_len = kept;
		r = sweep_step(sweep, (u128)next + 1);
	}
	return r;
}

static int level_paint(
	struct rbl_ranges *ranges, struct rbl_values *values, struct steps *ret_steps)
{
	struct sweep sweep = {.values = values, .steps = ret_steps};
	int r = 0;

	ranges_sort(ranges);
	for (size_t i = 0; i < ranges->len && r == 0; i++) {
		struct rbl_range *range = &ranges->items[i];

		r = sweep_close(&sweep, range->first);
		if (r == 0 && sweep.open_len == RBL_OVERLAP_MAX)
			return E_LIMIT;
		sweep.open[sweep.open_len++] = range;
		if (r == 0 && (i + 1 == ranges->len || range[1].first != range->first))
			r = sweep_step(&sweep, range->first);
	}
	return r < 0 ? r : sweep_close(&sweep, (u128)UINT32_MAX + 1);
}

/* ---- Level upon level ---- */

/* The answer at key; *at: a hint, keys are asked in ascending order. */
static uint32_t answer_at(const struct steps *steps, u128 key, size_t *at)
{
	while (*at < steps->len && steps->items[*at].first <= key)
		(*at)++;
	return *at != 0 ? steps->items[*at - 1].row : rbl_uncovered;
}

static int steps_overlay(
	const struct steps *lower, const struct steps *upper, struct steps *ret_steps)
{
	size_t lower_at = 0, upper_at = 0;
	u128 key = 0;
	int r = 0;

	while (r == 0) {
		uint32_t below = answer_at(lower, key, &lower_at);
		uint32_t above = answer_at(upper, key, &upper_at);
		u128 next = ~(u128)0;

		r = rbl_steps_add(ret_steps,
			(struct step){key, above != rbl_uncovered ? above : below}, rbl_uncovered);
		if (lower_at < lower->len)
			next = lower->items[lower_at].first;
		if (upper_at < upper->len && upper->items[upper_at].first < next)
			next = upper->items[upper_at].first;
		if (next == ~(u128)0)
			break;
		key = next;
	}
	return r;
}

/* Uncovered ground is not listed; behind the last address there is nothing. */
static void steps_settle(struct steps *steps)
{
	size_t kept = 0;

	for (size_t i = 0; i < steps->len; i++) {
		struct step step = steps->items[i];

		if (step.row == rbl_uncovered)
			step.row = 0;
		if (step.first <= UINT32_MAX &&
			step.row != (kept != 0 ? steps->items[kept - 1].row : 0))
			steps->items[kept++] = step;
	}
	steps->len = kept;
}

/* The points of one address, joined with the ranges of their level. */
static int64_t group_answer(
	struct rbl_values *values, const struct point *points, size_t len, uint32_t range_answer)
{
	uint32_t numbers[RBL_OVERLAP_MAX + RBL_ANSWER_VALUES_MAX], one;
	size_t numbers_len = 0, range_len = 0;
	const uint32_t *range_numbers;

	if (range_answer == 0)
		return 0;
	if (len == 1 && range_answer == rbl_uncovered)
		return points->number;
	for (size_t i = 0; i < len; i++) {
		if (points[i].number == 0)
			return 0;
		if (numbers_len < RBL_OVERLAP_MAX)
			numbers[numbers_len++] = points[i].number;
	}
	if (range_answer != rbl_uncovered) {
		range_numbers = rbl_values_of(values, range_answer, &one, &range_len);
		memcpy(numbers + numbers_len, range_numbers, range_len * sizeof(*numbers));
	}
	return rbl_values_join(values, numbers, numbers_len + range_len);
}

/* Answers of points in place; one that says what the steps say there anyway is dropped. */
static int points_paint(struct rbl_leveled *leveled, struct rbl_values *values,
	const struct steps *ranges, const struct steps *steps)
{
	struct point *points = leveled->points;
	size_t kept = 0, range_at = 0, step_at = 0, next;

	for (size_t i = 0; i < leveled->points_len; i = next) {
		uint32_t address = points[i].address;
		uint32_t beneath = answer_at(steps, address, &step_at);
		int64_t answer;

		for (next = i + 1; next < leveled->points_len; next++) {
			if (points[next].address != address)
				break;
		}
		answer = group_answer(
			values, points + i, next - i, answer_at(ranges, address, &range_at));
		if (answer < 0)
			return (int)answer;
		if ((uint32_t)answer != (beneath != rbl_uncovered ? beneath : 0))
			points[kept++] = (struct point){address, (uint32_t)answer};
	}
	leveled->points_len = kept;
	return 0;
}

int rbl_leveled_sort(struct rbl_leveled *leveled)
{
	struct point *spare = mem_alloc_array_try(leveled->points_len, sizeof(*spare));

	if (spare == NULL)
		return E_NOMEM;
	point_sort(leveled->points, spare, leveled->points_len);
	mem_free(spare);
	return 0;
}

int rbl_leveled_paint(
	struct rbl_leveled *leveled, struct rbl_values *values, struct rbl_painted *ret_painted)
{
	struct steps levels[RBL_LEVELS] = {0}, painted = {0};
	int r = rbl_leveled_sort(leveled);

	for (unsigned i = 0; i < RBL_LEVELS && r == 0; i++) {
		struct steps over = {0};

		r = level_paint(&leveled->levels[i], values, &levels[i]);
		if (r == 0)
			r = steps_overlay(&painted, &levels[i], &over);
		steps_done(&painted);
		painted = over;
	}
	if (r == 0)
		r = points_paint(leveled, values, &levels[RBL_LEVEL_32], &painted);
	if (r == 0) {
		steps_settle(&painted);
		ret_painted->points = leveled->points;
		ret_painted->points_len = leveled->points_len;
		ret_painted->v4_steps = painted;
		painted = (struct steps){0};
	}
	steps_done(&painted);
	for (unsigned i = 0; i < RBL_LEVELS; i++)
		steps_done(&levels[i]);
	return r;
}
