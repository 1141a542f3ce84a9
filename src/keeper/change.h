/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * What a transaction changed: the sources whose answers may differ now. It is filled while rows are
 * written, gets one serial, and is published after the commit. Whoever publishes only reads it.
 *
 * Owner: whoever made the arena; one thread.
 */
#include "base/arena.h"
#include "list/source.h"

enum { CHANGED_MAX = 512 /* sources of one delta; more is a snapshot */ };

struct changed_source {
	struct span list;
	struct source source;
};

/* The sources live in the arena. */
struct change {
	struct arena *arena;
	struct changed_source *sources;
	size_t len;
	size_t room;
	bool all;      /* too many to name: everything may differ */
	uint32_t rows; /* listings added and ended */
};

/* A row of this source was added or ended; touch: perhaps, its rows are counted otherwise. */
void change_add(struct change *change, struct span list, const struct source *source);
void change_touch(struct change *change, struct span list, const struct source *source);
/* All of `from` as well. */
void change_join(struct change *change, const struct change *from);
