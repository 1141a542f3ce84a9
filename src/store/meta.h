/* SPDX-License-Identifier: ISC */
#pragma once
/* Numbers of the whole store: "serial", "incidents", "evidence", "touched". Threads: store.h. */
#include "store/store.h"

/* E_CORRUPT: there is no such number. */
int meta_get(struct store *store, const char *key, int64_t *ret_value);
int meta_set(struct store *store, const char *key, int64_t value);
int meta_add(struct store *store, const char *key, int64_t change);

/* How many listings of a slot are in force, how many a group holds, how many incidents and pieces
 * of evidence there are: counted during a transaction, written when it commits. */
int counts_slot(struct store *store, int64_t slot, int64_t change);
int counts_group(struct store *store, int64_t group, int64_t change);
/* Those of the groups alone, for who reads them. */
int counts_write_groups(struct store *store);
int counts_write(struct store *store);
