/* SPDX-License-Identifier: ISC */
#include "feed/times.h"

static int64_t within(int64_t value, int64_t least, int64_t most)
{
	return value < least ? least : value > most ? most : value;
}

struct feed_times feed_times_of(const struct dns_soa *soa, int64_t every_s)
{
	struct feed_times times = {FEED_REFRESH_LEAST_S, FEED_REFRESH_LEAST_S, FEED_EXPIRE_MOST_S};

	if (soa != NULL) {
		times.refresh_s = within(soa->refresh_s, FEED_REFRESH_LEAST_S, FEED_REFRESH_MOST_S);
		times.retry_s = within(soa->retry_s, FEED_REFRESH_LEAST_S, times.refresh_s);
	}
	if (every_s != 0)
		times.refresh_s = every_s;
	if (times.retry_s > times.refresh_s)
		times.retry_s = times.refresh_s;
	/* An expiry before the second refresh would end entries that nothing is wrong with. */
	if (soa != NULL)
		times.expire_s = within(soa->expire_s,
			within(2 * times.refresh_s, FEED_EXPIRE_LEAST_S, FEED_EXPIRE_MOST_S),
			FEED_EXPIRE_MOST_S);
	return times;
}

static bool has_to_send(const struct feed_due *due, int64_t now_ms)
{
	return due->send_at_ms != 0 && due->send_at_ms <= now_ms;
}

enum feed_step feed_due_step(const struct feed_due *due, int64_t now_ms)
{
	if (due->is_busy)
		return FEED_WAIT;
	if (has_to_send(due, now_ms))
		return due->others_send ? FEED_WAIT : FEED_SEND;
	return due->fetch_at_ms <= now_ms ? FEED_FETCH : FEED_WAIT;
}

int64_t feed_due_at_ms(const struct feed_due *due, int64_t now_ms)
{
	if (due->is_busy || (due->others_send && has_to_send(due, now_ms)))
		return INT64_MAX;
	if (!due->others_send && due->send_at_ms != 0 && due->send_at_ms < due->fetch_at_ms)
		return due->send_at_ms;
	return due->fetch_at_ms;
}
