/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * The zones of one configuration, prepared for answering: everything that does not depend on who is listed is in wire form
 * here. Immutable; owner: the shelf of the dns role, one table per configuration. Any number of threads may read.
 */
#include "base/arena.h"
#include "conf/conf.h"
#include "dns/message.h"
#include "list/view.h"

enum {
	ZONE_A_SIZE = 16, /* a whole A record whose owner is a pointer to the question */
	ZONE_NEGATIVE_TTL_S = 60,
	ZONE_REFRESH_S = 600,
	ZONE_RETRY_S = 120,
	ZONE_EXPIRE_S = 7 * 86400,
};

struct zone_sublist {
	struct span name;  /* as the lists call it */
	struct span label; /* as a subdomain: lower case */
	struct ip code;
	struct span text; /* words for a listing that has none of its own */
};

struct zone {
	struct dns_name apex; /* lower case */
	unsigned apex_labels;
	struct span list;
	enum holds holds;
	uint32_t ttl_s;
	size_t sublists_len;
	const struct zone_sublist *sublists;
	uint32_t
		all; /* all sublists as a mask: bit 1 << place, in the order of the configuration */
	struct span soa; /* rdata; the serial stands at soa_serial_at and is 0 here */
	size_t soa_serial_at;
	uint32_t negative_ttl_s;
	size_t servers_len;
	const struct dns_name *servers;
};

struct guard;

struct zone_table {
	struct arena *arena;
	struct guard *guard; /* of the same configuration; NULL: everybody may ask everything */
	struct span portal_url;
	size_t zones_len;
	const struct zone *zones; /* the longest apex first: the first match is the closest */
};

/* E_CONFIG with words when a name of the configuration is not a domain name. */
int zone_table_new(const struct conf *conf, struct zone_table **ret_table, struct fault *why);
void zone_table_free(struct zone_table **table);

/* The sublists that answer for a test address or name, listed or not (RFC 5782 sections 5 and 2.4): each code of the list
 * answers for the address that equals it, 127.0.0.2 is always listed, 127.0.0.1 never; TEST always, INVALID never.
 * within: the sublists asked, all of them or the one whose subdomain it is. */
uint32_t zone_test_ip(const struct zone *zone, struct ip ip, uint32_t within);
bool zone_test_domain(struct span name);
bool zone_never_ip(struct ip ip);
bool zone_never_domain(struct span name);

/* Whether one of the test addresses lies in net: the names above it exist (RFC 8020). */
bool zone_test_within(const struct zone *zone, struct prefix net, uint32_t within);
