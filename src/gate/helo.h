/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * What a HELO or EHLO argument is (RFC 5321 sections 4.1.1.1, 4.1.2, 4.1.3). A stranger's bytes.
 * Pure; any thread.
 */
#include "base/ip.h"
#include "base/span.h"

enum helo_kind {
	HELO_ABSENT,
	HELO_NAME,    /* a full host name */
	HELO_SHORT,   /* a host name without a dot: "friend" */
	HELO_LITERAL, /* "[192.0.2.1]", "[IPv6:2001:db8::1]" */
	HELO_ADDRESS, /* an address without brackets, which is not allowed */
	HELO_INVALID
};

/* The dot that ends a name may stand there; ret_ip is filled for HELO_LITERAL and HELO_ADDRESS.
 * Underscores count as letters: machines named before RFC 952 was enforced are many, and the name
 * resolves all the same. */
enum helo_kind helo_parse(struct span helo, struct ip *ret_ip);

/* What is wrong with it, to be put behind it: " has no domain". NULL: nothing. */
const char *helo_complaint(struct span helo, struct ip client, enum helo_kind *ret_kind);
