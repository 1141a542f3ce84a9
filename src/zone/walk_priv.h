/* SPDX-License-Identifier: ISC */
#pragma once
/* What the two halves of a walk share: addresses (walk.c) and domains (walk_domain.c). */
#include "zone/walk.h"

/* False when the name would be too long. */
bool node_put_label(struct zone_node *node, struct span label);
/* Behind the last label of its own: the label of the subtree. */
bool node_end_owner(const struct zone_walk *walk, struct zone_node *node);

/* In the order of the walk: read from the last label on, what is above first. */
int domain_compare(struct span a, struct span b);
/* Whether name is `above` or lies below it; everything lies below the empty name. */
bool domain_is_within(struct span name, struct span above);

void walk_begin_domain(struct zone_walk *walk, const struct zone_region *region);
bool walk_next_domain(struct zone_walk *walk, struct zone_node *node);
