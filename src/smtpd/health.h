/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * Tells the keeper, for `stockade status`, how those are that the gate depends on: resolver, backend, foreign lists. Looks
 * every two seconds and speaks only when something has changed. One loop, one thread; owner: the gate role.
 */
#include "gate/gather.h"
#include "smtpd/relay_probe.h"

struct gate_health;
struct bus_client;
struct role_context;

/* All arguments have to live longer; the configuration is read anew each time, so a reload needs nothing. */
struct gate_health *gate_health_new(const struct role_context *context,
	const struct resolver *resolver, const struct gatherer *gatherer, struct bus_client *bus);
void gate_health_free(struct gate_health **health);

/* What the probe found; until it has found something nothing is said of the backend. */
void gate_health_backend(struct gate_health *health, enum probe_result result);
