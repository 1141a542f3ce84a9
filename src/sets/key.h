/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * Addresses as numbers, so that ranges can be cut and counted. IPv4 is mapped: the block
 * ::ffff:0:0/96. Pure; any thread.
 */
#include "base/ip.h"

/* C has no name of its own for it. */
typedef unsigned __int128 u128;

static const u128 key_v4_first = (u128)0xffff << 32;
static const u128 key_v4_last = (u128)0xffff << 32 | 0xffffffff;

static inline u128 key_of_ip(struct ip ip)
{
	uint64_t high, low;

	memcpy(&high, ip.b, sizeof(high));
	memcpy(&low, ip.b + 8, sizeof(low));
	return (u128)__builtin_bswap64(high) << 64 | __builtin_bswap64(low);
}

/* Networks in the order of their octets, of those that begin alike the widest first. */
static inline int prefix_order(const struct prefix *a, const struct prefix *b)
{
	u128 left = key_of_ip(a->ip), right = key_of_ip(b->ip);

	if (left != right)
		return left < right ? -1 : 1;
	return (a->bits > b->bits) - (a->bits < b->bits);
}

static inline struct ip key_to_ip(u128 key)
{
	uint64_t high = __builtin_bswap64((uint64_t)(key >> 64));
	uint64_t low = __builtin_bswap64((uint64_t)key);
	struct ip ip;

	memcpy(ip.b, &high, sizeof(high));
	memcpy(ip.b + 8, &low, sizeof(low));
	return ip;
}

static inline bool key_is_v4(u128 key)
{
	return key >> 32 == 0xffff;
}

struct key_range {
	u128 first, last;
};

/* The last key of the prefix that begins at first and has `bits` leading bits. */
static inline u128 key_last(u128 first, unsigned bits)
{
	return bits == 0 ? ~(u128)0 : first | ((((u128)1 << (128 - bits)) - 1));
}
