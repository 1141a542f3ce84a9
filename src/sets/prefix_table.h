/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * A sorted set of distinct keys (addresses as numbers), each with a row. Two layouts, chosen by
 * what costs fewer bytes:
 *
 *   narrow  IPv4 addresses in great number. base[] says where each /16 begins, offsets[] where each
 *           bucket of 2^low_bits addresses begins within its /16, and a key is 16 bits: the low
 *           bits of the address, and above them code bits that would otherwise be spare. 10 million
 *           random addresses: 2.1 bytes each, about one cache miss.
 *   wide    whole keys of 4, 8 or 16 bytes, and a ladder above them: every 16th key, every 256th,
 *           ...; a search looks at one group of 16 neighbours a rung.
 *
 * A damaged file gives wrong answers at worst: indexes are clamped where they are computed.
 * Writing: the caller's thread. Reading: pure; any thread.
 */
#include "sets/packed_rows.h"
#include "sets/prefix.h"

enum { LADDER_FANOUT = 16, LADDER_RUNGS = 8, NARROW_BLOCKS = 65536 };

struct prefix_table_record {
	uint8_t key_bytes; /* 2: narrow */
	uint8_t low_bits;  /* of narrow */
	uint8_t zero[6];
	uint64_t key_at, ladder_at, base_at, offset_at;
	struct packed_rows_record packed;
};

struct prefix_table {
	uint32_t count;
	uint8_t key_bytes, low_bits, rungs;
	const void *keys;
	const uint32_t *base;    /* NARROW_BLOCKS + 1 */
	const uint16_t *offsets; /* NARROW_BLOCKS << (16 - low_bits); none when low_bits is 16 */
	const void *rung[LADDER_RUNGS];
	uint32_t rung_len[LADDER_RUNGS];
	struct packed_rows packed;
};

enum prefix_table_kind {
	TABLE_V4_POINTS, /* keys of 4 bytes; may be narrow */
	TABLE_V4_STEPS,
	TABLE_NETS, /* 8 bytes: the upper half of an IPv6 address */
	TABLE_WHOLE /* 16 bytes */
};

struct prefix_table_content {
	enum prefix_table_kind kind;
	const void *keys;              /* ascending, distinct */
	struct numbered_rows numbered; /* by frequency */
};

void prefix_table_write(const struct prefix_table_content *content, struct image *image,
	struct prefix_table_record *ret_record);

/* The same from what was painted. */
struct painted_steps {
	enum prefix_table_kind kind;
	const struct steps *steps; /* whose rows are numbered by frequency already */
	const uint32_t *masks;     /* of the rows */
};

void prefix_table_write_steps(const struct painted_steps *painted, struct image *image,
	struct prefix_table_record *ret_record);

void prefix_table_open(struct prefix_table *table, enum prefix_table_kind kind,
	struct sections *sections, const struct prefix_table_record *record);

/* Asks for the memory that prefix_table_get of this key, or prefix_table_get_below, will read: in a
 * batch of lookups the misses overlap instead of waiting for each other. Step 0 asks for the cells
 * that say where to look (begin of the bucket, middle rungs of the ladder), step 1 reads those and
 * asks for the keys and row numbers themselves. Changes no answer. */
enum { TABLE_FETCHES = 2 };
void prefix_table_prefetch(const struct prefix_table *table, u128 key, unsigned step);

/* The row of a key; false when it is not there. A key of 4 or 8 bytes is the number itself, not the
 * mapped address. */
bool prefix_table_get(const struct prefix_table *table, u128 key, uint32_t *ret_row);

/* The row of the greatest key that is not greater; false when there is none. Not for narrow. */
bool prefix_table_get_below(const struct prefix_table *table, u128 key, uint32_t *ret_row);

/* How many keys are less than key. */
uint32_t prefix_table_lower(const struct prefix_table *table, u128 key);
/* How many keys lie in first..last. */
uint32_t prefix_table_count(const struct prefix_table *table, u128 first, u128 last);

uint32_t prefix_table_row(const struct prefix_table *table, uint32_t index);
/* The key at a index below count; a narrow table has to search for it. */
u128 prefix_table_key(const struct prefix_table *table, uint32_t index);

/* The first index in from..end-1 whose row the filter lets through; end when there is none. */
uint32_t prefix_table_next(const struct prefix_table *table, const struct row_filter *filter,
	uint32_t from, uint32_t end);
