/* SPDX-License-Identifier: ISC */
#include "list/snapshot.h"

/*
 * Three layers, each over the one behind it: addresses, nets (/64, IPv6 only), steps. A walk asks
 * which layer speaks at a key and up to where; when it says "nothing", it goes on behind that, or
 * jumps when no layer says anything for long.
 *
 *   steps   |      A      |   -   |        B        |
 *   points      x   -         y        z   z   -
 *   pieces  |A|x|A| |  A  |   y   | B |z|  z| |  B  |        "-": an empty row, listed nowhere
 *
 * A damaged file may have keys in any order: what is found ahead is used only when it is ahead.
 */
struct layers {
	const struct snapshot_list *list;
	const struct prefix_table *points, *nets, *steps; /* nets: NULL for IPv4 */
	u128 end;                                         /* the last key of the family */
	uint32_t mask;                                    /* the sublists that are looked for */
};

struct layer_answer {
	u128 last; /* the layer that speaks goes up to here */
	uint32_t row;
	bool is_step;
};

static u128 lesser(u128 a, u128 b)
{
	return a < b ? a : b;
}

/* The key at an index; 0 when there is none or it is not ahead of key. */
static u128 key_ahead(const struct prefix_table *table, uint32_t index, unsigned shift, u128 key)
{
	u128 found;

	if (index >= table->count)
		return 0;
	found = prefix_table_key(table, index) << shift;
	return found > key ? found : 0;
}

static struct layer_answer net_at(const struct layers *layers, u128 key)
{
	struct layer_answer answer = {.last = layers->end, .row = UINT32_MAX};
	u128 next;

	if (layers->nets != NULL) {
		if (prefix_table_get(layers->nets, key >> 64, &answer.row)) {
			answer.last = key | UINT64_MAX;
			return answer;
		}
		next = key_ahead(
			layers->nets, prefix_table_lower(layers->nets, key >> 64), 64, key);
		if (next != 0)
			answer.last = next - 1;
	}
	answer.is_step = true;
	prefix_table_get_below(layers->steps, key, &answer.row);
	if (key != layers->end) {
		next = key_ahead(layers->steps, prefix_table_lower(layers->steps, key + 1), 0, key);
		if (next != 0)
			answer.last = lesser(answer.last, next - 1);
	}
	return answer;
}

static struct layer_answer answer_at(const struct layers *layers, u128 key)
{
	struct layer_answer answer = {.last = key};
	u128 next;

	if (prefix_table_get(layers->points, key, &answer.row))
		return answer;
	answer = net_at(layers, key);
	next = key_ahead(layers->points, prefix_table_lower(layers->points, key), 0, key);
	if (next != 0)
		answer.last = lesser(answer.last, next - 1);
	return answer;
}

/* Where a row that has one of the sublists begins behind key, in any layer; false: nowhere. */
static bool layers_jump(const struct layers *layers, u128 key, u128 *ret_key)
{
	struct row_filter filter = {&layers->list->rows, layers->mask};
	const struct prefix_table *tables[] = {layers->points, layers->nets, layers->steps};
	u128 nearest = 0;

	if (key == layers->end)
		return false;
	for (unsigned i = 0; i < 3; i++) {
		const struct prefix_table *table = tables[i];
		unsigned shift = i == 1 ? 64 : 0;
		u128 found;
		uint32_t index;

		if (table == NULL)
			continue;
		index = prefix_table_lower(table, (key >> shift) + 1);
		index = prefix_table_next(table, &filter, index, table->count);
		found = key_ahead(table, index, shift, key);
		if (found != 0 && (nearest == 0 || found < nearest))
			nearest = found;
	}
	*ret_key = nearest;
	return nearest != 0;
}

/* In the numbers of the family: an IPv4 key is the address itself. */
static bool layers_next(const struct layers *layers, u128 key, struct snapshot_piece *ret)
{
	for (;;) {
		struct layer_answer answer = answer_at(layers, key);

		if ((row_set_mask(&layers->list->rows, answer.row) & layers->mask) != 0) {
			*ret = (struct snapshot_piece){key, answer.last, answer.row};
			return true;
		}
		if (answer.is_step) {
			if (!layers_jump(layers, key, &key))
				return false;
		} else {
			if (answer.last == layers->end)
				return false;
			key = answer.last + 1;
		}
	}
}

static bool v4_next(
	const struct snapshot_list *list, u128 key, uint32_t mask, struct snapshot_piece *ret)
{
	struct layers layers = {list, &list->v4_points, NULL, &list->v4_steps, UINT32_MAX, mask};

	if (!layers_next(&layers, key - key_v4_first, ret))
		return false;
	ret->first += key_v4_first;
	ret->last += key_v4_first;
	return true;
}

/* IPv6 layers are silent in the mapped block: no piece reaches into it but of a damaged file. */
static bool v6_next(const struct snapshot_list *list, struct key_range within, uint32_t mask,
	struct snapshot_piece *ret)
{
	struct layers layers = {list, &list->hosts, &list->nets, &list->steps, ~(u128)0, mask};
	struct snapshot_piece piece;

	if (!layers_next(&layers, within.first, &piece) || piece.first > within.last)
		return false;
	piece.last = lesser(piece.last, within.last);
	*ret = piece;
	return true;
}

bool snapshot_next(
	const struct snapshot_list *list, u128 key, uint32_t mask, struct snapshot_piece *ret)
{
	if (key < key_v4_first) {
		if (v6_next(list, (struct key_range){key, key_v4_first - 1}, mask, ret))
			return true;
		key = key_v4_first;
	}
	if (key <= key_v4_last) {
		if (v4_next(list, key, mask, ret))
			return true;
		key = key_v4_last + 1;
	}
	return v6_next(list, (struct key_range){key, ~(u128)0}, mask, ret);
}
