/* SPDX-License-Identifier: ISC */
#include "zone/said.h"

#include "sets/key.h"
#include "zone/text.h"

_Static_assert((int)SAID_TEXT_MAX == (int)ZONE_TEXT_MAX, "the length of a string");

void zone_place_find(struct zone_place *place, const struct zone_table *table,
	const struct zone *zone, const struct view *view)
{
	place->table = table;
	place->zone = zone;
	place->view = view;
	memset(place->place_of, SUBLIST_UNKNOWN, sizeof(place->place_of));
	memset(place->sublist_of, SUBLIST_UNKNOWN, sizeof(place->sublist_of));
	place->view_mask = 0;
	place->list = view != NULL ? view_list_find(view, zone->list) : E_ABSENT;
	for (size_t i = 0; place->list >= 0 && i < zone->sublists_len; i++) {
		int at = view_sublist_find(view, place->list, zone->sublists[i].name);

		if (at < 0)
			continue;
		place->place_of[i] = (uint8_t)at;
		place->sublist_of[at] = (uint8_t)i;
		place->view_mask |= 1U << at;
	}
}

uint32_t zone_place_mask(const struct zone_place *place, uint32_t within)
{
	uint32_t mask = 0;

	if (within == place->zone->all)
		return place->view_mask;
	for (size_t i = 0; i < place->zone->sublists_len; i++) {
		if ((within >> i & 1) != 0 && place->place_of[i] != SUBLIST_UNKNOWN)
			mask |= 1U << place->place_of[i];
	}
	return mask;
}

/* ---- what is said ---- */

static void said_add(struct said *said, unsigned sublist, int64_t until_s, struct span reason)
{
	if (until_s != 0 && (said->until_s == 0 || until_s < said->until_s))
		said->until_s = until_s;
	said->sublists[said->len] = (uint8_t)sublist;
	said->reasons[said->len] = reason;
	said->len++;
}

static void said_clear(struct said *said)
{
	said->len = 0;
	said->until_s = 0;
}

static void said_tests(const struct zone_place *place, uint32_t mask, struct said *said)
{
	for (unsigned i = 0; i < place->zone->sublists_len; i++) {
		if ((mask >> i & 1) != 0)
			said_add(said, i, 0, span_text("test entry"));
	}
}

void said_of_hits(const struct zone_place *place, const struct hit *hits, size_t hits_len,
	uint32_t within, struct said *ret_said)
{
	said_clear(ret_said);
	for (size_t i = 0; i < hits_len; i++) {
		unsigned sublist = place->sublist_of[hits[i].sublist];

		if (sublist != SUBLIST_UNKNOWN && (within >> sublist & 1) != 0)
			said_add(ret_said, sublist, hits[i].until_s, hits[i].reason);
	}
}

void said_at_ip(
	const struct zone_place *place, struct ip ip, uint32_t within, struct said *ret_said)
{
	uint32_t tests = zone_test_ip(place->zone, ip, within);
	struct hit hits[SUBLISTS_MAX];
	size_t count = 0;

	said_clear(ret_said);
	if (tests != 0) {
		said_tests(place, tests, ret_said);
	} else if (place->list >= 0 && !zone_never_ip(ip)) {
		if (view_lookup_ip(place->view, place->list, ip, hits, &count) != 0)
			said_of_hits(place, hits, count, within, ret_said);
	}
}

static void said_of_domain(
	const struct zone_place *place, struct span name, uint32_t within, struct said *ret_said)
{
	struct hit hits[SUBLISTS_MAX];
	size_t count = 0;

	if (place->list >= 0 && !zone_never_domain(name) &&
		view_lookup_domain(place->view, place->list, name, hits, &count) != 0)
		said_of_hits(place, hits, count, within, ret_said);
}

void said_at_domain(
	const struct zone_place *place, struct span name, uint32_t within, struct said *ret_said)
{
	said_clear(ret_said);
	if (zone_test_domain(name))
		said_tests(place, within, ret_said);
	else
		said_of_domain(place, name, within, ret_said);
}

/* Asked of a name below that nobody can have entered. */
void said_below_domain(
	const struct zone_place *place, struct span name, uint32_t within, struct said *ret_said)
{
	uint8_t below[2 + DNS_NAME_MAX] = "!.";

	said_clear(ret_said);
	if (name.len == 0 || name.len > DNS_NAME_MAX)
		return;
	memcpy(below + 2, name.ptr, name.len);
	said_of_domain(place, span_of(below, 2 + name.len), within, ret_said);
}

bool said_equal(const struct said *a, const struct said *b)
{
	if (a->len != b->len || memcmp(a->sublists, b->sublists, a->len) != 0)
		return false;
	for (size_t i = 0; i < a->len; i++) {
		if (!span_equal(a->reasons[i], b->reasons[i]))
			return false;
	}
	return true;
}

/* ---- the source that texts name ---- */

/* Whether every address from first to last has that answer. A node that holds the block of IPv4 has not: that is none of
 * IPv6's. */
static bool is_uniform(const struct zone_place *place, u128 first, u128 last, uint32_t within,
	const struct said *said)
{
	struct view_piece piece;
	struct said here;

	if (first <= key_v4_first && last >= key_v4_last)
		return false;
	for (;;) {
		u128 end;

		if (!view_next_listed(place->view, place->list, key_to_ip(first), &piece) ||
			key_of_ip(piece.first) != first)
			return false;
		said_of_hits(place, piece.hits, piece.hits_len, within, &here);
		if (!said_equal(&here, said))
			return false;
		end = key_of_ip(piece.last);
		if (end >= last)
			return true;
		first = end + 1;
	}
}

/* From wide to narrow: what is not uniform shows that at its beginning, most of the time. */
static unsigned node_bits(
	const struct zone_place *place, struct ip ip, uint32_t within, const struct said *said)
{
	unsigned bits = SAID_V6_BITS_LEAST;

	for (; bits < 128; bits += 4) {
		u128 first = key_of_ip(prefix_of(ip, bits).ip);

		if (is_uniform(place, first, key_last(first, bits), within, said))
			break;
	}
	return bits;
}

struct shown said_shown_ip(
	const struct zone_place *place, struct ip ip, uint32_t within, const struct said *said)
{
	unsigned bits = 128;

	if (!ip_is_v4(ip) && said->len != 0)
		bits = node_bits(place, ip, within, said);
	return (struct shown){.is_net = true, .net = prefix_of(ip, bits)};
}

struct shown said_shown_domain(
	const struct zone_place *place, struct span name, uint32_t within, const struct said *said)
{
	struct span above = name;
	struct said below;

	for (;;) {
		span_split(&above, '.');
		said_below_domain(place, above, within, &below);
		if (below.len == 0 || !said_equal(&below, said))
			return (struct shown){.domain = name};
		name = above;
	}
}

/* ---- records ---- */

bool said_names_source(const struct zone_place *place, const struct said *said)
{
	return said->len != 0 && place->table->portal_url.len != 0;
}

size_t said_codes(
	const struct zone_place *place, const struct said *said, uint8_t ret_codes[SUBLISTS_MAX][4])
{
	for (size_t i = 0; i < said->len; i++)
		memcpy(ret_codes[i], place->zone->sublists[said->sublists[i]].code.b + 12, 4);
	return said->len;
}

size_t said_text(const struct zone_place *place, const struct said *said, size_t index,
	const struct shown *shown, uint8_t ret_text[SAID_TEXT_MAX])
{
	const struct zone_sublist *sublist = &place->zone->sublists[said->sublists[index]];
	struct span reason = said->reasons[index].len != 0 ? said->reasons[index] : sublist->text;

	return zone_text(place->table->portal_url, reason, shown->is_net ? &shown->net.ip : NULL,
		shown->domain, ret_text);
}
