/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * What view.c (owners, deltas, look-ups) and view_walk.c (going through all of a list) share. A
 * view is a snapshot and, for each list, an overlay that is asked first. Applying a delta makes new
 * overlays for the lists it names and shares everything else.
 */
#include "list/overlay.h"
#include "list/snapshot.h"
#include "list/view.h"

struct view {
	uint32_t serial;
	struct snapshot *snapshot; /* NULL: the empty view */
	struct overlay overlays[LISTS_MAX];
};

const struct snapshot_list *view_list(const struct view *view, int list); /* NULL: no such list */

/* The hits of an answer of an overlay, or of a row of the snapshot; both return the mask. */
uint32_t answer_give(const struct answer *answer, struct hits *ret_hits);
uint32_t row_give(const struct snapshot_list *list, uint32_t row, struct hits *ret_hits);
