/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * What a role serves: one snapshot file, mapped read-only, and the numbered changes since, painted
 * over it. A view is immutable; a newer one is put on the shelf (base/shelf.h) and the snapshot is
 * unmapped when the last view that needs it is gone. Lookups: any number of threads, no locks, no
 * allocation.
 *
 * A list has sublists; a hit names the sublist by its index in the list (bit 1 << index in masks).
 * Each sublist answers by its own most specific entry for the address, exclusions included; one
 * answer may hold several sublists.
 */
#include "base/err.h"
#include "base/ip.h"
#include "list/hit.h"
#include "list/source.h"

struct view;
struct delta;
struct shelf;

/* Maps a snapshot; E_ABSENT, E_CORRUPT, E_VERSION, E_CHECKSUM, E_TRUNCATED with words in *why. */
int view_open(const char *path, struct view **ret_view, struct fault *why);

/* The same of bytes that outlive the view and lie at a multiple of 16. verify: compare the checksum
 * (fuzzing does not). */
int view_open_bytes(struct span bytes, bool verify, struct view **ret_view, struct fault *why);

/* A new view: `base`, which stays valid, and the change. E_CONFLICT when delta does not start at
 * the serial of base. */
int view_apply(const struct view *base, const struct delta *delta, struct view **ret_view,
	struct fault *why);
/*
 * A new view: `fresh` is of a newer snapshot, `base` serves a later serial than it on top of an
 * older snapshot. The result serves what base does, on top of the new snapshot, with only those
 * changes that came after it: nothing is to be sent again. Both stay valid. E_CONFLICT when the
 * lists are not the same or base is not ahead of fresh.
 */
int view_rebase(const struct view *base, const struct view *fresh, struct view **ret_view,
	struct fault *why);
void view_free(struct view **view);

/* A shelf of views (base/shelf.h). */
struct shelf *view_shelf_new(void);

/* An empty view of serial 0, for a role that has not heard of any list yet. */
struct view *view_new_empty(void);

uint32_t view_serial(const struct view *view);
bool view_is_known(const struct view *view); /* false: no list has come yet, and nothing is known */
uint32_t view_snapshot_serial(const struct view *view); /* of the file below; 0: none */
size_t view_overlay_size(const struct view *view);      /* pieces painted over the snapshot */

/* The index of a list and of a sublist by name; E_ABSENT. Names may come and go with the
 * configuration: ask per view. */
int view_list_find(const struct view *view, struct span name);
int view_sublist_find(const struct view *view, int list, struct span name);
size_t view_list_count(const struct view *view);
struct span view_list_name(const struct view *view, int list);
struct span view_sublist_name(const struct view *view, int list, unsigned sublist);
uint64_t view_list_entries(
	const struct view *view, int list); /* listings at the time of the snapshot */

/* The mask of sublists that list ip; 0: not listed. ret_hits: what they answer, none when not
 * listed; NULL: not asked for. */
uint32_t view_lookup_ip(const struct view *view, int list, struct ip ip, struct hits *ret_hits);

/* The same for a domain: name in lower-case text form without a dot at the end. Exact entries, and
 * ".x" for x and below. */
uint32_t view_lookup_domain(
	const struct view *view, int list, struct span name, struct hits *ret_hits);

/* The same for a source: an address or a domain, not a network. */
uint32_t view_lookup(
	const struct view *view, int list, const struct source *source, struct hits *ret_hits);

/*
 * Before a batch of lookups: asks for the memory they will read, step 0 for all of the batch, then
 * step 1 for all, up to VIEW_FETCHES - 1. So their cache misses overlap, where one lookup after the
 * other waits for each. Changes no answer. A batch of about 16 keeps what was fetched in the first
 * cache.
 */
enum { VIEW_FETCHES = 3 };
void view_prefetch_ip(const struct view *view, int list, struct ip ip, unsigned step);
void view_prefetch_domain(const struct view *view, int list, struct span name, unsigned step);

/* Whether any address in net is listed by a sublist of mask: does the partial name exist (RFC
 * 8020)? Both say yes, too, where very much was taken off the list since the snapshot and nothing
 * of it may be left: to be sure would take too long. */
bool view_has_within(const struct view *view, int list, struct prefix net, uint32_t mask);

/* Whether any listed domain is below name (empty: any at all). */
bool view_has_below(const struct view *view, int list, struct span name, uint32_t mask);

/* ---- Going through all of a list: transfers, exports, a new snapshot ---- */

/* Addresses that have one and the same answer, which is not empty. */
struct view_piece {
	struct ip first, last; /* both IPv4, or both IPv6 */
	uint32_t mask;
	struct hits hits; /* reasons live as long as the view */
};

/* What is gone through: addresses of a list that a sublist of mask lists. */
struct view_walk {
	const struct view *view;
	int list;
	uint32_t mask;
};

/*
 * The first address at or after `from` that the walk is for, and how far its complete answer
 * reaches; false when there is none. What others list in between costs next to nothing. Addresses
 * ascend as IPv6 does, IPv4 in its mapped block. To go on ask from the address behind ret->last
 * (view_piece_next). Pieces are not networks, and neighbours with equal answers may come
 * separately: who needs few pieces joins them.
 */
bool view_next_listed(const struct view_walk *walk, struct ip from, struct view_piece *ret);

/* The address behind the piece; false when it was the last of all. */
bool view_piece_next(const struct view_piece *piece, struct ip *ret_from);

enum { VIEW_NAME_SIZE = 260 };

/* An entry of a domain: "x" says what is answered at x alone, ".x" at x and below it where no other
 * entry is nearer. */
struct view_name {
	char name[VIEW_NAME_SIZE]; /* lower case, no dot at the end */
	uint32_t mask; /* 0: an exclusion, nothing is listed here although something above is */
	struct hits hits;
};

/*
 * The first entry behind `after` (as in view_name.name; empty: the first of all), with its own
 * complete answer. The order is that of the names read from their last label on, an ancestor before
 * its descendants, and ".x" before "x". Entries that say nothing come only where something is
 * listed above them.
 */
bool view_next_listed_name(
	const struct view *view, int list, struct span after, struct view_name *ret);
