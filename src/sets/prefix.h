/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * Prefix sets: painting. Entries overlap in every way (networks in networks, exclusions in those,
 * several sublists); painting turns them into disjoint ranges, each with its complete row. Readers
 * then need one search and no rule. Owner: the caller; one thread.
 */
#include "sets/answer_rows.h"
#include "sets/key.h"

/* "Of this network nothing belongs to this family": the mapped IPv4 block among IPv6 networks. */
static const uint32_t prefix_value_blank = UINT32_MAX;

struct prefix_entry {
	u128 first;
	uint32_t value; /* by answer_rows_value */
	uint8_t bits;   /* in the mapped form */
};

struct prefix_entries {
	struct prefix_entry *items;
	size_t len, size;
};

/* From `first` up to the next step, or the end, row holds. Before the first step: row 0. */
struct step {
	u128 first;
	uint32_t row;
};

struct steps {
	struct step *items;
	size_t len, size;
};

void steps_done(struct steps *steps);

/* Sorts by first address, then the wider first. E_NOMEM. */
int prefix_sort(struct prefix_entries *entries);

/* Paints sorted entries; consecutive steps differ. E_NOMEM, E_LIMIT. */
int prefix_paint(
	const struct prefix_entries *entries, struct answer_rows *rows, struct steps *steps);

/* The row at key. *at: a hint, 0 at first; keys are asked in ascending order. */
uint32_t steps_row(const struct steps *steps, u128 key, size_t *at);

/* What holds beneath points: steps, and over them the points of whole /64s (NULL: none). */
struct beneath {
	const struct steps *steps, *nets;
};

/* Paints sorted entries of one size as points over what is beneath, without those that say what
 * holds there anyway. E_NOMEM, E_LIMIT. */
int prefix_paint_points(const struct prefix_entries *entries, const struct beneath *beneath,
	struct answer_rows *rows, struct steps *points);

/* An IPv4 address with the value of its entry, and once painted with its row. */
struct point {
	uint32_t address, number;
};

/* Sorts by address; spare has room for len. The result is in points. */
void point_sort(struct point *points, struct point *spare, size_t len);

/* Paints sorted points in place; returns how many are left, or E_NOMEM, E_LIMIT. */
int64_t point_paint(
	struct point *points, size_t len, const struct steps *steps, struct answer_rows *rows);
