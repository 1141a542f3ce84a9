/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * The only place that asks the operating system for the time. Decisions never call it: they get
 * `now` as an argument. Tests move time: when the environment names a file in STOCKADE_TEST_CLOCK,
 * it is mapped once. Its first 8 bytes, a signed offset in milliseconds in host byte order, are
 * added to both clocks; the next 8, if any, to the wall clock alone: a clock that somebody set. Any
 * thread.
 */
#include <stdint.h>

/* Seconds and milliseconds since 1970-01-01 UTC; may jump. For what is stored and shown. */
int64_t clock_now_s(void);
int64_t clock_now_ms(void);

/* Milliseconds of a clock that never goes back. For deadlines and durations. */
int64_t clock_monotonic_ms(void);
int64_t clock_monotonic_us(void);

enum { CLOCK_TEXT_SIZE = 32 };

/* "2026-11-21T14:03:00Z" (RFC 3339), or with a blank and without seconds for tables:
 * "2026-11-21 14:03". */
const char *clock_print_utc(int64_t time_s, char text[CLOCK_TEXT_SIZE]);
const char *clock_print_minute(int64_t time_s, char text[CLOCK_TEXT_SIZE]);
/* "Sat, 21 Nov 2026 14:03:00 GMT" (RFC 9110 section 5.6.7). */
const char *clock_print_http(int64_t time_s, char text[CLOCK_TEXT_SIZE]);
