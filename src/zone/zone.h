/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * A zone, prepared for answering: everything that does not depend on who is listed, in wire form.
 * Immutable values; they live in the table that made them (table.h).
 *
 * A zone answers for one list, whose sublists are its subdomains, or combines several, which then
 * are the subdomains, with their sublists below them. Either way a zone has its sublists in one
 * row, and masks count in that row: bit 1 << index.
 */
#include "base/ip.h"
#include "conf/conf.h"
#include "dns/message.h"
#include "list/hit.h"
#include "zone/txt_text.h"

enum {
	ZONE_SUBLISTS_MAX = SUBLISTS_MAX,
	ZONE_SERVERS_MAX = 32,
	ZONE_NEGATIVE_TTL_S = 60,
	ZONE_REFRESH_S = 600,
	ZONE_RETRY_S = 120,
	ZONE_EXPIRE_S = 7 * 86400,
};

struct zone_sublist {
	struct span name;  /* as the lists call it */
	struct span label; /* as a subdomain: lower case */
	struct ip code;
	struct span words; /* for a listing that has none of its own */
	struct zone_template template;
};

/* A list in a zone. */
struct zone_list {
	struct span name;
	struct span label; /* as a subdomain of a combined zone */
	unsigned first;    /* of its sublists in the zone */
	uint32_t sublists; /* a mask of them */
};

/* A name with addresses: a name server inside the zone. */
struct zone_host {
	struct dns_name name; /* lower case */
	size_t ips_len;
	const struct ip *ips;
};

struct zone {
	struct dns_name apex; /* lower case */
	unsigned apex_labels;
	enum holds holds;
	bool is_combined;
	size_t conf_at; /* in conf->lists, or in conf->zones */
	bool is_bitmask;
	uint32_t ttl_s;
	uint32_t negative_ttl_s;
	size_t lists_len;
	const struct zone_list *lists;
	size_t sublists_len;
	const struct zone_sublist *sublists;
	uint32_t all;    /* all sublists */
	struct span soa; /* rdata; the serial stands at soa_serial_at and is 0 here */
	size_t soa_serial_at;
	size_t servers_len;
	const struct dns_name *servers;
	size_t hosts_len;
	const struct zone_host *hosts;
	size_t apex_txt_len;
	const struct span *apex_txt; /* of the TXT records of the apex (apex_txt.h): rdata */
};
