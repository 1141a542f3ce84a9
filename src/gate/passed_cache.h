/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * Remembers addresses for a while, within a fixed amount of memory: who waited for the greeting need not do so again. A full
 * neighbourhood forgets its oldest entry. Nothing here is precious: who is forgotten waits once more. One thread.
 */
#include <stdbool.h>

#include "base/ip.h"

struct passed_cache;

/* entries: rounded up to a power of two. */
struct passed_cache *passed_cache_new(size_t entries);
void passed_cache_free(struct passed_cache **cache);

void passed_cache_add(struct passed_cache *cache, struct ip ip, int64_t until_s);
bool passed_cache_has(const struct passed_cache *cache, struct ip ip, int64_t now_s);
