/* SPDX-License-Identifier: ISC */
#include "list/snapshot.h"

/*
 * Three layers, each over the one behind it: addresses, nets (/64, IPv6 only), steps. A walk asks which layer speaks at a
 * key and up to where; when it says "nothing", it goes on behind that, or jumps when no layer says anything for long.
 *
 *   steps   |      A      |   -   |        B        |
 *   points      x   -         y        z   z   -
 *   pieces  |A|x|A| |  A  |   y   | B |z|  z| |  B  |        "-": an empty row, listed nowhere
 *
 * A damaged file may have keys in any order: what is found ahead is used only when it is ahead.
 */
struct ground {
	const struct snapshot_list *list;
	const struct prefix_table *points, *nets, *steps; /* nets: NULL for IPv4 */
	u128 end;                                         /* the last key of the family */
	uint32_t mask;                                    /* the sublists that are looked for */
};

struct ground_place {
	u128 last; /* the layer that speaks goes up to here */
	uint32_t row;
	bool is_step;
};

static u128 lesser(u128 a, u128 b)
{
	return a < b ? a : b;
}

/* The key of a place, or `end` when there is none or it is not ahead of key. */
static u128 key_ahead(
	const struct prefix_table *table, uint32_t place, unsigned shift, u128 key, u128 end)
{
	u128 found;

	if (place >= table->count)
		return end;
	found = prefix_table_key(table, place) << shift;
	return found > key ? found : end;
}

static struct ground_place net_at(const struct ground *ground, u128 key)
{
	struct ground_place place = {.last = ground->end, .row = UINT32_MAX};
	u128 next;

	if (ground->nets != NULL) {
		if (prefix_table_get(ground->nets, key >> 64, &place.row)) {
			place.last = key | UINT64_MAX;
			return place;
		}
		next = key_ahead(
			ground->nets, prefix_table_lower(ground->nets, key >> 64), 64, key, 0);
		if (next != 0)
			place.last = next - 1;
	}
	place.is_step = true;
	prefix_table_get_below(ground->steps, key, &place.row);
	if (key != ground->end) {
		next = key_ahead(
			ground->steps, prefix_table_lower(ground->steps, key + 1), 0, key, 0);
		if (next != 0)
			place.last = lesser(place.last, next - 1);
	}
	return place;
}

static struct ground_place place_at(const struct ground *ground, u128 key)
{
	struct ground_place place = {.last = key};
	u128 next;

	if (prefix_table_get(ground->points, key, &place.row))
		return place;
	place = net_at(ground, key);
	next = key_ahead(ground->points, prefix_table_lower(ground->points, key), 0, key, 0);
	if (next != 0)
		place.last = lesser(place.last, next - 1);
	return place;
}

/* Where a row that has one of the sublists begins behind key, in any layer; false: nowhere. */
static bool ground_jump(const struct ground *ground, u128 key, u128 *ret_key)
{
	const struct row_set *rows = &ground->list->rows;
	const struct prefix_table *tables[] = {ground->points, ground->nets, ground->steps};
	u128 nearest = 0;

	if (key == ground->end)
		return false;
	for (unsigned i = 0; i < 3; i++) {
		const struct prefix_table *table = tables[i];
		unsigned shift = i == 1 ? 64 : 0;
		u128 found;
		uint32_t place;

		if (table == NULL)
			continue;
		place = prefix_table_lower(table, (key >> shift) + 1);
		place = prefix_table_next(table, rows, place, table->count, ground->mask);
		found = key_ahead(table, place, shift, key, 0);
		if (found != 0 && (nearest == 0 || found < nearest))
			nearest = found;
	}
	*ret_key = nearest;
	return nearest != 0;
}

/* In the numbers of the family: an IPv4 key is the address itself. */
static bool ground_next(const struct ground *ground, u128 key, struct snapshot_piece *ret)
{
	for (;;) {
		struct ground_place place = place_at(ground, key);

		if ((row_set_mask(&ground->list->rows, place.row) & ground->mask) != 0) {
			*ret = (struct snapshot_piece){key, place.last, place.row};
			return true;
		}
		if (place.is_step) {
			if (!ground_jump(ground, key, &key))
				return false;
		} else {
			if (place.last == ground->end)
				return false;
			key = place.last + 1;
		}
	}
}

static bool v4_next(
	const struct snapshot_list *list, u128 key, uint32_t mask, struct snapshot_piece *ret)
{
	struct ground ground = {list, &list->v4_points, NULL, &list->v4_steps, UINT32_MAX, mask};

	if (!ground_next(&ground, key - key_v4_first, ret))
		return false;
	ret->first += key_v4_first;
	ret->last += key_v4_first;
	return true;
}

/* IPv6 ground says nothing in the mapped block, so no piece reaches into it but from a damaged file. */
static bool v6_next(const struct snapshot_list *list, u128 key, u128 end, uint32_t mask,
	struct snapshot_piece *ret)
{
	struct ground ground = {list, &list->hosts, &list->nets, &list->steps, ~(u128)0, mask};
	struct snapshot_piece piece;

	if (!ground_next(&ground, key, &piece) || piece.first > end)
		return false;
	piece.last = lesser(piece.last, end);
	*ret = piece;
	return true;
}

bool snapshot_next(
	const struct snapshot_list *list, u128 key, uint32_t mask, struct snapshot_piece *ret)
{
	if (key < key_v4_first) {
		if (v6_next(list, key, key_v4_first - 1, mask, ret))
			return true;
		key = key_v4_first;
	}
	if (key <= key_v4_last) {
		if (v4_next(list, key, mask, ret))
			return true;
		key = key_v4_last + 1;
	}
	return v6_next(list, key, ~(u128)0, mask, ret);
}
