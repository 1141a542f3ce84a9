/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * Remembers addresses for a while, within a fixed amount of memory: who waited for the greeting need not do so again. A full
 * neighbourhood forgets its oldest entry. Nothing here is precious: who is forgotten waits once more. One thread.
 */
#include <stdbool.h>

#include "base/ip.h"

struct recent;

/* entries: rounded up to a power of two. */
struct recent *recent_new(size_t entries);
void recent_free(struct recent **recent);

void recent_add(struct recent *recent, struct ip ip, int64_t until_s);
bool recent_has(const struct recent *recent, struct ip ip, int64_t now_s);
