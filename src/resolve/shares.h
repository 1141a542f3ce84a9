/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * Places for questions under way, and who may take one. Strangers are the cause of most questions,
 * and can make them last: so one of a stranger's finds a place while its network, and the owner of
 * a name that a stranger chose, hold less than a quarter of what is free. Alone anybody may have
 * hundreds; beside a hundred others who take all they get each still has some, and a few stay free
 * for whoever comes next. What nobody outside is the cause of has always a place: it is little.
 *
 * A share is counted under a keyed hash. That two of 65,536 fall together is rare, and nobody can
 * bring it about. Pure; owner: the resolver; one thread.
 */
#include "resolve/result.h"

struct shares;

/* What a question holds, to be given back. */
struct share_hold {
	uint32_t client, owner; /* 0: nobody's share */
};

struct shares *shares_new(size_t places);
void shares_free(struct shares **shares);

/* False: there is no place for this question, and nothing is held. */
bool shares_take(struct shares *shares, const struct resolver_question *question,
	struct share_hold *ret_hold);
void shares_give(struct shares *shares, const struct share_hold *hold);
