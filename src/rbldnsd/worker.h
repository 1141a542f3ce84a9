/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * Where a worker of `stockade rbldnsd` has its queries answered: its hold on the newest table, its counts, and the lines of
 * the query log that are not written yet. A desk belongs to its worker; only its counts are read by the main thread.
 */
#include "base/shelf.h"
#include "rbldnsd/answer.h"
#include "rbldnsd/logfile.h"
#include "server/server.h"

struct rbldnsd_desk;

/* What all desks share. Owner: the main thread, which also opens and closes desks. */
struct rbldnsd_desks {
	struct shelf *shelf; /* of rbldnsd/loader.h; has a table from the start */
	size_t zones_len;
	bool authority;
	enum rbl_version version;
	struct query_log *log;      /* NULL: queries are not logged */
	struct rbldnsd_desk *first; /* of all that were opened, closed ones as well */
};

/* arg: a struct rbldnsd_desks. */
extern const struct dns_desk_calls rbldnsd_desk_calls;

/* What all desks counted for a zone, by its place in the plan; -1: for none. Main thread; exact once the workers have ended. */
struct rbl_counts rbldnsd_desks_count(const struct rbldnsd_desks *desks, int zone);

/* Forgets the desks, which are closed. */
void rbldnsd_desks_done(struct rbldnsd_desks *desks);
