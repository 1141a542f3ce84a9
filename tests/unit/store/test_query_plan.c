/* SPDX-License-Identifier: ISC */
#include "store/stores.h"

/* How SQLite goes about each statement of queries.def: by a key or an index, in its order. The ones
 * that look at a whole table, or sort, say in queries.def why they may. */
struct query_text {
	const char *name;
	const char *why; /* NULL: it neither scans nor sorts */
	const char *sql;
};

static const struct query_text texts[] = {
#define QUERY(name, sql)            {#name, NULL, sql},
#define QUERY_WHOLE(name, why, sql) {#name, why, sql},
#include "store/queries.def"
#undef QUERY
#undef QUERY_WHOLE
};

static bool is_whole(const char *step)
{
	return (strncmp(step, "SCAN", 4) == 0 && strstr(step, "CONSTANT ROW") == NULL) ||
	       strstr(step, "TEMP B-TREE") != NULL || strstr(step, "AUTOMATIC") != NULL;
}

/* The first step that `is` is true for; "" for none. */
static void plan_read(
	sqlite3 *db, const struct query_text *text, bool (*is)(const char *step), char step[128])
{
	char sql[8192];
	sqlite3_stmt *statement = NULL;

	step[0] = '\0';
	snprintf(sql, sizeof(sql), "EXPLAIN QUERY PLAN %s", text->sql);
	if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) != SQLITE_OK)
		fail_msg("%s: %s", text->name, sqlite3_errmsg(db));
	while (sqlite3_step(statement) == SQLITE_ROW) {
		const char *detail = (const char *)sqlite3_column_text(statement, 3);

		if (step[0] == '\0' && is(detail))
			snprintf(step, 128, "%s", detail);
	}
	sqlite3_finalize(statement);
}

static void each_statement_finds_its_rows_by_a_key(void **state)
{
	struct store *store = open_store();
	sqlite3 *db = NULL;
	int wrong = 0;

	(void)state;
	store_free(&store);
	assert_int_equal(sqlite3_open(url + strlen("sqlite:"), &db), SQLITE_OK);
	for (size_t i = 0; i < COUNTOF(texts); i++) {
		char step[128];

		plan_read(db, &texts[i], is_whole, step);
		if ((step[0] != '\0') == (texts[i].why != NULL))
			continue;
		print_error("%s: %s\n", texts[i].name,
			step[0] != '\0' ? step : "says why it scans, and does not");
		wrong++;
	}
	sqlite3_close(db);
	assert_int_equal(wrong, 0);
}

static bool is_of_review(const char *step)
{
	return strstr(step, "COVERING INDEX listing_group_review (place=? AND since_s<?)") != NULL;
}

/* Each `status` asks: that costs what is to be looked at, not what is in force. */
static void what_is_due_for_review_is_counted_in_its_index(void **state)
{
	struct store *store = open_store();
	sqlite3 *db = NULL;
	char step[128] = "";

	(void)state;
	store_free(&store);
	assert_int_equal(sqlite3_open(url + strlen("sqlite:"), &db), SQLITE_OK);
	for (size_t i = 0; i < COUNTOF(texts); i++) {
		if (strcmp(texts[i].name, "Q_REVIEW_COUNT") == 0)
			plan_read(db, &texts[i], is_of_review, step);
	}
	sqlite3_close(db);
	assert_string_not_equal(step, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			each_statement_finds_its_rows_by_a_key, sqlite_make, sqlite_remove),
		cmocka_unit_test_setup_teardown(
			what_is_due_for_review_is_counted_in_its_index, sqlite_make, sqlite_remove),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
