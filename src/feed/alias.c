/* SPDX-License-Identifier: ISC */
#include "feed/alias.h"

#include <stdlib.h>

#include "base/mem.h"

enum { STEPS_MAX = 16 }; /* as many as our resolver follows */

static int alias_compare(const void *left, const void *right)
{
	const struct feed_alias *a = left, *b = right;

	return span_compare(a->key, b->key);
}

static void alias_add(struct feed_aliases *aliases, struct span key)
{
	mem_grow(&aliases->entries, &aliases->room, aliases->len + 1, sizeof(*aliases->entries));
	aliases->entries[aliases->len++] = (struct feed_alias){.key = key};
}

static void aliases_sort(struct feed_aliases *aliases)
{
	size_t kept = 0;

	if (aliases->len == 0)
		return;
	qsort(aliases->entries, aliases->len, sizeof(*aliases->entries), alias_compare);
	for (size_t i = 0; i < aliases->len; i++) {
		if (kept == 0 ||
			!span_equal(aliases->entries[kept - 1].key, aliases->entries[i].key))
			aliases->entries[kept++] = aliases->entries[i];
	}
	aliases->len = kept;
}

void feed_aliases_collect(struct feed_aliases *aliases, const struct feed_zone *zone)
{
	struct span last = {NULL, 0};
	struct feed_record record;
	size_t at = 0;

	while (feed_zone_next(zone, &at, &record) > 0) {
		if (record.type != FEED_CNAME || record.data.len == 0 ||
			span_equal(record.data, last))
			continue;
		last = record.data;
		alias_add(aliases, last);
	}
	aliases_sort(aliases);
}

void feed_aliases_done(struct feed_aliases *aliases)
{
	mem_free(aliases->entries);
}

struct feed_alias *feed_aliases_find(const struct feed_aliases *aliases, struct span key)
{
	struct feed_alias wanted = {.key = key};

	if (aliases->len == 0)
		return NULL;
	return bsearch(
		&wanted, aliases->entries, aliases->len, sizeof(*aliases->entries), alias_compare);
}

struct feed_claim feed_aliases_follow(const struct feed_aliases *aliases, struct span key)
{
	const struct feed_alias *alias = feed_aliases_find(aliases, key);

	for (unsigned step = 0; alias != NULL && step < STEPS_MAX; step++) {
		if (alias->next.len == 0)
			return alias->claim;
		alias = feed_aliases_find(aliases, alias->next);
	}
	return (struct feed_claim){0};
}
