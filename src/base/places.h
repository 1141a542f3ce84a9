/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * Places that are scarce, and who may take one: sessions of the gate, questions to the resolver.
 * Whoever wants one does so on behalf of a share, a network of clients for one. It gets one while
 * that share holds less than a quarter of what is free: alone anybody may have a fifth of all,
 * beside a hundred others who take all they get each still has some, and a few stay free for
 * whoever comes next.
 *
 * Shares are told apart by a hash with a secret key. That two of 65,536 fall together is rare, and
 * nobody outside can bring it about. Pure but for the key; one thread.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ip.h"

enum { PLACES_SHARES = 65537 }; /* from 0 on */

struct places;

/* What one place is held for, to be given back; 0: nobody's share, which has always room. */
struct place_hold {
	uint32_t shares[2];
};

struct places *places_new(size_t count);
void places_free(struct places **places);
/* Who holds more than there are now keeps it. */
void places_set_count(struct places *places, size_t count);

size_t places_taken(const struct places *places);
size_t places_held(const struct places *places, uint32_t share);
/* How full it is, 0 to 100 and beyond. */
unsigned places_percent(const struct places *places);

/* The share of the network (ip_network_of) of a client, and that of another hash with a key. */
uint32_t places_of_client(const struct places *places, struct ip client);
uint32_t places_of_hash(uint64_t hash);

/* False: a share has no room, and nothing is taken. */
bool places_take(struct places *places, const struct place_hold *hold);
void places_give(struct places *places, const struct place_hold *hold);
