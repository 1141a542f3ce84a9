/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * What a change set of a feed does to the listings that are in force of it. Two rows sorted by
 * source are merged: for each source, what is held and what shall be. How much of it may change at
 * once is here, too. Pure; any thread.
 *
 *	held      1.2.3.4 on a     1.2.3.5 on a     1.2.3.6 on a
 *	change    1.2.3.4 on a     1.2.3.5 on b                      1.2.3.7 on a
 *	          stays            ends, is added   ends             is added
 */
#include "base/ip.h"
#include "list/source.h"

/* A source in half the memory: a zone may have millions. */
struct feed_source {
	struct ip ip;
	const char *domain; /* NULL: a network */
	uint8_t bits;
};

/* One source of a change set. Sublists are bits, as the change set numbers them. */
struct feed_item {
	struct feed_source source;
	const char *reason;
	uint32_t listed;
	uint32_t excluded;
};

/* A listing of the feed that is in force. */
struct feed_listing {
	struct feed_source source;
	const char *list; /* another one than the feed's: the configuration moved it */
	uint64_t id;
	uint64_t reason_hash;
	int bit; /* -1: of a sublist that the feed no longer fills */
	bool excluded;
};

/* What shall be in force for one source: an entry without what may not be listed. */
struct feed_target {
	uint32_t sublists;
	uint32_t excluded; /* of them */
	uint64_t reason_hash;
};

enum feed_fate { FEED_STAYS, FEED_REPLACED, FEED_GONE };

enum feed_fate feed_fate(const struct feed_target *target, const struct feed_listing *listing);
/* The sublists that are to be added to what stays of these listings of one source. */
uint32_t feed_missing(
	const struct feed_target *target, const struct feed_listing *listings, size_t len);
/* Does anything end or need to be added? */
bool feed_differs(
	const struct feed_target *target, const struct feed_listing *listings, size_t len);

/* Both by source; for qsort. */
int feed_item_order(const void *left, const void *right);
int feed_listing_order(const void *left, const void *right);

/* The merge: both sorted. */
struct feed_merge {
	const struct feed_listing *listings;
	size_t listings_len;
	const struct feed_item *entries;
	size_t entries_len;
	/* The source that feed_merge_next found: */
	struct feed_item entry; /* an empty one when the change set does not name it */
	const struct feed_listing *held;
	size_t held_len;
};

/* The next source of either; false: there is none. */
bool feed_merge_next(struct feed_merge *merge);

/* How many sources may change of `held` listings: the part that is configured, and always a few. */
uint64_t feed_change_max(uint64_t held, int per_cent);

void feed_source_expand(const struct feed_source *source, struct source *ret_source);
