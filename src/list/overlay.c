/* SPDX-License-Identifier: ISC */
#include "list/overlay.h"

#include <stdlib.h>

#include "base/macro.h"
#include "base/mem.h"
#include "sets/names.h"

/* ---- Owners ---- */

struct layer *layer_new(struct layer *previous)
{
	struct layer *layer = mem_new(layer);

	atomic_init(&layer->refs, 1);
	layer->previous = layer_ref(previous);
	layer->arena = arena_new(0);
	return layer;
}

struct layer *layer_ref(struct layer *layer)
{
	if (layer != NULL)
		atomic_fetch_add_explicit(&layer->refs, 1, memory_order_relaxed);
	return layer;
}

/* A chain may be long, so this is a loop. */
void layer_unref(struct layer **layer)
{
	struct layer *l = *layer;

	*layer = NULL;
	while (l != NULL && atomic_fetch_sub_explicit(&l->refs, 1, memory_order_acq_rel) == 1) {
		struct layer *previous = l->previous;

		arena_free(&l->arena);
		mem_free(l);
		l = previous;
	}
}

struct overlay *overlay_ref(struct overlay *overlay)
{
	if (overlay != NULL)
		atomic_fetch_add_explicit(&overlay->refs, 1, memory_order_relaxed);
	return overlay;
}

void overlay_unref(struct overlay **overlay)
{
	struct overlay *o = *overlay;

	*overlay = NULL;
	if (o == NULL || atomic_fetch_sub_explicit(&o->refs, 1, memory_order_acq_rel) != 1)
		return;
	mem_free(o->ranges);
	mem_free(o->names);
	mem_free(o);
}

/* ---- Asking ---- */

static size_t range_place(const struct overlay *overlay, u128 key)
{
	size_t first = 0, end = overlay->ranges_len;

	while (first < end) {
		size_t middle = first + (end - first) / 2;

		if (overlay->ranges[middle].last < key)
			first = middle + 1;
		else
			end = middle;
	}
	return first;
}

const struct answer *overlay_ip(const struct overlay *overlay, u128 key)
{
	size_t at = range_place(overlay, key);

	if (at == overlay->ranges_len || overlay->ranges[at].first > key)
		return NULL;
	return overlay->ranges[at].answer;
}

bool overlay_range_from(const struct overlay *overlay, u128 key, struct over_range *ret_range)
{
	size_t at = overlay != NULL ? range_place(overlay, key) : 0;

	if (overlay == NULL || at == overlay->ranges_len)
		return false;
	*ret_range = overlay->ranges[at];
	return true;
}

static size_t name_place(const struct overlay *overlay, struct span key)
{
	size_t first = 0, end = overlay->names_len;

	while (first < end) {
		size_t middle = first + (end - first) / 2;

		if (span_compare(overlay->names[middle].key, key) < 0)
			first = middle + 1;
		else
			end = middle;
	}
	return first;
}

/* The entry of exactly this key and kind. */
static const struct over_name *overlay_entry(
	const struct overlay *overlay, struct span key, bool below)
{
	size_t at = name_place(overlay, key);

	for (; at < overlay->names_len && span_equal(overlay->names[at].key, key); at++) {
		if (overlay->names[at].below == below)
			return &overlay->names[at];
	}
	return NULL;
}

bool overlay_name_from(
	const struct overlay *overlay, struct span key, bool below, struct over_name *ret_name)
{
	size_t at = overlay != NULL ? name_place(overlay, key) : 0;

	if (overlay == NULL || at == overlay->names_len)
		return false;
	if (!below && overlay->names[at].below && span_equal(overlay->names[at].key, key))
		at++;
	if (at == overlay->names_len)
		return false;
	*ret_name = overlay->names[at];
	return true;
}

const struct over_name *overlay_above(const struct overlay *overlay, struct span key)
{
	const struct over_name *deepest = NULL;
	size_t len = 0;

	while (len < key.len && overlay->names_len != 0) {
		const struct over_name *entry;

		len = name_key_next(key, len);
		entry = overlay_entry(overlay, span_first(key, len), true);
		if (entry != NULL)
			deepest = entry;
	}
	return deepest;
}

const struct answer *overlay_name(const struct overlay *overlay, struct span key)
{
	const struct over_name *entry = overlay_entry(overlay, key, false);

	if (entry == NULL)
		entry = overlay_above(overlay, key);
	return entry != NULL ? entry->answer : NULL;
}

/* ---- Painting ---- */

static int hit_compare(const void *a, const void *b)
{
	const struct hit *left = a, *right = b;

	return (int)left->sublist - (int)right->sublist;
}

static int answer_copy(const struct delta_piece *piece, unsigned sublists_len, struct layer *layer,
	const struct answer **ret_answer, struct fault *why)
{
	struct answer *answer;

	if (piece->hits_len > SUBLISTS_MAX)
		return fault_set(why, E_LIMIT, "a piece with %u hits", piece->hits_len);
	answer = arena_alloc_try(
		layer->arena, sizeof(*answer) + (size_t)piece->hits_len * sizeof(answer->hits[0]));
	if (answer == NULL)
		return fault_set(why, E_NOMEM, "no memory for a delta");
	for (uint32_t i = 0; i < piece->hits_len; i++) {
		const struct delta_hit *hit = &piece->hits[i];

		if (hit->sublist >= sublists_len || (answer->mask >> hit->sublist & 1) != 0)
			return fault_set(why, E_CONFLICT,
				"a piece names sublist %u, which the list has not or twice",
				hit->sublist);
		if (hit->until_s < 0 || hit->reason.len > REASON_MAX)
			return fault_set(why, E_RANGE, "a hit with an impossible time or reason");
		answer->mask |= UINT32_C(1) << hit->sublist;
		answer->hits[answer->len++] = (struct hit){
			hit->sublist, hit->until_s, arena_copy(layer->arena, hit->reason)};
	}
	qsort(answer->hits, answer->len, sizeof(answer->hits[0]), hit_compare);
	*ret_answer = answer;
	return 0;
}

static int range_of(
	const struct delta_piece *piece, struct over_range *ret_range, struct fault *why)
{
	struct prefix net = piece->source.net;
	u128 first = key_of_ip(net.ip), last;

	if (net.bits > 128 || !prefix_equal(net, prefix_of(net.ip, net.bits)))
		return fault_set(why, E_RANGE, "a piece is no network");
	last = key_last(first, net.bits);
	if (first < key_v4_first && last >= key_v4_first)
		return fault_set(why, E_RANGE, "an IPv6 piece covers IPv4");
	ret_range->first = first;
	ret_range->last = last;
	return 0;
}

static int name_of(const struct delta_piece *piece, struct layer *layer, struct over_name *ret_name,
	struct fault *why)
{
	const char *domain = piece->source.domain;
	bool below = domain[0] == '.';
	uint8_t key[NAME_KEY_SIZE];
	int len = name_key(span_text(domain + below), key);

	if (len <= 0)
		return fault_set(why, E_RANGE, "a piece is no domain");
	ret_name->below = below;
	ret_name->key = arena_copy(layer->arena, span_of(key, (size_t)len));
	return 0;
}

static int range_compare(const void *a, const void *b)
{
	const struct over_range *left = a, *right = b;

	return left->first < right->first ? -1 : left->first > right->first;
}

static int name_compare(const void *a, const void *b)
{
	const struct over_name *left = a, *right = b;
	int order = span_compare(left->key, right->key);

	return order != 0 ? order : (int)right->below - (int)left->below;
}

/* The new pieces alone, sorted. */
static int pieces_read(const struct delta_piece *const *pieces, size_t pieces_len,
	unsigned sublists_len, struct layer *layer, struct overlay *fresh, struct fault *why)
{
	int r = 0;

	for (size_t i = 0; i < pieces_len && r == 0; i++) {
		const struct answer *answer = NULL;

		r = answer_copy(pieces[i], sublists_len, layer, &answer, why);
		if (r < 0)
			return r;
		if (pieces[i]->source.kind == SOURCE_NET) {
			fresh->ranges[fresh->ranges_len].answer = answer;
			r = range_of(pieces[i], &fresh->ranges[fresh->ranges_len++], why);
		} else {
			fresh->names[fresh->names_len].answer = answer;
			r = name_of(pieces[i], layer, &fresh->names[fresh->names_len++], why);
		}
	}
	if (r < 0)
		return r;
	qsort(fresh->ranges, fresh->ranges_len, sizeof(*fresh->ranges), range_compare);
	qsort(fresh->names, fresh->names_len, sizeof(*fresh->names), name_compare);
	for (size_t i = 1; i < fresh->ranges_len; i++) {
		if (fresh->ranges[i].first <= fresh->ranges[i - 1].last)
			return fault_set(why, E_CONFLICT, "two pieces of a delta overlap");
	}
	for (size_t i = 1; i < fresh->names_len; i++) {
		if (name_compare(&fresh->names[i - 1], &fresh->names[i]) == 0)
			return fault_set(why, E_CONFLICT, "two pieces of a delta are one name");
	}
	return 0;
}

/* old without the ground of fresh, and fresh; `out` has room for old_len + 2 * fresh_len. */
static size_t ranges_merge(const struct over_range *old, size_t old_len,
	const struct over_range *fresh, size_t fresh_len, struct over_range *out)
{
	struct over_range *end = out;
	size_t next = 0;

	for (size_t i = 0; i < old_len; i++) {
		struct over_range rest = old[i];
		bool is_covered = false;

		while (next < fresh_len && fresh[next].last < rest.first)
			*end++ = fresh[next++];
		while (next < fresh_len && fresh[next].first <= rest.last) {
			if (fresh[next].first > rest.first)
				*end++ = (struct over_range){
					rest.first, fresh[next].first - 1, rest.answer};
			is_covered = fresh[next].last >= rest.last;
			if (is_covered)
				break; /* it may cover more old ranges: it goes out before the next */
			rest.first = fresh[next].last + 1;
			*end++ = fresh[next++];
		}
		if (!is_covered)
			*end++ = rest;
	}
	while (next < fresh_len)
		*end++ = fresh[next++];
	return (size_t)(end - out);
}

/* Whether new entries say all there is to say where the old one stands. */
static bool name_is_void(const struct overlay *fresh, const struct over_name *old)
{
	return overlay_above(fresh, old->key) != NULL ||
	       overlay_entry(fresh, old->key, old->below) != NULL;
}

static size_t names_merge(
	const struct overlay *old, const struct overlay *fresh, struct over_name *out)
{
	struct over_name *end = out;
	size_t next = 0;

	for (size_t i = 0; old != NULL && i < old->names_len; i++) {
		if (name_is_void(fresh, &old->names[i]))
			continue;
		while (next < fresh->names_len &&
			name_compare(&fresh->names[next], &old->names[i]) < 0)
			*end++ = fresh->names[next++];
		*end++ = old->names[i];
	}
	while (next < fresh->names_len)
		*end++ = fresh->names[next++];
	return (size_t)(end - out);
}

static struct overlay *overlay_new_try(size_t ranges, size_t names)
{
	struct overlay *overlay = mem_new(overlay);

	atomic_init(&overlay->refs, 1);
	overlay->ranges = mem_alloc_array_try(ranges, sizeof(*overlay->ranges));
	overlay->names = mem_alloc_array_try(names, sizeof(*overlay->names));
	if (overlay->ranges == NULL || overlay->names == NULL)
		overlay_unref(&overlay);
	return overlay;
}

int overlay_paint(const struct overlay *old, const struct delta_piece *const *pieces,
	size_t pieces_len, unsigned sublists_len, struct layer *layer, struct overlay **ret_overlay,
	struct fault *why)
{
	struct overlay *fresh = overlay_new_try(pieces_len, pieces_len);
	struct overlay *merged = NULL;
	int r;

	if (fresh == NULL)
		return fault_set(why, E_NOMEM, "no memory for a delta");
	r = pieces_read(pieces, pieces_len, sublists_len, layer, fresh, why);
	if (r == 0) {
		merged =
			overlay_new_try((old != NULL ? old->ranges_len : 0) + 2 * fresh->ranges_len,
				(old != NULL ? old->names_len : 0) + fresh->names_len);
		if (merged == NULL)
			r = fault_set(why, E_NOMEM, "no memory for a delta");
	}
	if (r == 0) {
		merged->ranges_len = ranges_merge(old != NULL ? old->ranges : NULL,
			old != NULL ? old->ranges_len : 0, fresh->ranges, fresh->ranges_len,
			merged->ranges);
		merged->names_len = names_merge(old, fresh, merged->names);
		*ret_overlay = merged;
	}
	overlay_unref(&fresh);
	return r;
}
