/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * The rows of the table `renewing`: what imports under way have noted. They are written in the
 * transaction that met the listings, follow these wherever they go, and so name what is in force
 * and nothing else. Threads: as store.h says.
 */
#include "store/renewing.h"

struct store;

/* Which pages: of an event, for one end. */
struct renewing_key {
	uint64_t event;
	int64_t until_s;
};

/* 1: there is one with this number, 0: ret_page is empty. */
int renewing_row_read(struct store *store, const struct renewing_key *key, uint64_t number,
	struct renewing_page *ret_page);
/* 1: a group that the event has noted, 0: none is left. */
int renewing_row_first(struct store *store, struct renewing_key *key, int64_t *ret_group);
/* How many of the group are noted. */
int renewing_rows_count(
	struct store *store, const struct renewing_key *key, int64_t group, uint64_t *ret_count);
/* Those of the group have their new end, or need none. */
int renewing_rows_done(struct store *store, const struct renewing_key *key, int64_t group);

/* A listing got another number, or 0: is in force no longer. What `renewed` (NULL: none) had noted
 * of it is done by that. */
struct renewing_move {
	uint64_t id;
	uint64_t to;
	const struct renewing_key *renewed;
};

int renewing_rows_move(struct store *store, const struct renewing_move *move);
/* All of the group have ended. */
int renewing_rows_end(struct store *store, int64_t group);
