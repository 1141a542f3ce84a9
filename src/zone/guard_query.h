/* SPDX-License-Identifier: ISC */
#pragma once
/* A query on its way through the guard (guard.h), and what one worker remembers from one to the
 * next. */
#include "base/ring.h"
#include "dns/access_keys.h"
#include "dns/cookie.h"
#include "dns/counters.h"
#include "dns/reply.h"
#include "dns/request.h"

struct dns_rrl;
struct guard;
struct guard_state;

/* Its fields are those of guard.c and guard_sample.c. */
struct guard_worker {
	struct guard_state *state;
	struct dns_rrl *rrl;
	struct dns_counters counters;
	struct ring *samples;
	uint32_t random;
	unsigned until_log; /* so many queries until the next sample */
	unsigned until_tap;
};

enum { GUARD_NO_ZONE = -1, GUARD_UNREAD = -2 };

struct guard_query {
	/* The caller's: what was read, and when. */
	const struct dns_request *request;
	const struct dns_query *dns;
	struct dns_now now;

	const struct guard *guard; /* NULL: everything passes */
	struct guard_worker *worker;
	const struct access_key *key;
	unsigned key_labels; /* labels before the apex that are the key: 0 or 1 */
	int zone; /* in the table; GUARD_NO_ZONE; GUARD_UNREAD before it was looked for */
	bool is_exempt;
	bool is_proven; /* the address is not forged: TCP, or a good cookie */
	bool sent_cookie;
	enum dns_count counted;
	uint8_t cookie[DNS_COOKIE_SIZE];
};
