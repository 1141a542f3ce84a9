/* SPDX-License-Identifier: ISC */
#include "store/sqlite_priv.h"

/* Feeds: how far the list of another operator was taken over. */

int store_feed_put(struct store *store, const struct store_feed *feed)
{
	int r = 0;
	sqlite3_stmt *statement = store_statement(store, Q_FEED_PUT, &r);

	if (statement == NULL)
		return r;
	store_bind_span(statement, 1, feed->name);
	sqlite3_bind_int64(statement, 2, feed->serial);
	sqlite3_bind_int64(statement, 3, (int64_t)feed->rules);
	sqlite3_bind_int(statement, 4, (int)feed->state);
	sqlite3_bind_int(statement, 5, feed->accepts);
	sqlite3_bind_int64(statement, 6, feed->refused_serial);
	sqlite3_bind_int64(statement, 7, feed->success_s);
	sqlite3_bind_int64(statement, 8, feed->changed_s);
	store_bind_span(statement, 9, feed->error);
	sqlite3_bind_int64(statement, 10, feed->error_s);
	r = store_run(store, statement);
	return r < 0 ? r : 0;
}

static void feed_row(sqlite3_stmt *statement, struct store_feed *feed)
{
	*feed = (struct store_feed){
		.name = store_column_span(statement, 0),
		.serial = (uint32_t)sqlite3_column_int64(statement, 1),
		.rules = (uint64_t)sqlite3_column_int64(statement, 2),
		.state = (enum store_feed_state)sqlite3_column_int(statement, 3),
		.accepts = sqlite3_column_int(statement, 4) != 0,
		.refused_serial = (uint32_t)sqlite3_column_int64(statement, 5),
		.success_s = sqlite3_column_int64(statement, 6),
		.changed_s = sqlite3_column_int64(statement, 7),
		.error = store_column_span(statement, 8),
		.error_s = sqlite3_column_int64(statement, 9),
	};
}

int store_feeds(struct store *store, struct span name, store_feed_call *each, void *arg)
{
	int r = 0;
	sqlite3_stmt *statement = store_statement(store, Q_FEEDS, &r);

	if (statement == NULL)
		return r;
	while ((r = store_step(store, statement)) > 0) {
		struct store_feed feed;

		feed_row(statement, &feed);
		if (name.len != 0 && !span_equal(name, feed.name))
			continue;
		r = each(&feed, arg);
		if (r != 0)
			break;
	}
	sqlite3_reset(statement);
	return r < 0 ? r : 0;
}

int store_feed_count(struct store *store, struct span author, uint64_t *ret_count)
{
	int r = 0;
	sqlite3_stmt *statement = store_statement(store, Q_FEED_COUNT, &r);

	if (statement == NULL)
		return r;
	store_bind_span(statement, 1, author);
	r = store_step(store, statement);
	if (r > 0)
		*ret_count = (uint64_t)sqlite3_column_int64(statement, 0);
	sqlite3_reset(statement);
	return r < 0 ? r : 0;
}
