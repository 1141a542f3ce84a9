/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * Times as people read them. Pure; any thread. All texts are ASCII.
 */
#include <stdint.h>

#include "base/arena.h"

/* "21 Nov 2026, 14:03 UTC" */
const char *words_time(struct arena *arena, int64_t time_s);
/* "21 Nov 2026, 13:58 to 14:05 UTC"; both dates when the days differ. */
const char *words_window(struct arena *arena, int64_t from_s, int64_t to_s);
/* "17 hours", "2 days", "less than a minute": in the unit a person would use. Negative is 0. */
const char *words_duration(struct arena *arena, int64_t duration_s);
/* "once", "twice", "7 times" */
const char *words_times(struct arena *arena, uint64_t count);
