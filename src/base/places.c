/* SPDX-License-Identifier: ISC */
#include "base/places.h"

#include "base/hash.h"
#include "base/macro.h"
#include "base/mem.h"

enum { PART_OF_FREE = 4 };

struct places {
	size_t count, taken;
	uint64_t key;
	uint32_t held[PLACES_SHARES]; /* by share, counted from 1 */
};

struct places *places_new(size_t count)
{
	struct places *places = mem_new(places);

	places->count = count;
	places->key = hash_key();
	return places;
}

void places_free(struct places **places)
{
	mem_free(*places);
	*places = NULL;
}

void places_set_count(struct places *places, size_t count)
{
	places->count = count;
}

unsigned places_percent(const struct places *places)
{
	return places->count == 0 ? 100 : (unsigned)(places->taken * 100 / places->count);
}

size_t places_taken(const struct places *places)
{
	return places->taken;
}

size_t places_held(const struct places *places, uint32_t share)
{
	return places->held[share];
}

uint32_t places_of_hash(uint64_t hash)
{
	return 1 + (uint32_t)(hash % (PLACES_SHARES - 1));
}

uint32_t places_of_client(const struct places *places, struct ip client)
{
	return places_of_hash(hash_ip(places->key, ip_network_of(client).ip, 0));
}

static bool share_has_room(const struct places *places, uint32_t share)
{
	size_t free = places->taken < places->count ? places->count - places->taken : 0;
	size_t most = free >= PART_OF_FREE ? free / PART_OF_FREE : free;

	return share == 0 || places->held[share] < most;
}

static void places_add(struct places *places, const struct place_hold *hold, int number)
{
	places->taken += (size_t)number;
	for (size_t i = 0; i < COUNTOF(hold->shares); i++)
		places->held[hold->shares[i]] += (uint32_t)number;
}

bool places_take(struct places *places, const struct place_hold *hold)
{
	for (size_t i = 0; i < COUNTOF(hold->shares); i++) {
		if (!share_has_room(places, hold->shares[i]))
			return false;
	}
	places_add(places, hold, 1);
	return true;
}

void places_give(struct places *places, const struct place_hold *hold)
{
	places_add(places, hold, -1);
}
