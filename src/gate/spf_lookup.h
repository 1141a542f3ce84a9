/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * Asks DNS what SPF wants to know of one client and one sender (spf/spf.h says which question comes
 * next), until there is a result. One loop, one thread; owner: the consultation.
 */
#include "loop/loop.h"
#include "spf/spf.h"

struct spf_lookup;
struct resolver;

struct spf_lookup_request {
	struct spf_request asked; /* copied */
	/* Called once, never from inside spf_lookup_start, and not when there is a result at once;
	 * the lookup may be freed in it. */
	void (*done)(void *arg);
	void *arg;
};

struct spf_lookup *spf_lookup_start(
	struct resolver *resolver, const struct spf_lookup_request *request);
void spf_lookup_free(struct spf_lookup **lookup); /* cancels what is under way */

bool spf_lookup_is_for(const struct spf_lookup *lookup, const struct spf_request *asked);

/* SPF_UNANSWERED until there is a result. Spans live as long as the lookup. */
const struct spf_outcome *spf_lookup_outcome(const struct spf_lookup *lookup);
