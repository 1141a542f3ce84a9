/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * Response rate limiting: how many answers of a kind one network of clients gets in a second.
 * Whoever forges the address of a victim makes us send to the victim; this keeps what we send there
 * small. A table of fixed size, of one worker: no lock, no allocation, one hash and one cache line
 * a query.
 *
 * Kinds have rates of their own because a list of addresses is asked otherwise than other zones:
 * one mail host asks for thousands of different names and most of them do not exist. So names take
 * no part in what is counted, and "not listed", an answer hardly longer than its question and
 * therefore of no use to an attacker, may come often.
 */
#include "base/ip.h"

enum dns_rrl_kind {
	DNS_RRL_ANSWER,   /* with records */
	DNS_RRL_NEGATIVE, /* NXDOMAIN, or no records */
	DNS_RRL_ERROR,    /* all the rest */
	DNS_RRL_KINDS
};

struct dns_rrl_limits {
	unsigned rates[DNS_RRL_KINDS]; /* answers a second; 0: no limit */
	unsigned burst_s;              /* so many seconds' worth may come at once */
	unsigned slip;                 /* one limited answer in so many is sent short; 0: none */
	uint8_t v4_bits, v6_bits;      /* which clients count as one: 24 and 56 */
};

enum dns_rrl_action { DNS_RRL_PASS, DNS_RRL_SLIP, DNS_RRL_DROP };

struct dns_rrl;

/* workers: among so many the rates are divided. */
struct dns_rrl *dns_rrl_new(unsigned workers);
void dns_rrl_free(struct dns_rrl **rrl);

/* One answer to a client. */
struct dns_rrl_answer {
	struct ip client;
	enum dns_rrl_kind kind;
};

/* now_ms: of a clock that never goes back. */
enum dns_rrl_action dns_rrl_take(struct dns_rrl *rrl, const struct dns_rrl_limits *limits,
	const struct dns_rrl_answer *answer, int64_t now_ms);
