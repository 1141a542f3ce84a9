/* SPDX-License-Identifier: ISC */
#include "moving_clock.h"
#include "store/schema.h"
#include "store/stores.h"

/* A store that an older program made, with what it may hold, is opened by this one. */
enum { VERSION_BEFORE_GROUPS = 3, VERSION_BEFORE_CHAIN = 4 };

static void make_old(unsigned version, const char *rows)
{
	sqlite3 *db = NULL;
	char sql[64];

	assert_int_equal(sqlite3_open(url + strlen("sqlite:"), &db), SQLITE_OK);
	for (unsigned i = 0; i < version; i++)
		assert_int_equal(
			sqlite3_exec(db, (const char *)store_schema[i].bytes.ptr, NULL, NULL, NULL),
			SQLITE_OK);
	snprintf(sql, sizeof(sql), "PRAGMA user_version = %u", version);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	if (sqlite3_exec(db, rows, NULL, NULL, NULL) != SQLITE_OK)
		fail_msg("%s", sqlite3_errmsg(db));
	sqlite3_close(db);
}

/* An import in two parts (its own evidence each), another that came between, one that ended by
 * hand, one that was dropped in the middle, and one of a domain that ended by itself. */
static const char single_rows[] =
	"INSERT INTO place VALUES (1, 'main', 'manual', 4), (2, 'names', 'manual', 0);"
	"INSERT INTO policy VALUES (1, 'by-hand', 1, 'words');"
	"INSERT INTO event VALUES (1, 1000, 'root', 'import', 's', 'weekly', NULL, 1, x'00'),"
	" (2, 1500, 'root', 'add', 's', 'spam', NULL, 2, x'00'),"
	" (3, 2000, 'root', 'remove', 's', 'clean', NULL, 3, x'00');"
	"INSERT INTO evidence VALUES (1, NULL, 'operator', NULL, NULL, 1000, 'f', 1, ''),"
	" (2, NULL, 'operator', NULL, NULL, 1000, 'f', 1, ''),"
	" (3, NULL, 'operator', NULL, NULL, 1500, 'f', 1, '');"
	"INSERT INTO listing (id, place, source, bits, since_s, until_s, policy, reason, incident, author, excluded, added_event)"
	" VALUES (1, 1, x'00000000000000000000ffff0b000001', 128, 1000, 0, 1, 'weekly', 0, 'root', 0, 1),"
	" (2, 1, x'00000000000000000000ffff0b000002', 128, 1000, 0, 1, 'weekly', 0, 'root', 0, 1),"
	" (3, 1, x'00000000000000000000ffff0b000003', 128, 1500, 9000, 1, 'spam', 7, 'ann', 0, 2),"
	" (4, 1, x'00000000000000000000ffff0b000004', 128, 1000, 0, 1, 'weekly', 0, 'root', 0, 1),"
	" (6, 1, x'00000000000000000000ffff0b000005', 128, 1000, 0, 1, 'weekly', 0, 'root', 0, 1),"
	" (7, 2, x'6578616d706c652e626164', 254, 1000, 1800, 1, 'weekly', 0, 'root', 0, 1);"
	"INSERT INTO listing_evidence VALUES (1, 1), (2, 1), (3, 3), (4, 2), (6, 2), (7, 2);"
	"UPDATE listing SET ended_s = 2000, ended_by = 'bob', ended_reason = 'clean', ended_event = 3 WHERE id = 2;"
	"UPDATE listing SET ended_s = 1800, ended_by = 'expiry' WHERE id = 7;";

static int group_counted(const struct store_group *group, void *arg)
{
	*(uint64_t *)arg += group->listings;
	return 0;
}

static int listing_of_ann(const struct store_listing *listing, void *arg)
{
	assert_true(span_equal_text(listing->author, "ann"));
	assert_true(span_equal_text(listing->reason, "spam"));
	assert_int_equal(listing->since_s, 1500);
	assert_int_equal(listing->until_s, 9000);
	assert_int_equal(listing->incident, 7);
	assert_int_equal(listing->added_event, 2);
	assert_int_equal(listing->evidence, 3);
	*(uint64_t *)arg = listing->id;
	return 0;
}

static int listing_ended_by_bob(const struct store_listing *listing, void *arg)
{
	assert_true(span_equal_text(listing->ended_by, "bob"));
	assert_true(span_equal_text(listing->ended_reason, "clean"));
	assert_int_equal(listing->ended_s, 2000);
	assert_int_equal(listing->ended_event, 3);
	++*(int *)arg;
	return 0;
}

static void listings_become_groups_and_say_the_same(void **state)
{
	struct store *store;
	struct words words = {""};
	struct store_select added = {.which = STORE_ADDED, .event = 1};
	struct source third = source_of("11.0.0.3"), second = source_of("11.0.0.2");
	struct store_select at = {.which = STORE_AT, .source = &third};
	struct store_select ended = {.which = STORE_ENDED, .source = &second};
	uint64_t listings = 0, id = 0;
	int by_bob = 0;

	(void)state;
	make_old(VERSION_BEFORE_GROUPS, single_rows);
	store = open_store();
	assert_found(
		store, STORE_WITHIN, "main", "11.0.0.0/24", "11.0.0.1 11.0.0.3 11.0.0.4 11.0.0.5");
	assert_int_equal(store_listings(store, &at, listing_of_ann, &id), 0);
	assert_int_equal(store_listings(store, &ended, listing_ended_by_bob, &by_bob), 0);
	assert_int_equal(by_bob, 1);
	assert_found(store, STORE_ENDED, "names", ".bad.example", ".bad.example");
	assert_int_equal(store_groups(store, &added, group_counted, &listings), 0);
	assert_int_equal(listings, 3); /* two have ended */
	assert_int_equal(store_listings_all(store, words_add, &words), 0);
	assert_int_equal(store_begin(store), 0);
	assert_int_equal(
		store_listing_end(store, id,
			&(struct store_ending){3000, span_text("root"), span_text("x"), 3}),
		0);
	assert_int_equal(store_commit(store), 0);
	assert_found(store, STORE_WITHIN, "main", "11.0.0.0/24", "11.0.0.1 11.0.0.4 11.0.0.5");
	store_free(&store);
	sqlite_execute(
		"CREATE TEMP TABLE none (x CHECK (x IS NULL));"
		"INSERT INTO none SELECT \"table\" FROM pragma_foreign_key_check;"
		"INSERT INTO none SELECT 1 FROM pragma_integrity_check WHERE integrity_check <> 'ok'");
}

/* Older programs dropped events in the middle and kept no hash of them. */
static void a_chain_with_holes_holds_from_behind_the_last(void **state)
{
	struct store *store;
	struct store_chain chain;
	uint64_t id = 0;

	(void)state;
	make_old(VERSION_BEFORE_CHAIN,
		"INSERT INTO event VALUES (2, 1000, 'root', 'add', 's', 'spam', NULL, 1, x'00'),"
		" (5, 1500, 'root', 'add', 's', 'spam', NULL, 2, x'01');");
	store = open_store();
	assert_int_equal(store_begin(store), 0);
	assert_int_equal(event_add(store, "add", 0, &id), 0);
	assert_int_equal(store_commit(store), 0);
	assert_int_equal(store_events_verify(store, 0, 100, &chain), 0);
	assert_int_equal(chain.bad, 0);
	assert_int_equal(chain.from, 5);
	assert_int_equal(chain.to, 6);
	sqlite_execute("UPDATE event SET before = NULL WHERE id = 5");
	assert_int_equal(store_events_verify(store, 0, 100, &chain), 0);
	assert_int_equal(chain.bad, 5);
	store_free(&store);
}

/* ---- what is told of it ---- */

struct told {
	unsigned begun, goes_on, done;
	struct store_migration last;
};

static void told_of(const struct store_migration *migration, void *arg)
{
	struct told *told = arg;

	told->begun += migration->state == MIGRATION_BEGUN;
	told->goes_on += migration->state == MIGRATION_GOES_ON;
	told->done += migration->state == MIGRATION_DONE;
	assert_true(migration->took_ms >= told->last.took_ms);
	told->last = *migration;
	moving_clock_add(60000);
}

/* So many steps of SQLite's machine that it looks at the clock, which has gone on meanwhile. */
static const char many_rows[] =
	"INSERT INTO place VALUES (1, 'main', 'manual', 100000);"
	"INSERT INTO policy VALUES (1, 'by-hand', 1, 'words');"
	"INSERT INTO event VALUES (1, 1000, 'root', 'import', 's', 'weekly', NULL, 1, x'00');"
	"INSERT INTO evidence VALUES (1, NULL, 'operator', NULL, NULL, 1000, 'f', 1, '');"
	"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000) "
	"INSERT INTO listing (id, place, source, bits, since_s, until_s, policy, reason, incident, author, excluded, added_event)"
	" SELECT i, 1, randomblob(16), 128, 1000, 0, 1, 'weekly', 0, 'root', 0, 1 FROM n;"
	"INSERT INTO listing_evidence SELECT id, 1 FROM listing;";

static void a_migration_is_told_from_begin_to_end(void **state)
{
	struct told told = {.begun = 0};
	struct store_opening opening = {.url = url, .migrating = told_of, .arg = &told};
	struct store *store = NULL;
	struct fault why = {""};

	(void)state;
	make_old(VERSION_BEFORE_GROUPS, many_rows);
	assert_int_equal(store_open(&opening, &store, &why), 0);
	store_free(&store);
	assert_int_equal(told.begun, 1);
	assert_true(told.goes_on > 0);
	assert_int_equal(told.done, 1);
	assert_int_equal(told.last.state, MIGRATION_DONE);
	assert_int_equal(told.last.from, VERSION_BEFORE_GROUPS);
	assert_int_equal(told.last.at, store_schema_len);
	assert_int_equal(store_open(&opening, &store, &why), 0);
	store_free(&store);
	assert_int_equal(told.begun, 1); /* it is up to date */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			listings_become_groups_and_say_the_same, sqlite_make, sqlite_remove),
		cmocka_unit_test_setup_teardown(
			a_chain_with_holes_holds_from_behind_the_last, sqlite_make, sqlite_remove),
		cmocka_unit_test_setup_teardown(
			a_migration_is_told_from_begin_to_end, sqlite_make, sqlite_remove),
	};

	moving_clock_start();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
