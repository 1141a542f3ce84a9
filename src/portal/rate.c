/* SPDX-License-Identifier: ISC */
#include "portal/rate.h"

#include "base/bucket_table.h"
#include "base/macro.h"
#include "base/mem.h"
#include "base/token_bucket.h"

enum { BUCKETS = 4096, MS_PER_MINUTE = 60000, SOURCES_OF_NETWORK = 2 };

/* Whose bucket it is: the number behind its address. */
enum whose { OF_SOURCE, OF_NETWORK, WHOSE_COUNT };

struct bucket {
	struct bucket_entry of; /* used: in milliseconds */
	int64_t credit;
};

struct rate {
	struct token_rate paces[WHOSE_COUNT];
	struct bucket_table *buckets;
};

static struct token_rate pace_of(const struct rate_settings *settings, unsigned times)
{
	return (struct token_rate){settings->per_minute * times, MS_PER_MINUTE,
		(int64_t)settings->burst * times * MS_PER_MINUTE};
}

struct rate *rate_new(const struct rate_settings *settings)
{
	struct rate *rate = mem_new(rate);

	ASSERT(settings->per_minute != 0 && settings->burst != 0);
	rate->paces[OF_SOURCE] = pace_of(settings, 1);
	rate->paces[OF_NETWORK] = pace_of(settings, SOURCES_OF_NETWORK);
	rate->buckets = bucket_table_new(BUCKETS, sizeof(struct bucket));
	return rate;
}

void rate_free(struct rate **rate)
{
	if (*rate == NULL)
		return;
	bucket_table_free(&(*rate)->buckets);
	mem_free(*rate);
	*rate = NULL;
}

static unsigned bucket_take(struct rate *rate, struct ip ip, enum whose whose, int64_t now_ms)
{
	const struct token_rate *pace = &rate->paces[whose];
	struct bucket *bucket = bucket_table_need(rate->buckets, ip, whose);
	int64_t away_ms = now_ms - bucket->of.used;

	if (bucket->of.used == 0)
		bucket->credit = pace->full;
	away_ms = away_ms < 0 ? 0 : away_ms < UINT32_MAX ? away_ms : UINT32_MAX;
	bucket->of.used = now_ms != 0 ? now_ms : 1;
	if (token_bucket_take(&bucket->credit, pace, (uint32_t)away_ms))
		return 0;
	return (unsigned)((token_bucket_wait_ms(bucket->credit, pace) + 999) / 1000);
}

static void bucket_give(struct rate *rate, struct ip ip, enum whose whose)
{
	struct bucket *bucket = bucket_table_find(rate->buckets, ip, whose);

	if (bucket != NULL)
		bucket->credit += rate->paces[whose].period_ms;
}

unsigned rate_take(struct rate *rate, struct ip client, int64_t now_ms)
{
	struct ip source = ip_source_of(client).ip;
	unsigned wait_s = bucket_take(rate, source, OF_SOURCE, now_ms);

	if (wait_s != 0)
		return wait_s;
	wait_s = bucket_take(rate, ip_network_of(client).ip, OF_NETWORK, now_ms);
	if (wait_s != 0)
		bucket_give(rate, source, OF_SOURCE); /* asking in vain costs nothing */
	return wait_s;
}
