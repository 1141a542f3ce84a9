/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * The row of each index 0 to count - 1 of a sorted table, in as few bits as its rows need, and
 * which sublists occur in any range of indexes.
 *
 * Rows are numbered by frequency. A code has `inline_bits` that the table keeps for us in spare
 * bits of its own and `extra_bits` in a packed array; when that is too narrow for the rarest rows,
 * the code of all ones means "look into the list of exceptions". So few distinct rows cost nothing,
 * and any number of them is exact.
 *
 * The summary holds the union of the masks of 64 indexes, then of 64 of those, and so on.
 *
 * Writing: the caller's thread. Reading: pure; any thread.
 */
#include "sets/answer_rows.h"

enum { SUMMARY_FANOUT = 64, SUMMARY_LEVELS = 6, PACKED_BITS_MAX = 32 };

struct packed_rows_record {
	uint32_t count, exceptions;
	uint8_t inline_bits, extra_bits;
	uint8_t zero[6];
	uint64_t extra_at, exception_index_at, exception_row_at, summary_at;
};

struct packed_rows {
	uint32_t count, exceptions;
	uint32_t exception_code; /* UINT32_MAX, which no code is, when there are none */
	uint8_t inline_bits, extra_bits, levels;
	const uint32_t *extra; /* the lowest bits of a word first */
	const uint32_t *exception_index, *exception_row;
	const uint32_t *summary[SUMMARY_LEVELS];
	uint32_t summary_len[SUMMARY_LEVELS];
};

/* How many keys have a row whose number, plus 1, has that many bits. */
struct packed_rows_histogram {
	uint64_t keys[PACKED_BITS_MAX + 1];
	uint32_t row_max;
};

void packed_rows_count(struct packed_rows_histogram *histogram, const uint32_t *rows, size_t len);

/* The best number of extra bits beside inline_bits; returns the bytes it costs. */
uint64_t packed_rows_choose(const struct packed_rows_histogram *histogram, uint64_t count,
	unsigned inline_bits, unsigned *ret_extra_bits);

/* The code to be kept inline for a row. */
uint32_t packed_rows_inline(const struct packed_rows_record *record, uint32_t row);

/* The rows of sorted keys, in their order, and the mask of each row. */
struct numbered_rows {
	const uint32_t *rows;
	uint32_t count;
	const uint32_t *masks;
};

struct packed_bits {
	unsigned inlined, extra;
};

/* Writes everything but the inline bits. */
void packed_rows_write(const struct numbered_rows *numbered, struct packed_bits bits,
	struct image *image, struct packed_rows_record *ret_record);

void packed_rows_open(struct packed_rows *packed, struct sections *sections,
	const struct packed_rows_record *record);

uint32_t packed_rows_exception(const struct packed_rows *packed, uint32_t index);

/* Where the extra bits of a index begin; only when there are extra bits. */
static inline const uint32_t *packed_rows_cell(const struct packed_rows *packed, uint32_t index)
{
	return packed->extra + (uint64_t)index * packed->extra_bits / 32;
}

/* The row at a index, given its inline bits. */
static inline uint32_t packed_rows_get(
	const struct packed_rows *packed, uint32_t index, uint32_t inlined)
{
	uint32_t code = inlined;

	if (packed->extra_bits != 0) {
		const uint32_t *cell = packed_rows_cell(packed, index);
		unsigned shift = (unsigned)((uint64_t)index * packed->extra_bits % 32);
		uint64_t word = ((uint64_t)cell[1] << 32 | cell[0]) >> shift;

		word &= (UINT64_C(1) << packed->extra_bits) - 1;
		code |= (uint32_t)(word << packed->inline_bits);
	}
	if (code == packed->exception_code)
		return packed_rows_exception(packed, index);
	return code;
}

/* The first group of SUMMARY_FANOUT indexes, from the index `from` on, that may have a sublist of
 * mask: its first index, or `from` when that lies inside it; `end` when there is none before
 * end. */
uint32_t packed_rows_skip(
	const struct packed_rows *packed, uint32_t from, uint32_t end, uint32_t mask);
