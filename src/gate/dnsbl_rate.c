/* SPDX-License-Identifier: ISC */
#include "gate/dnsbl_rate.h"

static bool rate_is_high(const struct dnsbl_rate *rate)
{
	uint64_t usual = rate->norm_hits != 0 ? rate->norm_hits : 1;

	return rate->asked >= DNSBL_RATE_SAMPLES && rate->hits >= DNSBL_RATE_HITS &&
	       rate->norm_asked >= DNSBL_RATE_NORM &&
	       rate->hits * rate->norm_asked > DNSBL_RATE_TIMES * usual * rate->asked;
}

/* A minute that was out of the ordinary does not become the norm. */
static void rate_end_minute(struct dnsbl_rate *rate)
{
	if (!rate->high_now) {
		rate->norm_asked += rate->asked;
		rate->norm_hits += rate->hits;
	}
	if (rate->norm_asked > DNSBL_RATE_MEMORY) {
		rate->norm_asked /= 2;
		rate->norm_hits /= 2;
	}
	rate->asked = 0;
	rate->hits = 0;
	rate->high_now = false;
}

enum dnsbl_rate_news dnsbl_rate_note(struct dnsbl_rate *rate, bool hit, int64_t now_ms)
{
	enum dnsbl_rate_news news = DNSBL_RATE_SAME;

	if (now_ms / 60000 != rate->minute) {
		if (rate->high && !rate->high_now && rate->asked >= DNSBL_RATE_SAMPLES) {
			rate->high = false;
			news = DNSBL_RATE_USUAL;
		}
		rate_end_minute(rate);
		rate->minute = now_ms / 60000;
	}
	rate->asked++;
	rate->hits += hit;
	if (rate->high_now || !rate_is_high(rate))
		return news;
	rate->high_now = true;
	if (!rate->high)
		news = DNSBL_RATE_HIGH;
	rate->high = true;
	return news;
}
