/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * How much a first contact looks like what mail servers are not: the wait of a greylist is so many
 * times its delay, and none at all for a client that gives no reason. What DNS did not tell is no
 * reason: a resolver that is away delays nobody. Pure; any thread.
 */
#include <stdbool.h>

enum { SUSPICION_MAX = 6 };

struct suspicion {
	bool no_name;      /* no PTR record: 2 */
	bool generic_name; /* or one of a pool: 2 */
	bool unconfirmed;  /* it has a name, which does not point back: 1 */
	bool no_spf_pass;  /* the sender's domain does not say that it sends from here: 1 */
	bool helo_fault;   /* 1 */
	bool listed;       /* on a third-party list whose weight does not refuse by itself: 2 */
};

unsigned suspicion_sum(const struct suspicion *suspicion);

enum { SUSPICION_TEXT_SIZE = 96 };
/* "no PTR record, no SPF pass"; "" for 0. */
const char *suspicion_print(const struct suspicion *suspicion, char text[SUSPICION_TEXT_SIZE]);
