/* SPDX-License-Identifier: ISC */
#include "list/overlay.h"

#include <stdlib.h>

#include "base/macro.h"
#include "base/mem.h"
#include "sets/names.h"

/*
 * Why an overlay is what it is. A delta says what is true from now on within some range or at some
 * name; the snapshot says what was true before. Keeping the deltas as a list and asking each of
 * them would make lookups slower with every change, and applying them to the snapshot would mean
 * writing a published file. So they are painted into two trees that hold, for each list, disjoint
 * ranges and single names, each with the complete answer. A lookup is one search; where the trees
 * say nothing, the snapshot has the word.
 *
 * An example, one list, three changes over a snapshot that lists 10.0.0.0/8 for "all":
 *
 *   7   10.1.0.0/16 {all, trap}      ranges   [10.1.0.0        {all, trap} 7        10.1.255.255]
 *   8   10.1.2.0/24 {}                        [..10.1.1.255  7][10.1.2/24 {}  8][10.1.3.0..    7]
 *   9   10.1.2.9/32 {trap}                                     [..8  7][9 {trap} 9][10..  8]
 *
 * Change 8 cuts the range of change 7 in two; both halves go on sharing one answer. A removal is a
 * range with an empty answer, not a missing one: it has to hide what the snapshot says. Each answer
 * keeps the number of its change, which is how an overlay is thinned out when a newer snapshot
 * slides below: what is not newer than the file stands in the file (overlay_newer), and what is
 * newer was painted last, so nothing older can lie over it.
 *
 * Names have one rule more. ".x" speaks for x and everything below it, and voids all that was said
 * there before; pieces of the same delta that stand deeper come after it, since they are sorted. So
 * the nearest ".x" above a name decides unless the name has an entry of its own (overlay_name).
 *
 * What bites: readers go on in the old trees while a new one is made, so no node is ever changed;
 * and an answer is freed by whoever lets go of the last tree with it, which may be a worker in the
 * middle of its loop.
 */

/* ---- Owners ---- */

struct overlay overlay_copy(const struct overlay *overlay)
{
	return (struct overlay){tree_ref(overlay->ranges), tree_ref(overlay->names)};
}

void overlay_done(struct overlay *overlay)
{
	tree_unref(&overlay->ranges);
	tree_unref(&overlay->names);
}

bool overlay_is_empty(const struct overlay *overlay)
{
	return overlay->ranges == NULL && overlay->names == NULL;
}

size_t overlay_size(const struct overlay *overlay)
{
	return (overlay->ranges != NULL ? overlay->ranges->count : 0) +
	       (overlay->names != NULL ? overlay->names->count : 0);
}

/* ---- Asking ---- */

/* The range that holds key; NULL: none does. */
static const struct tree_item *range_at(const struct overlay *overlay, u128 key)
{
	struct tree_key at = tree_key_of_range(key);
	const struct tree_item *item = tree_upto(overlay->ranges, &at);

	return item != NULL && item->last >= key ? item : NULL;
}

const struct answer *overlay_ip(const struct overlay *overlay, u128 key)
{
	const struct tree_item *item = range_at(overlay, key);

	return item != NULL ? item->answer : NULL;
}

bool overlay_range_from(
	const struct overlay *overlay, u128 key, uint32_t mask, struct over_range *ret_range)
{
	struct tree_key at = tree_key_of_range(key);
	const struct tree_item *item = range_at(overlay, key);

	if (item == NULL || (mask != 0 && (item->answer->mask & mask) == 0))
		item = tree_from(overlay->ranges, &at, mask);
	if (item == NULL)
		return false;
	*ret_range = (struct over_range){item->first, item->last, item->answer};
	return true;
}

const struct answer *overlay_name_from(
	const struct overlay *overlay, struct span key, bool below, uint32_t mask)
{
	struct tree_key at = tree_key_of_name(key, below);
	const struct tree_item *item = tree_from(overlay->names, &at, mask);

	return item != NULL ? item->answer : NULL;
}

/* The entry of exactly this key and kind. */
static const struct answer *overlay_entry(
	const struct overlay *overlay, struct span key, bool below)
{
	const struct answer *answer = overlay_name_from(overlay, key, below, 0);

	return answer != NULL && answer->below == below && span_equal(answer->key, key) ? answer
											: NULL;
}

const struct answer *overlay_above(const struct overlay *overlay, struct span key)
{
	const struct answer *deepest = NULL;
	size_t len = 0;

	while (len < key.len && overlay->names != NULL) {
		const struct answer *entry;

		len = name_key_next(key, len);
		entry = overlay_entry(overlay, span_first(key, len), true);
		if (entry != NULL)
			deepest = entry;
	}
	return deepest;
}

const struct answer *overlay_name(const struct overlay *overlay, struct span key)
{
	const struct answer *entry;

	if (overlay->names == NULL)
		return NULL;
	entry = overlay_entry(overlay, key, false);
	return entry != NULL ? entry : overlay_above(overlay, key);
}

/* ---- Answers of pieces ---- */

/* The pieces of a change as items, each with its answer. */
struct fresh {
	const struct overlay_change *of;
	struct fault *why;
	struct tree_item *ranges, *names;
	size_t ranges_len, names_len;
};

static int hit_compare(const void *a, const void *b)
{
	const struct hit *left = a, *right = b;

	return left->sublist < right->sublist ? -1 : left->sublist > right->sublist;
}

static int hits_check(const struct fresh *fresh, const struct delta_piece *piece)
{
	uint32_t mask = 0;

	if (piece->hits_len > SUBLISTS_MAX)
		return fault_set(fresh->why, E_LIMIT, "a piece with %u hits", piece->hits_len);
	for (uint32_t i = 0; i < piece->hits_len; i++) {
		const struct hit *hit = &piece->hits[i];

		if (hit->sublist >= fresh->of->sublists_len || (mask >> hit->sublist & 1) != 0)
			return fault_set(fresh->why, E_CONFLICT,
				"a piece names sublist %u, which the list has not or twice",
				hit->sublist);
		if (hit->until_s < 0 || hit->reason.len > REASON_MAX)
			return fault_set(
				fresh->why, E_RANGE, "a hit with an impossible time or reason");
		mask |= UINT32_C(1) << hit->sublist;
	}
	return 0;
}

static struct span bytes_add(uint8_t **end, struct span bytes)
{
	struct span copy = span_of(*end, bytes.len);

	if (bytes.len != 0)
		memcpy(*end, bytes.ptr, bytes.len);
	*end += bytes.len;
	return copy;
}

/* name: the key of a domain, or empty. One block: answer, hits, key, reasons. */
static int answer_new(const struct fresh *fresh, const struct delta_piece *piece, struct span name,
	struct answer **ret_answer)
{
	size_t size = sizeof(struct answer) + piece->hits_len * sizeof(struct hit) + name.len;
	struct answer *answer;
	uint8_t *bytes;
	int r = hits_check(fresh, piece);

	if (r < 0)
		return r;
	for (uint32_t i = 0; i < piece->hits_len; i++)
		size += piece->hits[i].reason.len;
	answer = mem_alloc_array_try(1, size);
	if (answer == NULL)
		return fault_set(fresh->why, E_NOMEM, "no memory for a delta");
	atomic_init(&answer->refs, 1);
	answer->serial = fresh->of->serial;
	bytes = (uint8_t *)&answer->hits[piece->hits_len];
	answer->key = bytes_add(&bytes, name);
	for (uint32_t i = 0; i < piece->hits_len; i++) {
		const struct hit *hit = &piece->hits[i];

		answer->mask |= UINT32_C(1) << hit->sublist;
		answer->hits[answer->len++] =
			(struct hit){hit->sublist, hit->until_s, bytes_add(&bytes, hit->reason)};
	}
	qsort(answer->hits, answer->len, sizeof(answer->hits[0]), hit_compare);
	*ret_answer = answer;
	return 0;
}

/* ---- Items of pieces ---- */

static int range_of(const struct delta_piece *piece, struct tree_item *ret_item, struct fault *why)
{
	struct prefix net = piece->source.net;
	u128 first = key_of_ip(net.ip), last;

	if (net.bits > 128 || !prefix_equal(net, prefix_of(net.ip, net.bits)))
		return fault_set(why, E_RANGE, "a piece is not a network");
	last = key_last(first, net.bits);
	if (first < key_v4_first && last >= key_v4_first)
		return fault_set(why, E_RANGE, "an IPv6 piece covers IPv4");
	*ret_item = (struct tree_item){.first = first, .last = last};
	return 0;
}

static void fresh_done(struct fresh *fresh)
{
	for (size_t i = 0; i < fresh->ranges_len; i++)
		answer_unref(&fresh->ranges[i].answer);
	for (size_t i = 0; i < fresh->names_len; i++)
		answer_unref(&fresh->names[i].answer);
	mem_free(fresh->ranges);
	mem_free(fresh->names);
}

static int fresh_add_range(
	struct fresh *fresh, const struct delta_piece *piece, const struct delta_piece *before)
{
	struct tree_item item;
	int r = range_of(piece, &item, fresh->why);

	if (r < 0)
		return r;
	/* Pieces of one painting mostly say the same, and then point to the same hits. */
	if (fresh->ranges_len != 0 && before != NULL && before->source.kind == SOURCE_NET &&
		before->hits_len == piece->hits_len && before->hits == piece->hits)
		item.answer = answer_ref(fresh->ranges[fresh->ranges_len - 1].answer);
	else
		r = answer_new(fresh, piece, span_of(NULL, 0), &item.answer);
	if (r == 0)
		fresh->ranges[fresh->ranges_len++] = item;
	return r;
}

static int fresh_add_name(struct fresh *fresh, const struct delta_piece *piece)
{
	const char *domain = piece->source.domain;
	bool below = domain[0] == '.';
	uint8_t bytes[NAME_KEY_SIZE];
	int len = name_key(span_text(domain + below), bytes);
	struct span name = span_of(bytes, len > 0 ? (size_t)len : 0);
	struct tree_key key = tree_key_of_name(name, below);
	struct tree_item item = {.first = key.first, .last = key.last};
	int r;

	if (len <= 0)
		return fault_set(fresh->why, E_RANGE, "a piece is not a domain");
	r = answer_new(fresh, piece, name, &item.answer);
	if (r < 0)
		return r;
	item.answer->below = below;
	fresh->names[fresh->names_len++] = item;
	return 0;
}

static int range_compare(const void *a, const void *b)
{
	const struct tree_item *left = a, *right = b;

	return left->first < right->first ? -1 : left->first > right->first;
}

static int name_compare(const void *a, const void *b)
{
	const struct answer *left = ((const struct tree_item *)a)->answer;
	const struct answer *right = ((const struct tree_item *)b)->answer;
	int order = span_compare(left->key, right->key);

	if (order != 0 || left->below == right->below)
		return order;
	return left->below ? -1 : 1;
}

static int fresh_sort(struct fresh *fresh)
{
	qsort(fresh->ranges, fresh->ranges_len, sizeof(*fresh->ranges), range_compare);
	qsort(fresh->names, fresh->names_len, sizeof(*fresh->names), name_compare);
	for (size_t i = 1; i < fresh->ranges_len; i++) {
		if (fresh->ranges[i].first <= fresh->ranges[i - 1].last)
			return fault_set(fresh->why, E_CONFLICT, "two pieces of a delta overlap");
	}
	for (size_t i = 1; i < fresh->names_len; i++) {
		if (name_compare(&fresh->names[i - 1], &fresh->names[i]) == 0)
			return fault_set(
				fresh->why, E_CONFLICT, "two pieces of a delta are one name");
	}
	return 0;
}

static int fresh_read(struct fresh *fresh)
{
	const struct delta_piece *before = NULL;
	int r = 0;

	fresh->ranges = mem_alloc_array_try(fresh->of->len, sizeof(*fresh->ranges));
	fresh->names = mem_alloc_array_try(fresh->of->len, sizeof(*fresh->names));
	if (fresh->ranges == NULL || fresh->names == NULL)
		return fault_set(fresh->why, E_NOMEM, "no memory for a delta");
	for (size_t i = 0; i < fresh->of->len && r == 0; i++) {
		const struct delta_piece *piece = fresh->of->pieces[i];

		r = piece->source.kind == SOURCE_NET ? fresh_add_range(fresh, piece, before)
						     : fresh_add_name(fresh, piece);
		before = piece;
	}
	return r < 0 ? r : fresh_sort(fresh);
}

/* ---- Painting ---- */

static void tree_become(struct tree **tree, struct tree *next)
{
	tree_unref(tree);
	*tree = next;
}

/* What sticks out of the piece on either side stays. */
static void range_paint(struct overlay *overlay, const struct tree_item *piece)
{
	const struct tree_item *left = range_at(overlay, piece->first);
	const struct tree_item *right = range_at(overlay, piece->last);
	u128 low_first = left != NULL ? left->first : piece->first;
	struct tree_key low = tree_key_of_range(low_first), high = tree_key_of_range(piece->last);
	struct tree_item items[SPLICE_MAX];
	size_t len = 0;

	if (left != NULL && left->first < piece->first) {
		items[len] = *left;
		items[len++].last = piece->first - 1;
	}
	items[len++] = *piece;
	if (right != NULL && right->last > piece->last) {
		items[len] = *right;
		items[len++].first = piece->last + 1;
	}
	tree_become(&overlay->ranges,
		tree_splice(overlay->ranges, &(struct splice){&low, &high, items, len}));
}

/* ".x" voids all that stands at x and below. The pieces come sorted, so deeper ones of the same
 * delta come after it. */
static void name_paint(struct overlay *overlay, const struct tree_item *piece)
{
	struct span name = piece->answer->key;
	struct tree_key low = tree_key_of_name(name, piece->answer->below), high = low;
	uint8_t bytes[NAME_KEY_SIZE + 1];

	if (piece->answer->below)
		high = tree_key_of_name(name_key_behind(name, bytes), true);
	tree_become(&overlay->names,
		tree_splice(overlay->names, &(struct splice){&low, &high, piece, 1}));
}

int overlay_paint(const struct overlay *old, const struct overlay_change *change,
	struct overlay *ret_overlay, struct fault *why)
{
	struct fresh fresh = {.of = change, .why = why};
	int r = fresh_read(&fresh);

	if (r == 0) {
		struct overlay overlay = overlay_copy(old);

		for (size_t i = 0; i < fresh.ranges_len; i++)
			range_paint(&overlay, &fresh.ranges[i]);
		for (size_t i = 0; i < fresh.names_len; i++)
			name_paint(&overlay, &fresh.names[i]);
		*ret_overlay = overlay;
	}
	fresh_done(&fresh);
	return r;
}

struct overlay overlay_newer(const struct overlay *overlay, uint32_t serial)
{
	return (struct overlay){
		tree_newer(overlay->ranges, serial), tree_newer(overlay->names, serial)};
}
