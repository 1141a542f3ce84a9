/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * What a name below a zone's apex asks about: an address, the start of one, a domain, a list or
 * sublist, a host. Pure; any thread.
 */
#include "dns/query.h"
#include "zone/table.h"

struct zone_qname {
	bool is_apex;    /* the zone itself */
	bool is_list;    /* the subdomain of a list or sublist, without anything before it */
	uint32_t within; /* the sublists asked: all, or those in whose subdomain the name is */
	const struct zone_host *host; /* the name has addresses of its own; NULL: no */

	bool has_ip; /* a whole address */
	struct ip ip;
	/* the name is the start of addresses in these nets: "2.zone" of 2.0.0.0/8 and 2000::/4 */
	size_t nets_len;
	struct prefix nets[2];

	struct span domain; /* in a zone of domains; points into text */
	uint8_t text[DNS_NAME_MAX];
};

/* query->name ends with the apex, whose labels are not looked at, nor are the key_labels before
 * it. */
void zone_qname_parse(const struct zone *zone, const struct dns_query *query, unsigned key_labels,
	struct zone_qname *ret_qname);

/* The zone that the name is in or at, NULL when it is in none. */
const struct zone *zone_of_qname(const struct zone_table *table, const struct dns_query *query);
