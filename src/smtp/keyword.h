/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * The keywords of EHLO (RFC 5321 section 4.1.1.1): what a backend says it can do, and what we may
 * therefore promise to our clients. We promise the intersection of both, and never what we do not
 * relay: AUTH, BINARYMIME, ETRN. STARTTLS is between neighbours: each side is asked for itself.
 * Pure.
 */
#include "smtp/path.h"
#include "smtp/reply.h"

struct smtp_offer {
	unsigned keywords; /* enum smtp_keyword */
	uint64_t size;     /* of SIZE; 0: no limit was named */
	unsigned xclient;  /* enum smtp_xclient_attribute: what it takes from us; 0: no XCLIENT */
};

/* All keywords the gate can relay. */
enum {
	SMTP_KEYWORDS_OURS = SMTP_PIPELINING | SMTP_SIZE | SMTP_8BITMIME | SMTP_SMTPUTF8 |
			     SMTP_ENHANCEDSTATUSCODES | SMTP_DSN | SMTP_CHUNKING
};

/* From the reply to EHLO. Unknown keywords are passed over. */
void smtp_offer_parse(const struct smtp_reply *reply, struct smtp_offer *ret_offer);

/* "SMTPUTF8"; NULL for what is none. */
const char *smtp_keyword_name(unsigned keyword);

/* What a client is promised: the intersection, with the smaller size limit. our_size 0: none. */
struct smtp_offer smtp_offer_intersect(const struct smtp_offer *backend, uint64_t our_size);

/* The reply to EHLO: "250-hostname", "250-PIPELINING", ... */
void smtp_offer_print(const struct smtp_offer *offer, const char *hostname, struct buf *out);
