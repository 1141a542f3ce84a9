/* SPDX-License-Identifier: ISC */
#pragma once
/* How queries are counted, and the lines that say so: those of rbldnsd, which people's graphs are
 * made from. Pure; any thread. */
#include "base/buf.h"

enum rbl_result { RBL_OK, RBL_NXDOMAIN, RBL_ERROR, RBL_RESULTS };

/* What became of one query. */
struct rbl_outcome {
	int zone; /* its place in the plan; -1: none of ours */
	enum rbl_result result;
};

struct rbl_counts {
	uint64_t results[RBL_RESULTS];
	uint64_t in, out; /* octets of messages */
};

struct rbl_counts rbl_counts_plus(struct rbl_counts a, struct rbl_counts b);
struct rbl_counts rbl_counts_minus(struct rbl_counts a, struct rbl_counts b);

/* " zone:queries:ok:nxdomain:in:out", of a line of the statistics file; the last one is "*". */
void rbl_counts_field(struct buf *out, const char *zone, const struct rbl_counts *counts);

/* "stats for 60secs zone bl.example: tot=...", for the log; zone NULL: of all. */
void rbl_counts_text(
	struct buf *out, int64_t seconds, const char *zone, const struct rbl_counts *counts);
