/* SPDX-License-Identifier: ISC */
#include "portal/rate.h"

#include "base/macro.h"
#include "base/mem.h"

/* Rows of a few places each, like a processor's cache: the row is chosen by a hash, within it the least recently used
 * place is replaced. 4096 buckets are 128 KB. */
enum { ROWS = 1024, WAYS = 4, MS_PER_MINUTE = 60000 };

/* Levels are kept in thousandths of a token times 60, so that whole milliseconds refill exactly. */
struct bucket {
	struct ip net;
	int64_t used_ms; /* 0: free */
	int64_t level;   /* in tokens * MS_PER_MINUTE */
};

struct rate {
	struct rate_settings settings;
	struct bucket rows[ROWS][WAYS];
};

struct rate *rate_new(const struct rate_settings *settings)
{
	struct rate *rate = mem_new(rate);

	ASSERT(settings->per_minute != 0 && settings->burst != 0);
	rate->settings = *settings;
	return rate;
}

void rate_free(struct rate **rate)
{
	mem_free(*rate);
	*rate = NULL;
}

static struct ip client_net(struct ip client)
{
	return prefix_of(client, ip_is_v4(client) ? IP_V4_BITS + 24 : 64).ip;
}

/* FNV-1a. Somebody who aims at one row gains no more than sharing its four places. */
static size_t net_row(struct ip net)
{
	uint32_t hash = 2166136261u;

	for (size_t i = 0; i < sizeof(net.b); i++)
		hash = (hash ^ net.b[i]) * 16777619u;
	return hash % ROWS;
}

static struct bucket *rate_bucket(struct rate *rate, struct ip net, int64_t now_ms)
{
	struct bucket *row = rate->rows[net_row(net)];
	struct bucket *oldest = &row[0];

	for (size_t i = 0; i < WAYS; i++) {
		if (row[i].used_ms != 0 && ip_equal(row[i].net, net))
			return &row[i];
		if (row[i].used_ms < oldest->used_ms)
			oldest = &row[i];
	}
	*oldest = (struct bucket){net, now_ms, (int64_t)rate->settings.burst * MS_PER_MINUTE};
	return oldest;
}

unsigned rate_take(struct rate *rate, struct ip client, int64_t now_ms)
{
	struct bucket *bucket = rate_bucket(rate, client_net(client), now_ms);
	int64_t full = (int64_t)rate->settings.burst * MS_PER_MINUTE;
	int64_t pace = rate->settings.per_minute;
	int64_t away_ms = now_ms > bucket->used_ms ? now_ms - bucket->used_ms : 0;
	int64_t wait_ms;

	if (away_ms > full / pace)
		bucket->level = full;
	else
		bucket->level += away_ms * pace;
	if (bucket->level > full)
		bucket->level = full;
	bucket->used_ms = now_ms != 0 ? now_ms : 1;
	if (bucket->level >= MS_PER_MINUTE) {
		bucket->level -= MS_PER_MINUTE;
		return 0;
	}
	wait_ms = (MS_PER_MINUTE - bucket->level + pace - 1) / pace;
	return (unsigned)((wait_ms + 999) / 1000);
}
