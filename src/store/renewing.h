/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * What an import met that is there already and only ends at another time. Which listings it were is
 * a bit for each until the import ends; then those of a group that it met as a whole get their new
 * end by one row. Pure memory; owner: the connection of the import; one thread.
 */
#include <stddef.h>
#include <stdint.h>

struct renewing {
	struct renewing_group {
		uint64_t id; /* 0: free */
		uint64_t count;
		uint64_t *seen; /* a bit for each number within */
		size_t words;
	} * groups; /* a table by id */
	size_t len;
	size_t room;
	int64_t until_s; /* their new end */
};

/* The listing of this number; again is the same. */
void renewing_add(struct renewing *renewing, uint64_t id);
void renewing_clear(struct renewing *renewing);
