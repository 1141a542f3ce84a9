/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * Values of bus/record.h as messages, and back; for this folder. A message lives in the arena that
 * is given and points to the value, which has to outlive it. Pure; any thread.
 */
#include "base/arena.h"
#include "bus/record.h"

typedef struct Stockade__Answer Stockade__Answer;
typedef struct Stockade__Command Stockade__Command;
typedef struct Stockade__Feed Stockade__Feed;
typedef struct Stockade__Health Stockade__Health;
typedef struct Stockade__Incident Stockade__Incident;
typedef struct Stockade__Query Stockade__Query;

Stockade__Incident *bus_incident_encode(const struct bus_incident *incident, struct arena *arena);
Stockade__Health *bus_health_encode(const struct bus_health *health, struct arena *arena);
Stockade__Feed *bus_feed_part_encode(const struct bus_feed_part *part, struct arena *arena);
Stockade__Query *bus_query_encode(const struct bus_query *query, struct arena *arena);
Stockade__Command *bus_command_encode(const struct bus_command *command, struct arena *arena);

/* Takes the message over. */
struct bus_answer *bus_answer_decode(Stockade__Answer *message);
