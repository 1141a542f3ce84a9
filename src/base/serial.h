/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * Serials count in a circle (RFC 1982): 1 comes after 4294967295, and 0 is no serial at all. Pure;
 * any thread.
 */
#include <stdbool.h>
#include <stdint.h>

/* RFC 1982, section 3.2: a is older than b. Half a circle apart is undefined there; "no" here. */
static inline bool serial_is_before(uint32_t a, uint32_t b)
{
	return a != b && b - a < UINT32_C(0x80000000);
}

static inline uint32_t serial_after(uint32_t serial)
{
	return serial == UINT32_MAX ? 1 : serial + 1;
}

/* The newer of two; 0 is older than anything. */
static inline uint32_t serial_newest(uint32_t a, uint32_t b)
{
	if (a == 0 || b == 0)
		return a | b;
	return serial_is_before(a, b) ? b : a;
}
