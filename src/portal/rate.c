/* SPDX-License-Identifier: ISC */
#include "portal/rate.h"

#include "base/bucket_table.h"
#include "base/macro.h"
#include "base/mem.h"
#include "base/token_bucket.h"

enum { BUCKETS = 4096, MS_PER_MINUTE = 60000 };

struct bucket {
	struct bucket_entry of; /* the network; used: in milliseconds */
	int64_t credit;
};

struct rate {
	struct token_rate pace;
	struct bucket_table *buckets;
};

struct rate *rate_new(const struct rate_settings *settings)
{
	struct rate *rate = mem_new(rate);

	ASSERT(settings->per_minute != 0 && settings->burst != 0);
	rate->pace = (struct token_rate){
		settings->per_minute, MS_PER_MINUTE, (int64_t)settings->burst * MS_PER_MINUTE};
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

unsigned rate_take(struct rate *rate, struct ip client, int64_t now_ms)
{
	struct bucket *bucket = bucket_table_need(rate->buckets, ip_network_of(client).ip, 0);
	int64_t away_ms = now_ms - bucket->of.used;

	if (bucket->of.used == 0)
		bucket->credit = rate->pace.full;
	away_ms = away_ms < 0 ? 0 : away_ms < UINT32_MAX ? away_ms : UINT32_MAX;
	bucket->of.used = now_ms != 0 ? now_ms : 1;
	if (token_bucket_take(&bucket->credit, &rate->pace, (uint32_t)away_ms))
		return 0;
	return (unsigned)((token_bucket_wait_ms(bucket->credit, &rate->pace) + 999) / 1000);
}
