/* SPDX-License-Identifier: ISC */
#pragma once
/* Painted ground, looked up: the tables of a list (sets/, as in a snapshot), whose rows are answers
 * (rbldata/values.h). A look-up is one or two searches, without rules. Immutable once built: any
 * thread. */
#include "list/snapshot.h"
#include "list/view.h"
#include "rbldata/values.h"
#include "sets/prefix.h"

/* Disjoint ground, each range with its answer. Addresses of IPv4 are plain numbers here. */
struct rbl_painted {
	struct point *points; /* IPv4: address and answer, ascending */
	size_t points_len;
	struct steps v4_steps;
	struct steps nets, hosts, steps; /* IPv6: whole /64s, whole addresses, everything else */
	struct name_nodes names;
	const uint8_t *keys; /* of names */
};

void rbl_painted_done(struct rbl_painted *painted);

struct rbl_index {
	struct image image;
	struct snapshot_list tables;
};

/* Points and rows are overwritten; the caller frees what was painted. E_NOMEM. */
int rbl_index_build(struct rbl_painted *painted, struct rbl_index *ret_index);
void rbl_index_done(struct rbl_index *index);

/* The answer; 0: not listed. */
uint32_t rbl_index_v4(const struct rbl_index *index, uint32_t address);
uint32_t rbl_index_v6(const struct rbl_index *index, struct ip ip);

/* Asks for the memory that the look-up will read, one step (below RBL_FETCHES) after the other for
 * all look-ups of a batch, so that their misses overlap. Changes no answer. */
enum { RBL_FETCHES = NAMES_FETCHES };
void rbl_index_prefetch(const struct rbl_index *index, u128 key, unsigned step);
void rbl_index_prefetch_name(const struct rbl_index *index, struct span key, unsigned step);

/* Of a name that is not an entry but has a wildcard below it: what wildcards further up say. */
static const uint32_t rbl_inherited = UINT32_MAX - 1;

struct rbl_named {
	uint32_t answer;
	/* of the key of the entry that answers: the name itself, or what it is below */
	size_t entry_len;
	bool has_below; /* something below the name is listed */
};

struct rbl_named rbl_index_name(const struct rbl_index *index, struct span key);

/* Whether any address is listed in the network: of so many bits, of 128, from the key on. */
bool rbl_index_has(const struct rbl_index *index, u128 first, unsigned bits);

/* Ground with one answer: addresses as sets/key.h has them, IPv4 from key_v4_first on. */
struct rbl_answer_range {
	u128 first, last;
	uint32_t answer;
};

/* The first listed ground at or after a key; false: none. */
bool rbl_index_next(const struct rbl_index *index, u128 from, struct rbl_answer_range *ret_range);

/* Names that are listed, and all names above them, in the order of their keys. */
uint32_t rbl_index_names_len(const struct rbl_index *index);
struct span rbl_index_names_key(const struct rbl_index *index, uint32_t place);
