/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * A table of what is known about addresses, within a fixed amount of memory: set-associative, like
 * a processor's cache. An address, together with a small number, belongs to one bucket of a few
 * entries and may stand anywhere in it; in a full bucket the one that was used longest ago makes
 * room. The hash has a secret key, so that nobody outside can aim at a bucket.
 *
 * The entries are structs of the caller's that begin with struct bucket_entry. dns/rrl.c and
 * dns/quota.c have tables of their own: entries of 16 octets named by a hash alone, and counted by
 * several threads at once. One thread.
 */
#include "base/ip.h"

struct bucket_entry {
	struct ip ip;
	int64_t used; /* when, in the unit of the caller: the least makes room; 0: free */
	uint32_t number;
};

enum { BUCKET_WAYS = 8 };

struct bucket_table;

/* entries: rounded up to a power of two. size: of the caller's struct. */
struct bucket_table *bucket_table_new(size_t entries, size_t size);
void bucket_table_free(struct bucket_table **table);

/* The entry of an address and number, or NULL. */
void *bucket_table_find(const struct bucket_table *table, struct ip ip, uint32_t number);

/* The first of the BUCKET_WAYS entries that it may be, for whoever has to clear some. */
void *bucket_table_bucket(const struct bucket_table *table, struct ip ip, uint32_t number);

/* The entry, and where there is none a zeroed one that only has ip and number: `used` is to be set
 * before the next call. */
void *bucket_table_need(struct bucket_table *table, struct ip ip, uint32_t number);
