/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * Whose log lies beside the file of a store. Paths are those of the database; SQLite's log stands
 * beside it, with "-wal" behind the name. Pure but for the files; any thread.
 */
#include <limits.h>
#include <sqlite3.h>
#include <stdint.h>

#include "base/err.h"

enum log_whose {
	LOG_OWN, /* or there is nothing in it */
	LOG_OF_ANOTHER,
	LOG_COPIED, /* it and the file are copies: of each other, or of two stores */
};

enum log_whose sqlite_log_whose(const char *path);

/* Before the file is opened for writing by the one who owns it: a log of another file than the one
 * that stands there now is moved away ("-wal.other"), because SQLite would play it into this one
 * and destroy it. 1: it was, 0: it is our own, E_CONFLICT: only the operator knows, E_.... */
int sqlite_log_settle(const char *path);

/* Before anything is written into the file: it remembers which one it is, so that a copy of it is
 * known as another. Not in its log: what that holds from here on has to be known as its own. The
 * journal mode is another one after that. A code of SQLite. */
int sqlite_file_sign(sqlite3 *db, const char *path);
/* With the log open: the file remembers that one, too. */
int sqlite_log_sign(sqlite3 *db, const char *path);

/* Whoever closes last deletes the log by its name, which may be that of another file by then. */
void sqlite_log_keep(sqlite3 *db);

/* E_LIMIT. */
int sqlite_path_with(const char *path, const char *suffix, char ret_path[PATH_MAX]);
/* The first column of the first row: 1, 0 when there is none, E_CORRUPT. */
int sqlite_number(sqlite3 *db, const char *query, int64_t *ret_number);
