/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * When a feed is asked again, and for how long what it said may be believed: its SOA within sensible bounds (RFC 1035 section
 * 3.3.13), or what the configuration says. Pure; any thread.
 */
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
