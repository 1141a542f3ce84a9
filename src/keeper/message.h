/* SPDX-License-Identifier: ISC */
#pragma once
/* Rows of the store as messages, in the arena. private: with what only operators see. */
#include "base/arena.h"
#include "stockade.pb-c.h"
#include "store/store.h"

struct keeper;

Stockade__Listing *listing_encode(struct keeper *keeper, struct arena *arena,
	const struct store_listing *listing, bool private);
Stockade__Incident *incident_encode(
	struct arena *arena, const struct store_incident *incident, bool private);
Stockade__Event *event_encode(struct arena *arena, const struct store_event *event);
struct span checks_encode(struct arena *arena, const Stockade__Incident *incident);
