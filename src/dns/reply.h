/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * Writes one response into memory of the caller, within the limit of its transport. What does not
 * fit is not written and sets `full`, which reply_finish turns into a truncated response. One
 * thread.
 */
#include "dns/query.h"
#include "dns/request.h"

enum { REPLY_QUESTION = 0xc00c }; /* a pointer to the name of the question */

/* Options of an answer to a query with EDNS, beside the extended error; all empty after
 * reply_init. */
struct reply_options {
	struct span nsid;
	struct span cookie;
	struct span ede_text;  /* left out where it does not fit */
	uint16_t keepalive_ds; /* tenths of a second; 0: none */
};

struct reply {
	uint8_t *out;
	size_t len;
	size_t size;
	size_t limit; /* of records: room for OPT is taken off already */
	bool full;
	uint16_t flags;
	uint16_t rcode;
	uint16_t ede; /* extended error, 0 for none */
	struct reply_options options;
	uint16_t answers;
	uint16_t authorities;
	uint16_t additionals; /* without OPT */
	const struct dns_query *query;
};

/* How long the answer to a query may be: what the client takes and what we send (RFC 6891
 * section 6.2.3). */
size_t reply_limit(const struct dns_query *query, enum dns_transport transport);

/* size: of out, at least DNS_UDP_PLAIN. */
void reply_init(struct reply *reply, const struct dns_query *query, uint8_t *out, size_t size);

/* Keeps room for what stands in options, and empties those for which there is none: to be called
 * after setting them, before the first record. */
void reply_reserve_options(struct reply *reply);

/* Room for a record of a name, a type and rdata of that length; NULL when it does not fit. The name
 * is a pointer to offset name_at of the message; returns where the rdata goes. The caller counts
 * the record. */
uint8_t *reply_record(
	struct reply *reply, size_t name_at, uint16_t type, uint32_t ttl_s, size_t rdata_len);

/* Room for len octets as they are; NULL when they do not fit. */
uint8_t *reply_room(struct reply *reply, size_t len);

/* Whether a record of that much rdata fits. For what may be left out (name servers nobody asked
 * for, their addresses): asked first, since what does not fit otherwise truncates the response. */
bool reply_has_room(const struct reply *reply, size_t rdata_len);

/* Takes all records and the extended error back. */
void reply_empty(struct reply *reply);

/* Header, OPT, truncation; the length of the whole response. */
size_t reply_finish(struct reply *reply);

static inline void reply_put_u16(uint8_t *p, unsigned value)
{
	p[0] = (uint8_t)(value >> 8);
	p[1] = (uint8_t)value;
}

static inline void reply_put_u32(uint8_t *p, uint32_t value)
{
	reply_put_u16(p, value >> 16);
	reply_put_u16(p + 2, value & 0xffff);
}
