/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * A worker of the dns role: its hold on the newest table of zones and the newest view, and the service made of
 * the two. Owner: the worker; one thread. The shelves are shared.
 */
#include "base/shelf.h"
#include "server/worker.h"
#include "zone/answer.h"

struct dnsd_stats;

struct dns_shelves {
	struct shelf *tables;     /* of struct zone_table; has one from the start */
	struct shelf *views;      /* of struct view; may be empty for now */
	unsigned workers;         /* how many there will be for UDP */
	struct dnsd_stats *stats; /* hears of each worker; may be NULL */
};

/* arg: a struct dns_shelves, which lives as long as the server. */
extern const struct worker_calls dnsd_worker_calls;
