/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * A zone transfer as the one reads it who asked for it: AXFR (RFC 5936) and IXFR (RFC 1995),
 * message by message as they come out of the TCP stream. What it hands on is provisional until the
 * last message has been read: only then is it known that the transfer is whole, that it is one
 * state of the zone, and, with TSIG, that it is genuine. So its user collects, and throws the
 * collection away on any error. Owner: whoever asked; one thread. Pure; nothing is allocated.
 */
#include "dns/tsig.h"

enum transfer_style {
	TRANSFER_UNKNOWN, /* too little was read */
	TRANSFER_CURRENT, /* IXFR: nothing newer than what we have */
	TRANSFER_WHOLE,   /* all records, also as the answer to an IXFR (RFC 1995 section 4) */
	TRANSFER_CHANGES, /* one or several difference sequences, the oldest first */
};

/* Of the whole transfer; both hold before anything is handed on. */
struct transfer_limits {
	uint64_t records;
	uint64_t octets;
};

struct transfer_record {
	bool is_removal; /* TRANSFER_CHANGES only */
	const struct dns_message *message;
	const struct dns_record *record; /* never an SOA */
};

/* < 0 ends the transfer with that error. The record lives until it returns. */
typedef int transfer_call(const struct transfer_record *record, void *arg);

struct transfer_read {
	struct dns_name zone;
	uint16_t id;
	uint16_t type;              /* DNS_AXFR, DNS_IXFR */
	uint32_t serial;            /* IXFR: the one we have */
	struct tsig_exchange *tsig; /* that signed the query; NULL: nobody did */
	struct transfer_limits limits;
	transfer_call *each;
	void *arg;

	/* What was read; the rest is for transfer_read.c. */
	enum transfer_style style;
	struct dns_soa soa; /* of the zone's newest state */
	uint16_t rcode;     /* of a message that was an error */
	uint64_t records;
	uint64_t octets;
	uint64_t foreign; /* records of other zones or classes: left out */
	int state;
	uint32_t reached; /* CHANGES: the serial up to which they lead so far */
};

/* The question for a transfer, or for the SOA before it (type DNS_SOA, DNS_AXFR, DNS_IXFR). */
struct transfer_question {
	uint16_t id, type;
	const struct dns_name *zone;
	uint32_t serial; /* the one we have, for IXFR (RFC 1995 section 3) */
};

void transfer_query_encode(struct buf *out, const struct transfer_question *question);

/* The caller fills the part above `style` and leaves the rest zero. Reads the next message, without
 * its two octets of length: 1: the transfer is complete and good; 0: more has to come; E_DENIED:
 * refused by the server (rcode) or not genuine (tsig->error); E_PARSE: not the answer, or not a
 * transfer; E_CONFLICT: serials that do not fit, the zone changed meanwhile; E_LIMIT; or what
 * `each` returned. After any of these errors it is over. */
int transfer_read_message(
	struct transfer_read *transfer, struct span bytes, int64_t now_s, struct fault *why);
