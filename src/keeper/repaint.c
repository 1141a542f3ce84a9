/* SPDX-License-Identifier: ISC */
#include "keeper/repaint.h"

#include <stdlib.h>
#include <string.h>

#include "base/macro.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "bus/convert.h"
#include "bus/frame.h"
#include "list/paint.h"

/*
 * Each changed source is painted from what the store says now, with all that covers it and lies
 * within it (list/paint.h). Painted after the commit and from the store, a delta is right whatever
 * the change did.
 */
enum {
	PIECES_MAX = 4096, /* of one delta */
	PAINT_ENTRIES_MAX = 20000,
	PACKED_SLACK = 64,
};

/* What is painted on: the pieces of all sources. */
struct painting {
	const struct repaint_from *from;
	struct arena *arena;
	struct list_entry *entries; /* around the source at hand */
	size_t entries_len;
	size_t entries_room;
	struct delta_piece *pieces;
	size_t len;
	bool partial;
};

static int painting_add_entry(const struct store_listing *listing, void *arg)
{
	struct painting *painting = arg;
	struct layout_index index;

	if (!layout_find(painting->from->layout, listing->list, listing->sublist, &index))
		return 0;
	if (painting->entries_len == PAINT_ENTRIES_MAX)
		return E_LIMIT;
	mem_grow(&painting->entries, &painting->entries_room, painting->entries_len + 1,
		sizeof(*painting->entries));
	painting->entries[painting->entries_len++] = (struct list_entry){.source = listing->source,
		.sublist = (uint8_t)index.sublist,
		.excluded = listing->excluded,
		.until_s = listing->until_s,
		.reason = arena_copy(painting->arena, utf8_cut(listing->reason, MESSAGE_TEXT_MAX))};
	return 0;
}

static int painting_add_source(struct painting *painting, const struct changed_source *changed)
{
	struct store_select select = {
		.which = STORE_COVERING, .list = changed->list, .source = &changed->source};
	struct delta_pieces pieces = {0};
	int r;

	painting->entries_len = 0;
	r = store_listings(painting->from->store, &select, painting_add_entry, painting);
	select.which = STORE_WITHIN;
	if (r >= 0)
		r = store_listings(painting->from->store, &select, painting_add_entry, painting);
	if (r >= 0)
		r = paint_pieces(
			&(struct repaint){changed->list, &changed->source, painting->entries,
				painting->entries_len, PIECES_MAX - painting->len},
			painting->arena, &pieces);
	if (r < 0)
		return r;
	if (pieces.len != 0)
		memcpy(painting->pieces + painting->len, pieces.items,
			pieces.len * sizeof(*pieces.items));
	painting->len += pieces.len;
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

/* Is it painted already, as part of `outer`? */
static bool changed_source_covers(
	const struct changed_source *outer, const struct changed_source *inner)
{
	struct span name = span_text(inner->source.domain);
	struct span below = span_text(outer->source.domain);

	if (!span_equal(outer->list, inner->list) || outer->source.kind != inner->source.kind)
		return false;
	if (outer->source.kind ==
		SOURCE_NET) /* painting an IPv6 network leaves IPv4 addresses out */
		return prefix_is_v4(outer->source.net) == prefix_is_v4(inner->source.net) &&
		       prefix_covers(outer->source.net, inner->source.net);
	if (span_equal(name, below))
		return true;
	return below.ptr[0] == '.' &&
	       (span_has_suffix_nocase(name, below) || span_equal(span_from(below, 1), name));
}

static bool changed_source_is_covered(
	const struct changed_source *sources, size_t len, size_t index)
{
	const struct changed_source *changed = &sources[index];

	/* Sorted nets that cover stand before; domains come in no useful order, and there are
	 * few. */
	for (size_t i = 0; i < len; i++) {
		const struct changed_source *other = &sources[i];

		if (i == index || !changed_source_covers(other, changed))
			continue;
		if (!source_equal(&other->source, &changed->source) || i < index)
			return true;
	}
	return false;
}

static int painting_add_change(struct painting *painting, const struct change *change)
{
	struct changed_source *sources =
		arena_alloc(painting->arena, (change->len + 1) * sizeof(*sources));
	int r = store_read_begin(painting->from->store);

	if (r < 0)
		return r;
	if (change->len != 0) {
		memcpy(sources, change->sources, change->len * sizeof(*sources));
		qsort(sources, change->len, sizeof(*sources), changed_source_compare);
	}
	for (size_t i = 0; i < change->len && r >= 0; i++) {
		if (!changed_source_is_covered(sources, change->len, i))
			r = painting_add_source(painting, &sources[i]);
	}
	store_read_end(painting->from->store);
	return r;
}

/* Reasons may be long: a few thousand pieces are not always one message. */
static int painting_pack(
	const struct painting *painting, uint32_t serial, struct logged_delta *ret_delta)
{
	struct delta delta = {.to_serial = serial,
		.partial = painting->partial,
		.pieces = painting->pieces,
		.pieces_len = painting->len};
	struct span packed = delta_pack(&delta, painting->arena);

	if (packed.len > FRAME_ROLE_MAX - PACKED_SLACK)
		return E_LIMIT;
	*ret_delta = (struct logged_delta){.to_serial = serial,
		.ranges = (uint32_t)painting->len,
		.packed = mem_copy(packed.ptr, packed.len),
		.packed_len = packed.len};
	return 0;
}

int change_encode(const struct repaint_from *from, const struct change *change, uint32_t serial,
	struct logged_delta *ret_delta)
{
	AUTO(arena) *arena = arena_new(0);
	struct painting painting = {.from = from,
		.arena = arena,
		.partial = change->all,
		.pieces = mem_alloc_array(PIECES_MAX, sizeof(*painting.pieces))};
	int r = painting_add_change(&painting, change);

	if (r >= 0)
		r = painting_pack(&painting, serial, ret_delta);
	mem_free(painting.pieces);
	mem_free(painting.entries);
	return r;
}
