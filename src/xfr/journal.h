/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * The last changes of a zone as differences of records, so that secondaries follow by IXFR (RFC
 * 1995). In memory and bounded: what is older is forgotten, and after a start nothing is known; who
 * asks for that gets all of the zone. Owner: the main thread of the role, which alone adds; any
 * thread may take. A lock is held for as long as it takes to count references.
 */
#include "zone/diff.h"

struct zone_journal;

/* limit: octets of memory that differences may take. */
struct zone_journal *zone_journal_new(size_t limit);
/* Steps that were taken live on. */
void zone_journal_free(struct zone_journal **journal);

/* The zone has gone from one serial to another. */
void zone_journal_add(
	struct zone_journal *journal, uint32_t from, uint32_t to, const struct zone_diff *diff);

/* What secondaries have under the serial after a break: our zone, or (when the configuration
 * changed) maybe another one, so that the step from there is not known either. */
enum journal_serial { SERIAL_AGREED, SERIAL_DOUBTFUL };

/* It is at this serial now, and how it came there is not known. */
void zone_journal_break(
	struct zone_journal *journal, uint32_t serial, enum journal_serial secondaries);

/* Where it stands; 0: nowhere yet. */
uint32_t zone_journal_serial(struct zone_journal *journal);

/* One difference, shared. */
struct journal_step;

struct journal_range {
	uint32_t from, to;
	size_t len;
	struct journal_step **steps;
	size_t records; /* of all of them */
};

/* All steps from a serial to the newest: 0, also when there are none because it is the newest;
 * E_ABSENT: it is not known any more, or was never ours. Give back with journal_range_done. */
int zone_journal_take(struct zone_journal *journal, uint32_t from, struct journal_range *ret_range);
void journal_range_done(struct journal_range *range);

uint32_t journal_step_to(const struct journal_step *step);
/* zone_record_take() */
struct span journal_step_removed(const struct journal_step *step);
struct span journal_step_added(const struct journal_step *step);

/* What all steps together come to: what was added and removed again is in neither. Takes as long as
 * sorting the records. */
void journal_range_condense(const struct journal_range *range, struct zone_diff *ret_diff);
