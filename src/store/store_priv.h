/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * An open store, as the files of this folder see it. A backend embeds it and fills only error_text;
 * the rest belongs to the files above it. Threads: as store.h says.
 */
#include "base/buf.h"
#include "store/ops.h"
#include "store/store.h"

struct sql;

enum { SLOT_COUNTS_MAX = 64, GROUP_COUNTS_MAX = 16, NAME_KEPT_MAX = 256 };

/* Counters are written once for a transaction, not once for a row (meta.h). */
struct row_counts {
	struct slot_count {
		int64_t slot, change;
	} slots[SLOT_COUNTS_MAX];
	size_t slots_len;
	struct group_count {
		int64_t group, change;
	} groups[GROUP_COUNTS_MAX];
	size_t groups_len;
	int64_t incidents, evidence;
};

/* Groups that more listings of this transaction may join (listing_group.h). */
enum { OPEN_GROUPS = 8 };

struct open_group {
	int64_t id;
	int64_t slot;
	uint64_t next;  /* number within */
	struct buf key; /* what its listings share */
};

struct open_groups {
	struct open_group groups[OPEN_GROUPS];
	size_t len;
	size_t oldest;
	struct buf key; /* of the one that is looked for */
};

struct store {
	const struct store_ops *ops;
	bool reader, in_transaction;
	bool log_was_moved;     /* of another store, when this one was opened */
	struct sql *statements; /* sql.h */
	struct row_counts counts, counts_at_savepoint;
	/* The last ones looked up, since imports ask for the same each time (list_slot.h). */
	struct {
		int64_t slot;
		char list[NAME_KEPT_MAX], sublist[NAME_KEPT_MAX];
		int64_t policy;
		uint32_t policy_version;
		char policy_name[NAME_KEPT_MAX];
	} last;
	struct open_groups open;
	enum { RENEWING_UNKNOWN, RENEWING_NONE, RENEWING_SOME } renewing; /* renewing_rows.h */
	/* The last rows that a step of retention looked at. */
	struct keep_at {
		int64_t time_s, id;
	} evidence_at, events_at;
	char error_text[512];
};

/* Ends a transaction whose result is this: an error rolls it back, anything else commits it. The
 * result, or the error of the commit. */
int transaction_end(struct store *store, int result);
