/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * Response rate limiting: how many answers of a kind one network of clients gets in a second. Whoever forges the address of
 * a victim makes us send to the victim; this keeps what we send there small. A table of fixed size, of one worker: no lock,
 * no allocation, one hash and one cache line a query.
 *
 * Kinds have rates of their own because a list of addresses is asked otherwise than other zones: one mail host asks for
 * thousands of different names and most of them do not exist. So names take no part in what is counted, and "not listed", an
 * answer hardly longer than its question and therefore of no use to an attacker, may come often.
 */
#include "base/ip.h"

enum dns_limit_kind {
	DNS_LIMIT_ANSWER,   /* with records */
	DNS_LIMIT_NEGATIVE, /* NXDOMAIN, or no records */
	DNS_LIMIT_ERROR,    /* all the rest */
	DNS_LIMIT_KINDS
};

struct dns_limits {
	unsigned rates[DNS_LIMIT_KINDS]; /* answers a second; 0: no limit */
	unsigned burst_s;                /* so many seconds' worth may come at once */
	unsigned slip;                   /* each so-manieth limited answer is sent short; 0: none */
	uint8_t v4_bits, v6_bits;        /* which clients count as one: 24 and 56 */
};

enum dns_limited { DNS_LIMIT_PASS, DNS_LIMIT_SLIP, DNS_LIMIT_DROP };

struct dns_limiter;

/* workers: among so many the rates are divided. */
struct dns_limiter *dns_limiter_new(unsigned workers);
void dns_limiter_free(struct dns_limiter **limiter);

/* One answer of a kind to a client, at now_ms of a clock that never goes back. */
enum dns_limited dns_limiter_take(struct dns_limiter *limiter, const struct dns_limits *limits,
	struct ip client, enum dns_limit_kind kind, int64_t now_ms);
