/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * A bucket of tokens: it is full at first, one is taken for each thing that is let through, and
 * they come back at a steady pace. Credit is counted so that whole milliseconds refill it exactly:
 * one token is period_ms of it, and each millisecond brings back `tokens`. Pure; any thread.
 */
#include <stdbool.h>
#include <stdint.h>

struct token_rate {
	uint32_t tokens; /* that come back in a period; at least 1 */
	uint32_t period_ms;
	int64_t full; /* credit of a full bucket: tokens * period_ms */
};

/* Adds what came back, and takes a token if there is one. */
static inline bool token_bucket_take(
	int64_t *credit, const struct token_rate *rate, uint32_t elapsed_ms)
{
	int64_t now = *credit + (int64_t)elapsed_ms * rate->tokens;

	now = now < rate->full ? now : rate->full;
	*credit = now >= rate->period_ms ? now - rate->period_ms : now;
	return now >= rate->period_ms;
}

/* How long until there is a token again. */
static inline int64_t token_bucket_wait_ms(int64_t credit, const struct token_rate *rate)
{
	return credit >= rate->period_ms
		       ? 0
		       : (rate->period_ms - credit + rate->tokens - 1) / rate->tokens;
}
