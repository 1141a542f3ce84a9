/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * What the connection (sqlite.c) and the rows share: sqlite_meta.c numbers of the store and changes, sqlite_place.c lists
 * and policies, sqlite_listing.c, sqlite_evidence.c with incidents, sqlite_event.c the audit trail. Threads: as
 * store.h says.
 */
#include <sqlite3.h>
#include <sys/stat.h>

#include "store/key.h"
#include "store/store.h"

/* QUERY(name, sql): each is prepared once, when it is first used. */
enum query {
#define QUERY(name, sql) name,
#include "store/queries.def"
#undef QUERY
	QUERY_COUNT
};

/* Counters are written once per transaction, not once per row. */
struct place_count {
	int64_t place;
	int64_t change;
};

enum { PLACE_COUNTS = 64 };

struct store {
	sqlite3 *db;
	char *path;
	bool reader;
	bool in_transaction;
	struct stat file; /* as opened: to notice a replaced file */
	sqlite3_stmt *statements[QUERY_COUNT];
	struct place_count counts[PLACE_COUNTS];
	size_t counts_len;
	int64_t incidents_change;
	int64_t evidence_change;
	struct { /* as they were before the part */
		struct place_count counts[PLACE_COUNTS];
		size_t counts_len;
		int64_t incidents_change;
		int64_t evidence_change;
	} part;
	int64_t place; /* the last one looked up, since imports ask for the same one each time */
	char place_list[256];
	char place_sublist[256];
	int64_t policy; /* likewise */
	uint32_t policy_version;
	char policy_name[256];
	char words[512];
};

/* A prepared statement, reset and unbound; NULL: *ret_error says why. */
sqlite3_stmt *store_statement(struct store *store, enum query query, int *ret_error);

/* The last failure of the database as an E_..., its words kept for store_words. */
int store_fail(struct store *store, int code);

/* Runs a statement that gives no rows; rows changed, or E_.... Resets it. */
int store_run(struct store *store, sqlite3_stmt *statement);

/* 1: a row, 0: no more, E_...; the caller resets. */
int store_step(struct store *store, sqlite3_stmt *statement);

void store_bind_span(sqlite3_stmt *statement, int place, struct span text);
void store_bind_blob(sqlite3_stmt *statement, int place, struct span bytes);
void store_bind_key(
	sqlite3_stmt *statement, int place, const struct key *key); /* place, place + 1 */
/* ?1 to ?4. */
void store_bind_range(sqlite3_stmt *statement, const struct key_range *range);
/* ?1 to ?5: source and what is within it, at most limit rows (0: all). */
void store_bind_about(sqlite3_stmt *statement, const struct source *source, uint32_t limit);
struct span store_column_span(sqlite3_stmt *statement, int column);
int store_column_source(sqlite3_stmt *statement, int column, struct source *ret_source);

int store_flush_counts(struct store *store);
void store_save_counts(struct store *store);
void store_restore_counts(struct store *store);
void store_forget_counts(struct store *store);
int store_count_place(struct store *store, int64_t place, int64_t change);

/* Numbers of rows, which are made when they are not there. */
int store_place_of(struct store *store, struct span list, struct span sublist, int64_t *ret_place);
int store_policy_of(struct store *store, const struct store_listing *listing, int64_t *ret_policy);
