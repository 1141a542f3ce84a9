/* SPDX-License-Identifier: ISC */
#include "base/clock_guard.h"

enum { JUMP_S = 3600, HOLD_MS = 10 * 60 * 1000 };

bool clock_guard_allows(struct clock_guard *guard, int64_t wall_s, int64_t mono_ms)
{
	int64_t jump_s = wall_s - guard->wall_s - (mono_ms - guard->mono_ms) / 1000;
	bool first = guard->wall_s == 0;

	if (!first && jump_s > JUMP_S) {
		guard->hold_until_ms = mono_ms + HOLD_MS;
		guard->ahead_s += jump_s;
	} else if (!first && guard->wall_s - wall_s > JUMP_S) {
		guard->hold_until_ms = 0; /* it was set back: the jump is undone */
	}
	if (mono_ms >= guard->hold_until_ms)
		guard->ahead_s = 0;
	guard->wall_s = wall_s;
	guard->mono_ms = mono_ms;
	return mono_ms >= guard->hold_until_ms;
}

int64_t clock_guard_now_s(struct clock_guard *guard, int64_t wall_s, int64_t mono_ms)
{
	clock_guard_allows(guard, wall_s, mono_ms);
	return wall_s - guard->ahead_s;
}
