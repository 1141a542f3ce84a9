/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * A store of its own for each test, and rows to put into it. struct backend is what the tests need
 * to know of a kind of store: test_store.c runs all it states over a table of them.
 */
#include "unit.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/macro.h"
#include "store/store.h"

static char folder[64];
static char url[96]; /* of the store of this test */

struct backend {
	const char *name;
	int (*set_up)(void **state); /* leaves url, of a store that is not there yet */
	int (*tear_down)(void **state);
	void (*execute)(const char *sql); /* behind the back of the store */
};

/* ---- SQLite ---- */

static inline int sqlite_make(void **state)
{
	(void)state;
	strcpy(folder, "/tmp/stockade-store-XXXXXX");
	if (mkdtemp(folder) == NULL)
		return -1;
	snprintf(url, sizeof(url), "sqlite:%s/s.db", folder);
	return 0;
}

static inline int sqlite_remove(void **state)
{
	static const char *const suffixes[] = {
		"", "-wal", "-shm", "-reserve", "-wal.other", "-wal.other.2"};

	(void)state;
	for (size_t i = 0; i < COUNTOF(suffixes); i++) {
		char path[128];

		snprintf(path, sizeof(path), "%s/s.db%s", folder, suffixes[i]);
		unlink(path);
	}
	return rmdir(folder);
}

static inline void sqlite_execute(const char *sql)
{
	sqlite3 *db;

	assert_int_equal(sqlite3_open(url + strlen("sqlite:"), &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

/* ---- rows ---- */

static inline struct store *open_store(void)
{
	struct store *store = NULL;
	struct fault why = {""};

	if (store_open(&(struct store_opening){.url = url, .create = true}, &store, &why) < 0)
		fail_msg("%s", why.text);
	return store;
}

static inline struct source source_of(const char *text)
{
	struct source source;

	assert_int_equal(source_parse(span_text(text), &source, NULL), 0);
	return source;
}

static inline int event_add(
	struct store *store, const char *verb, uint64_t undoes, uint64_t *ret_id)
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

static inline int listing_add_by(struct store *store, const char *author, const char *list,
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

static inline int listing_add(
	struct store *store, const char *list, const char *text, int64_t until_s, uint64_t *ret_id)
{
	return listing_add_by(store, "root", list, text, until_s, ret_id);
}

static inline uint64_t must_add(
	struct store *store, const char *list, const char *text, int64_t until_s)
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

static inline int words_add(const struct store_listing *listing, void *arg)
{
	struct words *words = arg;
	char text[SOURCE_TEXT_SIZE];
	size_t len = strlen(words->text);

	snprintf(words->text + len, sizeof(words->text) - len, "%s%s", len != 0 ? " " : "",
		source_print(&listing->source, text));
	return 0;
}

static inline void assert_found(struct store *store, enum store_which which, const char *list,
	const char *text, const char *expected)
{
	struct source source = source_of(text);
	struct store_select select = {.which = which, .list = span_text(list), .source = &source};
	struct words words = {""};

	assert_int_equal(store_listings(store, &select, words_add, &words), 0);
	assert_string_equal(words.text, expected);
}
