/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * Connections to the mail server are few: Postfix has 100 processes by default, and each holds one.
 * A session has one while it has a transaction, a network never more than a quarter of what is free
 * (base/places.h), and whoever finds none waits its turn. Next is the network that holds the fewest
 * and was served longest ago, and of its clients the one that has waited longest. Few wait for one
 * network as well. One thread; knows no clock: how long to wait is the caller's to say.
 */
#include "base/places.h"

struct backend_places;

enum backend_place_state { BACKEND_PLACE_NONE, BACKEND_PLACE_WAITS, BACKEND_PLACE_HELD };

/* A session's; all zero: it has none. Embedded in whoever holds it. */
struct backend_place {
	enum backend_place_state state;
	struct place_hold held;
	struct place_hold waiting;
	struct backend_place *next, *previous; /* of those who wait */
	/* It does not wait any more but holds. From inside backend_places_give for another. */
	void (*came)(void *arg);
	void *arg;
};

struct backend_places *backend_places_new(size_t count);
/* Nobody holds or waits. */
void backend_places_free(struct backend_places **places);
void backend_places_set_count(struct backend_places *places, size_t count);

/* For a client, NULL: for one of us. place->came and arg are set. What it is now: held, waits, or
 * none, when too many wait already. */
enum backend_place_state backend_places_take(
	struct backend_places *places, const struct ip *client, struct backend_place *place);
/* Also of one that waits, or has none. */
void backend_places_give(struct backend_places *places, struct backend_place *place);

unsigned backend_places_percent(const struct backend_places *places);
