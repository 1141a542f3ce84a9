/* SPDX-License-Identifier: ISC */
#include "sets/prefix.h"

#include "base/macro.h"
#include "base/mem.h"

/*
 * Painting is one walk over the entries in order of address, the wider first, with a stack of the
 * networks that are open:
 *
 *     entries      10.0.0.0/8 a          ----------------------------------------
 *                  10.1.0.0/16 b                 ------------
 *                  10.1.2.0/24 not b                 ----
 *     steps                              |a      |ab |a  |ab |a                  |(nothing)
 *
 * Entering a network derives a row from the one that held outside (answer_rows_override: each
 * sublist by its own most specific entry); leaving it restores the row of the network around it. So
 * the work is one step in and one out an entry, and the depth is bounded by the 129 prefix lengths.
 *
 * Single addresses are the great mass. They are not put through here, where each would cut the
 * range around it in three, but kept as points that override the steps beneath and hold their
 * complete row themselves.
 */
enum { DEPTH_MAX = 130 };

struct open_net {
	u128 last;
	uint32_t row;
};

struct painter {
	struct answer_rows *rows;
	struct steps *steps;
	struct open_net stack[DEPTH_MAX];
	size_t depth;
};

void steps_done(struct steps *steps)
{
	mem_free(steps->items);
	*steps = (struct steps){0};
}

static int entry_compare(const void *a, const void *b)
{
	const struct prefix_entry *left = a, *right = b;

	if (left->first != right->first)
		return left->first < right->first ? -1 : 1;
	if (left->bits != right->bits)
		return left->bits < right->bits ? -1 : 1;
	return (left->value > right->value) - (left->value < right->value);
}

/* Two runs, the right behind the left. A merge sort from the bottom up: runs that are in order
 * already, as imports often are, cost one comparison a pair. */
static void merge(const struct prefix_entry *left, size_t left_len, size_t right_len,
	struct prefix_entry *out)
{
	const struct prefix_entry *right = left + left_len;

	while (left_len > 0 && right_len > 0) {
		if (entry_compare(left, right) <= 0) {
			*out++ = *left++;
			left_len--;
		} else {
			*out++ = *right++;
			right_len--;
		}
	}
	memcpy(out, left, left_len * sizeof(*left));
	memcpy(out + left_len, right, right_len * sizeof(*right));
}

int prefix_sort(struct prefix_entries *entries)
{
	struct prefix_entry *spare, *from = entries->items, *to;
	size_t len = entries->len;

	if (len < 2)
		return 0;
	spare = mem_alloc_array_try(len, sizeof(*spare));
	if (spare == NULL)
		return E_NOMEM;
	to = spare;
	for (size_t run = 1; run < len; run *= 2) {
		struct prefix_entry *swap = from;

		for (size_t at = 0; at < len; at += 2 * run) {
			size_t left = len - at < run ? len - at : run;
			size_t right = len - at - left < run ? len - at - left : run;

			merge(from + at, left, right, to + at);
		}
		from = to;
		to = swap;
	}
	if (from != entries->items)
		memcpy(entries->items, from, len * sizeof(*from));
	mem_free(spare);
	return 0;
}

static int steps_add(struct steps *steps, u128 first, uint32_t row)
{
	if (mem_grow_try(&steps->items, &steps->size, steps->len + 1, sizeof(*steps->items)) < 0)
		return E_NOMEM;
	steps->items[steps->len++] = (struct step){first, row};
	return 0;
}

/* From `first` on row holds. */
static int painter_step(struct painter *painter, u128 first, uint32_t row)
{
	struct steps *steps = painter->steps;

	if (steps->len != 0 && steps->items[steps->len - 1].first == first)
		steps->len--;
	if ((steps->len != 0 ? steps->items[steps->len - 1].row : 0) == row)
		return 0;
	return steps_add(steps, first, row);
}

static uint32_t painter_row(const struct painter *painter)
{
	return painter->depth != 0 ? painter->stack[painter->depth - 1].row : 0;
}

/* Leaves the networks that end before key. */
static int painter_leave(struct painter *painter, u128 key)
{
	int r = 0;

	while (r == 0 && painter->depth != 0 && painter->stack[painter->depth - 1].last < key) {
		u128 last = painter->stack[--painter->depth].last;

		r = painter_step(painter, last + 1, painter_row(painter));
	}
	return r;
}

/* How many entries from the first on are of the same network. */
static size_t group_len(const struct prefix_entry *entries, size_t len)
{
	size_t group = 1;

	while (group < len && entries[group].first == entries[0].first &&
		entries[group].bits == entries[0].bits)
		group++;
	return group;
}

static int64_t group_row(
	struct answer_rows *rows, uint32_t parent, const struct prefix_entry *entries, size_t len)
{
	uint32_t values[ROW_VALUES_MAX];
	size_t values_len = 0;

	for (size_t i = 0; i < len; i++) {
		if (entries[i].value == prefix_value_blank)
			return 0;
		values_len = answer_rows_merge(rows, values, values_len, entries[i].value);
	}
	return answer_rows_override(rows, parent, values, values_len);
}

static int painter_enter(struct painter *painter, const struct prefix_entry *entries, size_t len)
{
	int64_t row = group_row(painter->rows, painter_row(painter), entries, len);

	if (row < 0)
		return (int)row;
	painter->stack[painter->depth++] =
		(struct open_net){key_last(entries[0].first, entries[0].bits), (uint32_t)row};
	return painter_step(painter, entries[0].first, (uint32_t)row);
}

int prefix_paint(
	const struct prefix_entries *entries, struct answer_rows *rows, struct steps *steps)
{
	struct painter painter = {.rows = rows, .steps = steps};
	size_t group;
	int r = 0;

	for (size_t i = 0; i < entries->len && r == 0; i += group) {
		const struct prefix_entry *entry = &entries->items[i];

		group = group_len(entry, entries->len - i);
		r = painter_leave(&painter, entry->first);
		if (r == 0)
			r = painter_enter(&painter, entry, group);
	}
	while (r == 0 && painter.depth != 0 && painter.stack[painter.depth - 1].last != ~(u128)0)
		r = painter_leave(&painter, painter.stack[painter.depth - 1].last + 1);
	return r;
}

/* Moves the hint to the last item that is not behind key. */
static const struct step *steps_find(const struct steps *steps, u128 key, size_t *at)
{
	while (*at + 1 < steps->len && steps->items[*at + 1].first <= key)
		(*at)++;
	if (steps->len == 0 || steps->items[*at].first > key)
		return NULL;
	return &steps->items[*at];
}

uint32_t steps_row(const struct steps *steps, u128 key, size_t *at)
{
	const struct step *step = steps_find(steps, key, at);

	return step != NULL ? step->row : 0;
}

int prefix_paint_points(const struct prefix_entries *entries, const struct beneath *beneath,
	struct answer_rows *rows, struct steps *points)
{
	size_t group, at = 0, net_at = 0;
	int r = 0;

	for (size_t i = 0; i < entries->len && r == 0; i += group) {
		const struct prefix_entry *entry = &entries->items[i];
		uint32_t held = steps_row(beneath->steps, entry->first, &at);
		const struct step *net = beneath->nets != NULL
						 ? steps_find(beneath->nets, entry->first, &net_at)
						 : NULL;
		int64_t row;

		if (net != NULL && net->first >> 64 == entry->first >> 64)
			held = net->row;
		group = group_len(entry, entries->len - i);
		row = group_row(rows, held, entry, group);
		if (row < 0)
			return (int)row;
		if ((uint32_t)row != held)
			r = steps_add(points, entry->first, (uint32_t)row);
	}
	return r;
}

int64_t point_paint(
	struct point *points, size_t len, const struct steps *steps, struct answer_rows *rows)
{
	size_t kept = 0, at = 0, next;

	for (size_t i = 0; i < len; i = next) {
		uint32_t address = points[i].address;
		uint32_t beneath = steps_row(steps, key_v4_first + address, &at);
		uint32_t values[ROW_VALUES_MAX];
		size_t values_len = 0;
		int64_t row;

		for (next = i; next < len && points[next].address == address; next++)
			values_len =
				answer_rows_merge(rows, values, values_len, points[next].number);
		row = answer_rows_override(rows, beneath, values, values_len);
		if (row < 0)
			return row;
		if ((uint32_t)row != beneath)
			points[kept++] = (struct point){address, (uint32_t)row};
	}
	return (int64_t)kept;
}

/*
 * A radix sort, the lowest byte first, each pass in order of the pass before. Four passes of 8 bits
 * measured better than three of 11, which scatter over more pages than the first TLB holds. Points
 * that come in order already, as imports often do, are noticed while counting and stay where they
 * are.
 */
enum { BYTES = 4, BYTE_VALUES = 256 };

static unsigned byte_of(uint32_t address, unsigned byte)
{
	return address >> 8 * byte & 0xff;
}

/* One pass: how often its byte has each value. */
struct byte_pass {
	unsigned byte;
	size_t counts[BYTE_VALUES];
};

/* False when the points are in order already. */
static bool bytes_count(const struct point *points, size_t len, struct byte_pass passes[BYTES])
{
	bool ordered = true;

	for (size_t i = 0; i < len; i++) {
		ordered &= i == 0 || points[i - 1].address <= points[i].address;
		for (unsigned byte = 0; byte < BYTES; byte++)
			passes[byte].counts[byte_of(points[i].address, byte)]++;
	}
	return !ordered;
}

static void points_scatter(
	const struct point *from, size_t len, const struct byte_pass *pass, struct point *to)
{
	unsigned byte = pass->byte;
	size_t starts[BYTE_VALUES], total = 0;

	for (unsigned value = 0; value < BYTE_VALUES; value++) {
		starts[value] = total;
		total += pass->counts[value];
	}
	for (size_t i = 0; i < len; i++)
		to[starts[byte_of(from[i].address, byte)]++] = from[i];
}

void point_sort(struct point *points, struct point *spare, size_t len)
{
	struct byte_pass passes[BYTES] = {{.byte = 0}, {.byte = 1}, {.byte = 2}, {.byte = 3}};

	if (!bytes_count(points, len, passes))
		return;
	for (unsigned byte = 0; byte < BYTES; byte += 2) {
		points_scatter(points, len, &passes[byte], spare);
		points_scatter(spare, len, &passes[byte + 1], points);
	}
}
