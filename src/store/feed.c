/* SPDX-License-Identifier: ISC */
#include "base/macro.h"
#include "store/sql.h"
#include "store/store.h"

/* Feeds: how far the list of another operator was taken over. */

int store_feed_put(struct store *store, const struct store_feed *feed)
{
	AUTO(sql) *sql = sql_start(store, Q_FEED_PUT);

	sql_add_text(sql, feed->name);
	sql_add_int(sql, feed->serial);
	sql_add_id(sql, feed->rules);
	sql_add_int(sql, (int64_t)feed->state);
	sql_add_int(sql, feed->accepts);
	sql_add_int(sql, feed->refused_serial);
	sql_add_int(sql, feed->success_s);
	sql_add_int(sql, feed->changed_s);
	sql_add_text(sql, feed->error);
	sql_add_int(sql, feed->error_s);
	return sql_run(sql);
}

static void feed_read(const struct sql *sql, struct store_feed *feed)
{
	*feed = (struct store_feed){
		.name = sql_span(sql, 0),
		.serial = sql_u32(sql, 1),
		.rules = sql_id(sql, 2),
		.state = (enum store_feed_state)sql_int(sql, 3),
		.accepts = sql_int(sql, 4) != 0,
		.refused_serial = sql_u32(sql, 5),
		.success_s = sql_int(sql, 6),
		.changed_s = sql_int(sql, 7),
		.error = sql_span(sql, 8),
		.error_s = sql_int(sql, 9),
	};
}

int store_feeds(struct store *store, struct span name, store_feed_call *each, void *arg)
{
	AUTO(sql) *sql = sql_start(store, Q_FEEDS);
	int r = 0;

	while (r == 0 && (r = sql_next(sql)) > 0) {
		struct store_feed feed;

		feed_read(sql, &feed);
		r = name.len == 0 || span_equal(name, feed.name) ? each(&feed, arg) : 0;
	}
	return r < 0 ? r : 0;
}

int store_feed_count(struct store *store, struct span author, uint64_t *ret_count)
{
	AUTO(sql) *sql = sql_start(store, Q_FEED_COUNT);

	sql_add_text(sql, author);
	return sql_count(sql, ret_count);
}
