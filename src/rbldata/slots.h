/* SPDX-License-Identifier: ISC */
#pragma once
/* Numbers, found by the hash of what they stand for: an open table for whoever keeps the things
 * themselves in an array. Owner: the caller, who frees `items`; one writer, or any readers. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rbl_slot {
	uint32_t number; /* and 1; 0: free */
	uint32_t hash;
};

struct rbl_slots {
	struct rbl_slot *items;
	size_t size, used; /* size: a power of two, twice `used` at least */
};

/* What is looked for: whether it is what that number stands for. */
struct rbl_sought {
	uint64_t hash;
	bool (*is_it)(const void *arg, uint32_t number);
	const void *arg;
};

/* The number, or E_ABSENT. */
int64_t rbl_slots_find(const struct rbl_slots *slots, const struct rbl_sought *sought);

/* A number that is not there. E_NOMEM. */
int rbl_slots_add(struct rbl_slots *slots, uint64_t hash, uint32_t number);
