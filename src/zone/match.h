/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * What a zone says of an address or a domain, as answers to queries and as records for secondaries:
 * one definition for both, so that a secondary says what we say. Pure; any thread; nothing is
 * allocated.
 */
#include "list/retirement.h"
#include "sets/key.h"
#include "zone/table.h"

enum { SUBLIST_UNKNOWN = 0xff };

/* A list of a zone bound to a view: which list it is there, and which of its sublists is which. */
struct zone_list_binding {
	int view_list;      /* in the view; negative: it does not hold this list */
	uint32_t sublists;  /* those that the view has, as a mask of the zone */
	uint32_t view_mask; /* the same as a mask of the view */
	/* From a sublist of the zone to that of the list in the view, and back
	 * (SUBLIST_UNKNOWN). */
	uint8_t view_sublist_of[ZONE_SUBLISTS_MAX];
	uint8_t sublist_of[SUBLISTS_MAX];
	struct retirement retirement;
};

/* A zone of the table bound to a view: each of its lists, in that order. */
struct zone_binding {
	const struct zone_table *table;
	const struct zone *zone;
	const struct view *view;
	uint32_t alive; /* sublists of lists that have not ended (list/retirement.h) */
	uint32_t ttl_s; /* of what the zone says of itself: long when all of it has ended */
	uint32_t negative_ttl_s;
	size_t lists_len;
	struct zone_list_binding lists[ZONE_SUBLISTS_MAX];
};

void zone_bind(struct zone_binding *binding, const struct zone_table *table,
	const struct zone *zone, const struct view *view);

/* The TXT record of the apex that tells the end of a list: one string behind its length octet, the
 * index-th; 0: no more. */
size_t zone_binding_end_txt(
	const struct zone_binding *binding, size_t index, uint8_t ret_string[1 + ZONE_TEXT_MAX]);

/* Whether anything in net, or below a domain, is listed by a sublist of within: then the names
 * above exist (RFC 8020). */
bool zone_binding_has_within(
	const struct zone_binding *binding, struct prefix net, uint32_t within);
bool zone_binding_has_below(const struct zone_binding *binding, struct span name, uint32_t within);

/* The sublists that list a source, list by list in their order in the view, with their reasons. */
struct zone_match {
	size_t len;                          /* 0: not listed */
	int64_t until_s;                     /* the first end among them; 0: none ends */
	uint8_t sublists[ZONE_SUBLISTS_MAX]; /* of the zone */
	struct span reasons[ZONE_SUBLISTS_MAX];
};

/* Test entries included. within: the sublists asked. */
void match_at_ip(const struct zone_binding *binding, struct ip ip, uint32_t within,
	struct zone_match *ret_match);
/* name: lower case, labels joined by dots. */
void match_at_domain(const struct zone_binding *binding, struct span name, uint32_t within,
	struct zone_match *ret_match);
/* Of the names below it that are no entries and not below one. */
void match_below_domain(const struct zone_binding *binding, struct span name, uint32_t within,
	struct zone_match *ret_match);

/* Addresses with one answer. */
struct match_range {
	u128 first, last;
	struct zone_match match;
};

/*
 * Walking: the first addresses at or behind `from` that have one answer, test entries aside; false
 * when there are none. And the first domain behind `after` (empty: of all) that is an entry, of
 * whatever kind, in the order of sets/names.h's keys; `after` may not lie in ret_domain.
 */
bool match_next_ip(const struct zone_binding *binding, u128 from, uint32_t within,
	struct match_range *ret_range);
bool match_next_domain(
	const struct zone_binding *binding, struct span after, char ret_domain[VIEW_NAME_SIZE]);

/*
 * Whether every address of the range has that answer. Never so across the block of IPv4, and never
 * when more than MATCH_RANGES_MAX ranges of the view would have to be looked at: queries ask this.
 */
enum { MATCH_RANGES_MAX = 256 };
bool match_is_uniform(
	const struct zone_binding *binding, uint32_t within, const struct match_range *range);

/* Whether the same records come of both. Ends are no part of that: the records of a secondary have
 * the TTL of the zone. */
bool match_equal(const struct zone_match *a, const struct zone_match *b);

/*
 * The source that texts name. It is the one that was asked, as far as a wildcard of a standard zone
 * can know it: of IPv6 the widest network on a nibble's boundary with that answer, of domains the
 * highest name from which on down that answer holds. IPv4 needs no such thing: where texts name the
 * source, its addresses become records of their own.
 */
struct text_subject match_subject_ip(const struct zone_binding *binding, struct ip ip,
	uint32_t within, const struct zone_match *match);
/* A part of name. */
struct text_subject match_subject_domain(const struct zone_binding *binding, struct span name,
	uint32_t within, const struct zone_match *match);

/* IPv6 records begin at this depth: a wildcard above it would cover IPv4 names, which have four
 * labels. */
enum { MATCH_V6_BITS_LEAST = 16 };

/* Whether any of the texts names the source. */
bool match_names_source(const struct zone_binding *binding, const struct zone_match *match);

enum { MATCH_STRING_MAX = 1 + ZONE_TEXT_MAX };

/* The A records, none twice (RFC 2181 section 5): their number, at most ZONE_SUBLISTS_MAX. */
size_t match_a_records(const struct zone_binding *binding, const struct zone_match *match,
	uint8_t ret_codes[ZONE_SUBLISTS_MAX][4]);

/* The TXT records, none twice, each as one string behind its length octet. */
struct match_txt {
	size_t len;
	uint8_t strings[ZONE_SUBLISTS_MAX][MATCH_STRING_MAX];
};

void match_txt(const struct zone_binding *binding, const struct zone_match *match,
	const struct text_subject *subject, struct match_txt *ret_texts);
