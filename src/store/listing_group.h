/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * Groups: the rows that hold what listings share (schema/004_group.sql). Some are open while a
 * transaction goes on: listings that share everything get the next number of the same one. How many
 * listings a group holds is counted with the other counts (meta.h). Threads: as store.h says.
 */
#include "store/renewing_rows.h"
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

/* A transaction later: opens it again, if it is in force until until_s and holds something, or was
 * made just now. 1: it is open, 0: it is not like that. */
int group_open_again(
	struct store *store, int64_t group, int64_t until_s, struct open_group **ret_group);

struct group_head {
	int64_t id;
	int64_t slot;
	int64_t until_s;
	int64_t listings;
};

/* E_ABSENT: it is not in force. */
int group_head_read(struct store *store, int64_t id, struct group_head *ret_head);

/* A listing goes into another group, and with it what imports have noted of it. */
struct group_move {
	uint64_t id;
	struct open_group *to;
	bool ends;                          /* that one has ended */
	const struct renewing_key *renewed; /* it has the end that was noted by that; NULL: none */
};
int group_move(struct store *store, const struct group_move *move);

/* Of which list and sublist it is; E_ABSENT. */
int group_slot(struct store *store, int64_t group, int64_t *ret_slot);

/* It ends, or gets another end: nothing more joins it. */
void group_close(struct store *store, int64_t group);
/* They may be of a transaction that was rolled back, or is over. */
void groups_forget(struct store *store);
void groups_done(struct store *store);
