/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * Paints the region that a change has touched: from the entries of one list to the disjoint pieces
 * of a delta. It is the painting of the snapshot writer, so snapshot + delta and a rebuilt snapshot
 * answer alike. Keeper and tests.
 *
 *   1. commit the change to the entry `source` (added, removed, changed: all the same here);
 *   2. collect the entries of the list, exclusions included, that cover `source` or lie within it;
 *   3. paint_pieces, and send the pieces.
 *
 * Pure; any thread. The pieces, their hits and reasons are copies that live as long as the arena.
 */
#include "base/arena.h"
#include "list/delta.h"
#include "list/entry.h"

/*
 * What is painted anew: an address or network as a whole; "x" is the name x alone; ".x" is x and
 * everything below. Entries that neither cover the region nor lie within it are ignored, as is
 * their order. Of several entries of one sublist for the same source an exclusion wins, then the
 * later end, then the lesser reason.
 */
struct repaint {
	struct span list;
	const struct source *region;
	const struct list_entry *entries;
	size_t entries_len;
	size_t limit; /* of pieces */
};

/* E_LIMIT: more than `limit` pieces; write a snapshot instead. E_NOMEM, E_RANGE. */
int paint_pieces(
	const struct repaint *repaint, struct arena *arena, struct delta_pieces *ret_pieces);
