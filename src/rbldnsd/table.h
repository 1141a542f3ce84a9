/* SPDX-License-Identifier: ISC */
#pragma once
/* Zones and their data sets brought together, ready to answer: what a plan says, with what was
 * loaded. Immutable: a reload makes a new one, which shares the data sets that did not change.
 * Owner: whoever makes it; any thread may read. */
#include "rbldata/dataset.h"
#include "rbldnsd/plan.h"

struct rbl_server {
	struct dns_name name;
	size_t addresses_len; /* what our own zones say of it (glue) */
	const uint32_t *addresses;
	uint32_t addresses_ttl_s;
};

struct rbl_zone {
	struct dns_name apex;
	unsigned apex_labels;
	unsigned kinds; /* of enum rbl_kind: as which addresses names are read */
	bool is_whole;  /* every data set was loaded: otherwise it is not served */
	bool has_below; /* another zone lies below the apex */
	int64_t expires_s;
	size_t sets_len;
	struct rbl_dataset **sets;
	struct rbl_dataset *acl; /* NULL: none */
	bool has_soa;
	uint32_t soa_ttl_s, negative_ttl_s;
	struct span soa; /* rdata */
	uint32_t servers_ttl_s;
	size_t servers_len;
	struct rbl_server *servers;
};

struct rbl_table {
	struct arena *arena;
	struct rbl_dataset *acl; /* for all zones; NULL: none */
	size_t zones_len;
	struct rbl_zone *zones;          /* by their places in the plan */
	const struct rbl_zone **deepest; /* all of them, those with the most labels first */
};

/* sets: one for each source of the plan, NULL: not loaded so far; each gets a reference. */
struct rbl_table *rbl_table_new(const struct rbl_plan *plan, struct rbl_dataset *const *sets);
void rbl_table_free(struct rbl_table **table);

/* Whether it answers at all: its data are there and not too old. */
static inline bool rbl_zone_serves(const struct rbl_zone *zone, int64_t now_s)
{
	return zone->is_whole && (zone->expires_s == 0 || now_s < zone->expires_s);
}
