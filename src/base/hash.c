/* SPDX-License-Identifier: ISC */
#include "base/hash.h"

#include <sys/random.h>

#include "base/macro.h"

#define FNV_PRIME UINT64_C(0x100000001b3)

uint64_t hash_bytes(uint64_t hash, struct span s)
{
	for (size_t i = 0; i < s.len; i++)
		hash = (hash ^ s.ptr[i]) * FNV_PRIME;
	return hash;
}

uint64_t hash_words(uint64_t hash, struct span s)
{
	while (s.len != 0) {
		uint64_t word = 0;
		size_t len = s.len < sizeof(word) ? s.len : sizeof(word);

		memcpy(&word, s.ptr, len);
		hash = (hash ^ word) * FNV_PRIME;
		hash ^= hash >> 29;
		s = span_from(s, len);
	}
	return hash;
}

uint64_t hash_mix(uint64_t value)
{
	value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9u;
	value = (value ^ (value >> 27)) * 0x94d049bb133111ebu;
	return value ^ (value >> 31);
}

uint64_t hash_key(void)
{
	uint64_t key;

	ASSERT(getrandom(&key, sizeof(key), 0) == sizeof(key));
	return key;
}

uint64_t hash_ip(uint64_t key, struct ip ip, uint32_t number)
{
	uint64_t half[2];

	memcpy(half, ip.b, sizeof(half));
	return hash_mix(hash_mix(hash_mix(key ^ half[0]) ^ half[1]) ^ number);
}
