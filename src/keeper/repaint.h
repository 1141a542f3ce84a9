/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * What changed sources answer now, as a delta. Keeper only; its thread.
 */
#include "keeper/change.h"
#include "keeper/layout.h"
#include "list/delta_log.h"
#include "store/store.h"

/* The store, and the lists as they are published. */
struct repaint_from {
	struct store *store;
	const struct list_layout *layout;
};

/* After the commit: the delta that leads to serial, without from_serial, for delta_log_add(). A
 * change of everything is named by no pieces, and partial (list/delta.h): followers have the rest
 * by a snapshot. E_LIMIT: too much for a delta, write a snapshot instead; or an error of the
 * store. */
int change_encode(const struct repaint_from *from, const struct change *change, uint32_t serial,
	struct logged_delta *ret_delta);
