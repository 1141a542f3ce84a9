/* SPDX-License-Identifier: ISC */
#include "zone/diff.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "zone/walk_priv.h"

/* Two walks side by side, before and after. Nodes with the same owner and the same words are passed
 * over unrendered. */
struct differ {
	const struct zone_binding *before, *after;
	struct zone_diff *diff;
	size_t left; /* nodes that may still be looked at */
	struct zone_records old_records, new_records;
	struct zone_node old_node, new_node;
	struct zone_walk old_walk, new_walk;
};

void zone_diff_init(struct zone_diff *diff)
{
	buf_init(&diff->removed, 0);
	buf_init(&diff->added, 0);
	diff->removed_len = diff->added_len = 0;
}

void zone_diff_done(struct zone_diff *diff)
{
	buf_done(&diff->removed);
	buf_done(&diff->added);
}

/* ---- one owner ---- */

static bool records_have(const struct zone_records *records, const struct zone_record *wanted)
{
	for (size_t i = 0; i < records->len; i++) {
		if (zone_record_equal(&records->records[i], wanted))
			return true;
	}
	return false;
}

/* Those of `all` that are not in `others`. */
static size_t append_missing(
	struct buf *out, const struct zone_records *all, const struct zone_records *others)
{
	size_t count = 0;

	for (size_t i = 0; i < all->len; i++) {
		if (records_have(others, &all->records[i]))
			continue;
		zone_record_append(out, &all->records[i]);
		count++;
	}
	return count;
}

/* The records of an owner that both have, or one. */
enum sides { SIDE_OLD = 1, SIDE_NEW = 2, SIDES_BOTH = SIDE_OLD | SIDE_NEW };

static void differ_take(struct differ *differ, enum sides sides)
{
	struct zone_diff *diff = differ->diff;

	differ->old_records.len = differ->new_records.len = 0;
	if ((sides & SIDE_OLD) != 0)
		zone_node_records(differ->before, &differ->old_node, &differ->old_records);
	if ((sides & SIDE_NEW) != 0)
		zone_node_records(differ->after, &differ->new_node, &differ->new_records);
	diff->removed_len +=
		append_missing(&diff->removed, &differ->old_records, &differ->new_records);
	diff->added_len += append_missing(&diff->added, &differ->new_records, &differ->old_records);
}

/* ---- one region ---- */

/* Whose node comes first, of those that have one left; both when they have the same owner. */
static enum sides differ_first(const struct differ *differ, enum sides left)
{
	int order;

	if (left != SIDES_BOTH)
		return left;
	order = zone_node_compare(&differ->old_node, &differ->new_node);
	return order < 0 ? SIDE_OLD : order > 0 ? SIDE_NEW : SIDES_BOTH;
}

/* Of the sides of `which`, those that have another node. */
static enum sides differ_next(struct differ *differ, enum sides which)
{
	enum sides have = 0;

	if ((which & SIDE_OLD) != 0 && zone_walk_next(&differ->old_walk, &differ->old_node))
		have |= SIDE_OLD;
	if ((which & SIDE_NEW) != 0 && zone_walk_next(&differ->new_walk, &differ->new_node))
		have |= SIDE_NEW;
	return have;
}

static int differ_walk(struct differ *differ, unsigned subtree, const struct zone_region *region)
{
	enum sides left;

	zone_walk_begin_at(&differ->old_walk, differ->before, subtree, region);
	zone_walk_begin_at(&differ->new_walk, differ->after, subtree, region);
	left = differ_next(differ, SIDES_BOTH);
	while (left != 0) {
		enum sides first = differ_first(differ, left);

		if (differ->left-- == 0)
			return E_LIMIT;
		if (first != SIDES_BOTH || !zone_node_equal(&differ->old_node, &differ->new_node))
			differ_take(differ, first);
		left = (left & ~first) | differ_next(differ, first);
	}
	return 0;
}

/* ---- the apex ---- */

/* Those of one side that tell an end and are not on the other. */
static size_t append_end_txt(
	struct buf *out, const struct zone_binding *of, const struct zone_binding *others)
{
	uint8_t string[MATCH_STRING_MAX], other[MATCH_STRING_MAX];
	size_t count = 0, len, other_len;

	for (size_t i = 0; (len = zone_binding_end_txt(of, i, string)) != 0; i++) {
		struct zone_record record = {.type = DNS_TXT, .rdata = span_of(string, len)};
		bool found = false;

		for (size_t k = 0; (other_len = zone_binding_end_txt(others, k, other)) != 0; k++)
			found = found || span_equal(record.rdata, span_of(other, other_len));
		if (found)
			continue;
		zone_record_append(out, &record);
		count++;
	}
	return count;
}

/* ---- all of it ---- */

struct regions {
	size_t len, room;
	struct zone_region *items;
};

static struct zone_region *regions_add(struct regions *regions)
{
	mem_grow(&regions->items, &regions->room, regions->len + 1, sizeof(regions->items[0]));
	regions->items[regions->len] = (struct zone_region){.is_domain = false};
	return &regions->items[regions->len++];
}

/* The name, and those above it: one may have existed for no other reason, or exist now. */
static void regions_add_domain(struct regions *regions, const struct source *source)
{
	bool whole = source->domain[0] == '.';
	struct span name = span_text(source->domain + whole);

	while (name.len != 0) {
		struct zone_region *region = regions_add(regions);

		region->is_domain = true;
		region->whole = whole;
		snprintf(region->domain, sizeof(region->domain), "%.*s", (int)name.len,
			(const char *)name.ptr);
		whole = false;
		span_split(&name, '.');
	}
}

static void regions_add_net(struct regions *regions, const struct source *source,
	const struct differ *differ, unsigned subtree)
{
	struct zone_region *region = regions_add(regions);

	region->first = key_of_ip(source->net.ip);
	region->last = key_last(region->first, source->net.bits);
	zone_region_close(region, differ->before, differ->after, subtree);
}

/* What holds others comes before them. */
static int region_compare(const void *a, const void *b)
{
	const struct zone_region *left = a, *right = b;
	int order;

	if (left->is_domain) {
		order = domain_compare(span_text(left->domain), span_text(right->domain));
		return order != 0 ? order
				  : (right->whole > left->whole) - (right->whole < left->whole);
	}
	if (left->first != right->first)
		return left->first < right->first ? -1 : 1;
	return left->last > right->last ? -1 : left->last < right->last;
}

static bool region_holds(const struct zone_region *outer, const struct zone_region *inner)
{
	struct span name = span_text(inner->domain), above = span_text(outer->domain);

	if (!outer->is_domain)
		return inner->first >= outer->first && inner->last <= outer->last;
	return outer->whole ? domain_is_within(name, above) : span_equal(name, above);
}

static int differ_subtree(struct differ *differ, unsigned subtree, struct regions *regions)
{
	const struct zone_region *outer = NULL;
	int r = 0;

	if (regions->len == 0)
		return 0;
	qsort(regions->items, regions->len, sizeof(regions->items[0]), region_compare);
	for (size_t i = 0; i < regions->len && r == 0; i++) {
		const struct zone_region *region = &regions->items[i];

		if (outer != NULL && region_holds(outer, region))
			continue;
		outer = region;
		r = differ_walk(differ, subtree, region);
	}
	return r;
}

/* What changed, as regions of one subtree. */
static void differ_regions(const struct differ *differ, const struct zone_change *change,
	unsigned subtree, struct regions *regions)
{
	bool of_domains = change->after->zone->holds == LIST_OF_DOMAINS;

	regions->len = 0;
	for (size_t i = 0; i < change->sources_len; i++) {
		const struct source *source = &change->sources[i];

		if (of_domains != (source->kind == SOURCE_DOMAIN))
			continue; /* an entry of the other kind, which the zone does not show */
		if (of_domains)
			regions_add_domain(regions, source);
		else
			regions_add_net(regions, source, differ, subtree);
	}
}

int zone_diff_make(const struct zone_change *change, size_t limit, struct zone_diff *diff)
{
	const struct zone_binding *before = change->before, *after = change->after;
	struct differ *differ = mem_new(differ);
	struct regions regions = {0};
	/* When a list has ended or goes on, its test entries go or come, and TTLs change: all of it
	 * is another zone. */
	int r = before->alive == after->alive && before->ttl_s == after->ttl_s ? 0 : E_LIMIT;

	diff->removed_len += append_end_txt(&diff->removed, before, after);
	diff->added_len += append_end_txt(&diff->added, after, before);
	differ->before = before;
	differ->after = after;
	differ->diff = diff;
	differ->left = limit;
	for (unsigned subtree = 0; subtree < zone_subtrees(after->zone) && r == 0; subtree++) {
		differ_regions(differ, change, subtree, &regions);
		r = differ_subtree(differ, subtree, &regions);
	}
	mem_free(regions.items);
	mem_free(differ);
	return r;
}
