/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * From entries to disjoint ground, by the rules of rbldnsd:
 *
 *   levels   ip4set. An entry is cut into what whole octets give: /8s, /16s, /24s and addresses.
 *            The finest level with an entry answers, with the values of all its entries there; one
 *            exclusion among them and it answers nothing. So a /25 is of the same level as an
 *            address in it, and both answer.
 *   longest  tries. The longest prefix answers, excluded or not; of a prefix given twice the first
 *            counts.
 *   names    dnset. The name itself, or else the nearest wildcard above it.
 *
 * Owner: the loader; one thread.
 */
#include "rbldata/index.h"
#include "rbldata/name.h"
#include "rbldata/values.h"

/* An answer for ground that no entry covers; only while painting. */
static const uint32_t rbl_uncovered = UINT32_MAX;

/* Steps, no two neighbours alike: step.row from step.first on, `rest` before the first. E_NOMEM. */
int rbl_steps_add(struct steps *steps, struct step step, uint32_t rest);

/* ---- ip4set ---- */

enum rbl_level { RBL_LEVEL_8, RBL_LEVEL_16, RBL_LEVEL_24, RBL_LEVEL_32, RBL_LEVELS };

/* How many entries of one level may cover one address. */
enum { RBL_OVERLAP_MAX = 1024 };

struct rbl_range {
	uint32_t first, last;
	uint32_t value; /* 0: excluded */
};

struct rbl_ranges {
	struct rbl_range *items;
	size_t len, size;
};

struct rbl_leveled {
	struct point *points; /* whole addresses: number is the value */
	size_t points_len, points_size;
	struct rbl_ranges levels[RBL_LEVELS];
};

void rbl_leveled_done(struct rbl_leveled *leveled);

/* E_NOMEM. */
int rbl_leveled_add(struct rbl_leveled *leveled, uint32_t first, uint32_t last, uint32_t value);

/* Room for that many points more. E_NOMEM, E_LIMIT. */
int rbl_leveled_reserve(struct rbl_leveled *leveled, size_t points);

/* Sorts the points. E_NOMEM. */
int rbl_leveled_sort(struct rbl_leveled *leveled);

/* Paints into ret_painted, whose points lie in leveled. E_NOMEM, E_LIMIT. */
int rbl_leveled_paint(
	struct rbl_leveled *leveled, struct rbl_values *values, struct rbl_painted *ret_painted);

/* ---- tries ---- */

struct rbl_prefix {
	u128 first;
	uint32_t value;
	uint32_t order; /* of reading */
	uint8_t bits;   /* of 128; IPv4 counts from 96 */
};

struct rbl_prefixes {
	struct rbl_prefix *items;
	size_t len, size;
};

void rbl_prefixes_done(struct rbl_prefixes *prefixes);
int rbl_prefixes_add(struct rbl_prefixes *prefixes, struct rbl_prefix prefix);

/* Sorts by address, then the wider first, and drops what repeats a prefix. repeated: told of each,
 * in no order. E_NOMEM. */
int rbl_prefixes_sort(struct rbl_prefixes *prefixes,
	void (*repeated)(void *arg, const struct rbl_prefix *prefix), void *arg);

/* Paints sorted prefixes; what lies behind `last` is nobody's. E_NOMEM. */
int rbl_prefixes_paint(const struct rbl_prefixes *prefixes, u128 last, struct steps *ret_steps);

/* Sorted prefixes of IPv6 as hosts, whole /64s and steps. E_NOMEM. */
int rbl_prefixes_paint_v6(struct rbl_prefixes *prefixes, struct rbl_painted *painted);

/* ---- names ---- */

struct rbl_name {
	uint32_t key_at, value;
	uint8_t key_len, covers;
};

struct rbl_names {
	struct rbl_name *items;
	size_t len, size;
	uint8_t *keys;
	size_t keys_len, keys_size;
};

void rbl_names_done(struct rbl_names *names);
/* covers: of enum rbl_covers. E_NOMEM, E_LIMIT. */
int rbl_names_add(struct rbl_names *names, struct span key, uint32_t value, unsigned covers);

/* E_NOMEM, E_LIMIT. */
int rbl_names_paint(
	struct rbl_names *names, struct rbl_values *values, struct rbl_painted *ret_painted);
