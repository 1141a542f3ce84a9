/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * Places for questions under way (base/places.h). Strangers are the cause of most questions, and
 * can make them last: one of a stranger's counts against its network, and against the owner of a
 * name that a stranger chose. What nobody outside is the cause of has always a place: it is little.
 * Pure; owner: the resolver; one thread.
 */
#include "base/places.h"
#include "resolve/result.h"

struct shares;

struct shares *shares_new(size_t places);
void shares_free(struct shares **shares);

void shares_set_places(struct shares *shares, size_t places);
unsigned shares_percent(const struct shares *shares);

/* False: there is no place for this question, and nothing is held. */
bool shares_take(struct shares *shares, const struct resolver_question *question,
	struct place_hold *ret_hold);
void shares_give(struct shares *shares, const struct place_hold *hold);
