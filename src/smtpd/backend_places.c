/* SPDX-License-Identifier: ISC */
#include "smtpd/backend_places.h"

#include "base/mem.h"

enum { WAITING_MAX = 2000 };

struct backend_places {
	size_t count;
	struct places *held;
	struct places *waiting;
	struct backend_place *first, *last;
	uint32_t turn;
	uint32_t served[PLACES_SHARES]; /* by share: in which turn it last got one */
};

struct backend_places *backend_places_new(size_t count)
{
	struct backend_places *places = mem_new(backend_places);

	places->count = count;
	places->held = places_new(count);
	places->waiting = places_new(WAITING_MAX);
	return places;
}

void backend_places_free(struct backend_places **places)
{
	if (*places == NULL)
		return;
	places_free(&(*places)->held);
	places_free(&(*places)->waiting);
	mem_free(*places);
	*places = NULL;
}

unsigned backend_places_percent(const struct backend_places *places)
{
	return places_percent(places->held);
}

/* One of us has no share that could be full, but there are no more than there are. */
static bool backend_places_hold(struct backend_places *places, struct backend_place *place)
{
	if (places_taken(places->held) >= places->count || !places_take(places->held, &place->held))
		return false;
	place->state = BACKEND_PLACE_HELD;
	places->served[place->held.shares[0]] = ++places->turn;
	return true;
}

static void backend_places_queue(struct backend_places *places, struct backend_place *place)
{
	if (!places_take(places->waiting, &place->waiting))
		return;
	place->state = BACKEND_PLACE_WAITS;
	place->next = NULL;
	place->previous = places->last;
	if (places->last != NULL)
		places->last->next = place;
	else
		places->first = place;
	places->last = place;
}

static void backend_places_unqueue(struct backend_places *places, struct backend_place *place)
{
	places_give(places->waiting, &place->waiting);
	if (place->next != NULL)
		place->next->previous = place->previous;
	else
		places->last = place->previous;
	if (place->previous != NULL)
		place->previous->next = place->next;
	else
		places->first = place->next;
	place->state = BACKEND_PLACE_NONE;
}

enum backend_place_state backend_places_take(
	struct backend_places *places, const struct ip *client, struct backend_place *place)
{
	place->held = place->waiting = (struct place_hold){{0}};
	if (client != NULL) {
		place->held.shares[0] = places_of_client(places->held, *client);
		place->waiting.shares[0] = places_of_client(places->waiting, *client);
	}
	place->state = BACKEND_PLACE_NONE;
	if (!backend_places_hold(places, place))
		backend_places_queue(places, place);
	return place->state;
}

/* Whose turn comes first: the network that holds fewer, then the one that was served longer ago. */
static bool backend_place_precedes(const struct backend_places *places,
	const struct backend_place *a, const struct backend_place *b)
{
	uint32_t one = a->held.shares[0], other = b->held.shares[0];
	size_t one_held = places_held(places->held, one);
	size_t other_held = places_held(places->held, other);

	if (one == 0 || other == 0)
		return one == 0 && other != 0; /* ours before all */
	return one_held != other_held ? one_held < other_held
				      : places->served[one] < places->served[other];
}

/* However many wait for networks that have some, or had, nobody else waits for all of them. */
static struct backend_place *backend_places_next(const struct backend_places *places)
{
	struct backend_place *best = places->first;

	for (struct backend_place *place = best; place != NULL; place = place->next)
		if (backend_place_precedes(places, place, best))
			best = place;
	return best;
}

static void backend_places_serve(struct backend_places *places)
{
	struct backend_place *place;

	while ((place = backend_places_next(places)) != NULL &&
		backend_places_hold(places, place)) {
		backend_places_unqueue(places, place);
		place->state = BACKEND_PLACE_HELD;
		place->came(place->arg);
	}
}

void backend_places_set_count(struct backend_places *places, size_t count)
{
	places->count = count;
	places_set_count(places->held, count);
	backend_places_serve(places);
}

void backend_places_give(struct backend_places *places, struct backend_place *place)
{
	if (place->state == BACKEND_PLACE_WAITS) {
		backend_places_unqueue(places, place);
	} else if (place->state == BACKEND_PLACE_HELD) {
		place->state = BACKEND_PLACE_NONE;
		places_give(places->held, &place->held);
		backend_places_serve(places);
	}
}
