/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * Whether the gate is nearly full: 90 % of anything that all share are taken (sessions, connections
 * to the mail server, questions to the resolver). Then times are shorter and the first error is the
 * last, until no more than 75 % were taken for half a minute, so that it does not come and go.
 * Pure; the caller says how full it is and what time it is (monotonic milliseconds).
 */
#include <stdbool.h>
#include <stdint.h>

enum {
	STRESS_BEGINS_PERCENT = 90,
	STRESS_ENDS_PERCENT = 75,
	STRESS_QUIET_MS = 30000,
	STRESS_TOLD_MS = 300000 /* so long status tells that something was full */
};

struct stress {
	bool is_on;
	int64_t quiet_ms; /* no more than STRESS_ENDS_PERCENT since then; 0: more */
	int64_t full_ms;  /* when something was last full; 0: never */
};

/* True: it began or ended. */
bool stress_look(struct stress *stress, unsigned percent, int64_t now_ms);
/* It is on, or something was full in the last minutes. */
bool stress_is_felt(const struct stress *stress, int64_t now_ms);
