/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * Paints the ground a change has touched: from the entries of one list to the disjoint pieces of a delta. It is the
 * painting of the snapshot writer, so snapshot + delta and a rebuilt snapshot answer alike. Keeper and tests.
 *
 *   1. commit the change to the entry `source` (added, removed, changed: all the same here);
 *   2. collect the entries of the list, exclusions included, that cover `source` or lie within it;
 *   3. paint_pieces(list, source, entries, ...), and send the pieces.
 *
 * Pure; any thread. The pieces, their hits and reasons are copies that live as long as the arena.
 */
#include "base/arena.h"
#include "list/delta.h"

/* One entry of a list. excluded: this sublist does NOT list the source although a wider entry covers it. */
struct paint_entry {
	struct source source;
	uint8_t sublist;
	bool excluded;
	int64_t until_s; /* 0: until somebody ends it */
	struct span reason;
};

/*
 * The ground: an address or network is repainted as a whole; "x" is the name x alone; ".x" is x and everything below.
 * Entries that neither cover the ground nor lie within it are ignored, as is their order. Of several entries of one
 * sublist for the same source an exclusion wins, then the later end, then the lesser reason.
 * E_LIMIT: more than `limit` pieces; write a snapshot instead. E_NOMEM, E_RANGE.
 */
int paint_pieces(struct span list, const struct source *ground, const struct paint_entry *entries,
	size_t entries_len, size_t limit, struct arena *arena,
	const struct delta_piece **ret_pieces, size_t *ret_pieces_len);
