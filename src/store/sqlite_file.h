/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * The store of sqlite.c as a file: whose log lies beside it, copies, and a copy in its place. Paths
 * are those of the database; SQLite's log stands beside it, with "-wal" behind the name. Pure but
 * for the files; any thread.
 */
#include <sqlite3.h>

#include "base/err.h"

/* Before the file is opened for writing: a log of another file than the one that stands there now
 * is moved away ("-wal.other"), because SQLite would play it into this one and destroy it. 1: it
 * was, 0: there is none, E_.... */
int sqlite_log_move_other(const char *path);

/* After that: the file remembers which one it is, so that a copy of it is known as another. A
 * code of SQLite. */
int sqlite_file_sign(sqlite3 *db, const char *path);

/* Whoever closes last deletes the log by its name, which may be that of another file by then. */
void sqlite_log_keep(sqlite3 *db);

/* As store_backup() and store_restore(). */
int sqlite_file_backup(const char *url, const char *path, struct fault *why);
int sqlite_file_restore(const char *url, const char *path, struct fault *why);
