/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * A sorted set that is never changed: a change makes a new tree, which shares with the old one all
 * nodes but those on the way to the change. So one change costs a few small nodes whatever the
 * size, and whoever holds an old tree reads on.
 *
 * A tree is its root; NULL is the empty tree. Nodes and answers are counted. Making: one thread at
 * a time. Reading, and letting go: any thread, no locks. Memory: aborts when there is none, in
 * small pieces; the caller bounds the size.
 */
#include <stdatomic.h>

#include "list/hit.h"
#include "sets/key.h"

/* What is said of a range or name, and for a name the name itself. */
struct answer {
	atomic_uint refs;
	uint32_t serial; /* of the change that said it */
	uint32_t mask;
	uint8_t len;
	bool below;      /* of a name: ".x" */
	struct span key; /* of a name (sets/names.h), stored behind the hits, as the reasons are */
	struct hit hits[]; /* ascending by sublist */
};

struct answer *answer_ref(struct answer *answer);
void answer_unref(struct answer **answer);

/*
 * Ranges are sorted by `first` and do not overlap. Names have the first 32 bytes of their key
 * there, as numbers: nearly always enough to tell them apart without a look at the answer.
 */
struct tree_item {
	u128 first, last;
	struct answer *answer;
	struct tree *child; /* of an inner node, whose item is its least; NULL in a leaf */
};

struct tree {
	atomic_uint refs;
	uint32_t mask;  /* of all answers below */
	uint64_t count; /* items in all leaves below */
	uint8_t level;  /* 0: a leaf */
	uint8_t len;
	struct tree_item *items; /* behind the keys */
	u128 keys[]; /* `first` of each item once more: a search goes through few lines of memory */
};

/* Where to look. A name has a key (never empty) and a kind, a range only `first`. */
struct tree_key {
	u128 first, last;
	struct span name;
	bool is_name, below;
};

struct tree_key tree_key_of_range(u128 first);
struct tree_key tree_key_of_name(struct span name, bool below);

struct tree *tree_ref(struct tree *tree);
void tree_unref(struct tree **tree);

/* The first item that is not less than key, and has a sublist of mask (0: any answer, empty ones
 * too); NULL: none. */
const struct tree_item *tree_from(
	const struct tree *tree, const struct tree_key *key, uint32_t mask);
/* The last item that is not greater than key; NULL: none. */
const struct tree_item *tree_upto(const struct tree *tree, const struct tree_key *key);

enum { SPLICE_MAX = 3 };

/* `items` (at most SPLICE_MAX, sorted, they fit there) stand for all that was in low..high. */
struct splice {
	const struct tree_key *low, *high;
	const struct tree_item *items;
	size_t len;
};

/* A new tree; the answers of the items are counted once more. */
struct tree *tree_splice(const struct tree *tree, const struct splice *splice);

/* A new tree of the answers that are newer than serial. */
struct tree *tree_newer(const struct tree *tree, uint32_t serial);
