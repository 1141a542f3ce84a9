/* SPDX-License-Identifier: ISC */
#include "base/prefix_set.h"

#include <stdlib.h>

#include "base/mem.h"

/* Ascending, without overlap: an address can only be in the last range that begins up to it. */
struct range {
	struct ip first, last;
};

struct prefix_set {
	size_t len;
	struct range ranges[];
};

static int range_compare(const void *a, const void *b)
{
	return ip_compare(((const struct range *)a)->first, ((const struct range *)b)->first);
}

static void prefix_set_join(struct prefix_set *set)
{
	size_t kept = 0;

	for (size_t i = 0; i < set->len; i++) {
		if (kept != 0 &&
			ip_compare(set->ranges[i].first, set->ranges[kept - 1].last) <= 0) {
			if (ip_compare(set->ranges[i].last, set->ranges[kept - 1].last) > 0)
				set->ranges[kept - 1].last = set->ranges[i].last;
		} else {
			set->ranges[kept++] = set->ranges[i];
		}
	}
	set->len = kept;
}

struct prefix_set *prefix_set_new(const struct prefix *prefixes, size_t len)
{
	struct prefix_set *set = mem_alloc(sizeof(*set) + len * sizeof(set->ranges[0]));

	for (size_t i = 0; i < len; i++)
		set->ranges[i] = (struct range){prefixes[i].ip, prefix_last(prefixes[i])};
	set->len = len;
	qsort(set->ranges, len, sizeof(set->ranges[0]), range_compare);
	prefix_set_join(set);
	return set;
}

void prefix_set_free(struct prefix_set **set)
{
	mem_free(*set);
	*set = NULL;
}

bool prefix_set_is_empty(const struct prefix_set *set)
{
	return set == NULL || set->len == 0;
}

bool prefix_set_has(const struct prefix_set *set, struct ip ip)
{
	size_t low = 0, high = set != NULL ? set->len : 0;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (ip_compare(set->ranges[middle].first, ip) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low != 0 && ip_compare(ip, set->ranges[low - 1].last) <= 0;
}
