/* SPDX-License-Identifier: ISC */
#pragma once
/* Rows of the store as messages. Everything is copied into the arena: rows live only as long as
 * the callback that brings them. */
#include "base/arena.h"
#include "conf/conf.h"
#include "stockade.pb-c.h"
#include "store/store.h"

struct encoder {
	struct arena *arena;
	const struct conf *conf;
	struct store *store;
	bool is_private; /* with what only operators see */
};

Stockade__Listing *listing_encode(
	const struct encoder *encoder, const struct store_listing *listing);
Stockade__Incident *incident_encode(
	const struct encoder *encoder, const struct store_incident *incident);
Stockade__Event *event_encode(const struct encoder *encoder, const struct store_event *event);
/* The checks of an incident, packed as an incident that holds nothing else: one form, known to
 * everybody who reads the bus. */
struct span checks_encode(struct arena *arena, const Stockade__Incident *incident);
/* The sightings of a row (NULL: there is none yet) and behind them the mail that `seen` tells of,
 * the last BUS_SIGHTINGS_MAX of them, packed likewise. Told again, the newest is not there twice.
 */
struct span sightings_add(
	struct arena *arena, const struct store_incident *row, const Stockade__Incident *seen);
