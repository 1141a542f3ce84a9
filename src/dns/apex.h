/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * Whether a queried name is in a zone: at its apex or below. Whoever keeps zones with the longest
 * apex first finds the closest by the first that holds the name. Pure; any thread.
 */
#include "dns/query.h"

/* apex: lower case; labels: how many it has, without the root. */
static inline bool dns_query_is_in(
	const struct dns_query *query, const struct dns_name *apex, unsigned labels)
{
	size_t at;

	if (query->labels_len < labels)
		return false;
	at = query->label_at[query->labels_len - labels];
	return query->name_len - at == apex->len &&
	       memcmp(query->name + at, apex->wire, apex->len) == 0;
}
