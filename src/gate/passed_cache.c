/* SPDX-License-Identifier: ISC */
#include "gate/passed_cache.h"

#include "base/mem.h"
#include "gate/place.h"

/* An address belongs to one neighbourhood of WAYS entries and may stand anywhere in it. */
enum { WAYS = 8 };

struct passed_entry {
	struct ip ip;
	int64_t until_s; /* 0: free */
};

struct passed_cache {
	size_t neighbourhoods;
	uint64_t seed;
	struct passed_entry *entries;
};

struct passed_cache *passed_cache_new(size_t entries)
{
	struct passed_cache *cache = mem_new(passed_cache);

	cache->neighbourhoods = place_count(entries, WAYS);
	cache->seed = place_seed();
	cache->entries = mem_alloc_array(cache->neighbourhoods * WAYS, sizeof(*cache->entries));
	return cache;
}

void passed_cache_free(struct passed_cache **cache)
{
	if (*cache == NULL)
		return;
	mem_free((*cache)->entries);
	mem_free(*cache);
	*cache = NULL;
}

static struct passed_entry *passed_cache_bucket(const struct passed_cache *cache, struct ip ip)
{
	return &cache->entries[place_of(cache->seed, ip, 0, cache->neighbourhoods) * WAYS];
}

void passed_cache_add(struct passed_cache *cache, struct ip ip, int64_t until_s)
{
	struct passed_entry *entry = passed_cache_bucket(cache, ip);
	struct passed_entry *chosen = entry;

	for (size_t i = 0; i < WAYS; i++) {
		if (entry[i].until_s != 0 && ip_equal(entry[i].ip, ip)) {
			chosen = &entry[i];
			break;
		}
		if (entry[i].until_s < chosen->until_s)
			chosen = &entry[i];
	}
	*chosen = (struct passed_entry){ip, until_s};
}

bool passed_cache_has(const struct passed_cache *cache, struct ip ip, int64_t now_s)
{
	const struct passed_entry *entry = passed_cache_bucket(cache, ip);

	for (size_t i = 0; i < WAYS; i++) {
		if (entry[i].until_s > now_s && ip_equal(entry[i].ip, ip))
			return true;
	}
	return false;
}
