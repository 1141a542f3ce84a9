/* SPDX-License-Identifier: ISC */
#include "keeper/feed_row.h"

#include "base/clock.h"
#include "base/text.h"

const char *feed_author(const char *name, char author[FEED_AUTHOR_SIZE])
{
	text_format(author, FEED_AUTHOR_SIZE, "feed:%s", name);
	return author;
}

static int feed_row_found(const struct store_feed *feed, void *arg)
{
	struct feed_row *row = arg;

	row->feed = *feed;
	row->known = true;
	text_format(row->error, sizeof(row->error), "%.*s", (int)feed->error.len,
		(const char *)feed->error.ptr);
	row->feed.error = span_text(row->error);
	return 1;
}

int feed_row_read(struct store *store, struct span name, struct feed_row *row)
{
	int r;

	*row = (struct feed_row){.known = false};
	r = store_feeds(store, name, feed_row_found, row);
	text_format(row->name, sizeof(row->name), "%.*s", (int)name.len, (const char *)name.ptr);
	row->feed.name = span_text(row->name);
	return r;
}

static void feed_row_set_error(struct feed_row *row, const char *text, int64_t now_s)
{
	text_format(row->error, sizeof(row->error), "%s", text);
	row->feed.error = span_text(row->error);
	row->feed.error_s = now_s;
}

/* ---- what happens to it ---- */

void feed_row_take(struct feed_row *row, const struct feed_version *version, int64_t now_s)
{
	row->feed.serial = version->serial;
	row->feed.rules = version->rules;
	row->feed.state = STORE_FEED_TAKEN;
	row->feed.success_s = now_s;
	if (version->changed) {
		row->feed.changed_s = now_s;
		row->feed.accepts = false; /* that was the one */
	}
	feed_row_set_error(row, "", now_s);
}

void feed_row_expire(struct feed_row *row, bool changed, int64_t now_s)
{
	row->feed.serial = 0;
	row->feed.rules = 0;
	if (changed)
		row->feed.changed_s = now_s;
	if (row->feed.state == STORE_FEED_PURGED)
		return;
	row->feed.state = STORE_FEED_TAKEN;
	feed_row_set_error(row,
		"its server was not heard from for as long as the zone's SOA allows: all entries "
		"ended",
		now_s);
}

void feed_row_refuse(struct feed_row *row, uint32_t serial, const char *why, int64_t now_s)
{
	row->feed.state = STORE_FEED_REFUSED;
	row->feed.refused_serial = serial;
	feed_row_set_error(row, why, now_s);
}

void feed_row_purge(struct feed_row *row, const char *author, int64_t now_s)
{
	char text[FEED_TEXT_SIZE];
	char time[CLOCK_TEXT_SIZE];

	text_format(text, sizeof(text),
		"purged by %s at %s UTC; to take it again: stockade feed accept %s", author,
		clock_print_minute(now_s, time), row->name);
	feed_row_set_error(row, text, now_s);
	row->feed.state = STORE_FEED_PURGED;
	row->feed.accepts = false;
	row->feed.rules = 0; /* the next change set has to be a whole zone */
}

void feed_row_accept(struct feed_row *row, int64_t now_s)
{
	row->feed.accepts = true;
	if (row->feed.state == STORE_FEED_PURGED)
		feed_row_set_error(row, "", now_s); /* it asked for this */
}
