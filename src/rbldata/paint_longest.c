/* SPDX-License-Identifier: ISC */
#include <stdlib.h>

#include "base/mem.h"
#include "rbldata/paint.h"

/* A walk over the prefixes in order of address, the wider first, with a stack of those that are
 * open: entering one its answer holds, leaving it that of the one around it. */
enum { DEPTH_MAX = 130, NET_BITS = 64, HOST_BITS = 128 };

void rbl_prefixes_done(struct rbl_prefixes *prefixes)
{
	mem_free(prefixes->items);
	*prefixes = (struct rbl_prefixes){0};
}

int rbl_prefixes_add(struct rbl_prefixes *prefixes, struct rbl_prefix prefix)
{
	int r = mem_grow_try(
		&prefixes->items, &prefixes->size, prefixes->len + 1, sizeof(*prefixes->items));

	if (r == 0)
		prefixes->items[prefixes->len++] = prefix;
	return r;
}

static int prefix_compare(const void *a, const void *b)
{
	const struct rbl_prefix *left = a, *right = b;

	if (left->first != right->first)
		return left->first < right->first ? -1 : 1;
	if (left->bits != right->bits)
		return left->bits < right->bits ? -1 : 1;
	return (left->order > right->order) - (left->order < right->order);
}

int rbl_prefixes_sort(struct rbl_prefixes *prefixes,
	void (*repeated)(void *arg, const struct rbl_prefix *prefix), void *arg)
{
	struct rbl_prefix *items = prefixes->items;
	size_t kept = 0;

	if (prefixes->len == 0)
		return 0;
	if (prefixes->len > UINT32_MAX / 4)
		return E_LIMIT;
	qsort(items, prefixes->len, sizeof(*items), prefix_compare);
	for (size_t i = 0; i < prefixes->len; i++) {
		if (kept != 0 && items[kept - 1].first == items[i].first &&
			items[kept - 1].bits == items[i].bits)
			repeated(arg, &items[i]);
		else
			items[kept++] = items[i];
	}
	prefixes->len = kept;
	return 0;
}

struct open_prefix {
	u128 last;
	uint32_t answer;
};

struct walk {
	struct open_prefix stack[DEPTH_MAX];
	size_t depth;
	struct steps *steps;
};

int rbl_steps_add(struct steps *steps, struct step step, uint32_t rest)
{
	int r;

	if (steps->len != 0 && steps->items[steps->len - 1].first == step.first)
		steps->len--;
	if ((steps->len != 0 ? steps->items[steps->len - 1].row : rest) == step.row)
		return 0;
	r = mem_grow_try(&steps->items, &steps->size, steps->len + 1, sizeof(*steps->items));
	if (r == 0)
		steps->items[steps->len++] = step;
	return r;
}

/* Nothing listed needs no step at the beginning. */
static int walk_step(struct walk *walk, u128 first, uint32_t answer)
{
	return rbl_steps_add(walk->steps, (struct step){first, answer}, 0);
}

/* Leaves what ends before key. */
static int walk_leave(struct walk *walk, u128 key)
{
	int r = 0;

	while (r == 0 && walk->depth != 0 && walk->stack[walk->depth - 1].last < key) {
		u128 last = walk->stack[--walk->depth].last;

		r = walk_step(
			walk, last + 1, walk->depth != 0 ? walk->stack[walk->depth - 1].answer : 0);
	}
	return r;
}

int rbl_prefixes_paint(const struct rbl_prefixes *prefixes, u128 last, struct steps *ret_steps)
{
	struct walk walk = {.steps = ret_steps};
	int r = 0;

	for (size_t i = 0; i < prefixes->len && r == 0; i++) {
		const struct rbl_prefix *prefix = &prefixes->items[i];

		r = walk_leave(&walk, prefix->first);
		walk.stack[walk.depth++] =
			(struct open_prefix){key_last(prefix->first, prefix->bits), prefix->value};
		if (r == 0)
			r = walk_step(&walk, prefix->first, prefix->value);
	}
	while (r == 0 && walk.depth != 0 && walk.stack[walk.depth - 1].last < last)
		r = walk_leave(&walk, walk.stack[walk.depth - 1].last + 1);
	return r;
}

/* ---- IPv6: hosts and whole /64s apart ---- */

/* Whether something but hosts lies inside the /64 at i. */
static bool net_is_cut(const struct rbl_prefixes *prefixes, size_t i)
{
	u128 net = prefixes->items[i].first >> NET_BITS;

	for (i++; i < prefixes->len && prefixes->items[i].first >> NET_BITS == net; i++) {
		if (prefixes->items[i].bits != HOST_BITS)
			return true;
	}
	return false;
}

/* A host says what its net says, the net what the steps say; those that say no more are dropped. */
static int point_add(struct steps *points, const struct rbl_prefix *prefix, uint32_t beneath)
{
	int r;

	if (prefix->value == beneath)
		return 0;
	r = mem_grow_try(&points->items, &points->size, points->len + 1, sizeof(*points->items));
	if (r == 0)
		points->items[points->len++] = (struct step){prefix->first, prefix->value};
	return r;
}

static int hosts_paint(const struct rbl_prefixes *prefixes, struct rbl_painted *painted)
{
	size_t step_at = 0, net_at = 0;
	int r = 0;

	for (size_t i = 0; i < prefixes->len && r == 0; i++) {
		const struct rbl_prefix *prefix = &prefixes->items[i];
		u128 net = prefix->first >> NET_BITS;
		uint32_t beneath;

		if (prefix->bits != HOST_BITS)
			continue;
		while (net_at < painted->nets.len &&
			painted->nets.items[net_at].first >> NET_BITS < net)
			net_at++;
		beneath = steps_row(&painted->steps, prefix->first, &step_at);
		if (net_at < painted->nets.len &&
			painted->nets.items[net_at].first >> NET_BITS == net)
			beneath = painted->nets.items[net_at].row;
		r = point_add(&painted->hosts, prefix, beneath);
	}
	return r;
}

int rbl_prefixes_paint_v6(struct rbl_prefixes *prefixes, struct rbl_painted *painted)
{
	struct rbl_prefixes wide = {0};
	size_t step_at = 0, i;
	int r = 0;

	for (i = 0; i < prefixes->len && r == 0; i++) {
		unsigned bits = prefixes->items[i].bits;

		if (bits != HOST_BITS && (bits != NET_BITS || net_is_cut(prefixes, i)))
			r = rbl_prefixes_add(&wide, prefixes->items[i]);
	}
	if (r == 0)
		r = rbl_prefixes_paint(&wide, ~(u128)0, &painted->steps);
	for (i = 0; i < prefixes->len && r == 0; i++) {
		const struct rbl_prefix *prefix = &prefixes->items[i];

		if (prefix->bits == NET_BITS && !net_is_cut(prefixes, i))
			r = point_add(&painted->nets, prefix,
				steps_row(&painted->steps, prefix->first, &step_at));
	}
	rbl_prefixes_done(&wide);
	return r < 0 ? r : hosts_paint(prefixes, painted);
}
