/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * What numbered changes have painted over one list of a snapshot: disjoint ranges of addresses, and
 * names, in two trees (list/tree.h). A small value: its copies share the trees, and each has to be
 * done with. A change costs about the same whatever was painted before, and an answer is let go
 * with the last overlay in which it stands. Making: one thread at a time. Reading, and letting go:
 * any thread.
 */
#include "list/delta.h"
#include "list/tree.h"

struct overlay {
	struct tree *ranges, *names;
};

struct overlay overlay_copy(const struct overlay *overlay);
void overlay_done(struct overlay *overlay);
bool overlay_is_empty(const struct overlay *overlay);
size_t overlay_size(const struct overlay *overlay); /* ranges and names */

/* Pieces of one list, in any order. */
struct overlay_change {
	const struct delta_piece *const *pieces;
	size_t len;
	unsigned sublists_len; /* of the list */
	uint32_t serial;
};

/* `old` with the change painted over it. Copies hits and reasons. E_CONFLICT when pieces overlap or
 * name a sublist the list does not have; E_RANGE, E_LIMIT, E_NOMEM. */
int overlay_paint(const struct overlay *old, const struct overlay_change *change,
	struct overlay *ret_overlay, struct fault *why);

/* What changes after serial have painted and no later one has painted over. */
struct overlay overlay_newer(const struct overlay *overlay, uint32_t serial);

/* ---- Asking. A mask asks for answers that have a sublist of it; 0: for any answer, empty ones
 * too. ---- */

struct over_range {
	u128 first, last;
	const struct answer *answer;
};

/* The answer at an address; NULL when the snapshot has to say. */
const struct answer *overlay_ip(const struct overlay *overlay, u128 key);
/* The first range that does not end before key; false when there is none. */
bool overlay_range_from(
	const struct overlay *overlay, u128 key, uint32_t mask, struct over_range *ret_range);

/* An entry ".x" speaks for x and everything below that has no entry here itself; what the snapshot
 * says there is void. The answers of names hold the key and the kind. */

/* The answer at a name; NULL when the snapshot has to say. */
const struct answer *overlay_name(const struct overlay *overlay, struct span key);
/* The deepest entry ".x" whose x is key or above it; NULL when there is none. */
const struct answer *overlay_above(const struct overlay *overlay, struct span key);
/* The first entry not before this one, of one key ".x" before "x"; NULL when there is none. */
const struct answer *overlay_name_from(
	const struct overlay *overlay, struct span key, bool below, uint32_t mask);
