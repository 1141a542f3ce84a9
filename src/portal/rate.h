/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * How much one source (ip_source_of) may ask: a bucket of tokens for each, refilled at a steady
 * pace; and how much its network (ip_network_of) may, which is twice that: nobody takes away alone
 * what all of a network may ask. The table has a fixed size; when many clients come at once, the
 * bucket that was used longest ago in its row makes room, so that a flood costs the flooder's own
 * buckets and never memory. Pure but for the table; one thread.
 */
#include <stdint.h>

#include "base/ip.h"

struct rate_settings {
	unsigned burst;      /* tokens of a full bucket */
	unsigned per_minute; /* tokens that come back in a minute; at least 1 */
};

struct rate;

struct rate *rate_new(const struct rate_settings *settings);
void rate_free(struct rate **rate);

/* Takes one token of the client's buckets. 0, or the seconds (at least 1) until there is one. */
unsigned rate_take(struct rate *rate, struct ip client, int64_t now_ms);
