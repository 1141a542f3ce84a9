/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * What a worker counts. Each worker has its own struct and is the only one that writes to it;
 * anybody may read at any time. Nothing is locked: a count is one load and one store, both relaxed,
 * which on today's machines are ordinary moves. Sums over workers are therefore true for each
 * count, and may differ by a query between counts.
 */
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

/* DNS_COUNT(id, name as shown, what it counts) */
#define DNS_COUNTS                                                                                 \
	DNS_COUNT(UDP, "queries-udp", "messages over UDP, those that get no answer among them")    \
	DNS_COUNT(TCP, "queries-tcp", "the same over TCP")                                         \
	DNS_COUNT(BYTES_IN, "bytes-in", "octets of queries")                                       \
	DNS_COUNT(BYTES_OUT, "bytes-out", "octets of answers")                                     \
	DNS_COUNT(ANSWERED, "answered", "NOERROR with records: listings, test entries, zone data") \
	DNS_COUNT(EMPTY, "empty", "NOERROR without records")                                       \
	DNS_COUNT(NXDOMAIN, "nxdomain", "not listed")                                              \
	DNS_COUNT(                                                                                 \
		REFUSED, "refused", "other zones, operations and transfers that are not allowed")  \
	DNS_COUNT(NO_ACCESS, "no-access", "refused by an access list, or for want of a key")       \
	DNS_COUNT(OVER_QUOTA, "over-quota", "refused because a quota was used up")                 \
	DNS_COUNT(BADCOOKIE, "badcookie", "told to come again with the cookie in the answer")      \
	DNS_COUNT(MALFORMED, "malformed", "FORMERR, NOTIMP, BADVERS, NOTAUTH")                     \
	DNS_COUNT(FAILED, "failed", "SERVFAIL: there is no list yet")                              \
	DNS_COUNT(TRUNCATED, "truncated", "answers that did not fit a datagram")                   \
	DNS_COUNT(SLIPPED, "slipped", "over the rate limit, answered truncated or BADCOOKIE")      \
	DNS_COUNT(LIMITED, "limited", "over the rate limit, not answered")                         \
	DNS_COUNT(DROPPED, "dropped", "responses and scraps, not answered")                        \
	DNS_COUNT(TRANSFERS, "transfers", "zone transfers begun")                                  \
	DNS_COUNT(UNSEEN, "unseen", "samples for the query log or dnstap that found no room")

enum dns_count {
#define DNS_COUNT(id, name, meaning) DNS_COUNT_##id,
	DNS_COUNTS
#undef DNS_COUNT
		DNS_COUNTS_LEN
};

struct dns_counters {
	_Atomic uint64_t counts[DNS_COUNTS_LEN];
};

/* By the one who owns it. */
static inline void dns_counter_add(_Atomic uint64_t *count, uint64_t more)
{
	atomic_store_explicit(count, atomic_load_explicit(count, memory_order_relaxed) + more,
		memory_order_relaxed);
}

static inline void dns_counters_count(struct dns_counters *counters, enum dns_count count)
{
	dns_counter_add(&counters->counts[count], 1);
}

/* By anybody. */
static inline uint64_t dns_counters_read(const struct dns_counters *counters, enum dns_count count)
{
	return atomic_load_explicit(&counters->counts[count], memory_order_relaxed);
}

static inline const char *dns_count_name(enum dns_count count)
{
	static const char *const names[] = {
#define DNS_COUNT(id, name, meaning) name,
		DNS_COUNTS
#undef DNS_COUNT
	};

	return names[count];
}
