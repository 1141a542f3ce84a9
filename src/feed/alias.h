/* SPDX-License-Identifier: ISC */
#pragma once
/* Names that CNAMEs of a zone lead to (RFC 1034 section 3.6.2), and what they claim. Many names
 * may share one: each is read once, however many lead to it, so that a stranger's zone costs no
 * more than its records. Owner: whoever collected them; the zone has to live longer. Pure. */
#include "feed/zone.h"

/* Which sublists list something, and the text with it. */
struct feed_claim {
	uint32_t listed, reason;
};

struct feed_alias {
	struct span key;  /* as in the records */
	struct span next; /* it is a CNAME itself; empty: it is none */
	struct feed_claim claim;
};

struct feed_aliases {
	size_t len, room;
	struct feed_alias *entries; /* by key */
};

/* All names that CNAMEs lead to, without their claims. Begin with {0}. */
void feed_aliases_collect(struct feed_aliases *aliases, const struct feed_zone *zone);
void feed_aliases_done(struct feed_aliases *aliases);

/* NULL: no CNAME leads there. */
struct feed_alias *feed_aliases_find(const struct feed_aliases *aliases, struct span key);
/* The claim at the end of the chain that begins with key; nothing: it leads out of the zone, in a
 * circle, or too far. */
struct feed_claim feed_aliases_follow(const struct feed_aliases *aliases, struct span key);
