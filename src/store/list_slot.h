/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * A list slot is a list with one of its sublists; the table is called place. It and a version of a
 * policy are rows of their own, made when the first listing names them. Threads: as store.h says.
 */
#include "store/store.h"

/* The ids of their rows. */
int list_slot_of(struct store *store, const struct store_listing *listing, int64_t *ret_slot);
int policy_of(struct store *store, const struct store_listing *listing, int64_t *ret_policy);
/* They may be of a transaction that was rolled back. */
void list_slot_forget(struct store *store);
