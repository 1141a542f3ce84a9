/* SPDX-License-Identifier: ISC */
#pragma once
/* The number of a listing: of its group, and within that. queries.def shifts by the same. Pure. */
#include <stdint.h>

enum { LISTING_ID_SHIFT = 24, LISTING_ID_WITHIN = (1 << LISTING_ID_SHIFT) - 1 };

static inline int64_t listing_id_group(uint64_t id)
{
	return (int64_t)(id >> LISTING_ID_SHIFT);
}

static inline uint64_t listing_id_within(uint64_t id)
{
	return id & LISTING_ID_WITHIN;
}

static inline uint64_t listing_id_of(int64_t group, uint64_t within)
{
	return (uint64_t)group << LISTING_ID_SHIFT | within;
}
