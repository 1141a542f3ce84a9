/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/macro.h"
#include "store/store.h"

static char folder[64];
static char url[96];

/* ---- a file system whose Nth write or sync fails: the default one with a counter in front ---- */

static sqlite3_vfs failing_vfs;
static sqlite3_io_methods
	failing_methods[2]; /* the database, which is locked, and other files, which are not */
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

/* ---- a store of its own for each test ---- */

static int folder_make(void **state)
{
	(void)state;
	strcpy(folder, "/tmp/stockade-store-XXXXXX");
	if (mkdtemp(folder) == NULL)
		return -1;
	snprintf(url, sizeof(url), "sqlite:%s/s.db", folder);
	fail_in = 0;
	return 0;
}

static int folder_remove(void **state)
{
	static const char *const suffixes[] = {"", "-wal", "-shm"};

	(void)state;
	fail_in = 0;
	for (size_t i = 0; i < COUNTOF(suffixes); i++) {
		char path[128];

		snprintf(path, sizeof(path), "%s/s.db%s", folder, suffixes[i]);
		unlink(path);
	}
	return rmdir(folder);
}

static struct store *open_store(void)
{
	struct store *store = NULL;
	struct fault why = {""};

	if (store_open(url, true, &store, &why) < 0)
		fail_msg("%s", why.text);
	return store;
}

static struct source source_of(const char *text)
{
	struct source source;

	assert_int_equal(source_parse(span_text(text), &source, NULL), 0);
	return source;
}

static int event_add(struct store *store, const char *verb, uint64_t undoes, uint64_t *ret_id)
{
	struct store_event event = {.time_s = 1000,
		.author = span_text("root"),
		.verb = span_text(verb),
		.subject = span_text("x"),
		.reason = span_text("test"),
		.undoes = undoes,
		.serial = 7};

	return store_event_add(store, &event, ret_id);
}

static int listing_add_by(struct store *store, const char *author, const char *list,
	const char *text, int64_t until_s, uint64_t *ret_id)
{
	struct store_evidence evidence = {
		.kind = span_text("operator"), .sensor = span_text("root"), .note = span_text("")};
	struct store_listing listing = {.list = span_text(list),
		.sublist = span_text("manual"),
		.source = source_of(text),
		.since_s = 1000,
		.until_s = until_s,
		.policy = span_text("by-hand"),
		.policy_version = 1,
		.criterion = span_text("words"),
		.reason = span_text("spam"),
		.author = span_text(author)};
	uint64_t evidence_id = 0;
	int r = event_add(store, "add", 0, &listing.added_event);

	if (r >= 0)
		r = store_evidence_add(store, &evidence, &evidence_id);
	return r < 0 ? r : store_listing_add(store, &listing, evidence_id, ret_id);
}

static int listing_add(
	struct store *store, const char *list, const char *text, int64_t until_s, uint64_t *ret_id)
{
	return listing_add_by(store, "root", list, text, until_s, ret_id);
}

static uint64_t must_add(struct store *store, const char *list, const char *text, int64_t until_s)
{
	uint64_t id = 0;

	assert_int_equal(store_begin(store), 0);
	assert_int_equal(listing_add(store, list, text, until_s, &id), 1);
	assert_int_equal(store_commit(store), 0);
	return id;
}

/* The sources that a selection gives, "a b c". */
struct words {
	char text[512];
};

static int words_add(const struct store_listing *listing, void *arg)
{
	struct words *words = arg;
	char text[SOURCE_TEXT_SIZE];
	size_t len = strlen(words->text);

	snprintf(words->text + len, sizeof(words->text) - len, "%s%s", len != 0 ? " " : "",
		source_print(&listing->source, text));
	return 0;
}

static void assert_found(struct store *store, enum store_which which, const char *list,
	const char *text, const char *expected)
{
	struct source source = source_of(text);
	struct store_select select = {.which = which, .list = span_text(list), .source = &source};
	struct words words = {""};

	assert_int_equal(store_listings(store, &select, words_add, &words), 0);
	assert_string_equal(words.text, expected);
}

/* ---- the tests ---- */

static void what_covers_and_what_lies_within(void **state)
{
	AUTO(store) *store = open_store();
	static const char *const nets[] = {"198.51.100.0/24", "198.51.100.64/26", "198.51.100.70",
		"198.51.101.0/24", "2001:db8::/32", "2001:db8:1::/48"};

	(void)state;
	for (size_t i = 0; i < COUNTOF(nets); i++)
		must_add(store, "main", nets[i], 0);
	must_add(store, "other", "198.51.100.0/23", 0);
	assert_found(store, STORE_COVERING, "main", "198.51.100.70",
		"198.51.100.0/24 198.51.100.64/26 198.51.100.70");
	assert_found(store, STORE_COVERING, "", "198.51.100.1", "198.51.100.0/23 198.51.100.0/24");
	assert_found(store, STORE_COVERING, "main", "203.0.113.1", "");
	assert_found(
		store, STORE_WITHIN, "main", "198.51.100.0/24", "198.51.100.64/26 198.51.100.70");
	assert_found(store, STORE_WITHIN, "main", "198.51.0.0/16",
		"198.51.100.0/24 198.51.100.64/26 198.51.100.70 198.51.101.0/24");
	assert_found(
		store, STORE_COVERING, "main", "2001:db8:1::1", "2001:db8::/32 2001:db8:1::/48");
	assert_found(store, STORE_WITHIN, "main", "2001:db8::/32", "2001:db8:1::/48");
}

static void domains_cover_by_label_not_by_letter(void **state)
{
	AUTO(store) *store = open_store();
	static const char *const names[] = {".bad.example", "bad.example", "www.bad.example",
		"bad-x.example", ".notbad.example", "example"};

	(void)state;
	for (size_t i = 0; i < COUNTOF(names); i++)
		must_add(store, "names", names[i], 0);
	assert_found(
		store, STORE_COVERING, "names", "www.bad.example", ".bad.example www.bad.example");
	assert_found(store, STORE_COVERING, "names", "bad.example", ".bad.example bad.example");
	assert_found(store, STORE_COVERING, "names", "bad-x.example", "bad-x.example");
	assert_found(store, STORE_COVERING, "names", "x.notbad.example", ".notbad.example");
	assert_found(store, STORE_WITHIN, "names", ".bad.example", "www.bad.example");
	assert_found(store, STORE_WITHIN, "names", "bad.example", "");
}

static void a_sublist_holds_a_source_once(void **state)
{
	AUTO(store) *store = open_store();
	uint64_t first = must_add(store, "main", "198.51.100.1", 0);
	uint64_t second = 0;
	uint64_t count = 0;

	(void)state;
	assert_int_equal(store_begin(store), 0);
	assert_int_equal(listing_add(store, "main", "198.51.100.1", 5, &second), 0);
	assert_int_equal(
		store_listing_end(store, first, 2000, span_text("root"), span_text("over"), 0), 0);
	assert_int_equal(
		store_listing_end(store, first, 2000, span_text("root"), span_text("over"), 0),
		E_ABSENT);
	assert_int_equal(store_listing_again(store, first, 3000, 1, &second), 1);
	assert_int_equal(store_listing_again(store, first, 3000, 1, &second), 0);
	assert_int_equal(store_commit(store), 0);
	assert_int_equal(store_list_count(store, span_text("main"), &count), 0);
	assert_int_equal(count, 1);
	assert_found(store, STORE_ENDED, "main", "198.51.100.1", "198.51.100.1");
}

static void nothing_is_listed_without_evidence_and_criterion(void **state)
{
	AUTO(store) *store = open_store();
	struct store_listing listing = {.list = span_text("main"),
		.sublist = span_text("manual"),
		.source = source_of("198.51.100.1"),
		.policy = span_text("by-hand")};
	uint64_t id;

	(void)state;
	assert_int_equal(store_begin(store), 0);
	assert_int_equal(store_listing_add(store, &listing, 0, &id), E_USAGE);
	listing.policy = span_text("");
	assert_int_equal(store_listing_add(store, &listing, 1, &id), E_USAGE);
	store_rollback(store);
}

static int event_seen(const struct store_event *event, void *arg)
{
	*(bool *)arg = event->undone;
	return 0;
}

static void an_event_is_undone_once(void **state)
{
	AUTO(store) *store = open_store();
	uint64_t id = 0;
	uint64_t undo = 0;
	bool undone = false;

	(void)state;
	assert_int_equal(store_begin(store), 0);
	assert_int_equal(event_add(store, "add", 0, &id), 0);
	assert_int_equal(event_add(store, "undo", id, &undo), 0);
	assert_int_equal(event_add(store, "undo", id, &undo), E_EXISTS);
	assert_int_equal(store_commit(store), 0);
	assert_int_equal(store_event_get(store, id, event_seen, &undone), 0);
	assert_true(undone);
	assert_int_equal(store_event_get(store, undo, event_seen, &undone), 0);
	assert_false(undone);
	assert_int_equal(store_event_get(store, 99, event_seen, &undone), E_ABSENT);
}

static void execute(const char *sql)
{
	sqlite3 *db;

	assert_int_equal(sqlite3_open(url + strlen("sqlite:"), &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

static void a_changed_or_missing_event_shows(void **state)
{
	AUTO(store) *store = open_store();
	uint64_t id = 0;
	uint64_t bad = 0;

	(void)state;
	assert_int_equal(store_begin(store), 0);
	for (int i = 0; i < 5; i++)
		assert_int_equal(event_add(store, "add", 0, &id), 0);
	assert_int_equal(store_commit(store), 0);
	assert_int_equal(store_events_verify(store, &bad), 0);
	execute("UPDATE event SET reason = 'another' WHERE id = 3");
	assert_int_equal(store_events_verify(store, &bad), E_CHECKSUM);
	assert_int_equal(bad, 3);
	execute("UPDATE event SET reason = 'test' WHERE id = 3");
	assert_int_equal(store_events_verify(store, &bad), 0);
	execute("DELETE FROM event WHERE id = 4");
	assert_int_equal(store_events_verify(store, &bad), E_CHECKSUM);
	assert_int_equal(bad, 5);
}

static int incident_seen(const struct store_incident *incident, void *arg)
{
	*(struct store_incident *)arg = *incident;
	return 0;
}

static void a_repeated_message_changes_nothing(void **state)
{
	AUTO(store) *store = open_store();
	static const uint8_t message[16] = {1, 2, 3};
	struct source source = source_of("203.0.113.9");
	struct store_evidence evidence = {.message = span_of(message, sizeof(message)),
		.kind = span_text("trap"),
		.source = &source,
		.time_s = 5};
	struct store_incident incident = {
		.number = 77, .source = source, .first_s = 5, .last_s = 9, .count = 3};
	struct store_incident seen = {0};
	uint64_t id;
	uint64_t incidents = 0;
	uint64_t pieces = 0;

	(void)state;
	assert_int_equal(store_begin(store), 0);
	assert_int_equal(store_evidence_add(store, &evidence, &id), 1);
	assert_int_equal(store_evidence_add(store, &evidence, &id), 0);
	assert_true(store_incident_put(store, &incident) >= 0);
	incident.count = 1;
	incident.last_s = 6; /* an older message, late */
	assert_true(store_incident_put(store, &incident) >= 0);
	assert_int_equal(store_commit(store), 0);
	assert_int_equal(store_incident_get(store, 77, incident_seen, &seen), 0);
	assert_int_equal(seen.count, 3);
	assert_int_equal(seen.last_s, 9);
	assert_int_equal(store_counts(store, &incidents, &pieces), 0);
	assert_int_equal(incidents, 1);
	assert_int_equal(pieces, 1);
}

struct changes {
	int grounds;
	int everything;
};

static int change_seen(struct span list, const struct source *source, void *arg)
{
	struct changes *changes = arg;

	(void)list;
	if (source != NULL)
		changes->grounds++;
	else
		changes->everything++;
	return 0;
}

static void changes_are_kept_around_the_circle(void **state)
{
	AUTO(store) *store = open_store();
	struct source source = source_of("198.51.100.1");
	struct changes changes = {0, 0};
	uint32_t serial = 0;

	(void)state;
	assert_int_equal(store_begin(store), 0);
	assert_int_equal(store_serial_set(store, 2), 0);
	assert_int_equal(store_change_add(store, UINT32_MAX, span_text("main"), &source), 0);
	assert_int_equal(store_change_add(store, 1, span_text("main"), &source), 0);
	assert_int_equal(store_change_add(store, 2, span_text(""), NULL), 0);
	assert_int_equal(store_commit(store), 0);
	assert_int_equal(store_serial(store, &serial), 0);
	assert_int_equal(serial, 2);
	assert_int_equal(store_changes(store, UINT32_MAX, change_seen, &changes), 0);
	assert_int_equal(changes.grounds, 1);
	assert_int_equal(changes.everything, 1);
	assert_int_equal(store_changes_drop(store, 1, 100), 2);
	changes = (struct changes){0, 0};
	assert_int_equal(store_changes(store, UINT32_MAX - 5, change_seen, &changes), 0);
	assert_int_equal(changes.grounds, 0);
	assert_int_equal(changes.everything, 1);
}

static void what_expires_first_comes_first(void **state)
{
	AUTO(store) *store = open_store();
	struct store_select select = {.which = STORE_EXPIRED, .time_s = 600};
	struct words words = {""};
	int64_t until_s = 0;

	(void)state;
	must_add(store, "main", "198.51.100.3", 0);
	must_add(store, "main", "198.51.100.1", 600);
	must_add(store, "main", "198.51.100.2", 500);
	must_add(store, "main", "198.51.100.4", 601);
	assert_int_equal(store_listing_next_end(store, &until_s), 0);
	assert_int_equal(until_s, 500);
	assert_int_equal(store_listings(store, &select, words_add, &words), 0);
	assert_string_equal(words.text, "198.51.100.2 198.51.100.1");
}

static void old_rows_go_and_what_is_in_force_stays(void **state)
{
	AUTO(store) *store = open_store();
	struct store_keep keep = {.incidents_before_s = 2000, .audit_before_s = 3000, .limit = 100};
	struct store_incident incident = {.number = 5,
		.source = source_of("203.0.113.9"),
		.first_s = 5,
		.last_s = 9,
		.count = 1};
	uint64_t ended = must_add(store, "main", "198.51.100.1", 0);
	uint64_t bad = 0;

	(void)state;
	must_add(store, "main", "198.51.100.2", 0);
	assert_int_equal(store_begin(store), 0);
	assert_true(store_incident_put(store, &incident) >= 0);
	assert_int_equal(
		store_listing_end(store, ended, 2500, span_text("root"), span_text(""), 0), 0);
	assert_int_equal(store_commit(store), 0);
	assert_true(store_drop_old(store, &keep) >=
		    3); /* the incident, the listing, its evidence and event */
	assert_found(store, STORE_ENDED, "main", "198.51.100.1", "");
	assert_found(store, STORE_COVERING, "main", "198.51.100.2", "198.51.100.2");
	assert_int_equal(store_incident_get(store, 5, incident_seen, &incident), E_ABSENT);
	assert_int_equal(store_events_verify(store, &bad), 0);
	while (store_drop_old(store, &keep) > 0)
		continue;
	assert_found(store, STORE_COVERING, "main", "198.51.100.2", "198.51.100.2");
}

/* Whichever write or sync fails: an error, nothing of the transaction there, and all well afterwards. */
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

static void a_locked_store_is_busy(void **state)
{
	AUTO(store) *store = open_store();
	AUTO(store) *other = open_store();

	(void)state;
	assert_int_equal(store_begin(other), 0);
	assert_int_equal(store_probe(store, 1), E_BUSY);
	store_rollback(other);
	assert_int_equal(store_probe(store, 1), 0);
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

/* As the snapshot thread does: while it reads, and until it has written back itself, commits only write the log. */
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

static void no_database_is_an_error_with_words(void **state)
{
	struct store *store = NULL;
	struct fault why = {""};
	char path[128];
	FILE *file;

	(void)state;
	assert_int_equal(store_open(url, false, &store, &why), E_ABSENT);
	assert_int_equal(store_open("postgresql://x", true, &store, &why), E_CONFIG);
	snprintf(path, sizeof(path), "%s/s.db", folder);
	file = fopen(path, "w");
	assert_non_null(file);
	for (int i = 0; i < 1000; i++)
		fputs("this is no database\n", file);
	fclose(file);
	assert_int_equal(store_open(url, true, &store, &why), E_CORRUPT);
	assert_non_null(strstr(why.text, path));
	assert_null(store);
}

static void a_newer_schema_is_refused(void **state)
{
	struct store *store = open_store();
	struct fault why = {""};

	(void)state;
	store_free(&store);
	execute("PRAGMA user_version = 999");
	assert_int_equal(store_open(url, true, &store, &why), E_VERSION);
}

/* ---- feeds ---- */

static int feed_copy(const struct store_feed *feed, void *arg)
{
	static char error[64];
	struct store_feed *copy = arg;

	*copy = *feed;
	snprintf(error, sizeof(error), "%.*s", (int)feed->error.len, (const char *)feed->error.ptr);
	copy->name = span_text(""); /* only lives in here */
	copy->error = span_text(error);
	return 1;
}

static int feed_count(const struct store_feed *feed, void *arg)
{
	(void)feed;
	++*(unsigned *)arg;
	return 0;
}

static void a_feed_is_known_as_it_was_put_last(void **state)
{
	struct store *store = open_store();
	struct store_feed feed = {.name = span_text("partner"), .rules = 1};
	struct store_feed other = {.name = span_text("other")};
	struct store_feed seen = {.rules = 0};
	unsigned count = 0;

	(void)state;
	assert_int_equal(store_feeds(store, span_text("partner"), feed_copy, &seen), 0);
	assert_int_equal(seen.rules, 0);
	assert_int_equal(store_begin(store), 0);
	assert_int_equal(store_feed_put(store, &feed), 0);
	assert_int_equal(store_feed_put(store, &other), 0);
	feed = (struct store_feed){.name = span_text("partner"),
		.serial = UINT32_MAX,
		.rules = UINT64_MAX - 1,
		.state = STORE_FEED_REFUSED,
		.accepts = true,
		.refused_serial = UINT32_MAX - 1,
		.success_s = 1,
		.changed_s = 2,
		.error = span_text("too much"),
		.error_s = 3};
	assert_int_equal(store_feed_put(store, &feed), 0);
	assert_int_equal(store_commit(store), 0);
	assert_int_equal(store_feeds(store, span_text("partner"), feed_copy, &seen), 0);
	assert_int_equal(seen.serial, feed.serial);
	assert_true(seen.rules == feed.rules);
	assert_int_equal(seen.state, STORE_FEED_REFUSED);
	assert_true(seen.accepts);
	assert_int_equal(seen.refused_serial, feed.refused_serial);
	assert_int_equal(seen.success_s, 1);
	assert_int_equal(seen.changed_s, 2);
	assert_true(span_equal_text(seen.error, "too much"));
	assert_int_equal(seen.error_s, 3);
	assert_int_equal(store_feeds(store, span_text(""), feed_count, &count), 0);
	assert_int_equal(count, 2);
	store_free(&store);
}

static int listing_first(const struct store_listing *listing, void *arg)
{
	*(uint64_t *)arg = listing->id;
	return 1;
}

static void the_listings_of_a_feed_are_those_by_its_name(void **state)
{
	static const char *const authors[] = {"feed:one", "feed:one", "feed:two", "root"};
	struct store *store = open_store();
	struct store_select select = {.which = STORE_FEED, .list = span_text("feed:one")};
	uint64_t count = 0, id = 0;

	(void)state;
	assert_int_equal(store_begin(store), 0);
	for (unsigned i = 0; i < COUNTOF(authors); i++) {
		char text[32];

		snprintf(text, sizeof(text), "192.0.2.%u", i);
		assert_int_equal(listing_add_by(store, authors[i], "main", text, 0, &id), 1);
	}
	assert_int_equal(store_commit(store), 0);
	assert_int_equal(store_feed_count(store, span_text("feed:one"), &count), 0);
	assert_int_equal(count, 2);
	assert_int_equal(store_listings(store, &select, listing_first, &id), 1);
	assert_int_equal(store_begin(store), 0);
	assert_int_equal(
		store_listing_end(store, id, 10, span_text("feed:one"), span_text("gone"), 0), 0);
	assert_int_equal(store_commit(store), 0);
	assert_int_equal(store_feed_count(store, span_text("feed:one"), &count), 0);
	assert_int_equal(count, 1);
	assert_int_equal(store_feed_count(store, span_text("feed:two"), &count), 0);
	assert_int_equal(count, 1);
	assert_int_equal(store_feed_count(store, span_text("root"), &count), 0);
	assert_int_equal(count, 0); /* no feed */
	store_free(&store);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, folder_make, folder_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_covers_and_what_lies_within),
		TEST(domains_cover_by_label_not_by_letter),
		TEST(a_sublist_holds_a_source_once),
		TEST(nothing_is_listed_without_evidence_and_criterion),
		TEST(an_event_is_undone_once),
		TEST(a_changed_or_missing_event_shows),
		TEST(a_repeated_message_changes_nothing),
		TEST(changes_are_kept_around_the_circle),
		TEST(what_expires_first_comes_first),
		TEST(old_rows_go_and_what_is_in_force_stays),
		TEST(each_failing_write_leaves_whole_transactions),
		TEST(a_locked_store_is_busy),
		TEST(the_log_is_written_back_beside_commits),
		TEST(a_replaced_file_is_noticed),
		TEST(an_overwritten_file_is_noticed),
		TEST(a_feed_is_known_as_it_was_put_last),
		TEST(the_listings_of_a_feed_are_those_by_its_name),
		TEST(no_database_is_an_error_with_words),
		TEST(a_newer_schema_is_refused),
	};

	failing_install();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
