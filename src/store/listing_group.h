/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * Groups: the rows that hold what listings share (schema/004_group.sql). Some are open while a
 * transaction goes on: listings that share everything get the next number of the same one. How many
 * listings a group holds is counted with the other counts (meta.h). Threads: as store.h says.
 */
#include "store/store.h"

struct open_group; /* store_priv.h */

/* An open group for listings like this one, with room for one more at least; a new one when there
 * is none. It stays until the transaction ends, or seven others came. */
int group_for(struct store *store, const struct store_listing *listing, uint64_t evidence,
	struct open_group **ret_group);

/* A group like `from`, for listings of it that end by themselves, or come back. */
struct group_copy {
	int64_t from;
	const struct store_ending *ending; /* NULL: they come back at now_s by event */
	int64_t now_s;
	uint64_t event;
};
int group_for_copy(
	struct store *store, const struct group_copy *copy, struct open_group **ret_group);

/* A transaction later: opens the group that the part of an import before this one filled, if these
 * are like those. */
int group_go_on(
	struct store *store, const struct store_listing *listing, uint64_t evidence, int64_t group);

/* Of which list and sublist it is; E_ABSENT. */
int group_slot(struct store *store, int64_t group, int64_t *ret_slot);

/* It ends, or gets another end: nothing more joins it. */
void group_close(struct store *store, int64_t group);
/* They may be of a transaction that was rolled back, or is over. */
void groups_forget(struct store *store);
void groups_done(struct store *store);
