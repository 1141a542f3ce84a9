/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * What numbered changes have painted over one list of a snapshot: disjoint ranges of addresses, and names. Immutable once
 * made; views share it. Their answers live in layers, one for each delta, each holding on to the layer before it.
 * Making: one thread at a time. Reading: any thread.
 */
#include <stdatomic.h>

#include "base/arena.h"
#include "list/delta.h"
#include "sets/key.h"
#include "sets/rows.h"

struct answer {
	uint32_t mask;
	uint32_t len;
	struct hit hits[]; /* ascending by sublist */
};

struct layer {
	atomic_uint refs;
	struct layer *previous;
	struct arena *arena;
};

struct layer *layer_new(struct layer *previous); /* takes a reference of its own; E_NOMEM aborts */
struct layer *layer_ref(struct layer *layer);
void layer_unref(struct layer **layer);

struct over_range {
	u128 first, last;
	const struct answer *answer;
};

/* An entry ".x" speaks for x and everything below that has no entry here itself; what the snapshot says there is void. */
struct over_name {
	struct span key; /* sets/names.h */
	bool below;
	const struct answer *answer;
};

struct overlay {
	atomic_uint refs;
	size_t ranges_len, names_len;
	struct over_range *ranges; /* ascending, disjoint */
	struct over_name *names;   /* ascending by key; of one key ".x" first */
};

struct overlay *overlay_ref(struct overlay *overlay);
void overlay_unref(struct overlay **overlay);

/* `old` (may be NULL) with the pieces, in any order, painted over it. Copies hits and reasons into the layer.
 * E_CONFLICT when pieces overlap or name a sublist the list does not have; E_RANGE, E_LIMIT, E_NOMEM. */
int overlay_paint(const struct overlay *old, const struct delta_piece *const *pieces,
	size_t pieces_len, unsigned sublists_len, struct layer *layer, struct overlay **ret_overlay,
	struct fault *why);

/* The answer at an address; NULL when the snapshot has to say. */
const struct answer *overlay_ip(const struct overlay *overlay, u128 key);
/* The first range that does not end before key; false when there is none, or no overlay. */
bool overlay_range_from(const struct overlay *overlay, u128 key, struct over_range *ret_range);

/* The answer at a name; NULL when the snapshot has to say. */
const struct answer *overlay_name(const struct overlay *overlay, struct span key);
/* The deepest entry ".x" whose x is key or above it; NULL when there is none. */
const struct over_name *overlay_above(const struct overlay *overlay, struct span key);
/* The first entry that does not stand before this one, of one key ".x" before "x"; false when there is none. */
bool overlay_name_from(
	const struct overlay *overlay, struct span key, bool below, struct over_name *ret_name);
