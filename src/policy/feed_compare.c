/* SPDX-License-Identifier: ISC */
#include "policy/feed_compare.h"

#include <stdio.h>
#include <string.h>

enum { ALWAYS_ALLOWED = 20 /* sources; a part of nearly nothing says nothing */ };

/* ---- one source ---- */

enum feed_fate feed_fate(const struct feed_target *target, const struct feed_listing *listing)
{
	uint32_t bit = listing->bit >= 0 ? UINT32_C(1) << listing->bit : 0;

	if ((target->sublists & bit) == 0)
		return FEED_GONE;
	if (((target->excluded & bit) != 0) != listing->excluded ||
		target->reason_hash != listing->reason_hash)
		return FEED_REPLACED;
	return FEED_STAYS;
}

uint32_t feed_missing(
	const struct feed_target *target, const struct feed_listing *listings, size_t len)
{
	uint32_t missing = target->sublists;

	for (size_t i = 0; i < len; i++) {
		if (feed_fate(target, &listings[i]) == FEED_STAYS)
			missing &= ~(UINT32_C(1) << listings[i].bit);
	}
	return missing;
}

bool feed_differs(const struct feed_target *target, const struct feed_listing *listings, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (feed_fate(target, &listings[i]) != FEED_STAYS)
			return true;
	}
	return feed_missing(target, listings, len) != 0;
}

/* ---- all sources ---- */

static int feed_source_order(const struct feed_source *a, const struct feed_source *b)
{
	int order;

	if (a->domain != NULL && b->domain != NULL)
		return strcmp(a->domain, b->domain);
	if (a->domain != NULL || b->domain != NULL)
		return a->domain != NULL ? 1 : -1;
	order = ip_compare(a->ip, b->ip);
	if (order != 0)
		return order;
	return a->bits < b->bits ? -1 : a->bits > b->bits;
}

int feed_item_order(const void *left, const void *right)
{
	const struct feed_item *a = left;
	const struct feed_item *b = right;

	return feed_source_order(&a->source, &b->source);
}

int feed_listing_order(const void *left, const void *right)
{
	const struct feed_listing *a = left;
	const struct feed_listing *b = right;

	return feed_source_order(&a->source, &b->source);
}

/* Which stands first: < 0 a listing, > 0 an entry, 0 both are of one source. */
static int merge_order(const struct feed_merge *merge)
{
	if (merge->listings_len == 0)
		return 1;
	if (merge->entries_len == 0)
		return -1;
	return feed_source_order(&merge->listings[0].source, &merge->entries[0].source);
}

static void merge_take_listings(struct feed_merge *merge)
{
	merge->held = merge->listings;
	merge->held_len = 1;
	while (merge->held_len < merge->listings_len &&
		feed_source_order(
			&merge->held[0].source, &merge->listings[merge->held_len].source) == 0)
		merge->held_len++;
	merge->listings += merge->held_len;
	merge->listings_len -= merge->held_len;
}

bool feed_merge_next(struct feed_merge *merge)
{
	int order;

	if (merge->listings_len == 0 && merge->entries_len == 0)
		return false;
	order = merge_order(merge);
	merge->held_len = 0;
	if (order <= 0)
		merge_take_listings(merge);
	if (order < 0) {
		merge->entry = (struct feed_item){.source = merge->held[0].source, .reason = ""};
	} else {
		merge->entry = *merge->entries++;
		merge->entries_len--;
	}
	return true;
}

uint64_t feed_change_max(uint64_t held, int per_cent)
{
	uint64_t part = held * (uint64_t)per_cent / 100;

	return part > ALWAYS_ALLOWED ? part : ALWAYS_ALLOWED;
}

void feed_source_expand(const struct feed_source *source, struct source *ret_source)
{
	memset(ret_source, 0, sizeof(*ret_source));
	if (source->domain == NULL) {
		ret_source->kind = SOURCE_NET;
		ret_source->net = (struct prefix){source->ip, source->bits};
		return;
	}
	ret_source->kind = SOURCE_DOMAIN;
	snprintf(ret_source->domain, sizeof(ret_source->domain), "%s", source->domain);
}
