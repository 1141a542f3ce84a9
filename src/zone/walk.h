/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * A zone as the nodes of a standard zone, in order: what a secondary needs so that it answers as we
 * do. The nodes are a function of the listings around them and of nothing else, so that a change to
 * a list is a change to few nodes, and two servers with the same serial give the same zone.
 *
 * The same is said several times: at the apex for all sublists, and below the label of each sublist
 * for that one; in a combined zone below the label of each list for those of that list, with its
 * sublists below it. Each of these is a subtree.
 *
 * Pure: no clock, no socket; nothing is kept but how far the walk has come. One thread; table and
 * view have to live longer.
 */
#include "sets/key.h"
#include "zone/match.h"

/* A name and what matches there. */
struct zone_node {
	/* Its labels below the apex, as on the wire, without the root. */
	size_t owner_len;
	uint8_t owner[DNS_NAME_MAX];
	struct zone_match match; /* nothing: but the name exists, so that no wildcard covers it */
	struct text_subject subject; /* the source that its texts name */

	/* Where it stands: the addresses that it answers for, or the domain it is about. */
	u128 first;
	unsigned bits;
	bool is_v6_form;    /* of an IPv4 address: its name in nibbles; behind all others */
	struct span domain; /* valid until the walk goes on */
	bool below;         /* the wildcard below that domain */
};

/* A region: addresses, or a domain. */
struct zone_region {
	bool is_domain;
	u128 first, last;
	char domain[VIEW_NAME_SIZE];
	bool whole; /* with all names below it; else the name alone */
};

struct zone_walk {
	const struct zone_binding *binding;
	unsigned subtree; /* 0: all sublists */
	uint32_t within;

	/* Addresses: the range that is left, and what comes next in it. */
	bool ended;
	u128 key, last;
	u128 mixed; /* a /24 that was found to have no common answer; 0: none */
	bool asked; /* the rest: what the view said, asked from `from` on */
	bool found;
	u128 from;
	struct match_range ahead;
	size_t tests_len; /* test addresses, ascending */
	u128 tests[ZONE_SUBLISTS_MAX + 2];
	size_t v6_forms_at; /* of the tests, those whose IPv6 form was passed */

	/* Domains (walk_domain.c). name: the entry that the walk has come to; path: the one before
	 * it that has nodes. */
	char name[VIEW_NAME_SIZE];
	char path[VIEW_NAME_SIZE];
	bool differs;    /* the entry, from what would be said without it */
	size_t root_len; /* stays below the last root_len octets of the name; 0: everywhere */
	size_t due_at;   /* what is due: of the name that begins here in `name` */
	unsigned due;    /* DUE_... */
	bool alone;      /* nothing behind it */
	bool tested;     /* the test entry was passed */
};

/* The number of subtrees. */
unsigned zone_subtrees(const struct zone *zone);
/* The sublists of a subtree. */
uint32_t zone_subtree_within(const struct zone *zone, unsigned subtree);

/* All of a subtree. */
void zone_walk_begin(struct zone_walk *walk, const struct zone_binding *binding, unsigned subtree);
/* One region, which is closed: zone_region_close. */
void zone_walk_begin_at(struct zone_walk *walk, const struct zone_binding *binding,
	unsigned subtree, const struct zone_region *region);

/* The next node; false when there is none. */
bool zone_walk_next(struct zone_walk *walk, struct zone_node *ret_node);

/*
 * Widens a region of addresses so that no node stands with one foot in it, before a change or after
 * it: to whole /24 blocks, and to the IPv6 network with one answer around it.
 */
void zone_region_close(struct zone_region *region, const struct zone_binding *before,
	const struct zone_binding *after, unsigned subtree);

/* <0, 0, >0: the order in which a walk gives nodes of one subtree; 0: they have the same owner. */
int zone_node_compare(const struct zone_node *a, const struct zone_node *b);
/* Of the same owner: whether they have the same records. */
bool zone_node_equal(const struct zone_node *a, const struct zone_node *b);
