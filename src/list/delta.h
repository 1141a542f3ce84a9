/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * A numbered change to the published state. It is not "add entry" or "remove entry" but the
 * repainted region: pieces that together cover what the change may have touched, each with the
 * complete answer that holds there from now on. So a reader needs no knowledge of the entries
 * beneath, and every mix of nested networks, exclusions and single addresses is exact. Owner:
 * whoever made it. Pure; any thread.
 *
 * Whoever derives something from deltas (differences for secondaries, sets elsewhere) has to begin
 * anew from the view behind a partial one.
 */
#include <stdbool.h>

#include "list/hit.h"
#include "list/source.h"

struct delta_piece {
	struct span list;     /* by name */
	struct source source; /* a prefix, or one domain entry */
	uint32_t hits_len;    /* 0: nothing is listed there now */
	const struct hit *hits;
};

struct delta_pieces {
	const struct delta_piece *items;
	size_t len;
};

struct delta {
	uint32_t from_serial, to_serial;
	size_t pieces_len;
	const struct delta_piece *pieces; /* of one list disjoint; in ascending order of address */
	bool partial; /* these are not all that differs between the two states */
};
