/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * The last changes of a zone as differences of records, so that secondaries follow by IXFR (RFC
 * 1995). In memory and bounded: what is older is forgotten, and after a start nothing is known; who
 * asks for that gets all of the zone. Owner: the main thread of the role, which alone adds; any
 * thread may take. Steps are packed (xfr/pack.h), many together. A lock is held for as long as it
 * takes to count references and to copy those that are not packed yet.
 */
#include "zone/diff.h"

struct zone_journal;
struct journal_block;

struct zone_journal *zone_journal_new(void);
/* Steps that were taken live on. */
void zone_journal_free(struct zone_journal **journal);

/* Octets of memory that differences may take, from now on; before, and at least, JOURNAL_LEAST,
 * which is some sixty thousand single changes, or a few seconds of large ones for a secondary that
 * is slow to ask. */
enum { JOURNAL_LEAST = 2 << 20 };
void zone_journal_limit(struct zone_journal *journal, size_t limit);

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

/* One difference. */
struct journal_step {
	uint32_t from, to;
	struct span removed, added; /* zone_record_take() */
};

/* Steps one behind the other; what is packed is shared with the journal. */
struct journal_range {
	uint32_t from, to;
	size_t len;     /* steps */
	size_t records; /* of all of them, at most */
	struct journal_block **blocks;
	size_t blocks_len;
	/* journal_range_next() */
	uint32_t serial;  /* where the next step begins */
	size_t block;     /* the next one */
	struct buf plain; /* of the one before it */
	struct span rest; /* of that, steps to come */
};

/* All steps from a serial to the newest: 0, also when there are none because it is the newest;
 * E_ABSENT: it is not known any more, or was never ours. Give back with journal_range_done. */
int zone_journal_take(struct zone_journal *journal, uint32_t from, struct journal_range *ret_range);
void journal_range_done(struct journal_range *range);

/* The next step, which is valid until the one after it is taken; false: that was the last. */
bool journal_range_next(struct journal_range *range, struct journal_step *ret_step);

/* What all steps that are left come to together: what was added and removed again is in neither.
 * Takes as long as sorting the records. */
void journal_range_condense(struct journal_range *range, struct zone_diff *ret_diff);
