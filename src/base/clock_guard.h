/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * Listings and allowances end by the wall clock, which may be wrong: a clock that jumps ahead by a
 * year would end all of them at once, and one that is set right an hour later would not bring them
 * back. So a jump of more than an hour against the monotonic clock is not believed for ten minutes,
 * in which somebody (or NTP) can set it right. Pure; one thread at a time.
 */
#include <stdbool.h>
#include <stdint.h>

struct clock_guard {
	int64_t wall_s, mono_ms, hold_until_ms;
	int64_t ahead_s; /* by how much the wall clock jumped, while that is not believed */
};

/* Tells the guard what the clocks say now. Returns whether what ends by the wall clock may end. A
 * guard that begins with zeros believes the first time it is told. */
bool clock_guard_allows(struct clock_guard *guard, int64_t wall_s, int64_t mono_ms);

/* The same, for who needs a time: the wall clock without the jump that is not believed. */
int64_t clock_guard_now_s(struct clock_guard *guard, int64_t wall_s, int64_t mono_ms);
