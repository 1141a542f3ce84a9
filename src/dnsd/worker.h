/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * The workers of the dns role: each holds the newest rules and the newest view, and the service
 * made of the two. Owner: the thread; one thread.
 */
#include "server/worker.h"
#include "xfr/shelves.h"

struct dnsd_stats;
struct guard_state;

/* What they share. */
struct dnsd_workers {
	const struct dns_shelves *shelves;
	unsigned count;            /* how many there will be for UDP */
	struct guard_state *guard; /* NULL: nothing is guarded */
	struct dnsd_stats *stats;  /* hears of each worker; may be NULL */
};

/* arg: a struct dnsd_workers, which lives as long as the server. */
extern const struct worker_calls dnsd_worker_calls;
