/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * The zones of one configuration. Immutable; owner: whoever made it, in the dns role the rules of
 * that configuration (rules.h). Any number of threads may read.
 */
#include "base/arena.h"
#include "zone/zone.h"

struct zone_table {
	struct arena *arena;
	struct span portal_url;
	size_t zones_len;
	const struct zone *zones; /* the longest apex first: the first match is the closest */
};

/* E_CONFIG with words when a name of the configuration is not a domain name. */
int zone_table_new(const struct conf *conf, struct zone_table **ret_table, struct fault *why);
void zone_table_free(struct zone_table **table);

/* What the configuration that the table was made of says of a zone. */
const struct conf_serving *zone_serving(const struct zone *zone, const struct conf *conf);
