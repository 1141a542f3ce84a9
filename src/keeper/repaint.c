/* SPDX-License-Identifier: ISC */
#include <stdlib.h>

#include "base/macro.h"
#include "base/mem.h"
#include "bus/convert.h"
#include "bus/frame.h"
#include "keeper/keeper_priv.h"
#include "list/paint.h"

/*
 * From the grounds of a change to a delta: each ground is painted from what the store says now,
 * with all that covers it and lies within it (list/paint.h). Painted after the commit and from the
 * store, a delta is right whatever the change did.
 */
enum { PAINT_ENTRIES_MAX = 20000, PACKED_SLACK = 64 };

struct painting {
	const struct shape *shape;
	struct arena *arena;
	struct list_entry *entries;
	size_t len;
	size_t room;
};

static int painting_add(const struct store_listing *listing, void *arg)
{
	struct painting *painting = arg;
	struct list_entry *entry;
	unsigned sublist;
	int list;

	if (!shape_find(painting->shape, listing->list, listing->sublist, &list, &sublist))
		return 0;
	if (painting->len == PAINT_ENTRIES_MAX)
		return E_LIMIT;
	mem_grow(
		&painting->entries, &painting->room, painting->len + 1, sizeof(*painting->entries));
	entry = &painting->entries[painting->len++];
	*entry = (struct list_entry){.source = listing->source,
		.sublist = (uint8_t)sublist,
		.excluded = listing->excluded,
		.until_s = listing->until_s,
		.reason = arena_copy(painting->arena, listing->reason)};
	return 0;
}

static int source_repaint(struct keeper *keeper, const struct changed_source *changed,
	struct arena *arena, const struct delta_piece **ret_pieces, size_t *ret_len)
{
	struct painting painting = {.shape = keeper->publisher.shape, .arena = arena};
	struct delta_pieces pieces = {0};
	struct store_select select = {
		.which = STORE_COVERING, .list = changed->list, .source = &changed->source};
	int r = store_listings(keeper->guard.store, &select, painting_add, &painting);

	if (r >= 0) {
		select.which = STORE_WITHIN;
		r = store_listings(keeper->guard.store, &select, painting_add, &painting);
	}
	if (r >= 0)
		r = paint_pieces(&(struct repaint){changed->list, &changed->source,
					 painting.entries, painting.len, PIECES_MAX},
			arena, &pieces);
	mem_free(painting.entries);
	if (r < 0)
		return r;
	*ret_pieces = pieces.items;
	*ret_len = pieces.len;
	return 0;
}

/* Lists together; nets by address, the wide before what lies in them; domains behind. */
static int changed_source_compare(const void *left, const void *right)
{
	const struct changed_source *a = left;
	const struct changed_source *b = right;
	int order = span_compare(a->list, b->list);

	if (order != 0)
		return order;
	if (a->source.kind != b->source.kind)
		return a->source.kind < b->source.kind ? -1 : 1;
	if (a->source.kind == SOURCE_DOMAIN)
		return strcmp(a->source.domain, b->source.domain);
	order = ip_compare(a->source.net.ip, b->source.net.ip);
	if (order != 0)
		return order;
	return a->source.net.bits < b->source.net.bits ? -1
						       : a->source.net.bits > b->source.net.bits;
}

/* Is the ground painted already, as part of `outer`? */
static bool changed_source_covers(
	const struct changed_source *outer, const struct changed_source *inner)
{
	struct span name = span_text(inner->source.domain);
	struct span below = span_text(outer->source.domain);

	if (!span_equal(outer->list, inner->list) || outer->source.kind != inner->source.kind)
		return false;
	if (outer->source.kind ==
		SOURCE_NET) /* painting IPv6 ground leaves the IPv4 addresses out */
		return prefix_is_v4(outer->source.net) == prefix_is_v4(inner->source.net) &&
		       prefix_covers(outer->source.net, inner->source.net);
	if (span_equal(name, below))
		return true;
	return below.ptr[0] == '.' &&
	       (span_has_suffix_nocase(name, below) || span_equal(span_from(below, 1), name));
}

static bool changed_source_is_covered(const struct change *change, size_t index)
{
	const struct changed_source *changed = &change->sources[index];

	/* Sorted nets that cover stand before; domains come in no useful order, and there are
	 * few. */
	for (size_t i = 0; i < change->len; i++) {
		const struct changed_source *other = &change->sources[i];

		if (i == index || !changed_source_covers(other, changed))
			continue;
		if (!source_equal(&other->source, &changed->source) || i < index)
			return true;
	}
	return false;
}

/* All pieces of the change; E_LIMIT: too many. */
static int change_pieces(struct keeper *keeper, struct change *change, struct arena *arena,
	struct delta_piece *pieces, size_t *ret_len)
{
	size_t len = 0;

	if (change->len != 0)
		qsort(change->sources, change->len, sizeof(*change->sources),
			changed_source_compare);
	for (size_t i = 0; i < change->len; i++) {
		const struct delta_piece *part = NULL;
		size_t part_len = 0;
		int r = 0;

		if (!changed_source_is_covered(change, i))
			r = source_repaint(keeper, &change->sources[i], arena, &part, &part_len);
		if (r < 0)
			return r;
		if (part_len > PIECES_MAX - len)
			return E_LIMIT;
		if (part_len != 0)
			memcpy(pieces + len, part, part_len * sizeof(*pieces));
		len += part_len;
	}
	*ret_len = len;
	return 0;
}

/* Reasons may be long: a few thousand pieces are not always one message. */
static int pieces_pack(const struct delta *delta, struct arena *arena, uint8_t **ret_packed,
	size_t *ret_packed_len)
{
	const Stockade__Delta *wire = delta_to_wire(delta, arena);
	size_t len = stockade__delta__get_packed_size(wire);

	if (len > FRAME_ROLE_MAX - PACKED_SLACK)
		return E_LIMIT;
	*ret_packed = mem_alloc(len);
	*ret_packed_len = stockade__delta__pack(wire, *ret_packed);
	return 0;
}

int change_paint(struct keeper *keeper, struct change *change, uint32_t serial,
	uint8_t **ret_packed, size_t *ret_packed_len, size_t *ret_pieces)
{
	AUTO(arena) *arena = arena_new(0);
	struct delta_piece *pieces = mem_alloc_array(PIECES_MAX, sizeof(*pieces));
	struct delta delta = {.to_serial = serial, .pieces = pieces};
	int r = store_read_begin(keeper->guard.store);

	if (r >= 0) {
		r = change_pieces(keeper, change, arena, pieces, &delta.pieces_len);
		store_read_end(keeper->guard.store);
	}
	if (r >= 0)
		r = pieces_pack(&delta, arena, ret_packed, ret_packed_len);
	if (r >= 0)
		*ret_pieces = delta.pieces_len;
	mem_free(pieces);
	return r;
}
