/* SPDX-License-Identifier: ISC */
#pragma once
/* A zone as entries of a list: which sublists list a source, and from which a wider entry's reach
 * is taken away again. So the list answers for every address what the zone answers, by the rules of
 * the DNS: a name that exists hides a wildcard above it, for itself and for all below it (RFC 4592
 * section 2.2.1). Owner: whoever made it. Pure; any thread. */
#include "conf/conf.h"
#include "feed/zone.h"
#include "list/source.h"

/* An accepted answer and where it belongs. */
struct feed_rule {
	struct conf_code code;
	uint8_t sublist; /* bit in the masks */
};

struct feed_rules {
	bool domains; /* the zone lists domains, not addresses */
	size_t len;
	const struct feed_rule *rules; /* the first that fits holds */
};

enum { FEED_REASON_MAX = 200 };

/* One source. Both masks 0: nothing (any more). */
struct feed_entry {
	struct ip ip;
	uint8_t bits;    /* of a network */
	uint32_t domain; /* of a domain: its place in the pool; 0: a network */
	uint32_t reason; /* place in the pool */
	uint32_t listed, excluded;
};

/* What was read and is in no entry. Records but for `names`. */
struct feed_counts {
	size_t refusals;   /* answers that say "no answer": 127.255.255.0/24, 127.0.0.1 */
	size_t outside;    /* outside of 127.0.0.0/8: no listing, whatever it is */
	size_t unaccepted; /* codes that no rule takes */
	size_t names;   /* names that are no source, test entries, networks that are far too wide */
	size_t aliases; /* CNAMEs that lead to no listing of this zone */
};

struct feed_set {
	size_t len;
	struct feed_entry *entries; /* in the order of their sources */
	struct buf pool;            /* texts, each with its NUL; the first is empty */
	struct feed_counts counts;
};

/* E_LIMIT: more texts than fit. */
int feed_set_new(
	const struct feed_zone *zone, const struct feed_rules *rules, struct feed_set **ret_set);
void feed_set_free(struct feed_set **set);

void feed_entry_source(
	const struct feed_set *set, const struct feed_entry *entry, struct source *ret_source);
struct span feed_entry_reason(const struct feed_set *set, const struct feed_entry *entry);

/* What to say to make `from` into `to`, in order of the sources: new and changed entries of `to`,
 * and those of `from` that are gone, with empty masks. Begin with {.from = ..., .to = ...}; from
 * NULL: nothing. 1: *ret_entry and whose pool it is of, 0: no more. */
struct feed_difference {
	const struct feed_set *from, *to;
	size_t from_at, to_at;
};

int feed_difference_next(struct feed_difference *difference, struct feed_entry *ret_entry,
	const struct feed_set **ret_set);
