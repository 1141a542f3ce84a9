/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * XCLIENT, Postfix's way of telling a server whom one speaks for (XCLIENT_README): "XCLIENT
 * NAME=... ADDR=...". Values are xtext; a value is [UNAVAILABLE] when there is none and
 * [TEMPUNAVAIL] when DNS did not tell, and these two must not be mixed up: after the first the
 * server may refuse for good, after the second only for now. Without REVERSE_NAME beside a NAME
 * that is not known, Postfix goes on with the name of whoever sent the command: ours. Pure.
 */
#include "base/buf.h"
#include "base/ip.h"
#include "base/span.h"

enum smtp_xclient_attribute {
	SMTP_XCLIENT_NAME = 1 << 0,
	SMTP_XCLIENT_ADDR = 1 << 1,
	SMTP_XCLIENT_PORT = 1 << 2,
	SMTP_XCLIENT_PROTO = 1 << 3,
	SMTP_XCLIENT_HELO = 1 << 4,
	SMTP_XCLIENT_DESTADDR = 1 << 5,
	SMTP_XCLIENT_DESTPORT = 1 << 6,
	SMTP_XCLIENT_REVERSE_NAME = 1 << 7,
};

enum smtp_name_state { SMTP_NAME_NONE, SMTP_NAME_KNOWN, SMTP_NAME_TEMPORARY };

/* Whom we speak for. */
struct smtp_client {
	struct endpoint source;
	struct endpoint destination; /* where the client connected to */
	enum smtp_name_state name_state;
	struct span name; /* the confirmed host name; with SMTP_NAME_KNOWN only */
	enum smtp_name_state reverse_state;
	struct span reverse_name; /* what PTR says, confirmed or not: a host name */
	struct span helo;         /* empty: not said */
	bool extended;            /* ESMTP, not SMTP */
};

/* "NAME ADDR PORT ..." as the server lists it behind XCLIENT. */
unsigned smtp_xclient_attributes(struct span words);

/* The command without line end, at most 512 octets, with the attributes that the server takes. */
void smtp_xclient_print(const struct smtp_client *client, unsigned attributes, struct buf *out);

/* RFC 3461 section 4: printable bytes but '+' and '=' as they are, others as "+HH". */
void smtp_xtext_print(struct span s, struct buf *out);
