/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * How often a foreign list lists our clients, against how often it did. More than three times as
 * often, by enough of them to be no chance, and somebody should look at once whether it lists
 * everybody. The norm is that of this process; pure, `now` is an argument; any thread.
 */
#include <stdbool.h>
#include <stdint.h>

struct dnsbl_rate {
	int64_t minute;
	unsigned asked, hits;           /* in this minute */
	uint64_t norm_asked, norm_hits; /* before it, the older the less */
	bool high, high_now;            /* told; in this minute */
};

enum {
	DNSBL_RATE_TIMES = 3,
	DNSBL_RATE_SAMPLES = 50, /* clients of a minute, before it says something */
	DNSBL_RATE_HITS = 10,
	DNSBL_RATE_NORM = 500,    /* clients, before there is a norm */
	DNSBL_RATE_MEMORY = 50000 /* clients, after which what was counts half */
};

enum dnsbl_rate_news { DNSBL_RATE_SAME, DNSBL_RATE_HIGH, DNSBL_RATE_USUAL };

/* One client that was asked about. HIGH and USUAL come in turn. */
enum dnsbl_rate_news dnsbl_rate_note(struct dnsbl_rate *rate, bool hit, int64_t now_ms);
