/* SPDX-License-Identifier: ISC */
#include "zone/said.h"

#include "sets/key.h"
#include "zone/text.h"

_Static_assert((int)SAID_STRING_MAX == (int)ZONE_TEXT_MAX + 1, "a string and its length");

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

bool said_next_ip(const struct zone_place *place, u128 from, uint32_t within, u128 *ret_first,
	u128 *ret_last, struct said *ret_said)
{
	struct ip at = key_to_ip(from);
	struct view_piece piece;

	while (view_next_listed(place->view, place->list, at, &piece)) {
		said_of_hits(place, piece.hits, piece.hits_len, within, ret_said);
		if (ret_said->len != 0) {
			*ret_first = key_of_ip(piece.first);
			*ret_last = key_of_ip(piece.last);
			return true;
		}
		if (!view_piece_next(&piece, &at))
			break;
	}
	return false;
}

bool said_next_domain(
	const struct zone_place *place, struct span after, char ret_domain[VIEW_NAME_SIZE])
{
	struct view_name entry;

	if (!view_next_listed_name(place->view, place->list, after, &entry))
		return false;
	strcpy(ret_domain, entry.name + (entry.name[0] == '.'));
	return true;
}

/* A node that holds the block of IPv4 is not uniform: that is none of IPv6's. */
bool said_is_uniform(const struct zone_place *place, u128 first, u128 last, uint32_t within,
	const struct said *said)
{
	struct said here;

	if (first <= key_v4_first && last >= key_v4_last)
		return false;
	for (;;) {
		u128 from, end;

		if (!said_next_ip(place, first, within, &from, &end, &here) || from != first ||
			!said_equal(&here, said))
			return false;
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

		if (said_is_uniform(place, first, key_last(first, bits), within, said))
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
	size_t len = 0;

	for (size_t i = 0; i < said->len; i++) {
		const uint8_t *code = place->zone->sublists[said->sublists[i]].code.b + 12;
		bool is_new = true;

		for (size_t k = 0; k < len && is_new; k++)
			is_new = memcmp(ret_codes[k], code, 4) != 0;
		if (is_new)
			memcpy(ret_codes[len++], code, 4);
	}
	return len;
}

static void said_string(const struct zone_place *place, const struct said *said, size_t index,
	const struct shown *shown, uint8_t string[SAID_STRING_MAX])
{
	const struct zone_sublist *sublist = &place->zone->sublists[said->sublists[index]];
	struct span reason = said->reasons[index].len != 0 ? said->reasons[index] : sublist->text;

	string[0] = (uint8_t)zone_text(place->table->portal_url, reason,
		shown->is_net ? &shown->net.ip : NULL, shown->domain, string + 1);
}

void said_texts(const struct zone_place *place, const struct said *said, const struct shown *shown,
	struct said_texts *ret_texts)
{
	size_t len = 0;

	for (size_t i = 0; i < said->len; i++) {
		uint8_t *string = ret_texts->strings[len];
		bool is_new = true;

		said_string(place, said, i, shown, string);
		for (size_t k = 0; k < len && is_new; k++)
			is_new = memcmp(ret_texts->strings[k], string, 1 + (size_t)string[0]) != 0;
		len += is_new;
	}
	ret_texts->len = len;
}
