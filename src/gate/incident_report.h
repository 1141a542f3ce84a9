/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * Tells the keeper of an incident: what was decided about whom, by which checks, and what was said.
 * Strangers' bytes are escaped on the way in. One loop, one thread; owner: the consult.
 */
#include "gate/incidents.h"
#include "gate/verdict.h"

struct bus_client;

/* Copied into the spool; a full spool is counted and told there. */
void incident_report(struct bus_client *bus, const struct verdict *verdict,
	const struct incident_note *note, const char *reply);
