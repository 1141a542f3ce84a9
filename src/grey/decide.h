/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * Greylisting (RFC 6647): a first contact that gives a reason is asked to come back, which mail
 * servers do and much of what sends spam does not. Who came back is known from then on, and a group
 * that did so five times, in different hours, waits no more at all.
 *
 *   wait = delay x suspicion, since the first attempt       0: nobody waits
 *   by example, delay 5m, no PTR record and no SPF pass:    15 minutes
 *
 * A decision changes nothing; grey_note makes it part of what is known. So who only wants to see
 * (explain) sees the same. Pure: the time is passed in. One thread.
 */
#include "grey/key.h"
#include "grey/table.h"

enum {
	GREY_GROUP_PASSES = 5,     /* a group of so many is let in */
	GREY_GROUP_PASS_S = 3600,  /* counted at most once in so long */
	GREY_WROTE_S = 30 * 86400, /* so long a domain is waited for that we wrote to */
	GREY_CHANGES_MAX = 4
};

struct grey_attempt {
	struct grey_client client;
	struct span sender; /* without brackets; empty: <> */
	struct span recipient;
	unsigned suspicion;
};

/* The keys of an attempt: hashing is done once, for deciding and for noting. */
struct grey_keys {
	unsigned suspicion;
	struct grey_key triplet, group;
	struct grey_key sight, pool; /* only with has_pool */
	struct grey_key wrote;       /* only with has_wrote */
	uint32_t network;            /* of the client, /24 or /48 */
	bool has_pool;
	bool has_wrote; /* the sender's domain is proven by SPF */
	bool may_vouch; /* its passes count for the group: not those of <> */
};

enum grey_why {
	GREY_WHY_TRUSTED,   /* no suspicion */
	GREY_WHY_WROTE,     /* one of our users wrote to that domain */
	GREY_WHY_GROUP,     /* its group has passed often enough */
	GREY_WHY_KNOWN,     /* it passed before */
	GREY_WHY_CAME_BACK, /* late enough */
	GREY_WHY_FULL,      /* no room to remember it: nobody waits for nothing */
	GREY_WHY_FIRST,     /* waits: the first attempt */
	GREY_WHY_EARLY      /* waits: came back too early */
};

struct grey_decision {
	enum grey_why why;
	int64_t wait_s;   /* from now on; 0: let in */
	int64_t waited_s; /* since the first attempt */
	bool by_pool;     /* what its pool did before counts */
};

/* Owner: whoever fills it. */
struct greylist {
	struct grey_table *table;
	struct grey_secret secret;
	int64_t delay_s;
	/* What the last noting changed, for the file. */
	size_t changes_len;
	struct grey_entry changes[GREY_CHANGES_MAX];
};

void grey_keys_make(const struct greylist *list, const struct grey_attempt *attempt,
	struct grey_keys *ret_keys);

void grey_decide(const struct greylist *list, const struct grey_keys *keys, int64_t now_s,
	struct grey_decision *ret_decision);

/* The attempt happened, and the client hears what was decided: unless there is no room to remember
 * its first attempt, which makes GREY_WHY_FULL of the decision. */
void grey_note(struct greylist *list, const struct grey_keys *keys, int64_t now_s,
	struct grey_decision *decision);

/* One of our users wrote to a mailbox of that domain. */
void grey_note_wrote(struct greylist *list, struct span domain, int64_t now_s);

const char *grey_why_words(enum grey_why why);
