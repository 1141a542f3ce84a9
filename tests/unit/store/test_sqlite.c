/* SPDX-License-Identifier: ISC */
#include "store/stores.h"

#include <sys/stat.h>

/* What is true of a store in a file only; what each store has to do is in test_store.c. */

/* ---- a file system whose Nth write or sync fails: the default one with a counter in front ---- */

static sqlite3_vfs failing_vfs;
/* the database, which is locked, and other files, which are not */
static sqlite3_io_methods failing_methods[2];
static sqlite3_io_methods real_methods; /* both write and sync alike */
static int fail_in;                     /* 0: never */
static int fail_code;

static int countdown(void)
{
	return fail_in != 0 && --fail_in == 0 ? fail_code : SQLITE_OK;
}

static int failing_write(sqlite3_file *file, const void *bytes, int len, sqlite3_int64 offset)
{
	int code = countdown();

	return code != SQLITE_OK ? code : real_methods.xWrite(file, bytes, len, offset);
}

static int failing_sync(sqlite3_file *file, int flags)
{
	int code = countdown();

	return code != SQLITE_OK ? code : real_methods.xSync(file, flags);
}

static int failing_open(
	sqlite3_vfs *vfs, sqlite3_filename name, sqlite3_file *file, int flags, int *ret_flags)
{
	sqlite3_vfs *real = vfs->pAppData;
	int code = real->xOpen(real, name, file, flags, ret_flags);

	if (code == SQLITE_OK && file->pMethods != NULL) {
		sqlite3_io_methods *methods = &failing_methods[(flags & SQLITE_OPEN_MAIN_DB) != 0];

		real_methods = *file->pMethods;
		*methods = real_methods;
		methods->xWrite = failing_write;
		methods->xSync = failing_sync;
		file->pMethods = methods;
	}
	return code;
}

static void failing_install(void)
{
	sqlite3_vfs *real = sqlite3_vfs_find(NULL);

	failing_vfs = *real;
	failing_vfs.zName = "failing";
	failing_vfs.pAppData = real;
	failing_vfs.xOpen = failing_open;
	failing_vfs.pNext = NULL;
	sqlite3_vfs_register(&failing_vfs, 1);
}

/* Whichever write or sync fails: an error, nothing of the transaction there, and all well
 * afterwards. */
static void each_failing_write_leaves_whole_transactions(void **state)
{
	static const int codes[] = {SQLITE_FULL, SQLITE_IOERR_WRITE, SQLITE_IOERR_FSYNC};
	int tried = 0;

	(void)state;
	for (size_t c = 0; c < COUNTOF(codes); c++) {
		AUTO(store) *store = open_store();
		bool failed = true;

		for (int n = 1; failed; n++) {
			char text[64];
			uint64_t id = 0;
			int r;

			snprintf(text, sizeof(text), "198.51.%d.%d", 100 + (int)c, n);
			fail_code = codes[c];
			fail_in = n;
			r = store_begin(store);
			if (r >= 0)
				r = listing_add(store, "main", text, 0, &id);
			r = r >= 0 ? store_commit(store) : (store_rollback(store), r);
			failed = fail_in == 0;
			fail_in = 0;
			if (failed) {
				tried++;
				assert_true(r == E_FULL || r == E_IO);
				assert_int_equal(store_probe(store, n), 0);
				assert_found(store, STORE_COVERING, "main", text, "");
			} else {
				assert_true(r >= 0);
				assert_found(store, STORE_COVERING, "main", text, text);
			}
		}
	}
	assert_true(tried >= 3);
}

static off_t store_size(void)
{
	char path[128];
	struct stat file;

	snprintf(path, sizeof(path), "%s/s.db", folder);
	assert_int_equal(stat(path, &file), 0);
	return file.st_size;
}

static void add_some(struct store *store, unsigned first, unsigned len)
{
	assert_int_equal(store_begin(store), 0);
	for (unsigned i = first; i < first + len; i++) {
		char text[32];
		uint64_t id = 0;

		snprintf(text, sizeof(text), "20.0.%u.%u", i / 256, i % 256);
		assert_int_equal(listing_add(store, "main", text, 0, &id), 1);
	}
	assert_int_equal(store_commit(store), 0);
}

/* As the snapshot thread does: while it reads, and until it has written back itself, commits only
 * write the log. */
static void the_log_is_written_back_beside_commits(void **state)
{
	enum { MANY = 16000 };
	struct store *store = open_store(), *reader = NULL;
	struct fault why = {""};
	uint64_t count = 0;
	uint32_t serial = 0;
	off_t before;

	(void)state;
	must_add(store, "main", "192.0.2.1", 0);
	assert_int_equal(store_sync(url, &why), 0);
	before = store_size();
	assert_int_equal(store_open_reader(url, &reader, &why), 0);
	assert_int_equal(store_begin(reader), 0);
	assert_int_equal(store_serial(reader, &serial), 0);
	store_sync_defer(store);
	add_some(store, 0, MANY);
	store_rollback(reader);
	must_add(store, "main", "192.0.2.2", 0);
	assert_int_equal(store_size(), before);
	assert_int_equal(store_sync(url, &why), 0);
	assert_true(store_size() > before);
	before = store_size();
	store_sync_resume(store);
	add_some(store, MANY, MANY);
	assert_true(store_size() > before);
	assert_int_equal(store_list_count(reader, span_text("main"), &count), 0);
	assert_int_equal(count, 2 * MANY + 2);
	store_free(&reader);
	store_free(&store);
}

static void a_replaced_file_is_noticed(void **state)
{
	AUTO(store) *store = open_store();
	char path[128];

	(void)state;
	snprintf(path, sizeof(path), "%s/s.db", folder);
	assert_int_equal(store_probe(store, 1), 0);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(store_probe(store, 1), E_CORRUPT);
	assert_non_null(strstr(store_error_text(store), "gone"));
}

static void an_overwritten_file_is_noticed(void **state)
{
	AUTO(store) *store = open_store();
	char path[128];
	FILE *file;

	(void)state;
	snprintf(path, sizeof(path), "%s/s.db", folder);
	assert_int_equal(store_probe(store, 1), 0);
	file = fopen(path, "r+");
	assert_non_null(file);
	fputs("something else entirely", file);
	fclose(file);
	assert_int_equal(store_probe(store, 1), E_CORRUPT);
	assert_non_null(strstr(store_error_text(store), "overwritten"));
}

static void what_is_not_a_database_is_named(void **state)
{
	struct store *store = NULL;
	struct fault why = {""};
	char path[128];
	FILE *file;

	(void)state;
	assert_int_equal(store_open(&(struct store_opening){.url = url}, &store, &why), E_ABSENT);
	snprintf(path, sizeof(path), "%s/s.db", folder);
	file = fopen(path, "w");
	assert_non_null(file);
	for (int i = 0; i < 1000; i++)
		fputs("this is not a database\n", file);
	fclose(file);
	assert_int_equal(
		store_open(&(struct store_opening){.url = url, .create = true}, &store, &why),
		E_CORRUPT);
	assert_non_null(strstr(why.text, path));
	assert_null(store);
}

/* Who only reads would wait for somebody who writes into the pipe. */
static void a_pipe_is_no_store(void **state)
{
	struct store *store = NULL;
	struct fault why;
	char path[128];

	(void)state;
	snprintf(path, sizeof(path), "%s/s.db", folder);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(store_open_reader(url, &store, &why), E_IO);
	assert_non_null(strstr(why.text, "it is not a regular file"));
	snprintf(path, sizeof(path), "%s/other.db", folder);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(store_restore(url, path, &why), E_IO);
	unlink(path);
}

static void a_newer_schema_is_refused(void **state)
{
	struct store *store = open_store();
	struct fault why = {""};

	(void)state;
	store_free(&store);
	sqlite_execute("PRAGMA user_version = 999");
	assert_int_equal(
		store_open(&(struct store_opening){.url = url, .create = true}, &store, &why),
		E_VERSION);
}

/* ---- what a look-up costs ---- */

static int64_t steps; /* of SQLite's machine, in statements that ended */

static int steps_add(unsigned kind, void *arg, void *statement, void *took)
{
	(void)kind;
	(void)arg;
	(void)took;
	steps += sqlite3_stmt_status(statement, SQLITE_STMTSTATUS_VM_STEP, 1);
	return 0;
}

static int steps_count(sqlite3 *db, const char **error, const struct sqlite3_api_routines *api)
{
	(void)error;
	(void)api;
	return sqlite3_trace_v2(db, SQLITE_TRACE_PROFILE, steps_add, NULL);
}

static int64_t steps_of(struct store *store, enum store_which which, const char *text)
{
	struct source source = source_of(text);
	struct store_select select = {.which = which, .source = &source, .limit = 20, .look = 10};
	struct words words = {""};

	steps = 0;
	assert_true(store_listings(store, &select, words_add, &words) >= 0);
	return steps;
}

/* Listed and delisted again and again, each time by a group of its own. */
static void flap(struct store *store, const char *text, unsigned times)
{
	static const struct store_ending ending = {2000, {NULL, 0}, {NULL, 0}, 0};

	assert_int_equal(store_begin(store), 0);
	for (unsigned i = 0; i < times; i++) {
		uint64_t id = 0;

		assert_int_equal(listing_add(store, "main", text, 0, &id), 1);
		assert_int_equal(store_listing_end(store, id, &ending), 0);
	}
	assert_int_equal(store_commit(store), 0);
}

/* Strangers may ask for any of these at any time, whatever became of it in years. */
static void what_ended_long_ago_costs_a_bounded_look_up_nothing(void **state)
{
	static const struct {
		enum store_which which;
		const char *text;
	} asked[] = {{STORE_COVERING, "10.0.0.0"}, {STORE_COVERING, "10.0.0.0/24"},
		{STORE_ENDED, "10.0.0.0"}, {STORE_ENDED, "10.0.0.0/24"},
		{STORE_ENDED_COVERING, "10.0.0.0"}, {STORE_ENDED_COVERING, "10.0.0.0/24"},
		{STORE_COVERING, "mail.example"}, {STORE_ENDED, "mail.example"}};
	static const char *const flapping[] = {
		"10.0.0.0", "10.0.0.0/24", "10.0.0.0/8", "mail.example", ".example"};
	int64_t before[COUNTOF(asked)];
	struct store *store;

	(void)state;
	sqlite3_auto_extension((void (*)(void))steps_count);
	store = open_store();
	for (size_t i = 0; i < COUNTOF(flapping); i++)
		flap(store, flapping[i], 20);
	for (size_t i = 0; i < COUNTOF(asked); i++)
		before[i] = steps_of(store, asked[i].which, asked[i].text);
	for (size_t i = 0; i < COUNTOF(flapping); i++)
		flap(store, flapping[i], 400);
	for (size_t i = 0; i < COUNTOF(asked); i++) {
		assert_true(before[i] > 0);
		assert_in_range(steps_of(store, asked[i].which, asked[i].text), 1, before[i] * 2);
	}
	store_free(&store);
	sqlite3_reset_auto_extension();
}

/* ---- whose log it is ---- */

static const char *path_of(const char *suffix)
{
	static char paths[4][128];
	static unsigned next;
	char *path = paths[next++ % COUNTOF(paths)];

	snprintf(path, sizeof(paths[0]), "%s/s.db%s", folder, suffix);
	return path;
}

static bool is_there(const char *suffix)
{
	return access(path_of(suffix), F_OK) == 0;
}

static void copy(const char *from, const char *to)
{
	char command[320];

	snprintf(command, sizeof(command), "cp %s %s", path_of(from), path_of(to));
	assert_int_equal(system(command), 0);
}

/* In the place of what is there, which stays another file. */
static void put(const char *from, const char *to)
{
	assert_int_equal(rename(path_of(from), path_of(to)), 0);
}

/* As after a crash: the file, and a log with 192.0.2.7 in it. */
static void crash(const char *file, const char *log)
{
	AUTO(store) *store = open_store();

	must_add(store, "main", "192.0.2.7", 0);
	copy("", file);
	copy("-wal", log);
}

static void assert_7(bool is_listed)
{
	AUTO(store) *store = open_store();

	assert_found(store, STORE_COVERING, "main", "192.0.2.7", is_listed ? "192.0.2.7" : "");
}

/* A copy of the store is not ours before it says so itself: not while somebody reads it, and not at
 * the second attempt either. What is committed into its log from then on stays. */
static void a_copy_is_signed_before_anything_is_written(void **state)
{
	struct store *store = open_store();
	struct fault why = {""};
	sqlite3 *reader = NULL;

	(void)state;
	store_free(&store);
	copy("", ".copy");
	put(".copy", "");
	assert_int_equal(sqlite3_open(path_of(""), &reader), SQLITE_OK);
	assert_int_equal(sqlite3_exec(reader, "BEGIN; SELECT * FROM meta", NULL, NULL, NULL), 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(store_open(&(struct store_opening){.url = url, .create = true},
					 &store, &why),
			E_BUSY);
		assert_null(store);
	}
	sqlite3_close(reader);
	store = open_store();
	must_add(store, "main", "192.0.2.1", 0);
	for (int i = 0; i < 2; i++) {
		AUTO(store) *again = open_store();

		assert_false(store_log_was_moved(again));
		assert_found(again, STORE_COVERING, "main", "192.0.2.1", "192.0.2.1");
	}
	store_free(&store);
}

/* Nothing may be in the log before it is known as ours: the changes of a new schema least. */
static void a_copy_with_an_old_schema_is_signed_first(void **state)
{
	struct store *store = open_store();
	struct fault why = {""};
	sqlite3 *reader = NULL;

	(void)state;
	store_free(&store);
	sqlite_execute(
		"DROP TABLE renewing; DROP INDEX listing_group_review; PRAGMA user_version = 5");
	copy("", ".copy");
	put(".copy", "");
	assert_int_equal(sqlite3_open(path_of(""), &reader), SQLITE_OK);
	assert_int_equal(sqlite3_exec(reader, "BEGIN; SELECT * FROM meta", NULL, NULL, NULL), 0);
	assert_int_equal(
		store_open(&(struct store_opening){.url = url, .create = true}, &store, &why),
		E_BUSY);
	sqlite3_close(reader);
	assert_int_equal(sqlite3_open(path_of(""), &reader), SQLITE_OK);
	assert_int_equal(
		sqlite3_exec(reader, "SELECT * FROM renewing", NULL, NULL, NULL), SQLITE_ERROR);
	sqlite3_close(reader);
	store = open_store();
	store_free(&store);
}

static void a_backup_put_beside_the_log_of_a_crash_is_not_mixed_with_it(void **state)
{
	(void)state;
	assert_7(false);
	copy("", ".backup");
	crash(".file", ".log");
	copy(".log", "-wal");      /* into the one that is there */
	put(".log", "-wal.other"); /* of another time: it may be needed yet */
	put(".backup", "");
	assert_7(false);
	assert_true(is_there("-wal.other"));
	assert_true(is_there("-wal.other.2"));
	unlink(path_of(".file"));
}

/* A folder that was copied after a crash, or as it stood: what was acknowledged is in the log. */
static void a_log_that_was_copied_with_its_file_is_kept(void **state)
{
	struct store *store = NULL;
	struct fault why = {""};

	(void)state;
	crash(".file", ".log");
	unlink(path_of("-wal"));
	put(".file", "");
	put(".log", "-wal");
	assert_int_equal(
		store_open(&(struct store_opening){.url = url, .create = true}, &store, &why),
		E_CONFLICT);
	assert_non_null(strstr(why.text, "stockade restore"));
	assert_true(is_there("-wal"));
	put("", ".elsewhere");
	put("-wal", ".elsewhere-wal");
	assert_int_equal(store_restore(url, path_of(".elsewhere"), &why), 0);
	assert_7(true);
	for (size_t i = 0; i < 3; i++)
		unlink(path_of(
			((const char *[]){".elsewhere", ".elsewhere-wal", ".elsewhere-shm"})[i]));
}

static void a_log_without_its_file_is_not_thrown_away(void **state)
{
	(void)state;
	crash(".file", ".log");
	put(".log", "-wal");
	unlink(path_of(".file"));
	unlink(path_of(""));
	assert_7(false);
	assert_true(is_there("-wal.other"));
}

/* The file was replaced under the keeper, which has not noticed yet. */
static void the_log_of_another_is_not_written_back(void **state)
{
	struct store *store = open_store();
	struct fault why = {""};

	(void)state;
	copy("", ".backup");
	must_add(store, "main", "192.0.2.7", 0);
	put(".backup", "");
	assert_true(store_sync(url, &why) < 0);
	assert_true(is_there("-wal"));
	assert_int_equal(store_backup(url, path_of(".new"), &why), E_CONFLICT);
	store_free(&store);
}

static int tear_down(void **state)
{
	fail_in = 0;
	return sqlite_remove(state);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, sqlite_make, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_failing_write_leaves_whole_transactions),
		TEST(the_log_is_written_back_beside_commits),
		TEST(a_replaced_file_is_noticed),
		TEST(an_overwritten_file_is_noticed),
		TEST(what_is_not_a_database_is_named),
		TEST(a_pipe_is_no_store),
		TEST(a_newer_schema_is_refused),
		TEST(what_ended_long_ago_costs_a_bounded_look_up_nothing),
		TEST(a_copy_is_signed_before_anything_is_written),
		TEST(a_copy_with_an_old_schema_is_signed_first),
		TEST(a_backup_put_beside_the_log_of_a_crash_is_not_mixed_with_it),
		TEST(a_log_that_was_copied_with_its_file_is_kept),
		TEST(a_log_without_its_file_is_not_thrown_away),
		TEST(the_log_of_another_is_not_written_back),
	};

	failing_install();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
