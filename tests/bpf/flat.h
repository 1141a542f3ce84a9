/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * A second reader of the snapshot file, for addresses: the way a program inside the kernel has to read it. Every loop has
 * a constant bound; every read goes through one of three functions that cannot leave the file; there is no pointer but the
 * file itself, no 128-bit number, no unaligned read, no libc. It keeps doc/fast-path.md true: the unit test compares it
 * with the reader in sets/ and counts its reads, and lookup.bpf.c is compiled for BPF.
 *
 * Comparisons are arithmetic where a loop would otherwise branch: BPF has no conditional move, and each branch in a loop
 * doubles what the verifier has to walk.
 */
#include <stdbool.h>
#include <stdint.h>

enum {
	FLAT_SIZE =
		1 << 26, /* of the map that holds the file; the most a verifier allows is 2^29 */
	FLAT_RUNGS = 6,  /* 16^6 keys of 4 octets fill the map */
	FLAT_FANOUT = 16,
	FLAT_BUCKET_STEPS = 16, /* a bucket has less than 2^16 keys */
	FLAT_EXCEPTION_STEPS = 32,
	FLAT_HITS = 32,
	/* The most that an address takes: IPv4 in two tables, IPv6 in three whose keys may be two words. */
	FLAT_CODE_READS = 2 + FLAT_EXCEPTION_STEPS + 2,
	FLAT_WIDE_READS = FLAT_RUNGS * FLAT_FANOUT,
	FLAT_V4_READS = FLAT_WIDE_READS + 1 + FLAT_WIDE_READS + FLAT_CODE_READS,
	FLAT_V6_READS = 2 * FLAT_WIDE_READS + 2 + FLAT_WIDE_READS + 1 + 2 * FLAT_WIDE_READS +
			FLAT_CODE_READS,
};

static const uint32_t flat_no_row = UINT32_MAX, flat_no_place = UINT32_MAX;

/* What user space puts into a small map beside the file: struct prefix_table_record with the ladder laid out. */
struct flat_table {
	uint32_t count, exceptions;
	uint32_t base_at, offset_at, extra_at, exception_place_at, exception_row_at;
	uint32_t rungs, rung_at[FLAT_RUNGS], rung_len[FLAT_RUNGS]; /* rung 0 is the keys */
	uint32_t key_bytes, low_bits, inline_bits, extra_bits;
};

struct flat_list {
	uint32_t rows, hits, row_first_at, hit_at;
	struct flat_table v4_points, v4_steps, hosts, nets, steps;
};

struct flat_file {
	const uint8_t *bytes; /* FLAT_SIZE, at a multiple of 64 */
	uint32_t reads;       /* counted by the unit test only */
};

/* BPF knows no calls with structs; and a width of keys that is known when compiling costs no branch in a loop. */
#define FLAT static inline __attribute__((always_inline))

/* ---- Reading: a damaged file gives a wrong number, never a read outside ---- */

FLAT void flat_count(struct flat_file *file)
{
#ifndef __bpf__
	file->reads++;
#else
	(void)file;
#endif
}

FLAT uint16_t flat_u16(struct flat_file *file, uint64_t at)
{
	flat_count(file);
	return *(const uint16_t *)(const void *)(file->bytes + (at & (FLAT_SIZE - 2)));
}

FLAT uint32_t flat_u32(struct flat_file *file, uint64_t at)
{
	flat_count(file);
	return *(const uint32_t *)(const void *)(file->bytes + (at & (FLAT_SIZE - 4)));
}

FLAT uint64_t flat_u64(struct flat_file *file, uint64_t at)
{
	flat_count(file);
	return *(const uint64_t *)(const void *)(file->bytes + (at & (FLAT_SIZE - 8)));
}

/* 1 when a is less than b, without a branch; the empty statement keeps the compiler from recognising it. */
FLAT uint64_t flat_less(uint64_t a, uint64_t b)
{
	uint64_t difference = a - b;

	__asm__("" : "+r"(difference));
	return ((~a & b) | ((~a | b) & difference)) >> 63;
}

/* ---- Codes ---- */

FLAT uint32_t flat_exception(struct flat_file *file, const struct flat_table *table, uint32_t place)
{
	uint32_t first = 0, end = table->exceptions;

	for (int i = 0; i < FLAT_EXCEPTION_STEPS; i++) {
		uint32_t middle = first + (end - first) / 2;
		uint64_t at = table->exception_place_at + UINT64_C(4) * middle;
		uint32_t open = 0 - (uint32_t)flat_less(first, end);
		uint32_t right = 0 - (uint32_t)flat_less(flat_u32(file, at), place);

		first += (middle + 1 - first) & open & right;
		end -= (end - middle) & open & ~right;
	}
	if (flat_u32(file, table->exception_place_at + UINT64_C(4) * first) != place)
		return flat_no_row;
	return flat_u32(file, table->exception_row_at + UINT64_C(4) * first);
}

FLAT uint32_t flat_row(
	struct flat_file *file, const struct flat_table *table, uint32_t place, uint32_t code)
{
	uint32_t bits = (table->inline_bits + table->extra_bits) & 63;
	uint64_t all_ones = (UINT64_C(1) << bits) - 1;

	if (table->extra_bits != 0) {
		uint64_t bit = (uint64_t)place * table->extra_bits;
		uint64_t at = table->extra_at + bit / 32 * 4;
		uint64_t word = (uint64_t)flat_u32(file, at + 4) << 32 | flat_u32(file, at);

		word = word >> bit % 32 & ((UINT64_C(1) << (table->extra_bits & 63)) - 1);
		code |= (uint32_t)(word << (table->inline_bits & 31));
	}
	if (table->exceptions != 0 && code == all_ones)
		return flat_exception(file, table, place);
	return code;
}

/* ---- Narrow ---- */

FLAT uint32_t flat_narrow(struct flat_file *file, const struct flat_table *table, uint32_t address)
{
	uint32_t bits = table->low_bits & 31, block = address >> 16, at = address >> bits;
	uint32_t mask = (UINT32_C(1) << bits) - 1, low = address & mask;
	uint32_t first = flat_u32(file, table->base_at + UINT64_C(4) * block);
	uint32_t end = flat_u32(file, table->base_at + UINT64_C(4) * block + 4);
	uint32_t len, key;

	if (bits < 16) {
		if ((at + 1) >> (16 - bits) == block)
			end = first + flat_u16(file, table->offset_at + UINT64_C(2) * at + 2);
		first += flat_u16(file, table->offset_at + UINT64_C(2) * at);
	}
	len = end - first;
	if (first >= end)
		return flat_no_row;
	for (int i = 0; i < FLAT_BUCKET_STEPS; i++) {
		uint32_t half = len / 2; /* 0 once one key is left: nothing changes any more */

		key = flat_u16(file, table->rung_at[0] + UINT64_C(2) * (first + half - 1)) & mask;
		first += half & (0 - (uint32_t)flat_less(key, low));
		len -= half;
	}
	key = flat_u16(file, table->rung_at[0] + UINT64_C(2) * first);
	return (key & mask) == low ? flat_row(file, table, first, key >> bits) : flat_no_row;
}

/* ---- Wide: keys of 4 and 8 bytes are `low`, of 16 both ---- */

/* 1 when the key at a place of a rung is not greater. */
FLAT uint64_t flat_reaches(
	struct flat_file *file, uint32_t key_bytes, uint64_t at, uint64_t high, uint64_t low)
{
	uint64_t key_low, key_high;

	if (key_bytes == 4)
		return 1 - flat_less(low, flat_u32(file, at));
	key_low = flat_u64(file, at);
	if (key_bytes == 8)
		return 1 - flat_less(low, key_low);
	key_high = flat_u64(file, at + 8);
	return flat_less(key_high, high) |
	       ((1 - flat_less(high, key_high)) & (1 - flat_less(low, key_low)));
}

/* The place of the greatest key that is not greater; flat_no_place when there is none. */
FLAT uint32_t flat_wide(struct flat_file *file, const struct flat_table *table, uint32_t key_bytes,
	uint64_t high, uint64_t low)
{
	uint32_t place = 0, rank = 0;

	for (int rung = FLAT_RUNGS - 1; rung >= 0; rung--) {
		uint32_t first = place * FLAT_FANOUT;

		if ((uint32_t)rung >= table->rungs)
			continue;
		rank = 0;
		for (uint32_t i = 0; i < FLAT_FANOUT; i++) {
			uint64_t at = table->rung_at[rung] + (uint64_t)key_bytes * (first + i);

			rank += (uint32_t)(flat_less(first + i, table->rung_len[rung]) &
					   flat_reaches(file, key_bytes, at, high, low));
		}
		place = first + rank - (uint32_t)flat_less(0, rank);
	}
	return rank != 0 ? place : flat_no_place;
}

FLAT bool flat_is_at(struct flat_file *file, const struct flat_table *table, uint32_t key_bytes,
	uint32_t place, uint64_t high, uint64_t low)
{
	uint64_t at = table->rung_at[0] + (uint64_t)key_bytes * place;

	if (key_bytes == 4)
		return flat_u32(file, at) == low;
	return flat_u64(file, at) == low && (key_bytes == 8 || flat_u64(file, at + 8) == high);
}

FLAT uint32_t flat_get(struct flat_file *file, const struct flat_table *table, uint32_t key_bytes,
	uint64_t high, uint64_t low)
{
	uint32_t place = flat_wide(file, table, key_bytes, high, low);

	if (place == flat_no_place || !flat_is_at(file, table, key_bytes, place, high, low))
		return flat_no_row;
	return flat_row(file, table, place, 0);
}

FLAT uint32_t flat_get_below(struct flat_file *file, const struct flat_table *table,
	uint32_t key_bytes, uint64_t high, uint64_t low)
{
	uint32_t place = flat_wide(file, table, key_bytes, high, low);

	return place != flat_no_place ? flat_row(file, table, place, 0) : flat_no_row;
}

/* ---- Addresses: the two halves of the mapped form, each as a number ---- */

FLAT bool flat_is_v4(uint64_t high, uint64_t low)
{
	return high == 0 && low >> 32 == 0xffff;
}

FLAT uint32_t flat_find_v4(struct flat_file *file, const struct flat_list *list, uint32_t address)
{
	uint32_t row = list->v4_points.key_bytes == 2
			       ? flat_narrow(file, &list->v4_points, address)
			       : flat_get(file, &list->v4_points, 4, 0, address);

	return row != flat_no_row ? row : flat_get_below(file, &list->v4_steps, 4, 0, address);
}

FLAT uint32_t flat_find_v6(
	struct flat_file *file, const struct flat_list *list, uint64_t high, uint64_t low)
{
	uint32_t row = flat_get(file, &list->hosts, 16, high, low);

	if (row == flat_no_row)
		row = flat_get(file, &list->nets, 8, 0, high);
	return row != flat_no_row ? row : flat_get_below(file, &list->steps, 16, high, low);
}

FLAT uint32_t flat_find(
	struct flat_file *file, const struct flat_list *list, uint64_t high, uint64_t low)
{
	return flat_is_v4(high, low) ? flat_find_v4(file, list, (uint32_t)low)
				     : flat_find_v6(file, list, high, low);
}

/* The sublists that list what has this row. */
FLAT uint32_t flat_mask(struct flat_file *file, const struct flat_list *list, uint32_t row)
{
	uint32_t first, len, mask = 0;

	if (row >= list->rows)
		return 0;
	first = flat_u32(file, list->row_first_at + UINT64_C(4) * row);
	len = flat_u32(file, list->row_first_at + UINT64_C(4) * row + 4) - first;
	for (uint32_t i = 0; i < FLAT_HITS && i < len; i++)
		mask |= UINT32_C(1)
			<< (flat_u32(file, list->hit_at + UINT64_C(12) * (first + i) + 8) %
				   FLAT_HITS);
	return mask;
}
