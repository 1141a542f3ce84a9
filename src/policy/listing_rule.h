/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * What may be listed where, by whom, and until when: the operator's side of the published policies.
 * Pure; any thread.
 */
#include "conf/conf.h"
#include "list/source.h"

/* Where an entry goes and by which criterion. */
struct placement {
	const struct conf_list *list;
	const struct conf_sublist *sublist;
	const struct conf_policy *policy;
};

/* How an operator names it; sublist empty: the one whose policy takes what operators enter. */
struct placement_name {
	struct span list;
	struct span sublist;
};

struct rule_entry {
	const struct conf_list *list;
	const struct source *source;
	bool excluded; /* from the list: that hits nobody */
};

/* E_ABSENT, E_DENIED (the policy takes no such entries). */
int rule_place(const struct conf *conf, const struct placement_name *name,
	struct placement *ret_placement, struct fault *why);

/* E_USAGE: the list holds the other kind; E_PROTECTED: on the never-list, far too wide,
 * or a public suffix (base/public_suffix.h). */
int rule_may_list(const struct conf *conf, const struct rule_entry *entry, struct fault *why);

/* Until when; asked_s 0: as long as the policy says. E_RANGE: it is over already. */
int64_t rule_until(
	const struct conf_policy *policy, int64_t asked_s, int64_t now_s, struct fault *why);

/* Listings without an end that began at this time or before wait for review (RFC 6471 section
 * 2.2.1). INT64_MIN: none does, as the feed ends what it no longer has. */
int64_t rule_review_s(const struct conf_policy *policy, int64_t now_s);
