/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * A set of networks to look addresses up in: an access list. Immutable after nets_new; any thread.
 */
#include "base/ip.h"

struct nets;

/* Overlaps are fine. */
struct nets *nets_new(const struct prefix *prefixes, size_t len);
void nets_free(struct nets **nets);

/* Whether it has any network; NULL has none. */
bool nets_is_empty(const struct nets *nets);
bool nets_has(const struct nets *nets, struct ip ip);
