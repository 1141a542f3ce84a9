/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * Where an address belongs in a table of fixed size (gate/passed_cache.c, gate/incidents.c). The seed is random, so that nobody
 * outside can aim at a neighbourhood. Pure but for place_seed; any thread.
 */
#include <stddef.h>

#include "base/ip.h"

uint64_t place_seed(void);

/* The number of neighbourhoods of `ways` entries for about `entries`: a power of two, at least 1. */
size_t place_count(size_t entries, size_t ways);

/* The neighbourhood of an address together with a small number; below count. */
size_t place_of(uint64_t seed, struct ip ip, uint32_t number, size_t count);
