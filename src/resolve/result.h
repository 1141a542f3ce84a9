/* SPDX-License-Identifier: ISC */
#pragma once
/* What is asked of the resolver, what comes back, and what it counts. Values; borrowed spans and
 * names as noted. */
#include "base/ip.h"
#include "dns/name.h"

struct resolver_question {
	const struct dns_name *name; /* borrowed for the call */
	uint16_t type;               /* DNS_A, DNS_AAAA, DNS_PTR, DNS_TXT, DNS_MX */
};

enum resolver_status {
	RESOLVER_FOUND,  /* at least one record of the type asked */
	RESOLVER_NODATA, /* the name exists, not with this type */
	RESOLVER_NXDOMAIN,
	RESOLVER_FAILED, /* SERVFAIL, REFUSED, malformed, time-out, no resolver */
};

enum { RESOLVER_RECORDS_MAX = 32 };

/* What came back, in presentation-free form. Lives until the callback returns. */
struct resolver_answer {
	enum resolver_status status;
	uint32_t ttl_s;
	size_t count; /* further records beyond RESOLVER_RECORDS_MAX are ignored */
	struct ip addresses[RESOLVER_RECORDS_MAX];   /* A, AAAA */
	struct dns_name names[RESOLVER_RECORDS_MAX]; /* PTR, MX targets */
	struct span texts[RESOLVER_RECORDS_MAX];     /* TXT, strings joined */
};

struct resolver_stats {
	uint64_t asked;    /* by callers */
	uint64_t cached;   /* of these from the cache */
	uint64_t sent;     /* datagrams and TCP queries */
	uint64_t failed;   /* questions that ended as RESOLVER_FAILED */
	uint64_t timeouts; /* tries without an answer */
	uint64_t dropped;  /* datagrams that were no answer to the question */
};
