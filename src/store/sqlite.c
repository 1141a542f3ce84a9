/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <sodium.h>
#include <stdio.h>

#include "base/macro.h"
#include "base/mem.h"
#include "store/schema.h"
#include "store/sqlite_priv.h"

/*
 * The connection: opening, migrating, transactions, errors. WAL with synchronous=FULL: a commit is on disk when it
 * returns, and the snapshot thread reads one state of everything while commands go on. The wait for a lock is short,
 * because the keeper's loop waits with it; who holds the store longer (a backup tool) gets the "busy" of the roles'
 * spools, which is what they are for.
 */
enum { BUSY_MS = 1000, PATH_LIMIT = 4000, CHECKPOINT_PAGES = 1000 };

static const char *const queries[] = {
#define QUERY(name, sql) [name] = sql,
#include "store/queries.def"
#undef QUERY
};

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

int store_fail(struct store *store, int code)
{
	int r = error_of(store->db, code);

	snprintf(store->words, sizeof(store->words), "store '%s': %s", store->path,
		r == E_FULL ? "the disk is full" : sqlite3_errmsg(store->db));
	return r;
}

const char *store_error_text(const struct store *store)
{
	return store->words;
}

static int store_say(struct store *store, int error, const char *words)
{
	snprintf(store->words, sizeof(store->words), "store '%s': %s", store->path, words);
	return error;
}

/* ---- statements ---- */

sqlite3_stmt *store_statement(struct store *store, enum query query, int *ret_error)
{
	sqlite3_stmt **statement = &store->statements[query];
	int code;

	if (*statement == NULL) {
		code = sqlite3_prepare_v3(
			store->db, queries[query], -1, SQLITE_PREPARE_PERSISTENT, statement, NULL);
		if (code != SQLITE_OK) {
			*ret_error = store_fail(store, code);
			return NULL;
		}
	}
	sqlite3_reset(*statement);
	sqlite3_clear_bindings(*statement);
	return *statement;
}

int store_step(struct store *store, sqlite3_stmt *statement)
{
	int code = sqlite3_step(statement);

	if (code == SQLITE_ROW)
		return 1;
	return code == SQLITE_DONE ? 0 : store_fail(store, code);
}

int store_run(struct store *store, sqlite3_stmt *statement)
{
	int r = store_step(store, statement);

	sqlite3_reset(statement);
	return r < 0 ? r : sqlite3_changes(store->db);
}

void store_bind_span(sqlite3_stmt *statement, int place, struct span text)
{
	sqlite3_bind_text(statement, place, text.len != 0 ? (const char *)text.ptr : "",
		(int)text.len, SQLITE_STATIC);
}

void store_bind_blob(sqlite3_stmt *statement, int place, struct span bytes)
{
	sqlite3_bind_blob(statement, place, bytes.len != 0 ? (const void *)bytes.ptr : "",
		(int)bytes.len, SQLITE_STATIC);
}

void store_bind_key(sqlite3_stmt *statement, int place, const struct key *key)
{
	sqlite3_bind_blob(statement, place, key->bytes, (int)key->len, SQLITE_TRANSIENT);
	sqlite3_bind_int(statement, place + 1, key->bits);
}

void store_bind_range(sqlite3_stmt *statement, const struct key_range *range)
{
	sqlite3_bind_blob(
		statement, 1, range->first.bytes, (int)range->first.len, SQLITE_TRANSIENT);
	sqlite3_bind_blob(statement, 2, range->last.bytes, (int)range->last.len, SQLITE_TRANSIENT);
	sqlite3_bind_int(statement, 3, range->bits_min);
	sqlite3_bind_int(statement, 4, range->bits_max);
}

/* For a domain, itself and what is within are two ranges: this one holds both. */
void store_bind_about(sqlite3_stmt *statement, const struct source *source, uint32_t limit)
{
	struct key key = key_of(source);
	struct key_range range = {key, key, KEY_BELOW, KEY_NAME};

	if (source->kind == SOURCE_NET)
		key_within(source, &range);
	store_bind_range(statement, &range);
	sqlite3_bind_int64(statement, 5, limit != 0 ? (int64_t)limit : -1);
}

struct span store_column_span(sqlite3_stmt *statement, int column)
{
	const void *bytes = sqlite3_column_blob(statement, column);

	return span_of(bytes, (size_t)sqlite3_column_bytes(statement, column));
}

int store_column_source(sqlite3_stmt *statement, int column, struct source *ret_source)
{
	return key_to_source(store_column_span(statement, column),
		sqlite3_column_int(statement, column + 1), ret_source);
}

static int store_execute(struct store *store, const char *sql)
{
	int code = sqlite3_exec(store->db, sql, NULL, NULL, NULL);

	return code == SQLITE_OK ? 0 : store_fail(store, code);
}

/* ---- opening ---- */

/* "sqlite:/path" */
static int url_path(const char *url, const char **ret_path, struct fault *why)
{
	static const char scheme[] = "sqlite:";

	if (strncmp(url, scheme, sizeof(scheme) - 1) != 0 || url[sizeof(scheme) - 1] != '/')
		return fault_set(why, E_CONFIG, "store '%s' is not of the form sqlite:/path", url);
	if (strlen(url) > PATH_LIMIT)
		return fault_set(why, E_LIMIT, "path of the store is too long");
	*ret_path = url + sizeof(scheme) - 1;
	return 0;
}

static int user_version(struct store *store)
{
	sqlite3_stmt *statement;
	int code = sqlite3_prepare_v2(store->db, "PRAGMA user_version", -1, &statement, NULL);
	int r;

	if (code != SQLITE_OK)
		return store_fail(store, code);
	r = store_step(store, statement);
	if (r > 0)
		r = sqlite3_column_int(statement, 0);
	sqlite3_finalize(statement);
	return r;
}

static int migrate_step(struct store *store, unsigned version)
{
	char sql[64];
	int r = store_execute(store, (const char *)store_schema[version].bytes.ptr);

	snprintf(sql, sizeof(sql), "PRAGMA user_version = %u", version + 1);
	return r < 0 ? r : store_execute(store, sql);
}

/* Looked at again inside the transaction: another keeper may have come first. */
static int migrate(struct store *store)
{
	int version = user_version(store);
	int r = version;

	if (version < 0 || (unsigned)version == store_schema_len)
		return version < 0 ? version : 0;
	if ((unsigned)version > store_schema_len || store->reader)
		return store_say(store, E_VERSION,
			store->reader ? "its schema is older than this program"
				      : "its schema is newer than this program");
	r = store_execute(store, "BEGIN IMMEDIATE");
	version = r < 0 ? r : user_version(store);
	while (r >= 0 && version >= 0 && (unsigned)version < store_schema_len)
		r = migrate_step(store, (unsigned)version++);
	if (r >= 0 && version < 0)
		r = version;
	if (r >= 0)
		r = store_execute(store, "COMMIT");
	if (r < 0 && sqlite3_get_autocommit(store->db) == 0)
		sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
	return r < 0 ? r : 0;
}

static int store_set_up(struct store *store, int flags)
{
	int code = sqlite3_open_v2(
		store->path, &store->db, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);
	int r;

	if (code != SQLITE_OK)
		return store->db != NULL ? store_fail(store, code) : E_NOMEM;
	sqlite3_busy_timeout(store->db, BUSY_MS);
	sqlite3_db_config(store->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	r = store_execute(store, settings_both);
	if (r >= 0 && !store->reader)
		r = store_execute(store, settings_writer);
	if (r >= 0)
		r = migrate(store);
	if (r >= 0 && stat(store->path, &store->file) < 0)
		r = err_from_errno(errno);
	return r;
}

static int store_open_as(const char *url, int flags, struct store **ret_store, struct fault *why)
{
	AUTO(store) *store = NULL;
	const char *path = NULL;
	int r = url_path(url, &path, why);

	if (r < 0)
		return r;
	if (sodium_init() < 0)
		return fault_set(why, E_SYSTEM, "no source of random numbers");
	store = mem_new(store);
	store->path = mem_copy_string(path);
	store->reader = (flags & SQLITE_OPEN_READONLY) != 0;
	r = store_set_up(store, flags);
	if (r < 0)
		return fault_set(why, r, "cannot open %s", store->words);
	*ret_store = TAKE(store);
	return 0;
}

int store_open(const char *url, bool create, struct store **ret_store, struct fault *why)
{
	return store_open_as(
		url, SQLITE_OPEN_READWRITE | (create ? SQLITE_OPEN_CREATE : 0), ret_store, why);
}

int store_open_reader(const char *url, struct store **ret_store, struct fault *why)
{
	return store_open_as(url, SQLITE_OPEN_READONLY, ret_store, why);
}

void store_free(struct store **store)
{
	struct store *s = *store;

	if (s == NULL)
		return;
	for (size_t i = 0; i < COUNTOF(s->statements); i++)
		sqlite3_finalize(s->statements[i]);
	sqlite3_close_v2(s->db);
	mem_free(s->path);
	mem_free(s);
	*store = NULL;
}

void store_describe(struct store *store, char *text, size_t size)
{
	struct stat file = {0};
	double megabytes;

	if (stat(store->path, &file) < 0)
		file.st_size = 0;
	megabytes = (double)file.st_size / 1e6;
	snprintf(text, size, "sqlite %s, %.1f MB", store->path, megabytes);
}

/* ---- transactions ---- */

/* Pages in SQLite's cache hide that the file was overwritten, and changes would go on into it. Read through SQLite's own
 * descriptor: closing another one would drop its locks (fcntl(2)). */
static bool store_has_header(struct store *store)
{
	static const char magic[16] = "SQLite format 3";
	char head[sizeof(magic)] = "";
	sqlite3_file *file = NULL;

	sqlite3_file_control(store->db, "main", SQLITE_FCNTL_FILE_POINTER, &file);
	if (file == NULL || file->pMethods == NULL)
		return true; /* no file: nothing to compare */
	return file->pMethods->xRead(file, head, sizeof(head), 0) == SQLITE_OK &&
	       memcmp(head, magic, sizeof(magic)) == 0;
}

/* A file that was moved away or replaced keeps taking our writes, for nobody. */
static int store_check_file(struct store *store)
{
	struct stat file;

	if (stat(store->path, &file) < 0)
		return store_say(store, E_CORRUPT, "the file is gone");
	if (file.st_ino != store->file.st_ino || file.st_dev != store->file.st_dev)
		return store_say(store, E_CORRUPT, "the file was replaced");
	if (!store_has_header(store))
		return store_say(store, E_CORRUPT, "the file was overwritten");
	return 0;
}

static int store_simple(struct store *store, enum query query)
{
	int r = 0;
	sqlite3_stmt *statement = store_statement(store, query, &r);

	if (statement == NULL)
		return r;
	r = store_run(store, statement);
	return r < 0 ? r : 0;
}

int store_begin(struct store *store)
{
	int r = store_check_file(store);

	ASSERT(!store->in_transaction);
	if (r >= 0)
		r = store_simple(store, store->reader ? Q_BEGIN_READ : Q_BEGIN);
	store->in_transaction = r >= 0;
	store_forget_counts(store);
	return r;
}

void store_rollback(struct store *store)
{
	/* After some errors SQLite has rolled back already. */
	if (store->in_transaction && sqlite3_get_autocommit(store->db) == 0)
		sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
	store->in_transaction = false;
	store_forget_counts(store);
}

int store_commit(struct store *store)
{
	int r = store_flush_counts(store);

	ASSERT(store->in_transaction);
	if (r >= 0)
		r = store_simple(store, Q_COMMIT);
	if (r < 0)
		store_rollback(store);
	store->in_transaction = false;
	return r;
}

/* ---- the log ---- */

void store_sync_defer(struct store *store)
{
	sqlite3_wal_autocheckpoint(store->db, 0);
}

void store_sync_resume(struct store *store)
{
	sqlite3_wal_autocheckpoint(store->db, CHECKPOINT_PAGES);
}

int store_sync(const char *url, struct fault *why)
{
	enum { PASSES = 2 }; /* the second is short: what was committed during the first */
	AUTO(store) *store = NULL;
	int code = SQLITE_OK;
	int r = store_open(url, false, &store, why);

	for (unsigned i = 0; i < PASSES && r >= 0 && code == SQLITE_OK; i++)
		code = sqlite3_wal_checkpoint_v2(
			store->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
	if (r < 0 || code == SQLITE_OK)
		return r;
	return fault_set(why, store_fail(store, code), "%s", store->words);
}

/* ---- savepoints ---- */

int store_savepoint(struct store *store)
{
	store_save_counts(store);
	return store_simple(store, Q_SAVEPOINT);
}

int store_savepoint_release(struct store *store)
{
	return store_simple(store, Q_SAVEPOINT_RELEASE);
}

/* After some errors SQLite has rolled all of it back, and the savepoint with it: E_BUG. */
int store_savepoint_rollback(struct store *store)
{
	int r = store_simple(store, Q_SAVEPOINT_ROLLBACK);

	store_restore_counts(store);
	return r < 0 ? r : store_simple(store, Q_SAVEPOINT_RELEASE);
}

/* ---- reading ---- */

int store_read_begin(struct store *store)
{
	return store_simple(store, Q_BEGIN_READ);
}

void store_read_end(struct store *store)
{
	store_simple(store, Q_COMMIT);
}
