/* SPDX-License-Identifier: ISC */
#include "dns/quota.h"

#include <sodium.h>
#include <stdatomic.h>

#include "base/mem.h"

/*
 * A cell is named by one word: the hash of its owner above, the number of the period below. The
 * next period therefore finds no cell of its own and begins at 1. Room is made by the cell of a
 * period that is over, else by the smallest count: who asks much is not forgotten for the sake of
 * those who ask once, and 64 thousand others have to ask more before he is.
 */
enum { WAYS = 4, SETS = 16384, PERIOD_BITS = 24 };

struct cell {
	_Atomic uint64_t name;
	_Atomic uint32_t count;
};

struct dns_quota {
	uint8_t key[crypto_shorthash_KEYBYTES];
	struct cell sets[SETS][WAYS];
};

struct dns_quota *dns_quota_new(void)
{
	struct dns_quota *quota = mem_new(dns_quota);

	crypto_shorthash_keygen(quota->key);
	return quota;
}

void dns_quota_free(struct dns_quota **quota)
{
	mem_free(*quota);
	*quota = NULL;
}

static uint64_t period_of(uint64_t name)
{
	return name & ((UINT64_C(1) << PERIOD_BITS) - 1);
}

static uint64_t cell_name(uint64_t hash, int64_t period)
{
	return hash >> PERIOD_BITS << PERIOD_BITS | period_of((uint64_t)period);
}

/* What a cell is worth when one has to go. */
static uint64_t cell_worth(uint64_t name, uint32_t count, uint64_t wanted)
{
	return period_of(name) == period_of(wanted) ? UINT64_C(1) + count : 0;
}

uint32_t dns_quota_count(struct dns_quota *quota, struct span who, int64_t period_s, int64_t now_s)
{
	struct cell *cell, *cheapest = NULL;
	uint64_t hash, name, worth = UINT64_MAX;
	struct cell *set;

	crypto_shorthash((uint8_t *)&hash, who.ptr, who.len, quota->key);
	set = quota->sets[hash % SETS];
	name = cell_name(hash, now_s / period_s);
	for (cell = set; cell < set + WAYS; cell++) {
		uint64_t other = atomic_load_explicit(&cell->name, memory_order_relaxed);
		uint32_t count = atomic_load_explicit(&cell->count, memory_order_relaxed);

		if (other == name && count != 0)
			return atomic_fetch_add_explicit(&cell->count, 1, memory_order_relaxed) + 1;
		if (cell_worth(other, count, name) < worth) {
			worth = cell_worth(other, count, name);
			cheapest = cell;
		}
	}
	atomic_store_explicit(&cheapest->name, name, memory_order_relaxed);
	atomic_store_explicit(&cheapest->count, 1, memory_order_relaxed);
	return 1;
}
