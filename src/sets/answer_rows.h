/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * What is said about a network or name. A `value` is the word of one sublist: listed until then,
 * for that reason, or excluded. A `row` is the complete answer: the values of all sublists that
 * list it, in ascending order of sublist. Equal values and equal rows exist once, so ten million
 * addresses share a few dozen rows; row 0 is empty.
 *
 * struct answer_rows collects them while painting (owner: the caller; one thread), struct row_set
 * reads them from a file (pure; any thread).
 */
#include "sets/image.h"

enum { ROW_VALUES_MAX = 32, REASON_MAX = 1024 };

struct answer_rows;

struct row_value {
	int64_t until_s; /* 0 to 2^56 - 1 */
	uint32_t reason; /* by answer_rows_reason */
	uint8_t sublist; /* below ROW_VALUES_MAX */
	bool excluded;
};

struct answer_rows *answer_rows_new(void);
void answer_rows_free(struct answer_rows **rows);

/* What a sublist says, in its own words: listed until then, for that reason, or excluded. */
struct statement {
	uint8_t sublist;
	bool excluded;
	int64_t until_s;
	struct span reason;
};

/* The number of the value that says so, or E_NOMEM, E_LIMIT, E_RANGE. */
int64_t answer_rows_value(struct answer_rows *rows, const struct statement *statement);

/* Adds a value to a set of at most ROW_VALUES_MAX, one for each sublist, and returns the new
 * length. Of two values for one source and sublist an exclusion wins, then the later end, then the
 * lesser reason: the order of adding does not matter. */
size_t answer_rows_merge(
	const struct answer_rows *rows, uint32_t *values, size_t values_len, uint32_t value);

/* The number of the row that holds where `parent` held and the set `values` is more specific: each
 * sublist among them answers by its own value, the others as before. E_NOMEM, E_LIMIT. */
int64_t answer_rows_override(
	struct answer_rows *rows, uint32_t parent, const uint32_t *values, size_t values_len);

size_t answer_rows_count(const struct answer_rows *rows);
uint32_t answer_rows_mask(const struct answer_rows *rows, uint32_t row);
/* The values of a row. */
const uint32_t *answer_rows_values(const struct answer_rows *rows, uint32_t row, size_t *ret_len);
const struct row_value *answer_rows_value_get(const struct answer_rows *rows, uint32_t value);
struct span answer_rows_reason(const struct answer_rows *rows, uint32_t reason);

/* In the file. */
struct answer_rows_record {
	uint32_t rows, hits, reasons, zero;
	uint64_t reason_bytes;
	uint64_t first_at, hit_at, reason_first_at, reason_at;
};

struct hit_record {
	uint32_t reason;
	uint32_t until_low;
	uint32_t until_high_sublist; /* 24 bits of the time, 8 of the sublist */
};

struct row_set {
	uint32_t rows, hits, reasons;
	const uint32_t *first; /* rows + 1 */
	const struct hit_record *hit;
	uint64_t reason_bytes;
	const uint32_t *reason_first; /* reasons + 1 */
	const uint8_t *reason;
};

/* The rows that have a sublist of mask. */
struct row_filter {
	const struct row_set *rows;
	uint32_t mask;
};

/* Which rows are written, and in which order. */
struct row_order {
	const uint32_t *rows;
	uint32_t len;
};

void answer_rows_write(const struct answer_rows *rows, struct row_order order, struct image *image,
	struct answer_rows_record *ret_record);

void row_set_open(
	struct row_set *set, struct sections *sections, const struct answer_rows_record *record);

/* The hits of a row; none for a row that does not exist. */
static inline const struct hit_record *row_set_hits(
	const struct row_set *set, uint32_t row, uint32_t *ret_len)
{
	uint32_t first, end;

	*ret_len = 0;
	if (row >= set->rows)
		return NULL;
	first = set->first[row];
	end = set->first[row + 1];
	if (end > set->hits || first >= end)
		return NULL;
	*ret_len = end - first < ROW_VALUES_MAX ? end - first : ROW_VALUES_MAX;
	return set->hit + first;
}

static inline uint8_t hit_record_sublist(const struct hit_record *hit)
{
	return (uint8_t)(hit->until_high_sublist % ROW_VALUES_MAX);
}

static inline int64_t hit_record_until_s(const struct hit_record *hit)
{
	return (int64_t)((uint64_t)(hit->until_high_sublist >> 8) << 32 | hit->until_low);
}

static inline uint32_t row_set_mask(const struct row_set *set, uint32_t row)
{
	uint32_t len, mask = 0;
	const struct hit_record *hits = row_set_hits(set, row, &len);

	for (uint32_t i = 0; i < len; i++)
		mask |= UINT32_C(1) << hit_record_sublist(&hits[i]);
	return mask;
}

struct span row_set_reason(const struct row_set *set, const struct hit_record *hit);

static inline bool row_filter_passes(const struct row_filter *filter, uint32_t row)
{
	return (row_set_mask(filter->rows, row) & filter->mask) != 0;
}
