/* SPDX-License-Identifier: ISC */
#include "gate/place.h"

#include <string.h>
#include <sys/random.h>

#include "base/clock.h"

uint64_t place_seed(void)
{
	uint64_t seed;

	if (getrandom(&seed, sizeof(seed), 0) != (ssize_t)sizeof(seed))
		seed = (uint64_t)clock_monotonic_us(); /* only tables of hints depend on it */
	return seed;
}

size_t place_count(size_t entries, size_t ways)
{
	size_t count = 1;

	while (count * ways < entries)
		count *= 2;
	return count;
}

/* The finishing step of SplitMix64: each bit of the input changes half of the output. */
static uint64_t place_mix(uint64_t x)
{
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
	return x ^ (x >> 31);
}

size_t place_of(uint64_t seed, struct ip ip, uint32_t number, size_t count)
{
	uint64_t half[2];

	memcpy(half, ip.b, sizeof(half));
	return (size_t)place_mix(place_mix(place_mix(seed ^ half[0]) ^ half[1]) ^ number) &
	       (count - 1);
}
