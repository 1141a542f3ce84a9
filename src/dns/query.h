/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * A query as a server reads it: one pass over the octets, no allocation, nothing copied but the
 * folded name. Strict where strangers play tricks (a compressed question, octets behind the end,
 * two OPT records), indifferent to what a server need not know (records it has no use for, unknown
 * EDNS options and flags, padding). Pure; any thread.
 */
#include "dns/message.h"

enum { DNS_LABELS_MAX = 127 };

/* What the options of EDNS ask for. */
struct dns_asked_options {
	bool nsid;
	bool keepalive;
	/* the first, of a length that a cookie can have; points into the message */
	struct span cookie;
};

struct dns_query {
	uint16_t id;
	uint16_t flags;
	struct span question; /* name, type and class as sent; empty when they could not be read */
	uint16_t type;
	uint16_t class;
	struct dns_edns edns;
	struct dns_asked_options options; /* of EDNS version 0 */
	bool is_empty; /* no question, and whole otherwise: a FORMERR but for who wants a cookie */
	uint16_t tsig_at; /* where a TSIG record begins, the last of the message; 0: it has none */
	uint8_t labels_len; /* without the root */
	uint8_t name_len;
	uint8_t label_at[DNS_LABELS_MAX + 1]; /* where each label begins in name; the root last */
	uint8_t name[DNS_NAME_MAX];           /* wire form, letters folded to lower case */
};

/* The rcode that the form of the message deserves: DNS_NOERROR, a standard query that can be
 * answered; DNS_FORMERR; DNS_NOTIMP, an operation nobody here knows; DNS_REFUSED for NOTIFY and
 * UPDATE. *ret_query is filled as far as it could be read. E_PARSE: no answer at all, since it is a
 * response or has no whole header; answering those makes loops. */
int dns_query_decode(struct span bytes, struct dns_query *ret_query);

/* Whether a datagram from this port may be answered: not those of the chatter services (echo,
 * chargen ...), which would answer the answer for ever, and not port 0. */
bool dns_answers_port(uint16_t port);
