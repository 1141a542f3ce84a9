/* SPDX-License-Identifier: ISC */
#pragma once
/* How far the end of a list has come, as the store has it: what may be done then is in
 * policy/retirement. One thread. */
#include "keeper/store_guard.h"
#include "policy/retirement.h"

int retirement_read(struct store *store, struct span list, struct retirement_state *state);
/* E_DENIED with words: the list is going to end or has ended, and takes nothing new. */
int retirement_refuses(const struct store_guard *guard, struct span list, struct fault *why);
