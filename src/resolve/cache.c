/* SPDX-License-Identifier: ISC */
#include "resolve/cache.h"

#include <sodium.h>
#include <string.h>

#include "base/macro.h"
#include "base/mem.h"

/*
 * A chained hash table, and a ring of all entries by last use: `ring.newer` is the oldest,
 * `ring.older` the newest.
 */
struct entry {
	struct entry *next; /* in its bucket */
	struct entry *older, *newer;
	uint64_t hash;
	int64_t over_ms;
	struct dns_answer *answer;
	uint16_t type;
	uint8_t name_len;
	uint8_t name[]; /* wire form */
};

struct cache {
	uint8_t key[QUESTION_KEY];
	size_t limit, count;
	size_t buckets_len; /* a power of two */
	struct entry **buckets;
	struct entry ring;
};

_Static_assert(QUESTION_KEY == crypto_shorthash_KEYBYTES, "a key of SipHash");

void question_key_draw(uint8_t key[QUESTION_KEY])
{
	crypto_shorthash_keygen(key);
}

uint64_t question_hash(const uint8_t key[QUESTION_KEY], const struct resolver_question *question)
{
	const struct dns_name *name = question->name;
	uint8_t input[DNS_NAME_MAX + sizeof(question->type)];
	uint64_t hash;

	for (size_t i = 0; i < name->len; i++)
		input[i] = ascii_lower(name->wire[i]);
	memcpy(input + name->len, &question->type, sizeof(question->type));
	crypto_shorthash((uint8_t *)&hash, input, name->len + sizeof(question->type), key);
	return hash;
}

struct cache *cache_new(size_t entries)
{
	struct cache *cache = mem_new(cache);

	ASSERT(entries > 0);
	question_key_draw(cache->key);
	cache->limit = entries;
	cache->buckets_len = 16;
	while (cache->buckets_len < entries)
		cache->buckets_len *= 2;
	cache->buckets = mem_alloc_array(cache->buckets_len, sizeof(struct entry *));
	cache->ring.newer = cache->ring.older = &cache->ring;
	return cache;
}

/* Where the entry hangs, or where the bucket ends. */
static struct entry **cache_find(
	struct cache *cache, uint64_t hash, const struct resolver_question *question)
{
	struct entry **at = &cache->buckets[hash & (cache->buckets_len - 1)];

	for (; *at != NULL; at = &(*at)->next)
		if ((*at)->hash == hash && (*at)->type == question->type &&
			span_equal_nocase(span_of((*at)->name, (*at)->name_len),
				dns_name_span(question->name)))
			break;
	return at;
}

static void ring_remove(struct entry *entry)
{
	entry->older->newer = entry->newer;
	entry->newer->older = entry->older;
}

static void ring_add(struct cache *cache, struct entry *entry)
{
	entry->newer = &cache->ring;
	entry->older = cache->ring.older;
	entry->older->newer = entry;
	cache->ring.older = entry;
}

static void cache_remove(struct cache *cache, struct entry **at)
{
	struct entry *entry = *at;

	*at = entry->next;
	ring_remove(entry);
	dns_answer_free(&entry->answer);
	mem_free(entry);
	cache->count--;
}

static void cache_remove_oldest(struct cache *cache)
{
	struct entry *oldest = cache->ring.newer;
	struct entry **at = &cache->buckets[oldest->hash & (cache->buckets_len - 1)];

	while (*at != oldest)
		at = &(*at)->next;
	cache_remove(cache, at);
}

void cache_free(struct cache **cache)
{
	if (*cache == NULL)
		return;
	while ((*cache)->count != 0)
		cache_remove_oldest(*cache);
	mem_free((*cache)->buckets);
	mem_free(*cache);
	*cache = NULL;
}

void cache_put(struct cache *cache, const struct resolver_question *question,
	struct dns_answer *answer, int64_t now_ms)
{
	uint64_t hash = question_hash(cache->key, question);
	struct entry **at = cache_find(cache, hash, question);
	const struct dns_name *name = question->name;
	struct entry *entry;

	if (*at != NULL)
		cache_remove(cache, at);
	if (answer->ttl_s == 0)
		return;
	if (cache->count == cache->limit)
		cache_remove_oldest(cache);
	at = &cache->buckets[hash & (cache->buckets_len - 1)];
	entry = mem_alloc(sizeof(*entry) + name->len);
	*entry = (struct entry){
		.next = *at,
		.hash = hash,
		.type = question->type,
		.over_ms = now_ms + (int64_t)answer->ttl_s * 1000,
		.answer = dns_answer_hold(answer),
		.name_len = name->len,
	};
	memcpy(entry->name, name->wire, name->len);
	*at = entry;
	ring_add(cache, entry);
	cache->count++;
}

struct dns_answer *cache_get(struct cache *cache, const struct resolver_question *question,
	int64_t now_ms, uint32_t *ret_ttl_s)
{
	struct entry **at = cache_find(cache, question_hash(cache->key, question), question);
	struct entry *entry = *at;

	if (entry == NULL)
		return NULL;
	if (entry->over_ms <= now_ms) {
		cache_remove(cache, at);
		return NULL;
	}
	ring_remove(entry);
	ring_add(cache, entry);
	*ret_ttl_s = (uint32_t)((entry->over_ms - now_ms + 999) / 1000);
	return entry->answer;
}

size_t cache_count(const struct cache *cache)
{
	return cache->count;
}
