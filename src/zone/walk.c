/* SPDX-License-Identifier: ISC */
#include "zone/walk.h"

#include <stdlib.h>

#include "zone/walk_priv.h"

/*
 * Addresses. A wildcard of a standard zone covers what is below its parent and is not below any
 * other name there (RFC 4592 section 3.3.1), so it stands only where all below its parent has one
 * answer:
 *
 *   IPv4   *.c.b.a        all of a.b.c.0/24 has one answer
 *          d.c.b.a        otherwise: each listed address. So every change stays inside of its /24.
 *   IPv6   *.<nibbles>    the widest network on a nibble's boundary with one answer
 *          <32 nibbles>   a single address
 *
 * Two more rules keep the families apart, whose names share the zone. 3.0.0.2 is 2.0.0.3, and the
 * beginning of 2003::/16: a wildcard *.0.0.2 would cover that, so a /24 whose three octets are
 * single digits has no wildcard. And IPv6 wildcards stand four labels deep or more, where no IPv4
 * name is below them.
 *
 * An IPv4 address has a second name, its IPv6 form. We answer it for all of them, and the zone has
 * it for the test entries alone (RFC 5782 section 5): for the rest it would be twice as large.
 */
enum { BLOCK = 0xff, TEST_LISTED = 0x7f000002, TEST_NEVER = 0x7f000001 };

/* ---- subtrees and owners ---- */

unsigned zone_subtrees(const struct zone *zone)
{
	return 1 + (unsigned)zone->sublists_len +
	       (zone->is_combined ? (unsigned)zone->lists_len : 0);
}

/* Sublists come first, then the lists of a combined zone. */
uint32_t zone_subtree_within(const struct zone *zone, unsigned subtree)
{
	if (subtree == 0)
		return zone->all;
	if (subtree <= zone->sublists_len)
		return UINT32_C(1) << (subtree - 1);
	return zone->lists[subtree - 1 - zone->sublists_len].sublists;
}

/* The labels of a subtree: the sublist, then its list. */
static bool node_put_subtree(const struct zone *zone, unsigned subtree, struct zone_node *node)
{
	uint32_t within = zone_subtree_within(zone, subtree);
	bool fits = true;

	if (subtree == 0)
		return true;
	if (subtree <= zone->sublists_len)
		fits = node_put_label(node, zone->sublists[subtree - 1].label);
	for (size_t i = 0; i < zone->lists_len && zone->is_combined && fits; i++) {
		if ((zone->lists[i].sublists & within) != 0)
			fits = node_put_label(node, zone->lists[i].label);
	}
	return fits;
}

bool node_put_label(struct zone_node *node, struct span label)
{
	if (label.len == 0 || label.len > DNS_LABEL_MAX ||
		node->owner_len + 1 + label.len > sizeof(node->owner))
		return false;
	node->owner[node->owner_len] = (uint8_t)label.len;
	memcpy(node->owner + node->owner_len + 1, label.ptr, label.len);
	node->owner_len += 1 + label.len;
	return true;
}

bool node_end_owner(const struct zone_walk *walk, struct zone_node *node)
{
	const struct zone *zone = walk->binding->zone;

	if (!node_put_subtree(zone, walk->subtree, node))
		return false;
	return node->owner_len + zone->apex.len <= DNS_NAME_MAX;
}

static bool node_put_octet(struct zone_node *node, unsigned octet)
{
	uint8_t digits[3];
	size_t len = 0;

	if (octet >= 100)
		digits[len++] = (uint8_t)('0' + octet / 100);
	if (octet >= 10)
		digits[len++] = (uint8_t)('0' + octet / 10 % 10);
	digits[len++] = (uint8_t)('0' + octet % 10);
	return node_put_label(node, span_of(digits, len));
}

static bool node_name_v4(const struct zone_walk *walk, struct zone_node *node)
{
	unsigned octets = node->bits == 128 ? 4 : 3;
	struct ip ip = key_to_ip(node->first);
	bool fits = octets == 4 || node_put_label(node, span_text("*"));

	for (unsigned i = octets; i-- > 0;)
		fits = fits && node_put_octet(node, ip.b[12 + i]);
	return fits && node_end_owner(walk, node);
}

static bool node_name_v6(const struct zone_walk *walk, struct zone_node *node)
{
	unsigned nibbles = node->bits / 4;
	bool fits = nibbles == 32 || node_put_label(node, span_text("*"));

	for (unsigned i = nibbles; i-- > 0;) {
		unsigned nibble = (unsigned)(node->first >> (124 - 4 * i)) & 0xf;

		fits = fits && node_put_label(node, span_of(&"0123456789abcdef"[nibble], 1));
	}
	return fits && node_end_owner(walk, node);
}

/* ---- the range ahead ---- */

static int test_compare(const void *a, const void *b)
{
	const u128 *left = a, *right = b;

	return *left < *right ? -1 : *left > *right;
}

static void walk_find_tests(struct zone_walk *walk)
{
	const struct zone *zone = walk->binding->zone;
	u128 tests[ZONE_SUBLISTS_MAX + 2];
	size_t len = 0;

	tests[len++] = key_v4_first | TEST_LISTED;
	tests[len++] = key_v4_first | TEST_NEVER;
	for (size_t i = 0; i < zone->sublists_len; i++) {
		if ((walk->within >> i & 1) != 0)
			tests[len++] = key_of_ip(zone->sublists[i].code);
	}
	qsort(tests, len, sizeof(tests[0]), test_compare);
	for (size_t i = 0; i < len; i++) {
		if (walk->tests_len == 0 || walk->tests[walk->tests_len - 1] != tests[i])
			walk->tests[walk->tests_len++] = tests[i];
	}
}

/* The first test address at or behind from; 0: none. */
static u128 walk_test(const struct zone_walk *walk, u128 from)
{
	for (size_t i = 0; i < walk->tests_len; i++) {
		if (walk->tests[i] >= from)
			return walk->tests[i];
	}
	return 0;
}

/* What the view says from there on; asked again only when the last answer does not reach. */
static bool walk_match(struct zone_walk *walk, u128 from)
{
	if (!walk->asked || from < walk->from || (walk->found && from > walk->ahead.last)) {
		walk->found = match_next_ip(walk->binding, from, walk->within, &walk->ahead);
		walk->from = from;
		walk->asked = true;
	}
	return walk->found;
}

/* The first listed addresses at or behind from, up to the end of the walk's region. */
static bool walk_next_range(struct zone_walk *walk, u128 from, struct match_range *ret)
{
	for (;;) {
		u128 test = walk_test(walk, from);
		u128 first = 0;
		bool found = walk_match(walk, from);

		if (found)
			first = walk->ahead.first > from ? walk->ahead.first : from;
		if (test != 0 && test <= walk->last && (!found || test <= first)) {
			match_at_ip(walk->binding, key_to_ip(test), walk->within, &ret->match);
			ret->first = ret->last = test;
			if (ret->match.len != 0)
				return true;
			from = test + 1; /* the address that is never listed */
			continue;
		}
		if (!found || first > walk->last)
			return false;
		*ret = walk->ahead;
		ret->first = first;
		if (ret->last > walk->last)
			ret->last = walk->last;
		if (test != 0 && test <= ret->last)
			ret->last = test - 1;
		return true;
	}
}

static void walk_pass(struct zone_walk *walk, u128 last)
{
	walk->ended = last >= walk->last;
	walk->key = last + 1;
}

/* ---- nodes ---- */

/* a.b.c.0 with three single digits. */
static bool block_is_digits(u128 block)
{
	return (block >> 24 & BLOCK) < 10 && (block >> 16 & BLOCK) < 10 &&
	       (block >> 8 & BLOCK) < 10;
}

/* Whether the /24 that begins with this range has one answer, and no text of it names an
 * address. */
static bool block_is_uniform(struct zone_walk *walk, const struct match_range *start)
{
	u128 end = start->first | BLOCK;
	u128 last = start->last;
	struct match_range next;

	if (block_is_digits(start->first) || match_names_source(walk->binding, &start->match))
		return false;
	while (last < end) {
		if (!walk_next_range(walk, last + 1, &next) || next.first != last + 1 ||
			!match_equal(&next.match, &start->match))
			return false;
		last = next.last;
	}
	return true;
}

static bool walk_node_v4(
	struct zone_walk *walk, const struct match_range *range, struct zone_node *node)
{
	u128 block = range->first & ~(u128)BLOCK;

	node->first = range->first;
	node->bits = 128;
	if (range->first == block && walk->mixed != block) {
		if (block_is_uniform(walk, range))
			node->bits = 120;
		else
			walk->mixed = block;
	}
	node->match = range->match;
	node->subject = (struct text_subject){true, prefix_of(key_to_ip(node->first), node->bits)};
	walk_pass(walk, key_last(node->first, node->bits));
	return node_name_v4(walk, node);
}

/* The widest node that begins with this range: nothing before it is left, so it cannot begin
 * earlier. */
static unsigned node_widen(const struct zone_walk *walk, const struct match_range *range)
{
	struct match_range wider = *range;
	unsigned bits = 128;

	while (bits > MATCH_V6_BITS_LEAST) {
		wider.last = key_last(range->first, bits - 4);
		if (key_of_ip(prefix_of(key_to_ip(range->first), bits - 4).ip) != range->first ||
			(wider.last > range->last &&
				!match_is_uniform(walk->binding, walk->within, &wider)))
			break;
		bits -= 4;
	}
	return bits;
}

static bool walk_node_v6(
	struct zone_walk *walk, const struct match_range *range, struct zone_node *node)
{
	node->first = range->first;
	node->bits = node_widen(walk, range);
	node->match = range->match;
	node->subject = (struct text_subject){true, prefix_of(key_to_ip(node->first), node->bits)};
	walk_pass(walk, key_last(node->first, node->bits));
	return node_name_v6(walk, node);
}

static bool walk_next_address(struct zone_walk *walk, struct zone_node *node)
{
	struct match_range range;

	while (!walk->ended) {
		bool fits;

		if (!walk_next_range(walk, walk->key, &range)) {
			walk->ended = true;
			break;
		}
		node->owner_len = 0;
		fits = key_is_v4(range.first) ? walk_node_v4(walk, &range, node)
					      : walk_node_v6(walk, &range, node);
		if (fits) /* a name that is too long cannot be asked of us either */
			return true;
	}
	return false;
}

/* The test entries once more, under their names in nibbles. No change to a list touches them, so
 * the walk of a region leaves them out. */
static bool walk_next_v6_form(struct zone_walk *walk, struct zone_node *node)
{
	while (walk->v6_forms_at < walk->tests_len) {
		struct ip ip = key_to_ip(walk->tests[walk->v6_forms_at++]);

		match_at_ip(walk->binding, ip, walk->within, &node->match);
		node->first = key_of_ip(ip);
		node->bits = 128;
		node->is_v6_form = true;
		node->subject = (struct text_subject){true, prefix_of(ip, 128)};
		node->owner_len = 0;
		if (node->match.len != 0 && node_name_v6(walk, node))
			return true;
	}
	return false;
}

/* ---- the walk ---- */

void zone_walk_begin(struct zone_walk *walk, const struct zone_binding *binding, unsigned subtree)
{
	*walk = (struct zone_walk){.binding = binding,
		.subtree = subtree,
		.within = zone_subtree_within(binding->zone, subtree),
		.last = ~(u128)0};
	if (binding->zone->holds == LIST_OF_ADDRESSES)
		walk_find_tests(walk);
}

void zone_walk_begin_at(struct zone_walk *walk, const struct zone_binding *binding,
	unsigned subtree, const struct zone_region *region)
{
	zone_walk_begin(walk, binding, subtree);
	walk->key = region->first;
	walk->last = region->last;
	walk->v6_forms_at = walk->tests_len;
	if (region->is_domain)
		walk_begin_domain(walk, region);
}

bool zone_walk_next(struct zone_walk *walk, struct zone_node *ret_node)
{
	if (walk->binding->zone->holds == LIST_OF_DOMAINS)
		return walk_next_domain(walk, ret_node);
	ret_node->is_v6_form = false;
	return walk_next_address(walk, ret_node) || walk_next_v6_form(walk, ret_node);
}

/* ---- closed regions ---- */

/* The bits of the widest node around [first, last] with one answer; `bits`, that of the region
 * itself, when there is none. */
static unsigned region_widen(
	const struct zone_binding *binding, u128 first, unsigned bits, uint32_t within)
{
	struct match_range range = {.first = first, .last = key_last(first, bits)};

	match_at_ip(binding, key_to_ip(first), within, &range.match);
	if (range.match.len == 0 || !match_is_uniform(binding, within, &range))
		return bits;
	while (bits > MATCH_V6_BITS_LEAST) {
		range.first = key_of_ip(prefix_of(key_to_ip(first), bits - 4).ip);
		range.last = key_last(range.first, bits - 4);
		if (!match_is_uniform(binding, within, &range))
			break;
		bits -= 4;
	}
	return bits;
}

void zone_region_close(struct zone_region *region, const struct zone_binding *before,
	const struct zone_binding *after, unsigned subtree)
{
	uint32_t within = zone_subtree_within(after->zone, subtree);
	unsigned bits = 128, other;
	u128 first;

	if (key_is_v4(region->first)) {
		region->first &= ~(u128)BLOCK;
		region->last |= BLOCK;
		return;
	}
	for (;; bits -= 4) {
		first = key_of_ip(prefix_of(key_to_ip(region->first), bits).ip);
		if (bits == 0 || key_last(first, bits) >= region->last)
			break;
	}
	other = region_widen(before, first, bits, within);
	bits = region_widen(after, first, bits, within);
	bits = other < bits ? other : bits;
	region->first = key_of_ip(prefix_of(key_to_ip(first), bits).ip);
	region->last = key_last(region->first, bits);
}

/* ---- comparing ---- */

int zone_node_compare(const struct zone_node *a, const struct zone_node *b)
{
	int order;

	if (a->domain.len == 0) {
		if (a->is_v6_form != b->is_v6_form)
			return a->is_v6_form ? 1 : -1;
		if (a->first != b->first)
			return a->first < b->first ? -1 : 1;
		return (a->bits > b->bits) - (a->bits < b->bits);
	}
	order = domain_compare(a->domain, b->domain);
	return order != 0 ? order : (a->below > b->below) - (a->below < b->below);
}

bool zone_node_equal(const struct zone_node *a, const struct zone_node *b)
{
	return match_equal(&a->match, &b->match) && a->subject.is_net == b->subject.is_net &&
	       (a->subject.is_net ? prefix_equal(a->subject.net, b->subject.net)
				  : span_equal(a->subject.domain, b->subject.domain));
}
