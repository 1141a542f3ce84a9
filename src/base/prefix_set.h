/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * A set of networks to look addresses up in: an access list. Immutable after prefix_set_new; any
 * thread.
 */
#include "base/ip.h"

struct prefix_set;

/* Overlaps are fine. */
struct prefix_set *prefix_set_new(const struct prefix *prefixes, size_t len);
void prefix_set_free(struct prefix_set **set);

/* Whether it has any network; NULL has none. */
bool prefix_set_is_empty(const struct prefix_set *set);
bool prefix_set_has(const struct prefix_set *set, struct ip ip);
