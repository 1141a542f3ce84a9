/* SPDX-License-Identifier: ISC */
#pragma once
/* When a feed is asked again, and for how long what it said may be believed: its SOA within bounds
 * (RFC 1035 section 3.3.13), or the configuration; and what comes first. Pure; any thread. */
#include "dns/message.h"

enum {
	FEED_REFRESH_LEAST_S = 60,
	FEED_REFRESH_MOST_S = 86400,
	FEED_EXPIRE_LEAST_S = 3600,
	FEED_EXPIRE_MOST_S = 60 * 86400,
};

struct feed_times {
	int64_t refresh_s; /* after an answer */
	int64_t retry_s;   /* after none */
	int64_t expire_s;  /* since the last answer; then the entries end */
};

/* soa NULL: nothing was heard yet. every_s 0: as the SOA says. */
struct feed_times feed_times_of(const struct dns_soa *soa, int64_t every_s);

/* What is to be done for a feed, and what is being done. */
struct feed_due {
	int64_t fetch_at_ms;
	int64_t send_at_ms; /* to the keeper; 0: nothing */
	bool is_busy;       /* it is being fetched or sent */
	bool others_send;   /* another feed is being sent: the keeper takes one at a time */
};

enum feed_step { FEED_WAIT, FEED_SEND, FEED_FETCH };

/* First what was fetched already: to work a zone through may take longer than until its refresh. */
enum feed_step feed_due_step(const struct feed_due *due, int64_t now_ms);
/* When to ask again; INT64_MAX: when something of what is being done has ended. */
int64_t feed_due_at_ms(const struct feed_due *due, int64_t now_ms);
