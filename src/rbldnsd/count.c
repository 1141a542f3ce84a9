/* SPDX-License-Identifier: ISC */
#include "rbldnsd/count.h"

#include <inttypes.h>

static uint64_t counts_total(const struct rbl_counts *counts)
{
	return counts->results[RBL_OK] + counts->results[RBL_NXDOMAIN] + counts->results[RBL_ERROR];
}

struct rbl_counts rbl_counts_plus(struct rbl_counts a, struct rbl_counts b)
{
	for (size_t i = 0; i < RBL_RESULTS; i++)
		a.results[i] += b.results[i];
	a.in += b.in;
	a.out += b.out;
	return a;
}

struct rbl_counts rbl_counts_minus(struct rbl_counts a, struct rbl_counts b)
{
	for (size_t i = 0; i < RBL_RESULTS; i++)
		a.results[i] -= b.results[i];
	a.in -= b.in;
	a.out -= b.out;
	return a;
}

void rbl_counts_field(struct buf *out, const char *zone, const struct rbl_counts *counts)
{
	buf_append_format(out, " %s:%" PRIu64 ":%" PRIu64 ":%" PRIu64 ":%" PRIu64 ":%" PRIu64, zone,
		counts_total(counts), counts->results[RBL_OK], counts->results[RBL_NXDOMAIN],
		counts->in, counts->out);
}

void rbl_counts_text(
	struct buf *out, int64_t seconds, const char *zone, const struct rbl_counts *counts)
{
	buf_append_format(out, "stats for %" PRId64 "sec", seconds);
	if (zone != NULL)
		buf_append_format(out, "s zone %s", zone);
	buf_append_format(out,
		": tot=%" PRIu64 " ok=%" PRIu64 " nxd=%" PRIu64 " err=%" PRIu64 " in=%" PRIu64
		" out=%" PRIu64,
		counts_total(counts), counts->results[RBL_OK], counts->results[RBL_NXDOMAIN],
		counts->results[RBL_ERROR], counts->in, counts->out);
}
