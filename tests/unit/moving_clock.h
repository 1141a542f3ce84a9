/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * The clock of base/clock.h in the hand of a test: time limits are hours then, which no machine is
 * slow enough to reach, and pass when the test says so. To be started before anything reads the
 * time; for the whole program.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static int64_t *moving_clock_offset_ms;

static inline void moving_clock_start(void)
{
	char path[64];
	int fd = memfd_create("clock", 0);

	if (fd < 0 || ftruncate(fd, 2 * sizeof(*moving_clock_offset_ms)) < 0)
		abort();
	moving_clock_offset_ms = mmap(NULL, 2 * sizeof(*moving_clock_offset_ms),
		PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (moving_clock_offset_ms == MAP_FAILED)
		abort();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	setenv("STOCKADE_TEST_CLOCK", path, 1);
}

static inline void moving_clock_add(int64_t ms)
{
	*moving_clock_offset_ms += ms;
}

/* Somebody sets the wall clock, and no time passes. */
static inline void moving_clock_set(int64_t by_ms)
{
	moving_clock_offset_ms[1] += by_ms;
}
