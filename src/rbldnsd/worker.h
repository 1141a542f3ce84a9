/* SPDX-License-Identifier: ISC */
#pragma once
/* Where a worker of `stockade rbldnsd` has its queries answered: its hold on the newest table, its
 * counts, and the lines of the query log that are not written yet. A worker belongs to its worker;
 * only its counts are read by the main thread. */
#include "base/shelf.h"
#include "rbldnsd/answer.h"
#include "rbldnsd/logfile.h"
#include "server/worker.h"

struct rbldnsd_worker;

/* What all workers share. Owner: the main thread, which also opens and closes workers. */
struct rbldnsd_workers {
	struct shelf *shelf; /* of rbldnsd/loader.h; has a table from the start */
	size_t zones_len;
	bool authority;
	enum rbl_version version;
	struct query_log *log;        /* NULL: queries are not logged */
	struct rbldnsd_worker *first; /* of all that were opened, closed ones as well */
};

/* arg: a struct rbldnsd_workers. */
extern const struct worker_calls rbldnsd_worker_calls;

/* What all workers counted for a zone, by its place in the plan; -1: for none. Main thread; exact
 * once the workers have ended. */
struct rbl_counts rbldnsd_workers_count(const struct rbldnsd_workers *workers, int zone);

/* Forgets the workers, which are closed. */
void rbldnsd_workers_done(struct rbldnsd_workers *workers);
