/* SPDX-License-Identifier: ISC */
#include "smtpd/pace.h"

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

void pace_start(struct pace *pace, const struct pace_limits *limits, int64_t now_ms)
{
	*pace = (struct pace){now_ms + limits->in_hand_ms, now_ms + limits->longest_ms, 0};
}

void pace_read(struct pace *pace, const struct pace_limits *limits, size_t octets, int64_t now_ms)
{
	int64_t most_ms = now_ms + limits->in_hand_ms;

	if (limits->least_rate == 0)
		pace->until_ms = most_ms;
	else
		pace->until_ms = earlier(
			pace->until_ms + (int64_t)octets * 1000 / limits->least_rate, most_ms);
}

void pace_hold(struct pace *pace, int64_t now_ms)
{
	if (pace->held_ms == 0)
		pace->held_ms = now_ms;
}

void pace_go_on(struct pace *pace, int64_t now_ms)
{
	if (pace->held_ms == 0)
		return;
	pace->until_ms += now_ms - pace->held_ms;
	pace->end_ms += now_ms - pace->held_ms;
	pace->held_ms = 0;
}

int64_t pace_deadline_ms(const struct pace *pace)
{
	return earlier(pace->until_ms, pace->end_ms);
}
