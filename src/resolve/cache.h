/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * Answers by name and type, at most so many; the one longest unused makes room. Names compare
 * without case. Strangers choose
 * the names, so the hash is SipHash with a key drawn by chance. One thread.
 */
#include "resolve/answer.h"

struct cache;

struct cache *cache_new(size_t entries);
void cache_free(struct cache **cache);

/* Holds answer until it is over (ttl_s from now) or pushed out; replaces an older one. */
void cache_put(struct cache *cache, const struct resolver_question *question,
	struct dns_answer *answer, int64_t now_ms);

/* NULL: not there or over. The cache keeps its hold; take one with dns_answer_hold to keep it. */
struct dns_answer *cache_get(struct cache *cache, const struct resolver_question *question,
	int64_t now_ms, uint32_t *ret_ttl_s);
size_t cache_count(const struct cache *cache);

/* The hash of a question; the resolver finds its exchanges by the same. */
enum { QUESTION_KEY = 16 };

void question_key_draw(uint8_t key[QUESTION_KEY]);
uint64_t question_hash(const uint8_t key[QUESTION_KEY], const struct resolver_question *question);
