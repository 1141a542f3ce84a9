/* SPDX-License-Identifier: ISC */
#include "base/nets.h"

#include <stdlib.h>

#include "base/mem.h"

/* Ranges in ascending order that do not overlap: what is found is found in the last one that begins at or before it. */
struct range {
	struct ip first, last;
};

struct nets {
	size_t len;
	struct range ranges[];
};

static int range_compare(const void *a, const void *b)
{
	return ip_compare(((const struct range *)a)->first, ((const struct range *)b)->first);
}

static void nets_join(struct nets *nets)
{
	size_t kept = 0;

	for (size_t i = 0; i < nets->len; i++) {
		if (kept != 0 &&
			ip_compare(nets->ranges[i].first, nets->ranges[kept - 1].last) <= 0) {
			if (ip_compare(nets->ranges[i].last, nets->ranges[kept - 1].last) > 0)
				nets->ranges[kept - 1].last = nets->ranges[i].last;
		} else {
			nets->ranges[kept++] = nets->ranges[i];
		}
	}
	nets->len = kept;
}

struct nets *nets_new(const struct prefix *prefixes, size_t len)
{
	struct nets *nets = mem_alloc(sizeof(*nets) + len * sizeof(nets->ranges[0]));

	for (size_t i = 0; i < len; i++)
		nets->ranges[i] = (struct range){prefixes[i].ip, prefix_last(prefixes[i])};
	nets->len = len;
	qsort(nets->ranges, len, sizeof(nets->ranges[0]), range_compare);
	nets_join(nets);
	return nets;
}

void nets_free(struct nets **nets)
{
	mem_free(*nets);
	*nets = NULL;
}

bool nets_is_empty(const struct nets *nets)
{
	return nets == NULL || nets->len == 0;
}

bool nets_has(const struct nets *nets, struct ip ip)
{
	size_t low = 0, high = nets != NULL ? nets->len : 0;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (ip_compare(nets->ranges[middle].first, ip) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low != 0 && ip_compare(ip, nets->ranges[low - 1].last) <= 0;
}
