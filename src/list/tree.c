/* SPDX-License-Identifier: ISC */
#include "list/tree.h"

#include "base/macro.h"
#include "base/mem.h"
#include "base/serial.h"

/*
 * A B+ tree: items in the leaves, and above them nodes that repeat the least item of each child.
 *
 *   before   root -> a b c       after a splice in b   root' -> a b' c
 *                      |                                          |
 *            leaves  1 2 3                            leaves    1 2' 3     a, c, 1 and 3 are shared
 *
 * Nodes hold 1 to NODE_MAX items. A splice cuts what is too long in two and joins neighbours of
 * which one has become very short, at each level it passes; that keeps nodes filled well enough
 * without the strict rules of a textbook tree.
 */
enum { NODE_MAX = 32, NODE_MIN = 8, NODE_FILL = 24, KEY_HALF = 16 };

/* ---- Owners ---- */

struct answer *answer_ref(struct answer *answer)
{
	atomic_fetch_add_explicit(&answer->refs, 1, memory_order_relaxed);
	return answer;
}

void answer_unref(struct answer **answer)
{
	struct answer *a = TAKE(*answer);

	if (a != NULL && atomic_fetch_sub_explicit(&a->refs, 1, memory_order_acq_rel) == 1)
		mem_free(a);
}

struct tree *tree_ref(struct tree *tree)
{
	if (tree != NULL)
		atomic_fetch_add_explicit(&tree->refs, 1, memory_order_relaxed);
	return tree;
}

/* As deep as the tree is: a handful of levels. */
void tree_unref(struct tree **tree)
{
	struct tree *t = TAKE(*tree);

	if (t == NULL || atomic_fetch_sub_explicit(&t->refs, 1, memory_order_acq_rel) != 1)
		return;
	for (size_t i = 0; i < t->len; i++) {
		if (t->level != 0)
			tree_unref(&t->items[i].child);
		else
			answer_unref(&t->items[i].answer);
	}
	mem_free(t);
}

/* ---- Nodes ---- */

/* A node of copies of the items, whose references it takes over. */
static struct tree *node_new(unsigned level, const struct tree_item *items, size_t len)
{
	struct tree *node =
		mem_alloc(sizeof(*node) + len * (sizeof(node->keys[0]) + sizeof(*items)));

	atomic_init(&node->refs, 1);
	node->level = (uint8_t)level;
	node->len = (uint8_t)len;
	node->items = (struct tree_item *)&node->keys[len];
	memcpy(node->items, items, len * sizeof(*items));
	for (size_t i = 0; i < len; i++) {
		node->keys[i] = items[i].first;
		node->mask |= level != 0 ? items[i].child->mask : items[i].answer->mask;
		node->count += level != 0 ? items[i].child->count : 1;
	}
	return node;
}

/* How a node stands in the one above it. */
static struct tree_item node_item(struct tree *node)
{
	struct tree_item item = node->items[0];

	item.child = node;
	return item;
}

static struct tree_item item_ref(const struct tree_item *item)
{
	if (item->child != NULL)
		tree_ref(item->child);
	else
		answer_ref(item->answer);
	return *item;
}

/* ---- Order ---- */

/* 16 bytes of a name from `at` on, as a number, zeros behind its end; no label has one, so the
 * order is that of bytes. */
static u128 name_half(struct span name, size_t at)
{
	struct ip bytes = {{0}};
	struct span rest = span_from(name, at < name.len ? at : name.len);

	memcpy(bytes.b, rest.ptr, rest.len < KEY_HALF ? rest.len : KEY_HALF);
	return key_of_ip(bytes);
}

struct tree_key tree_key_of_range(u128 first)
{
	return (struct tree_key){.first = first};
}

struct tree_key tree_key_of_name(struct span name, bool below)
{
	return (struct tree_key){name_half(name, 0), name_half(name, KEY_HALF), name, true, below};
}

/* Item against key: less than 0, 0, greater. Of one name ".x" stands before "x". */
static int item_compare(const struct tree_item *item, const struct tree_key *key)
{
	int order;

	if (item->first != key->first)
		return item->first < key->first ? -1 : 1;
	if (!key->is_name)
		return 0;
	if (item->last != key->last)
		return item->last < key->last ? -1 : 1;
	order = span_compare(item->answer->key, key->name);
	if (order != 0 || key->below == item->answer->below)
		return order;
	return key->below ? 1 : -1;
}

/* How many items begin at `first` or before. A loop without a branch to mispredict. */
static size_t node_rank_range(const struct tree *node, u128 first)
{
	size_t rank = 0, len = node->len;

	while (len > 1) {
		size_t half = len / 2;

		rank += node->keys[rank + half - 1] <= first ? half : 0;
		len -= half;
	}
	return rank + (len == 1 && node->keys[rank] <= first);
}

/* All lines that a search may look at are asked for at once: one wait a level, not one a step. */
static void node_expect(const struct tree *node)
{
	enum { LINE = 64 };

	for (size_t at = 0; at < NODE_MAX * sizeof(node->keys[0]); at += LINE)
		__builtin_prefetch((const uint8_t *)node->keys + at);
}

/* How many items of the node are less than key; or_equal: not greater. */
static size_t node_rank(const struct tree *node, const struct tree_key *key, bool or_equal)
{
	size_t first = 0, end = node->len;

	if (!key->is_name && (or_equal || key->first != 0))
		return node_rank_range(node, or_equal ? key->first : key->first - 1);

	while (first < end) {
		size_t middle = (first + end) / 2;

		if (item_compare(&node->items[middle], key) < (int)or_equal)
			first = middle + 1;
		else
			end = middle;
	}
	return first;
}

/* The child in which key is, or would be. */
static size_t node_child(const struct tree *node, const struct tree_key *key)
{
	size_t rank = node_rank(node, key, true);

	return rank != 0 ? rank - 1 : 0;
}

/* ---- Asking ---- */

const struct tree_item *tree_from(
	const struct tree *tree, const struct tree_key *key, uint32_t mask)
{
	const struct tree_item *found = NULL;

	if (tree == NULL || (mask != 0 && (tree->mask & mask) == 0))
		return NULL;
	if (tree->level != 0) {
		for (size_t i = node_child(tree, key); i < tree->len && found == NULL; i++)
			found = tree_from(tree->items[i].child, key, mask);
		return found;
	}
	for (size_t i = node_rank(tree, key, false); i < tree->len && found == NULL; i++) {
		if (mask == 0 || (tree->items[i].answer->mask & mask) != 0)
			found = &tree->items[i];
	}
	return found;
}

const struct tree_item *tree_upto(const struct tree *tree, const struct tree_key *key)
{
	size_t rank;

	while (tree != NULL && tree->level != 0) {
		tree = tree->items[node_child(tree, key)].child;
		node_expect(tree);
	}
	if (tree == NULL)
		return NULL;
	rank = node_rank(tree, key, true);
	return rank != 0 ? &tree->items[rank - 1] : NULL;
}

/* ---- Splicing ---- */

/* Items of one level on their way into nodes: of a node, and what a splice may add to it. */
struct row {
	struct tree_item items[NODE_MAX + 2 * SPLICE_MAX];
	size_t len;
};

/* The row as no, one or two nodes, as items of the level above. */
static void row_cut(const struct row *row, unsigned level, struct row *above)
{
	size_t first = row->len > NODE_MAX ? row->len / 2 : row->len;

	if (row->len == 0)
		return;
	above->items[above->len++] = node_item(node_new(level, row->items, first));
	if (first < row->len)
		above->items[above->len++] =
			node_item(node_new(level, row->items + first, row->len - first));
}

/* Two neighbouring nodes as one. */
static struct tree *node_join(struct tree *left, struct tree *right)
{
	struct tree_item items[NODE_MAX];
	size_t len = 0;

	for (size_t i = 0; i < left->len; i++)
		items[len++] = item_ref(&left->items[i]);
	for (size_t i = 0; i < right->len; i++)
		items[len++] = item_ref(&right->items[i]);
	return node_new(left->level, items, len);
}

/* Joins nodes that have become short with a neighbour, in the row from `at` to `end`. */
static void row_mend(struct row *row, size_t at, size_t end)
{
	while (at + 1 < row->len && at < end) {
		struct tree *left = row->items[at].child, *right = row->items[at + 1].child;

		if ((left->len >= NODE_MIN && right->len >= NODE_MIN) ||
			left->len + right->len > NODE_FILL) {
			at++;
			continue;
		}
		row->items[at] = node_item(node_join(left, right));
		tree_unref(&left);
		tree_unref(&right);
		row->len--;
		memmove(&row->items[at + 1], &row->items[at + 2],
			(row->len - at - 1) * sizeof(row->items[0]));
		end--;
	}
}

static void leaf_splice(const struct tree *leaf, const struct splice *splice, struct row *above)
{
	size_t first = node_rank(leaf, splice->low, false);
	size_t end = node_rank(leaf, splice->high, true);
	struct row row = {.len = 0};

	for (size_t i = 0; i < first; i++)
		row.items[row.len++] = item_ref(&leaf->items[i]);
	for (size_t i = 0; i < splice->len; i++)
		row.items[row.len++] = item_ref(&splice->items[i]);
	for (size_t i = end; i < leaf->len; i++)
		row.items[row.len++] = item_ref(&leaf->items[i]);
	row_cut(&row, 0, above);
}

/* Puts what becomes of the node, as items, behind those in `above`. The items go where low is;
 * children that lie between low and high as a whole are left out. */
static void node_splice(const struct tree *node, const struct splice *splice, struct row *above)
{
	struct splice only_erase = {splice->low, splice->high, NULL, 0};
	struct row row = {.len = 0};
	size_t first, last;

	if (node->level == 0) {
		leaf_splice(node, splice, above);
		return;
	}
	first = node_child(node, splice->low);
	last = node_child(node, splice->high);
	for (size_t i = 0; i < first; i++)
		row.items[row.len++] = item_ref(&node->items[i]);
	node_splice(node->items[first].child, splice, &row);
	if (last > first)
		node_splice(node->items[last].child, &only_erase, &row);
	for (size_t i = last + 1; i < node->len; i++)
		row.items[row.len++] = item_ref(&node->items[i]);
	row_mend(&row, first != 0 ? first - 1 : 0, first + 3);
	row_cut(&row, node->level, above);
}

/* Levels of one node each are no use. */
static struct tree *root_of(struct tree *root)
{
	while (root != NULL && root->level != 0 && root->len == 1) {
		struct tree *child = tree_ref(root->items[0].child);

		tree_unref(&root);
		root = child;
	}
	return root;
}

struct tree *tree_splice(const struct tree *tree, const struct splice *splice)
{
	static const struct tree empty = {.level = 0};
	const struct tree *from = tree != NULL ? tree : &empty;
	struct row row = {.len = 0};

	node_splice(from, splice, &row);
	if (row.len == 0)
		return NULL;
	if (row.len > 1)
		return node_new(from->level + 1u, row.items, row.len);
	return root_of(row.items[0].child);
}

/* ---- Leaving out what is old ---- */

struct gathered {
	struct tree_item *items;
	size_t len;
	uint32_t serial;
};

static void newer_gather(const struct tree *tree, struct gathered *gathered)
{
	for (size_t i = 0; i < tree->len; i++) {
		const struct tree_item *item = &tree->items[i];

		if (tree->level != 0)
			newer_gather(item->child, gathered);
		else if (serial_is_before(gathered->serial, item->answer->serial))
			gathered->items[gathered->len++] = item_ref(item);
	}
}

/* One level of nodes from the items below it, in their place; returns how many. */
static size_t level_build(struct tree_item *items, size_t len, unsigned level)
{
	size_t nodes = 0;

	for (size_t i = 0; i < len; i += NODE_FILL) {
		size_t part = len - i < NODE_FILL ? len - i : NODE_FILL;

		items[nodes++] = node_item(node_new(level, items + i, part));
	}
	return nodes;
}

struct tree *tree_newer(const struct tree *tree, uint32_t serial)
{
	struct gathered gathered = {.serial = serial};
	struct tree *root = NULL;
	unsigned level = 0;

	if (tree == NULL)
		return NULL;
	gathered.items = mem_alloc_array(tree->count, sizeof(*gathered.items));
	newer_gather(tree, &gathered);
	if (gathered.len != 0) {
		do
			gathered.len = level_build(gathered.items, gathered.len, level++);
		while (gathered.len > 1);
		root = gathered.items[0].child;
	}
	mem_free(gathered.items);
	return root;
}
