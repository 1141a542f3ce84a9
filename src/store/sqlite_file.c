/* SPDX-License-Identifier: ISC */
#include "store/sqlite_file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "conf/store_url.h"
#include "store/schema.h"
#include "store/sqlite_log.h"

/* ---- copies ---- */

static int copy_fail(struct fault *why, const char *path, sqlite3 *db)
{
	return fault_set(why, E_CORRUPT, "cannot copy '%s': %s", path, sqlite3_errmsg(db));
}

/* Damage is found now and not when the copy is needed. */
static int copy_check(sqlite3 *db, const char *path, struct fault *why)
{
	sqlite3_stmt *statement = NULL;
	int64_t version = 0, serial = 0;
	bool is_whole;

	if (sqlite_number(db, "PRAGMA user_version", &version) <= 0 || version == 0 ||
		sqlite_number(db, "SELECT value FROM meta WHERE key = 'serial'", &serial) <= 0)
		return fault_set(why, E_PARSE, "'%s' is not a store", path);
	if ((uint64_t)version > store_schema_len)
		return fault_set(why, E_VERSION, "'%s' is of a newer program than this", path);
	is_whole = sqlite3_prepare_v2(db, "PRAGMA quick_check(1)", -1, &statement, NULL) ==
			   SQLITE_OK &&
		   sqlite3_step(statement) == SQLITE_ROW &&
		   strcmp((const char *)sqlite3_column_text(statement, 0), "ok") == 0;
	sqlite3_finalize(statement);
	return is_whole ? 0 : fault_set(why, E_CORRUPT, "'%s' is damaged", path);
}

static int copy_pages(sqlite3 *from, sqlite3 *to)
{
	sqlite3_backup *backup = sqlite3_backup_init(to, "main", from, "main");

	if (backup == NULL)
		return SQLITE_ERROR;
	sqlite3_backup_step(backup, -1); /* one state: commits go on beside it */
	return sqlite3_backup_finish(backup);
}

/* Of a store with its log into an empty file. */
static int file_copy(const char *from, const char *to, struct fault *why)
{
	sqlite3 *source = NULL, *copy = NULL;
	int r = 0;

	if (file_is_other(from))
		return fault_set(why, E_IO, "'%s' is not a regular file", from);
	if (sqlite3_open_v2(from, &source, SQLITE_OPEN_READONLY, NULL) != SQLITE_OK)
		r = copy_fail(why, from, source);
	else if (sqlite_log_keep(source),
		sqlite3_open_v2(to, &copy, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK)
		r = copy_fail(why, to, copy);
	else if (copy_pages(source, copy) != SQLITE_OK)
		r = copy_fail(why, from, copy);
	if (r == 0)
		r = copy_check(copy, from, why);
	sqlite3_close_v2(source);
	sqlite3_close_v2(copy);
	return r;
}

/* Never over or through something that is there. */
static int file_create(const char *path, int *ret_fd, struct fault *why)
{
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0)
		return fault_set(why, err_from_errno(errno), "cannot create '%s': %s", path,
			strerror(errno));
	*ret_fd = fd;
	return 0;
}

static int names_sync(const char *path)
{
	char copy[PATH_MAX];
	int fd, r;

	text_format(copy, sizeof(copy), "%s", path);
	fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_from_errno(errno);
	r = fsync(fd) < 0 ? err_from_errno(errno) : 0;
	close(fd);
	return r;
}

static int copy_into(const char *from, const char *to, int fd, struct fault *why)
{
	int r = file_copy(from, to, why);

	if (r == 0 && fsync(fd) < 0)
		r = fault_set(
			why, err_from_errno(errno), "cannot write '%s': %s", to, strerror(errno));
	return r;
}

int sqlite_file_backup(const char *url, const char *path, struct fault *why)
{
	char part[PATH_MAX];
	int fd = -1, r = sqlite_path_with(path, ".part", part);

	if (r < 0)
		return fault_set(why, r, "'%s' is too long", path);
	if (sqlite_log_whose(store_url_path(url)) != LOG_OWN)
		return fault_set(why, E_CONFLICT, "the log beside '%s' is not known to be its own",
			store_url_path(url));
	r = file_create(part, &fd, why);
	if (r < 0)
		return r;
	r = copy_into(store_url_path(url), part, fd, why);
	close(fd);
	if (r == 0 && renameat2(AT_FDCWD, part, AT_FDCWD, path, RENAME_NOREPLACE) < 0)
		r = fault_set(
			why, err_from_errno(errno), "cannot make '%s': %s", path, strerror(errno));
	if (r < 0)
		unlink(part);
	return r < 0 ? r : names_sync(path);
}

/* ---- in its place ---- */

/* As the store that is there, or as its folder when there is none. */
static int owner_copy(const char *store, int fd)
{
	char folder[PATH_MAX];
	struct stat like;
	bool is_there = stat(store, &like) == 0;

	text_format(folder, sizeof(folder), "%s", store);
	if (!is_there && stat(dirname(folder), &like) < 0)
		return err_from_errno(errno);
	if (fchown(fd, like.st_uid, like.st_gid) < 0 ||
		(is_there && fchmod(fd, like.st_mode & 07777) < 0))
		return err_from_errno(errno);
	return 0;
}

/* The log goes after its file: a file whose log is gone would lack what was acknowledged. */
static int store_move_away(const char *store)
{
	char before[PATH_MAX], log[PATH_MAX], log_before[PATH_MAX], index[PATH_MAX];

	if (sqlite_path_with(store, ".before", before) < 0 ||
		sqlite_path_with(store, "-wal", log) < 0 ||
		sqlite_path_with(store, ".before-wal", log_before) < 0 ||
		sqlite_path_with(store, "-shm", index) < 0)
		return E_LIMIT;
	if (access(store, F_OK) == 0) /* else a restore before was broken off behind this */
		unlink(log_before);
	if ((rename(store, before) < 0 && errno != ENOENT) ||
		(rename(log, log_before) < 0 && errno != ENOENT))
		return err_from_errno(errno);
	unlink(index);
	return 0;
}

static int copy_put(const char *copy, const char *store, struct fault *why)
{
	int r = store_move_away(store);

	if (r == 0 && rename(copy, store) < 0)
		r = err_from_errno(errno);
	if (r == 0)
		r = names_sync(store);
	return r < 0 ? fault_set(why, r, "cannot put '%s' in the place of '%s': %s", copy, store,
			       err_text(r))
		     : 0;
}

int sqlite_file_restore(const char *url, const char *path, struct fault *why)
{
	const char *store = store_url_path(url);
	char copy[PATH_MAX];
	int fd = -1, r = sqlite_path_with(store, ".new", copy);

	if (r < 0)
		return fault_set(why, r, "'%s' is too long", store);
	unlink(copy); /* of one that was broken off */
	r = file_create(copy, &fd, why);
	if (r < 0)
		return r;
	r = copy_into(path, copy, fd, why);
	if (r == 0 && (r = owner_copy(store, fd)) < 0)
		fault_set(why, r, "cannot give '%s' to the owner of the store", copy);
	close(fd);
	if (r == 0)
		r = copy_put(copy, store, why);
	if (r < 0)
		unlink(copy);
	return r;
}
