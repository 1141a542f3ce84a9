/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * How slowly a client may send a message. It has some time in hand, which passes; what it sends
 * gives time back, by the least rate, and never more than it had at first: so it may pause, but not
 * drip. A longest time holds in any case. Time in which the mail server holds the client back does
 * not count. RFC 5321 section 4.5.3.2 sets times for a command and for a block of a message, not
 * for ever. Pure; the caller says what time it is (monotonic milliseconds).
 *
 * By example: 500 octets a second, 300 s in hand. An octet each 20 s gives 2 ms back: over after
 * five minutes. 100 kB a second pauses for 299 s, and goes on.
 */
#include <stddef.h>
#include <stdint.h>

struct pace_limits {
	int64_t in_hand_ms;
	uint32_t least_rate; /* octets a second; 0: any */
	int64_t longest_ms;
};

struct pace {
	int64_t until_ms; /* the time in hand ends */
	int64_t end_ms;   /* the longest time ends */
	int64_t held_ms;  /* held back since then; 0: not */
};

void pace_start(struct pace *pace, const struct pace_limits *limits, int64_t now_ms);
void pace_read(struct pace *pace, const struct pace_limits *limits, size_t octets, int64_t now_ms);
/* Each may be called again. */
void pace_hold(struct pace *pace, int64_t now_ms);
void pace_go_on(struct pace *pace, int64_t now_ms);
/* By then the client has to have sent more. */
int64_t pace_deadline_ms(const struct pace *pace);
