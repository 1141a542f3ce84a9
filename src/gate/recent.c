/* SPDX-License-Identifier: ISC */
#include "gate/recent.h"

#include "base/mem.h"
#include "gate/place.h"

/* An address belongs to one neighbourhood of WAYS entries and may stand anywhere in it. */
enum { WAYS = 8 };

struct recent_entry {
	struct ip ip;
	int64_t until_s; /* 0: free */
};

struct recent {
	size_t neighbourhoods;
	uint64_t seed;
	struct recent_entry *entries;
};

struct recent *recent_new(size_t entries)
{
	struct recent *recent = mem_new(recent);

	recent->neighbourhoods = place_count(entries, WAYS);
	recent->seed = place_seed();
	recent->entries = mem_alloc_array(recent->neighbourhoods * WAYS, sizeof(*recent->entries));
	return recent;
}

void recent_free(struct recent **recent)
{
	if (*recent == NULL)
		return;
	mem_free((*recent)->entries);
	mem_free(*recent);
	*recent = NULL;
}

static struct recent_entry *recent_neighbourhood(const struct recent *recent, struct ip ip)
{
	return &recent->entries[place_of(recent->seed, ip, 0, recent->neighbourhoods) * WAYS];
}

void recent_add(struct recent *recent, struct ip ip, int64_t until_s)
{
	struct recent_entry *entry = recent_neighbourhood(recent, ip);
	struct recent_entry *chosen = entry;

	for (size_t i = 0; i < WAYS; i++) {
		if (entry[i].until_s != 0 && ip_equal(entry[i].ip, ip)) {
			chosen = &entry[i];
			break;
		}
		if (entry[i].until_s < chosen->until_s)
			chosen = &entry[i];
	}
	*chosen = (struct recent_entry){ip, until_s};
}

bool recent_has(const struct recent *recent, struct ip ip, int64_t now_s)
{
	const struct recent_entry *entry = recent_neighbourhood(recent, ip);

	for (size_t i = 0; i < WAYS; i++) {
		if (entry[i].until_s > now_s && ip_equal(entry[i].ip, ip))
			return true;
	}
	return false;
}
