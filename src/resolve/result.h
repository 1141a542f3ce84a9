/* SPDX-License-Identifier: ISC */
#pragma once
/* What is asked of the resolver, what comes back, and what it counts. Values; borrowed spans and
 * names as noted. */
#include "base/ip.h"
#include "dns/name.h"

/*
 * Places for questions are few, and strangers make most of them: a network has a share, and so has
 * whoever owns the names that strangers make us ask for.
 */
struct resolver_question {
	const struct dns_name *name; /* borrowed for the call */
	uint16_t type;               /* DNS_A, DNS_AAAA, DNS_PTR, DNS_TXT, DNS_MX */
	const struct ip *client;     /* who is the cause; NULL: we are, and there is always room */
	bool of_stranger;            /* the name was chosen by a stranger */
};

enum resolver_status {
	RESOLVER_FOUND,  /* at least one record of the type asked */
	RESOLVER_NODATA, /* the name exists, not with this type */
	RESOLVER_NXDOMAIN,
	RESOLVER_FAILED, /* SERVFAIL, REFUSED, malformed, time-out */
	/* No place for it, no descriptor, or the resolver is away: says nothing of the name */
	RESOLVER_UNASKED,
};

static inline bool resolver_is_unknown(enum resolver_status status)
{
	return status >= RESOLVER_FAILED;
}

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
	uint64_t unasked;  /* that found no place in the table */
	uint64_t timeouts; /* tries without an answer */
	uint64_t dropped;  /* datagrams that were no answer to the question */
};
