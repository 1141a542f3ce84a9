/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * What is known of the lists of others (foreign_lists.def): presets, error codes, and those that
 * ended. Constant; any thread.
 */
#include "base/ip.h"

enum { FOREIGN_SKIPS_LISTED = 1, FOREIGN_SKIPS_CLEAN = 2, FOREIGN_SKIPS_NOBODY = 4 };

struct foreign_list {
	const char *preset, *zone, *name, *codes;
	const char *action, *url; /* url: NULL when there is none */
	unsigned skips;
	const char *terms;
};

struct foreign_dead {
	const char *zone, *date, *how, *source;
};

/* NULL: not known. */
const struct foreign_list *foreign_list_find(struct span preset);
/* In their order; NULL behind the last. */
const struct foreign_list *foreign_list_at(size_t index);

/* The ended list that zone is, or is below. NULL: none. */
const struct foreign_dead *foreign_dead_find(struct span zone);

/* Whether the zone means by it that it does not serve us. Any address below 127.255.255 does. */
bool foreign_code_is_error(struct span zone, const uint8_t code[4]);
