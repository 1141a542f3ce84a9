/* SPDX-License-Identifier: ISC */
#include "zone/match.h"

#include <stdio.h>

#include "sets/names.h"
#include "zone/test_entries.h"

enum { ENDED_TTL_S = 7 * 86400, ENDED_NEGATIVE_TTL_S = 86400 };

/* ---- a zone in a view ---- */

static void list_bind(struct zone_list_binding *list, const struct zone *zone,
	const struct zone_list *of, const struct view *view)
{
	list->sublists = 0;
	list->view_mask = 0;
	memset(list->sublist_of, SUBLIST_UNKNOWN, sizeof(list->sublist_of));
	list->view_list = view != NULL ? view_list_find(view, of->name) : E_ABSENT;
	list->retirement = retirement_of(view, of->name);
	if (list->view_list < 0 || list->retirement.is_ended)
		return;
	for (unsigned i = of->first; i < zone->sublists_len; i++) {
		int at = (of->sublists >> i & 1) != 0
				 ? view_sublist_find(view, list->view_list, zone->sublists[i].name)
				 : E_ABSENT;

		if (at < 0)
			continue;
		list->sublists |= 1U << i;
		list->view_mask |= 1U << at;
		list->view_sublist_of[i] = (uint8_t)at;
		list->sublist_of[at] = (uint8_t)i;
	}
}

/* RFC 6471 section 3.4: the load of an ended list is shed by what may be kept for a week. That
 * something is not listed is kept for a day at most (RFC 2308 section 5). */
static void set_ttl(struct zone_binding *binding, bool is_alive)
{
	binding->ttl_s = is_alive ? binding->zone->ttl_s : ENDED_TTL_S;
	binding->negative_ttl_s = is_alive ? binding->zone->negative_ttl_s : ENDED_NEGATIVE_TTL_S;
}

void zone_bind(struct zone_binding *binding, const struct zone_table *table,
	const struct zone *zone, const struct view *view)
{
	binding->table = table;
	binding->zone = zone;
	binding->view = view;
	binding->alive = 0;
	binding->lists_len = zone->lists_len;
	for (size_t i = 0; i < zone->lists_len; i++) {
		list_bind(&binding->lists[i], zone, &zone->lists[i], view);
		if (!binding->lists[i].retirement.is_ended)
			binding->alive |= zone->lists[i].sublists;
	}
	set_ttl(binding, binding->alive != 0 || zone->all == 0);
}

/* "ends=main 2027-01-01 00:00 we close", cut. */
size_t zone_binding_end_txt(
	const struct zone_binding *binding, size_t index, uint8_t ret_string[1 + ZONE_TEXT_MAX])
{
	for (size_t i = 0; i < binding->lists_len; i++) {
		const struct retirement *retirement = &binding->lists[i].retirement;
		struct span name = binding->zone->lists[i].name;
		int len;

		if ((!retirement->is_announced && !retirement->is_ended) || index-- != 0)
			continue;
		len = snprintf((char *)ret_string + 1, ZONE_TEXT_MAX, "%s=%.*s%s%.*s",
			retirement->is_ended ? "ended" : "ends", (int)name.len,
			(const char *)name.ptr, retirement->words.len != 0 ? " " : "",
			(int)retirement->words.len, (const char *)retirement->words.ptr);
		ret_string[0] = (uint8_t)(len < ZONE_TEXT_MAX ? len : ZONE_TEXT_MAX - 1);
		return 1 + (size_t)ret_string[0];
	}
	return 0;
}

/* The sublists of within as a mask of the view. */
static uint32_t list_mask(const struct zone_list_binding *list, uint32_t within)
{
	uint32_t mask = 0;

	if ((list->sublists & ~within) == 0)
		return list->view_mask;
	for (unsigned i = 0; i < ZONE_SUBLISTS_MAX; i++) {
		if ((list->sublists & within) >> i & 1)
			mask |= 1U << list->view_sublist_of[i];
	}
	return mask;
}

bool zone_binding_has_within(const struct zone_binding *binding, struct prefix net, uint32_t within)
{
	if (zone_test_within(binding->zone, net, within & binding->alive))
		return true;
	for (size_t i = 0; i < binding->lists_len; i++) {
		uint32_t mask = list_mask(&binding->lists[i], within);

		if (mask != 0 &&
			view_has_within(binding->view, binding->lists[i].view_list, net, mask))
			return true;
	}
	return false;
}

bool zone_binding_has_below(const struct zone_binding *binding, struct span name, uint32_t within)
{
	if (zone_never_domain(name))
		return false;
	for (size_t i = 0; i < binding->lists_len; i++) {
		uint32_t mask = list_mask(&binding->lists[i], within);

		if (mask != 0 &&
			view_has_below(binding->view, binding->lists[i].view_list, name, mask))
			return true;
	}
	return false;
}

/* ---- matches ---- */

static void match_add(
	struct zone_match *match, unsigned sublist, int64_t until_s, struct span reason)
{
	if (until_s != 0 && (match->until_s == 0 || until_s < match->until_s))
		match->until_s = until_s;
	match->sublists[match->len] = (uint8_t)sublist;
	match->reasons[match->len] = reason;
	match->len++;
}

static void match_clear(struct zone_match *match)
{
	match->len = 0;
	match->until_s = 0;
}

static void match_tests(const struct zone_binding *binding, uint32_t mask, struct zone_match *match)
{
	for (unsigned i = 0; i < binding->zone->sublists_len; i++) {
		if ((mask >> i & 1) != 0)
			match_add(match, i, 0, span_text("test entry"));
	}
}

/* Hits of the view, added to what is there. */
static void match_hits(const struct zone_list_binding *list, const struct hits *hits,
	uint32_t within, struct zone_match *match)
{
	for (size_t i = 0; i < hits->len; i++) {
		unsigned sublist = list->sublist_of[hits->items[i].sublist];

		if (sublist != SUBLIST_UNKNOWN && (within >> sublist & 1) != 0)
			match_add(match, sublist, hits->items[i].until_s, hits->items[i].reason);
	}
}

void match_at_ip(const struct zone_binding *binding, struct ip ip, uint32_t within,
	struct zone_match *ret_match)
{
	uint32_t tests = zone_test_ip(binding->zone, ip, within & binding->alive);
	struct hits hits;

	match_clear(ret_match);
	if (tests != 0) {
		match_tests(binding, tests, ret_match);
		return;
	}
	for (size_t i = 0; i < binding->lists_len && !zone_never_ip(ip); i++) {
		const struct zone_list_binding *list = &binding->lists[i];

		if ((list->sublists & within) != 0 &&
			view_lookup_ip(binding->view, list->view_list, ip, &hits) != 0)
			match_hits(list, &hits, within, ret_match);
	}
}

static void match_of_domain(const struct zone_binding *binding, struct span name, uint32_t within,
	struct zone_match *match)
{
	struct hits hits;

	for (size_t i = 0; i < binding->lists_len && !zone_never_domain(name); i++) {
		const struct zone_list_binding *list = &binding->lists[i];

		if ((list->sublists & within) != 0 &&
			view_lookup_domain(binding->view, list->view_list, name, &hits) != 0)
			match_hits(list, &hits, within, match);
	}
}

void match_at_domain(const struct zone_binding *binding, struct span name, uint32_t within,
	struct zone_match *ret_match)
{
	match_clear(ret_match);
	if (zone_test_domain(name))
		match_tests(binding, within & binding->alive, ret_match);
	else
		match_of_domain(binding, name, within, ret_match);
}

/* Asked of a name below that nobody can have entered. */
void match_below_domain(const struct zone_binding *binding, struct span name, uint32_t within,
	struct zone_match *ret_match)
{
	uint8_t below[2 + DNS_NAME_MAX] = "!.";

	match_clear(ret_match);
	if (name.len == 0 || name.len > DNS_NAME_MAX)
		return;
	memcpy(below + 2, name.ptr, name.len);
	match_of_domain(binding, span_of(below, 2 + name.len), within, ret_match);
}

bool match_equal(const struct zone_match *a, const struct zone_match *b)
{
	if (a->len != b->len || memcmp(a->sublists, b->sublists, a->len) != 0)
		return false;
	for (size_t i = 0; i < a->len; i++) {
		if (!span_equal(a->reasons[i], b->reasons[i]))
			return false;
	}
	return true;
}

/* ---- walking ---- */

/* The same of one list, from range->first on. */
static bool list_next_ip(const struct zone_binding *binding, const struct zone_list_binding *list,
	uint32_t within, struct match_range *range)
{
	struct view_walk walk = {binding->view, list->view_list, list_mask(list, within)};
	struct view_piece piece;

	if (walk.mask == 0 || !view_next_listed(&walk, key_to_ip(range->first), &piece))
		return false;
	match_clear(&range->match);
	match_hits(list, &piece.hits, within, &range->match);
	range->first = key_of_ip(piece.first);
	range->last = key_of_ip(piece.last);
	return true;
}

static void match_append(struct zone_match *match, const struct zone_match *more)
{
	for (size_t i = 0; i < more->len; i++)
		match_add(match, more->sublists[i], i == 0 ? more->until_s : 0, more->reasons[i]);
}

/* The ranges of the lists lie over each other: what is first reaches to the next border of any. */
bool match_next_ip(const struct zone_binding *binding, u128 from, uint32_t within,
	struct match_range *ret_range)
{
	bool any = false;

	for (size_t i = 0; i < binding->lists_len; i++) {
		struct match_range range;

		range.first = from;
		if (!list_next_ip(binding, &binding->lists[i], within, &range))
			continue;
		if (!any || range.first < ret_range->first) {
			if (any && range.last >= ret_range->first)
				range.last = ret_range->first - 1;
			*ret_range = range;
		} else if (range.first == ret_range->first) {
			if (range.last < ret_range->last)
				ret_range->last = range.last;
			match_append(&ret_range->match, &range.match);
		} else if (range.first <= ret_range->last) {
			ret_range->last = range.first - 1;
		}
		any = true;
	}
	return any;
}

bool match_next_domain(
	const struct zone_binding *binding, struct span after, char ret_domain[VIEW_NAME_SIZE])
{
	uint8_t best[NAME_KEY_SIZE];
	size_t best_len = 0;

	for (size_t i = 0; i < binding->lists_len; i++) {
		const struct zone_list_binding *list = &binding->lists[i];
		uint8_t key[NAME_KEY_SIZE];
		struct view_name entry;
		const char *name = entry.name;
		int len;

		if (list->view_list < 0 ||
			!view_next_listed_name(binding->view, list->view_list, after, &entry))
			continue;
		name += name[0] == '.';
		len = name_key(span_text(name), key);
		if (len <= 0 || (best_len != 0 && span_compare(span_of(key, (size_t)len),
							  span_of(best, best_len)) >= 0))
			continue;
		best_len = (size_t)len;
		memcpy(best, key, best_len);
		strcpy(ret_domain, name);
	}
	return best_len != 0;
}

bool match_is_uniform(
	const struct zone_binding *binding, uint32_t within, const struct match_range *range)
{
	u128 from = range->first;

	if (range->first <= key_v4_first && range->last >= key_v4_last)
		return false;
	for (unsigned i = 0; i < MATCH_RANGES_MAX; i++) {
		struct match_range here;

		if (!match_next_ip(binding, from, within, &here) || here.first != from ||
			!match_equal(&here.match, &range->match))
			return false;
		if (here.last >= range->last)
			return true;
		from = here.last + 1;
	}
	return false;
}

/* ---- the source that texts name ---- */

/* From wide to narrow: what is not uniform shows that at its beginning, most of the time. */
static unsigned node_bits(const struct zone_binding *binding, struct ip ip, uint32_t within,
	const struct zone_match *match)
{
	struct match_range range = {.match = *match};
	unsigned bits = MATCH_V6_BITS_LEAST;

	for (; bits < 128; bits += 4) {
		range.first = key_of_ip(prefix_of(ip, bits).ip);
		range.last = key_last(range.first, bits);
		if (match_is_uniform(binding, within, &range))
			break;
	}
	return bits;
}

struct text_subject match_subject_ip(const struct zone_binding *binding, struct ip ip,
	uint32_t within, const struct zone_match *match)
{
	unsigned bits = 128;

	if (!ip_is_v4(ip) && match->len != 0)
		bits = node_bits(binding, ip, within, match);
	return (struct text_subject){.is_net = true, .net = prefix_of(ip, bits)};
}

struct text_subject match_subject_domain(const struct zone_binding *binding, struct span name,
	uint32_t within, const struct zone_match *match)
{
	struct span above = name;
	struct zone_match below;

	for (;;) {
		span_split(&above, '.');
		match_below_domain(binding, above, within, &below);
		if (below.len == 0 || !match_equal(&below, match))
			return (struct text_subject){.domain = name};
		name = above;
	}
}

/* ---- records ---- */

bool match_names_source(const struct zone_binding *binding, const struct zone_match *match)
{
	for (size_t i = 0; i < match->len; i++) {
		if (zone_template_names_source(
			    &binding->zone->sublists[match->sublists[i]].template))
			return true;
	}
	return false;
}

/* The codes of a bitmask are bits of the last octet, and otherwise equal; those of other zones all
 * differ (conf/check_zone.c). */
size_t match_a_records(const struct zone_binding *binding, const struct zone_match *match,
	uint8_t ret_codes[ZONE_SUBLISTS_MAX][4])
{
	for (size_t i = 0; i < match->len; i++) {
		memcpy(ret_codes[i], binding->zone->sublists[match->sublists[i]].code.b + 12, 4);
		if (binding->zone->is_bitmask)
			ret_codes[0][3] |= ret_codes[i][3];
	}
	return binding->zone->is_bitmask && match->len != 0 ? 1 : match->len;
}

static bool txt_has(const struct match_txt *texts, const uint8_t *string)
{
	for (size_t i = 0; i < texts->len; i++) {
		if (memcmp(texts->strings[i], string, 1 + (size_t)string[0]) == 0)
			return true;
	}
	return false;
}

void match_txt(const struct zone_binding *binding, const struct zone_match *match,
	const struct text_subject *subject, struct match_txt *ret_texts)
{
	struct zone_text_values values = {binding->table->portal_url, {NULL, 0}, *subject};

	ret_texts->len = 0;
	for (size_t i = 0; i < match->len; i++) {
		const struct zone_sublist *sublist = &binding->zone->sublists[match->sublists[i]];
		uint8_t *string = ret_texts->strings[ret_texts->len];

		values.reason = match->reasons[i].len != 0 ? match->reasons[i] : sublist->words;
		string[0] = (uint8_t)zone_text(&sublist->template, &values, string + 1);
		ret_texts->len += !txt_has(ret_texts, string);
	}
}
