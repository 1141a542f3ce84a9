/* SPDX-License-Identifier: ISC */
#include <stdlib.h>

#include "base/mem.h"
#include "rbldata/paint.h"

/* A node for every name and each of its ancestors, in order of key, so that everything below a name
 * follows it (sets/names.h). What a table says below a name it says of the name as well, unless the
 * name has an answer of its own; "*.x" does not list x, so such an x gets one: rbl_inherited. */
enum { LABELS_MAX = 128 };

struct names_walk {
	const struct rbl_names *names;
	struct rbl_values *values;
	struct name_nodes *nodes;
	size_t path[LABELS_MAX + 1];    /* the nodes from the root to the current one */
	uint32_t below[LABELS_MAX + 1]; /* what holds below each; names_no_row: nothing said */
	size_t depth;
};

void rbl_names_done(struct rbl_names *names)
{
	mem_free(names->items);
	mem_free(names->keys);
	*names = (struct rbl_names){0};
}

int rbl_names_add(struct rbl_names *names, struct span key, uint32_t value, unsigned covers)
{
	int r;

	if (names->keys_len + key.len > UINT32_MAX || names->len > UINT32_MAX / 4)
		return E_LIMIT;
	r = mem_grow_try(&names->keys, &names->keys_size, names->keys_len + key.len, 1);
	if (r == 0)
		r = mem_grow_try(
			&names->items, &names->size, names->len + 1, sizeof(*names->items));
	if (r < 0)
		return r;
	memcpy(names->keys + names->keys_len, key.ptr, key.len);
	names->items[names->len++] = (struct rbl_name){
		(uint32_t)names->keys_len, value, (uint8_t)key.len, (uint8_t)covers};
	names->keys_len += key.len;
	return 0;
}

static struct span name_key_of(const struct rbl_names *names, const struct rbl_name *name)
{
	return span_of(names->keys + name->key_at, name->key_len);
}

static int name_compare(const void *a, const void *b, void *names_arg)
{
	const struct rbl_names *names = names_arg;

	return span_compare(name_key_of(names, a), name_key_of(names, b));
}

static struct span node_key(const struct names_walk *walk, size_t node)
{
	const struct name_node *n = &walk->nodes->items[node];

	return span_of(walk->names->keys + n->key_at, n->key_len);
}

static bool is_listed(uint32_t answer)
{
	return answer != names_no_row && answer != 0;
}

static int walk_push(struct names_walk *walk, uint32_t key_at, size_t key_len)
{
	struct name_nodes *nodes = walk->nodes;
	bool is_root = walk->depth == 0;
	uint32_t inherited = is_root ? names_no_row : walk->below[walk->depth - 1];
	int r = mem_grow_try(&nodes->items, &nodes->size, nodes->len + 1, sizeof(*nodes->items));

	if (r < 0)
		return r;
	nodes->items[nodes->len] = (struct name_node){
		.key_at = key_at,
		.key_len = (uint8_t)key_len,
		.parent = is_root ? 0 : (uint32_t)walk->path[walk->depth - 1],
		.self = names_no_row,
		.below = names_no_row,
		.mask = is_listed(inherited),
	};
	walk->path[walk->depth] = nodes->len++;
	walk->below[walk->depth++] = inherited;
	return 0;
}

/* Makes the path lead to the node of the key. */
static int walk_go(struct names_walk *walk, const struct rbl_name *name)
{
	struct span key = name_key_of(walk->names, name);
	int r = 0;

	while (!name_key_is_within(key, node_key(walk, walk->path[walk->depth - 1])))
		walk->depth--;
	while (r == 0 && node_key(walk, walk->path[walk->depth - 1]).len < key.len)
		r = walk_push(walk, name->key_at,
			name_key_next(key, node_key(walk, walk->path[walk->depth - 1]).len));
	return r;
}

/* The answer of those of a name's entries that say something of it, or of what is below it;
 * names_no_row when none does. */
static int64_t group_answer(
	struct names_walk *walk, const struct rbl_name *names, size_t len, enum rbl_covers part)
{
	uint32_t numbers[RBL_OVERLAP_MAX];
	size_t numbers_len = 0;

	for (size_t i = 0; i < len; i++) {
		if ((names[i].covers & part) == 0)
			continue;
		if (names[i].value == 0)
			return 0;
		if (numbers_len < RBL_OVERLAP_MAX)
			numbers[numbers_len++] = names[i].value;
	}
	if (numbers_len == 0)
		return names_no_row;
	return rbl_values_join(walk->values, numbers, numbers_len);
}

static int group_paint(struct names_walk *walk, const struct rbl_name *names, size_t len)
{
	struct name_node *node = &walk->nodes->items[walk->path[walk->depth - 1]];
	uint32_t *held = &walk->below[walk->depth - 1];
	int64_t self = group_answer(walk, names, len, RBL_COVERS_SELF);
	int64_t below = group_answer(walk, names, len, RBL_COVERS_BELOW);

	if (self < 0 || below < 0)
		return (int)(self < 0 ? self : below);
	node->self = (uint32_t)self;
	if (below == names_no_row)
		return 0;
	node->below = (uint32_t)below;
	if (self == names_no_row)
		node->self = rbl_inherited;
	node->mask = is_listed(node->below);
	*held = node->below;
	return 0;
}

/* What is listed below a node counts for each of its ancestors. */
static void masks_gather(struct name_nodes *nodes)
{
	for (size_t i = nodes->len; i-- > 1;) {
		const struct name_node *node = &nodes->items[i];

		if (node->mask != 0 || (is_listed(node->self) && node->self != rbl_inherited))
			nodes->items[node->parent].mask = 1;
	}
}

int rbl_names_paint(
	struct rbl_names *names, struct rbl_values *values, struct rbl_painted *ret_painted)
{
	struct names_walk walk = {.names = names, .values = values, .nodes = &ret_painted->names};
	size_t group;
	int r;

	ret_painted->keys = names->keys;
	if (names->len == 0)
		return 0;
	qsort_r(names->items, names->len, sizeof(*names->items), name_compare, names);
	r = walk_push(&walk, 0, 0);
	for (size_t i = 0; i < names->len && r == 0; i += group) {
		for (group = 1; i + group < names->len; group++) {
			if (name_compare(&names->items[i], &names->items[i + group], names) != 0)
				break;
		}
		r = walk_go(&walk, &names->items[i]);
		if (r == 0)
			r = group_paint(&walk, names->items + i, group);
	}
	if (r == 0)
		masks_gather(&ret_painted->names);
	return r;
}
