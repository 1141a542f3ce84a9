/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * Zone transfers out: AXFR (RFC 5936) and IXFR (RFC 1995), to those the configuration names, signed where it says so.
 *
 *   struct transfer_rules   who may, of one configuration; immutable; hangs at the table of zones
 *   struct transfer_memory  what outlives a configuration: the journals, how many transfers run; all threads share it
 *
 * A transfer is a struct dns_multi (dns/request.h) that works from one table and one view until it ends: whatever is adopted meanwhile, the
 * zone that is sent is that of one serial.
 */
#include "base/shelf.h"
#include "dns/reply.h"
#include "dns/request.h"
#include "dns/tsig.h"
#include "xfr/journal.h"

/* ---- what outlives a configuration ---- */

struct transfer_memory;

/* The shelves of tables and views, which live longer. */
struct transfer_memory *transfer_memory_new(struct shelf *tables, struct shelf *views);
/* After the last transfer. */
void transfer_memory_free(struct transfer_memory **memory);

/* The journal of a zone, made when there is none yet. The main thread. */
struct zone_journal *transfer_journal(struct transfer_memory *memory, const struct dns_name *apex);

/* ---- one configuration ---- */

struct transfer_secondary {
	struct ip ip;
	const struct tsig_key *key; /* NULL: the address is enough */
};

struct transfer_rules {
	struct transfer_memory *memory;
	size_t keys_len;
	struct tsig_key *keys;
	size_t secondaries_len;
	struct transfer_secondary *secondaries;
	size_t records_max; /* of a zone */
};

/* keys: in the order of conf->keys; copied. */
struct transfer_rules *transfer_rules_new(
	const struct conf *conf, const struct tsig_key *keys, struct transfer_memory *memory);
void transfer_rules_free(struct transfer_rules **rules);

/* ---- one query ---- */

struct transfer_query {
	const struct transfer_rules *rules;
	const struct zone *zone;
	uint32_t serial; /* of the view that answers; 0: there is none */
	const struct dns_query *query;
	const struct tsig_exchange *exchange; /* verified; NULL: not signed */
};

/* Answers a query for AXFR or IXFR: request->multi, or reply says what. */
void transfer_answer(
	const struct transfer_query *asked, struct dns_request *request, struct reply *reply);

/* A query about a zone was signed, and the signature is not good: tells people why, which is a wrong secret or a clock, most
 * of the time. rules may be NULL. */
void transfer_log_bad_signature(const struct transfer_rules *rules, const struct zone *zone,
	const struct dns_request *request, const struct tsig_exchange *exchange);

/* The serial of the SOA record in the authority section of an IXFR query, which is what the client has (RFC 1995 section 3).
 * E_PARSE: there is none. */
int transfer_serial_of(struct span query, uint32_t *ret_serial);
