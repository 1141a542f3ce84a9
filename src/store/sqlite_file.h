/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * Copies of the store of sqlite.c, and a copy in its place. Paths are those of the database;
 * SQLite's log stands beside it (sqlite_log.h). Pure but for the files; any thread.
 */
#include "base/err.h"

/* As store_backup() and store_restore(). */
int sqlite_file_backup(const char *url, const char *path, struct fault *why);
int sqlite_file_restore(const char *url, const char *path, struct fault *why);
