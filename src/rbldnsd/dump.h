/* SPDX-License-Identifier: ISC */
#pragma once
/* Zones in the form of a master file (RFC 1035 section 5), for name servers that know nothing of
 * data sets. Pure but for the stream; one thread. */
#include <stdio.h>

#include "rbldnsd/table.h"

/* Everything that the zones of the table answer, one zone after the other. What cannot be said in
 * that form: "$" of a network, which stands for its first address; and two data sets of one zone
 * that overlap, where one's wildcard hides behind the other's name. */
void rbl_dump(const struct rbl_plan *plan, const struct rbl_table *table, FILE *out);
