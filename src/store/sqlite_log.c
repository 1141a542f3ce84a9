/* SPDX-License-Identifier: ISC */
#include "store/sqlite_log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hash.h"

/*
 * A log holds the pages that changed since it began, for the file that it was begun beside. After a
 * crash it is left there, and whoever then puts a backup in the place of the file has SQLite play
 * the pages of the one into the other. So a file says in its table meta which file it is and which
 * one its log, by inode and time of birth. That is read from the file alone, without the log.
 *
 *	the file is that one                      the log is its own
 *	another, beside the log it speaks of      a backup was put in: the log is of the file before
 *	another, beside another log               the folder was copied after a crash, and both
 *belong together; or a backup of long ago was put in
 *
 * The last is not ours to guess: the one loses what was acknowledged, the other destroys the file.
 */

int sqlite_path_with(const char *path, const char *suffix, char ret_path[PATH_MAX])
{
	return snprintf(ret_path, PATH_MAX, "%s%s", path, suffix) < PATH_MAX ? 0 : E_LIMIT;
}

/* Never 0. */
static int file_identity(const char *path, int64_t *ret_identity)
{
	struct statx file;
	uint64_t words[3];

	if (statx(AT_FDCWD, path, 0, STATX_INO | STATX_BTIME, &file) < 0)
		return err_from_errno(errno);
	words[0] = file.stx_ino;
	words[1] = (file.stx_mask & STATX_BTIME) != 0 ? (uint64_t)file.stx_btime.tv_sec : 0;
	words[2] = (file.stx_mask & STATX_BTIME) != 0 ? file.stx_btime.tv_nsec : 0;
	*ret_identity =
		(int64_t)(hash_mix(hash_bytes(HASH_START, span_of(words, sizeof(words)))) >> 1 | 1);
	return 0;
}

static int log_identity(const char *path, int64_t *ret_identity)
{
	char log[PATH_MAX];
	int r = sqlite_path_with(path, "-wal", log);

	return r < 0 ? r : file_identity(log, ret_identity);
}

/* False also when it is absent. */
static bool has_content(const char *path, const char *suffix)
{
	char full[PATH_MAX];
	struct stat file;

	return sqlite_path_with(path, suffix, full) == 0 && stat(full, &file) == 0 &&
	       file.st_size != 0;
}

void sqlite_log_keep(sqlite3 *db)
{
	int keep = 1;

	sqlite3_file_control(db, "main", SQLITE_FCNTL_PERSIST_WAL, &keep);
}

/* ---- what the file says ---- */

/* A URI that has SQLite read the file as it is, without its log and without locks. */
static int uri_of(const char *path, char ret_uri[PATH_MAX])
{
	size_t len = (size_t)snprintf(ret_uri, PATH_MAX, "file:");

	for (const char *at = path; *at != '\0'; at++) {
		bool plain = strchr("?#%", *at) == NULL;

		if (len + sizeof("%25?immutable=1") > PATH_MAX)
			return E_LIMIT;
		len += (size_t)snprintf(
			ret_uri + len, PATH_MAX - len, plain ? "%c" : "%%%02X", (unsigned char)*at);
	}
	snprintf(ret_uri + len, PATH_MAX - len, "?immutable=1");
	return 0;
}

int sqlite_number(sqlite3 *db, const char *query, int64_t *ret_number)
{
	sqlite3_stmt *statement = NULL;
	int code = sqlite3_prepare_v2(db, query, -1, &statement, NULL);

	if (code == SQLITE_OK)
		code = sqlite3_step(statement);
	if (code == SQLITE_ROW)
		*ret_number = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	return code == SQLITE_ROW ? 1 : code == SQLITE_DONE ? 0 : E_CORRUPT;
}

/* 0: it does not say. */
struct signature {
	int64_t file, log;
};

static const char file_query[] = "SELECT value FROM meta WHERE key = 'file'";
static const char log_query[] = "SELECT value FROM meta WHERE key = 'log'";

static struct signature signature_alone(const char *path)
{
	struct signature says = {0, 0};
	sqlite3 *db = NULL;
	char uri[PATH_MAX];

	if (uri_of(path, uri) == 0 &&
		sqlite3_open_v2(uri, &db, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, NULL) ==
			SQLITE_OK) {
		sqlite_number(db, file_query, &says.file);
		sqlite_number(db, log_query, &says.log);
	}
	sqlite3_close_v2(db);
	return says;
}

/* ---- whose the log is ---- */

enum log_whose sqlite_log_whose(const char *path)
{
	struct signature says, is = {0, 0};

	if (!has_content(path, "-wal"))
		return LOG_OWN;
	if (!has_content(path, "")) /* SQLite would delete it */
		return LOG_OF_ANOTHER;
	says = signature_alone(path);
	if (file_identity(path, &is.file) < 0 || says.file == 0 || says.file == is.file)
		return LOG_OWN;
	return log_identity(path, &is.log) == 0 && says.log == is.log ? LOG_OF_ANOTHER : LOG_COPIED;
}

enum { OTHERS_MAX = 100 };

/* Never over one that was moved away before. */
static int log_move(const char *path)
{
	char log[PATH_MAX], other[PATH_MAX], index[PATH_MAX], suffix[32] = "-wal.other";

	if (sqlite_path_with(path, "-wal", log) < 0 || sqlite_path_with(path, "-shm", index) < 0)
		return E_LIMIT;
	for (int i = 2; i <= OTHERS_MAX; i++) {
		if (sqlite_path_with(path, suffix, other) < 0)
			return E_LIMIT;
		if (renameat2(AT_FDCWD, log, AT_FDCWD, other, RENAME_NOREPLACE) == 0) {
			unlink(index);
			return 1;
		}
		if (errno != EEXIST)
			return err_from_errno(errno);
		snprintf(suffix, sizeof(suffix), "-wal.other.%d", i);
	}
	return E_EXISTS;
}

int sqlite_log_settle(const char *path)
{
	switch (sqlite_log_whose(path)) {
	case LOG_OF_ANOTHER:
		return log_move(path);
	case LOG_COPIED:
		return E_CONFLICT;
	default:
		return 0;
	}
}

/* ---- signing ---- */

static int signature_write(sqlite3 *db, const char *key, int64_t value)
{
	char sql[128];

	snprintf(sql, sizeof(sql), "INSERT OR REPLACE INTO meta (key, value) VALUES ('%s', %lld)",
		key, (long long)value);
	return sqlite3_exec(db, sql, NULL, NULL, NULL);
}

/* A log that held this could not be told from another's; a journal of the old kind is whole or is
 * taken back. Nobody else may have the file open, or it is busy. */
int sqlite_file_sign(sqlite3 *db, const char *path)
{
	int64_t identity;
	int code;

	if (file_identity(path, &identity) < 0)
		return SQLITE_IOERR;
	if (signature_alone(path).file == identity)
		return SQLITE_OK;
	code = sqlite3_exec(db, "PRAGMA journal_mode = DELETE", NULL, NULL, NULL);
	if (code == SQLITE_OK)
		code = signature_write(db, "file", identity);
	if (code != SQLITE_OK)
		return code;
	return signature_alone(path).file == identity ? SQLITE_OK : SQLITE_BUSY;
}

int sqlite_log_sign(sqlite3 *db, const char *path)
{
	int64_t identity, says = 0;
	int code;

	if (log_identity(path, &identity) < 0)
		return SQLITE_IOERR;
	if (sqlite_number(db, log_query, &says) < 0)
		return sqlite3_errcode(db);
	if (says == identity)
		return SQLITE_OK;
	code = signature_write(db, "log", identity);
	if (code == SQLITE_OK) /* as far as readers let it: until then a copy is not told */
		sqlite3_wal_checkpoint_v2(db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
	return code;
}
