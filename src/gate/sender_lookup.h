/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * Asks DNS whether mail can be sent back to a domain: it has MX records, or else an address (RFC
 * 5321 section 5.1), and does not say that it takes none (RFC 7505). One loop, one thread; owner:
 * the consultation.
 */
#include "base/span.h"
#include "gate/facts.h"
#include "loop/loop.h"

struct sender_lookup;
struct resolver;

struct sender_lookup_request {
	struct ip client;   /* who is the cause */
	struct span domain; /* as lists hold it: domain_fold; copied */
	/* Called once, never from inside sender_lookup_start; the lookup may be freed in it. */
	void (*done)(void *arg);
	void *arg;
};

/* NULL: the domain is too long to be one. */
struct sender_lookup *sender_lookup_start(
	struct resolver *resolver, const struct sender_lookup_request *request);
void sender_lookup_free(struct sender_lookup **lookup); /* cancels what is under way */

bool sender_lookup_is_for(const struct sender_lookup *lookup, struct span domain);
bool sender_lookup_is_answered(const struct sender_lookup *lookup);
/* SENDER_UNKNOWN until there is an answer, and when DNS did not tell. */
enum sender_state sender_lookup_state(const struct sender_lookup *lookup);
