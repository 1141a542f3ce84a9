/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * What a change to a list changes in the records of a zone: the zone is walked before and after it,
 * in the changed regions only. Pure; one thread.
 */
#include "list/source.h"
#include "zone/record.h"

struct zone_diff {
	struct buf removed, added; /* zone_record_append; no record stands in both */
	size_t removed_len, added_len;
};

void zone_diff_init(struct zone_diff *diff);
void zone_diff_done(struct zone_diff *diff);

/* The same zone of the same table in two views, and what was repainted in between, in any order. */
struct zone_change {
	const struct zone_binding *before, *after;
	const struct source *sources;
	size_t sources_len;
};

/* limit: nodes that are looked at; more of them is E_LIMIT, and the zone is better sent as a
 * whole. */
int zone_diff_make(const struct zone_change *change, size_t limit, struct zone_diff *diff);
