/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/macro.h"
#include "base/mem.h"
#include "base/text.h"
#include "conf/store_url.h"
#include "store/schema.h"
#include "store/sqlite_file.h"
#include "store/sqlite_log.h"
#include "store/store_priv.h"

/*
 * The store in a file, by SQLite. WAL with synchronous=FULL: a commit is on disk when it returns,
 * and the snapshot thread reads one state of everything while commands go on. The wait for a lock
 * is short, because the keeper's loop waits with it; who holds the store longer (a backup tool)
 * gets the "busy" of the roles' spools, which is what they are for.
 */
enum {
	BUSY_MS = 1000,
	PATH_LIMIT = 4000,
	SUFFIX_SIZE = 16, /* "-reserve" and the like */
	CHECKPOINT_PAGES = 1000,
	TELL_MS = 5000,          /* while the schema is brought up to date */
	TELL_STEPS = 1000000,    /* of SQLite's machine, between two looks at the clock */
	RESERVE_BYTES = 8 << 20, /* twice the log, as it is between two times it is written back */
};

struct sqlite {
	struct store store;
	sqlite3 *db;
	char *path;
	struct stat file;                    /* as opened: to notice a replaced file */
	const struct store_opening *opening; /* while it is opened */
};

static struct sqlite *sqlite_of(struct store *store)
{
	return CONTAINEROF(store, struct sqlite, store);
}

static const char settings_both[] = "PRAGMA foreign_keys = ON;"
				    "PRAGMA trusted_schema = OFF;"
				    "PRAGMA cell_size_check = ON;"
				    "PRAGMA temp_store = MEMORY;"
				    "PRAGMA cache_size = -65536;";
static const char settings_writer[] = "PRAGMA journal_mode = WAL;"
				      "PRAGMA synchronous = FULL;"
				      "PRAGMA journal_size_limit = 67108864;";

/* ---- errors ---- */

static int error_of(sqlite3 *db, int code)
{
	int number = db != NULL ? sqlite3_system_errno(db) : 0;

	switch (code & 0xff) {
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return E_BUSY;
	case SQLITE_FULL:
		return E_FULL;
	case SQLITE_READONLY:
	case SQLITE_PERM:
	case SQLITE_AUTH:
		return E_DENIED;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return E_CORRUPT;
	case SQLITE_NOMEM:
		return E_NOMEM;
	case SQLITE_CANTOPEN:
		return number == ENOENT ? E_ABSENT : number != 0 ? err_from_errno(number) : E_IO;
	case SQLITE_IOERR:
		/* Which call met the full disk decides how SQLite names it. */
		return number == ENOSPC || number == EFBIG || number == EDQUOT ||
				       code == SQLITE_IOERR_SHMSIZE
			       ? E_FULL
			       : E_IO;
	default:
		return E_BUG;
	}
}

static int sqlite_error(struct sqlite *s, int error, const char *text)
{
	text_format(
		s->store.error_text, sizeof(s->store.error_text), "store '%s': %s", s->path, text);
	return error;
}

/* The last failure of SQLite. */
static int sqlite_fail(struct sqlite *s, int code)
{
	int r = error_of(s->db, code);

	return sqlite_error(s, r, r == E_FULL ? "the disk is full" : sqlite3_errmsg(s->db));
}

static int sqlite_execute(struct sqlite *s, const char *sql)
{
	int code = sqlite3_exec(s->db, sql, NULL, NULL, NULL);

	return code == SQLITE_OK ? 0 : sqlite_fail(s, code);
}

/* ---- statements ---- */

static int sqlite_prepare(struct store *store, const char *sql, void **ret_statement)
{
	struct sqlite *s = sqlite_of(store);
	sqlite3_stmt *statement = NULL;
	int code = sqlite3_prepare_v3(s->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, NULL);

	if (code != SQLITE_OK)
		return sqlite_fail(s, code);
	*ret_statement = statement;
	return 0;
}

static void sqlite_discard(void *statement)
{
	sqlite3_finalize(statement);
}

static void sqlite_bind_int(void *statement, int parameter, int64_t value)
{
	sqlite3_bind_int64(statement, parameter, value);
}

static void sqlite_bind_text(void *statement, int parameter, struct span text)
{
	sqlite3_bind_text(statement, parameter, text.len != 0 ? (const char *)text.ptr : "",
		(int)text.len, SQLITE_STATIC);
}

static void sqlite_bind_blob(void *statement, int parameter, struct span bytes)
{
	sqlite3_bind_blob(statement, parameter, bytes.len != 0 ? (const void *)bytes.ptr : "",
		(int)bytes.len, SQLITE_STATIC);
}

static int sqlite_step(struct store *store, void *statement)
{
	int code = sqlite3_step(statement);

	if (code == SQLITE_ROW)
		return 1;
	return code == SQLITE_DONE ? 0 : sqlite_fail(sqlite_of(store), code);
}

static int64_t sqlite_column_int(void *statement, int column)
{
	return sqlite3_column_int64(statement, column);
}

static struct span sqlite_column_span(void *statement, int column)
{
	const void *bytes = sqlite3_column_blob(statement, column);

	return span_of(bytes, (size_t)sqlite3_column_bytes(statement, column));
}

static void sqlite_reset(void *statement)
{
	sqlite3_reset(statement);
	sqlite3_clear_bindings(statement);
}

static int64_t sqlite_changed(struct store *store)
{
	return sqlite3_changes64(sqlite_of(store)->db);
}

static int64_t sqlite_inserted(struct store *store)
{
	return sqlite3_last_insert_rowid(sqlite_of(store)->db);
}

/* ---- the schema ---- */

static int user_version(struct sqlite *s)
{
	void *statement = NULL;
	int r = sqlite_prepare(&s->store, "PRAGMA user_version", &statement);

	if (r < 0)
		return r;
	r = sqlite_step(&s->store, statement);
	if (r > 0)
		r = sqlite3_column_int(statement, 0);
	sqlite3_finalize(statement);
	return r;
}

static int migrate_step(struct sqlite *s, unsigned version)
{
	char sql[64];
	int r = sqlite_execute(s, (const char *)store_schema[version].bytes.ptr);

	snprintf(sql, sizeof(sql), "PRAGMA user_version = %u", version + 1);
	return r < 0 ? r : sqlite_execute(s, sql);
}

static void sqlite_rollback(struct store *store)
{
	sqlite3 *db = sqlite_of(store)->db;

	/* After some errors SQLite has rolled back already. */
	if (sqlite3_get_autocommit(db) == 0)
		sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
}

/* 1: it is to be brought up to date, 0. */
static int schema_is_old(struct sqlite *s)
{
	int version = user_version(s);

	if (version < 0)
		return version;
	if ((unsigned)version > store_schema_len)
		return sqlite_error(s, E_VERSION, "its schema is newer than this program");
	return (unsigned)version < store_schema_len;
}

static int schema_check(struct sqlite *s)
{
	int r = schema_is_old(s);

	return r <= 0 ? r : sqlite_error(s, E_VERSION, "its schema is older than this program");
}

/* A migration on its way, as it is told. */
struct migrating {
	const struct store_opening *opening;
	struct store_migration migration;
	int64_t begun_ms;
	int64_t told_ms;
};

static void migration_report(struct migrating *migrating)
{
	const struct store_opening *opening = migrating->opening;

	migrating->told_ms = clock_monotonic_ms();
	migrating->migration.took_ms = migrating->told_ms - migrating->begun_ms;
	if (opening->migrating != NULL && migrating->migration.from != 0)
		opening->migrating(&migrating->migration, opening->arg);
}

static int migrating_on_progress(void *arg)
{
	struct migrating *migrating = arg;

	migrating->migration.state = MIGRATION_GOES_ON;
	if (clock_monotonic_ms() >= migrating->told_ms + TELL_MS)
		migration_report(migrating);
	return 0; /* go on */
}

/* Looked at again inside the transaction: another keeper may have come first. */
static int migrate_all(struct sqlite *s, struct migrating *migrating)
{
	int r = sqlite_execute(s, "BEGIN IMMEDIATE");
	int version = r < 0 ? r : user_version(s);

	migrating->migration.from = version > 0 ? (unsigned)version : 0;
	migration_report(migrating);
	while (r >= 0 && version >= 0 && (unsigned)version < store_schema_len) {
		migrating->migration.at = (unsigned)version;
		r = migrate_step(s, (unsigned)version++);
	}
	if (r >= 0 && version < 0)
		r = version;
	return r >= 0 ? sqlite_execute(s, "COMMIT") : r;
}

static int migrate(struct sqlite *s)
{
	struct migrating migrating = {.opening = s->opening,
		.migration = {.to = (unsigned)store_schema_len},
		.begun_ms = clock_monotonic_ms()};
	int r = schema_is_old(s);

	if (r <= 0)
		return r;
	sqlite3_progress_handler(s->db, TELL_STEPS, migrating_on_progress, &migrating);
	r = migrate_all(s, &migrating);
	sqlite3_progress_handler(s->db, 0, NULL, NULL);
	if (r < 0) {
		sqlite_rollback(&s->store);
		return r;
	}
	migrating.migration.state = MIGRATION_DONE;
	migrating.migration.at = migrating.migration.to;
	migration_report(&migrating);
	return 0;
}

/* ---- the connection ---- */

static const char log_refusal[] =
	"the log beside it is of another file, or was copied with it: if they belong together move both "
	"into another folder and 'stockade restore' the file from there, else move the log away";

static int sign(struct sqlite *s)
{
	int code = sqlite_file_sign(s->db, s->path);

	return code == SQLITE_OK ? sqlite_execute(s, settings_writer) : sqlite_fail(s, code);
}

/* Which file it is gets written before anything else is; into a new one when it has a table. */
static int set_up_file(struct sqlite *s)
{
	int version = user_version(s);
	int code, r = schema_is_old(s);

	if (r >= 0 && version == 0)
		r = migrate(s);
	if (r >= 0)
		r = sign(s);
	if (r >= 0)
		r = migrate(s);
	if (r < 0)
		return r;
	code = sqlite_log_sign(s->db, s->path);
	return code == SQLITE_OK ? 0 : sqlite_fail(s, code);
}

static int set_up(struct sqlite *s, enum store_access access)
{
	static const int flags[] = {
		[STORE_READ] = SQLITE_OPEN_READONLY,
		[STORE_WRITE] = SQLITE_OPEN_READWRITE,
		[STORE_CREATE] = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE,
	};
	int code, r, moved;

	if (file_is_other(s->path))
		return sqlite_error(s, E_IO, "it is not a regular file");
	moved = access != STORE_READ ? sqlite_log_settle(s->path) : 0;
	code = sqlite3_open_v2(
		s->path, &s->db, flags[access] | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);
	if (moved < 0)
		return sqlite_error(s, moved, log_refusal);
	s->store.log_was_moved = moved > 0;
	if (code != SQLITE_OK)
		return s->db != NULL ? sqlite_fail(s, code) : E_NOMEM;
	if (access != STORE_READ && sqlite3_db_readonly(s->db, "main") > 0)
		return sqlite_error(s, E_DENIED, "it is read-only"); /* SQLite makes do with that */
	sqlite_log_keep(s->db);
	sqlite3_busy_timeout(s->db, BUSY_MS);
	sqlite3_db_config(s->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	r = sqlite_execute(s, settings_both);
	if (r >= 0)
		r = access == STORE_READ ? schema_check(s) : set_up_file(s);
	if (r >= 0 && stat(s->path, &s->file) < 0)
		r = err_from_errno(errno);
	return r;
}

static void sqlite_close(struct store *store)
{
	struct sqlite *s = sqlite_of(store);

	sqlite3_close_v2(s->db);
	mem_free(s->path);
	mem_free(s);
}

static int sqlite_open(const struct store_opening *opening, enum store_access access,
	struct store **ret_store, struct fault *why)
{
	const char *url = opening->url;
	struct sqlite *s;
	int r;

	if (strlen(url) > PATH_LIMIT)
		return fault_set(why, E_LIMIT, "path of the store is too long");
	s = mem_new(sqlite);
	s->path = mem_copy_string(store_url_path(url));
	s->opening = opening;
	r = set_up(s, access);
	s->opening = NULL;
	if (r >= 0) {
		*ret_store = &s->store;
		return 0;
	}
	fault_set(why, r, "cannot open %s", s->store.error_text);
	sqlite_close(&s->store);
	return r;
}

static void sqlite_describe(struct store *store, char *text, size_t size)
{
	struct sqlite *s = sqlite_of(store);
	struct stat file = {0};

	if (stat(s->path, &file) < 0)
		file.st_size = 0;
	text_format(text, size, "sqlite %s, %.1f MB", s->path, (double)file.st_size / 1e6);
}

/* Pages in SQLite's cache hide that the file was overwritten, and changes would go on into it. Read
 * through SQLite's own descriptor: closing another one would drop its locks (fcntl(2)). */
static bool has_header(struct sqlite *s)
{
	static const char magic[16] = "SQLite format 3";
	char head[sizeof(magic)] = "";
	sqlite3_file *file = NULL;

	sqlite3_file_control(s->db, "main", SQLITE_FCNTL_FILE_POINTER, &file);
	if (file == NULL || file->pMethods == NULL)
		return true; /* no file: nothing to compare */
	return file->pMethods->xRead(file, head, sizeof(head), 0) == SQLITE_OK &&
	       memcmp(head, magic, sizeof(magic)) == 0;
}

/* A file that was moved away or replaced keeps taking our writes, for nobody. */
static int sqlite_check(struct store *store)
{
	struct sqlite *s = sqlite_of(store);
	struct stat file;

	if (stat(s->path, &file) < 0)
		return sqlite_error(s, E_CORRUPT, "the file is gone");
	if (file.st_ino != s->file.st_ino || file.st_dev != s->file.st_dev)
		return sqlite_error(s, E_CORRUPT, "the file was replaced");
	if (!has_header(s))
		return sqlite_error(s, E_CORRUPT, "the file was overwritten");
	return 0;
}

/* ---- the log ---- */

static void sqlite_sync_defer(struct store *store, bool deferred)
{
	sqlite3_wal_autocheckpoint(sqlite_of(store)->db, deferred ? 0 : CHECKPOINT_PAGES);
}

static int sync_passes(sqlite3 *db)
{
	enum { PASSES = 2 }; /* the second is short: what was committed during the first */
	int64_t version;
	int code;

	sqlite_log_keep(db);
	sqlite3_busy_timeout(db, BUSY_MS);
	/* else it does not know of the log yet */
	code = sqlite_number(db, "PRAGMA user_version", &version) < 0 ? sqlite3_errcode(db)
								      : SQLITE_OK;
	for (unsigned i = 0; i < PASSES && code == SQLITE_OK; i++)
		code = sqlite3_wal_checkpoint_v2(db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
	return code;
}

/* Beside whoever has the store open. When the file was replaced under that one, the log is not of
 * the file that stands there now. */
static int sqlite_sync(const char *url, struct fault *why)
{
	const char *path = store_url_path(url);
	sqlite3 *db = NULL;
	int code, r = 0;

	if (sqlite_log_whose(path) != LOG_OWN)
		return fault_set(why, E_CORRUPT, "the log of '%s' is not its own", path);
	code = sqlite3_open_v2(path, &db,
		SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);
	if (code == SQLITE_OK)
		code = sync_passes(db);
	if (code != SQLITE_OK)
		r = fault_set(why, error_of(db, code), "cannot write back the log of '%s': %s",
			path, sqlite3_errmsg(db));
	sqlite3_close_v2(db);
	return r;
}

static int64_t sqlite_log_size(struct store *store)
{
	struct sqlite *s = sqlite_of(store);
	char path[PATH_LIMIT + SUFFIX_SIZE];
	struct stat file;

	snprintf(path, sizeof(path), "%s-wal", s->path);
	return stat(path, &file) == 0 ? file.st_size : 0;
}

/* ---- room that is put aside ---- */

static const char *reserve_path(const struct sqlite *s, char path[PATH_LIMIT + SUFFIX_SIZE])
{
	snprintf(path, PATH_LIMIT + SUFFIX_SIZE, "%s-reserve", s->path);
	return path;
}

static void sqlite_reserve_use(struct store *store)
{
	char path[PATH_LIMIT + SUFFIX_SIZE];

	unlink(reserve_path(sqlite_of(store), path));
}

static int sqlite_reserve(struct store *store)
{
	char path[PATH_LIMIT + SUFFIX_SIZE];
	int fd = open(reserve_path(sqlite_of(store), path),
		O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	int r;

	if (fd < 0)
		return err_from_errno(errno);
	r = posix_fallocate(fd, 0, RESERVE_BYTES);
	close(fd);
	if (r == 0)
		return 0;
	unlink(path);
	return r == ENOSPC || r == EDQUOT || r == EFBIG ? E_FULL : err_from_errno(r);
}

const struct store_ops sqlite_ops = {
	.open = sqlite_open,
	.backup = sqlite_file_backup,
	.restore = sqlite_file_restore,
	.close = sqlite_close,
	.describe = sqlite_describe,
	.check = sqlite_check,
	.rollback = sqlite_rollback,
	.sync_defer = sqlite_sync_defer,
	.sync = sqlite_sync,
	.reserve = sqlite_reserve,
	.reserve_use = sqlite_reserve_use,
	.log_size = sqlite_log_size,
	.prepare = sqlite_prepare,
	.discard = sqlite_discard,
	.bind_int = sqlite_bind_int,
	.bind_text = sqlite_bind_text,
	.bind_blob = sqlite_bind_blob,
	.step = sqlite_step,
	.column_int = sqlite_column_int,
	.column_span = sqlite_column_span,
	.reset = sqlite_reset,
	.changed = sqlite_changed,
	.inserted = sqlite_inserted,
};
