/* SPDX-License-Identifier: ISC */
#include <stdio.h>

#include "base/clock.h"
#include "keeper/command.h"
#include "keeper/feed_row.h"

/* What operators order about feeds: to end all that one lists, or to take its next change
 * whatever its size. */

static int feed_purge(struct command_run *run, struct feed_row *row)
{
	char author[FEED_AUTHOR_SIZE];
	char text[FEED_TEXT_SIZE];
	char time[CLOCK_TEXT_SIZE];
	struct store_select select = {
		.which = STORE_FEED, .list = span_text(feed_author(row->name, author))};
	struct listing_ending ending = {.reason = run->writer.event.reason};
	int r = listings_end(&run->writer, &select, &ending);

	snprintf(text, sizeof(text),
		"purged by %.*s at %s UTC; to take it again: stockade feed accept %s",
		run->writer.author.len < 100 ? (int)run->writer.author.len : 100,
		(const char *)run->writer.author.ptr, clock_print_minute(run->writer.now_s, time),
		row->name);
	feed_row_set_error(row, text, run->writer.now_s);
	row->feed.state = STORE_FEED_PURGED;
	row->feed.accepts = false;
	row->feed.rules = 0; /* the next change set has to be a whole zone */
	run->answer->text = arena_format(run->arena, "%lu listings of feed '%s' ended",
		(unsigned long)run->item.change.rows, row->name);
	return r;
}

static int feed_accept(struct command_run *run, struct feed_row *row)
{
	row->feed.accepts = true;
	if (row->feed.state == STORE_FEED_PURGED)
		feed_row_set_error(row, "", run->writer.now_s); /* it asked for this */
	run->writer.event.id = 0; /* in the trail, but nothing that could be undone */
	run->answer->text = arena_format(
		run->arena, "the next change of feed '%s' is taken, whatever its size", row->name);
	return 0;
}

int command_feed(struct command_run *run)
{
	const Stockade__FeedCommand *command = run->command->feed;
	struct store_event *event = &run->writer.event;
	struct feed_row row;
	int r = feed_row_read(run->writer.store, span_text(command->name), &row);

	if (r < 0)
		return r;
	if (!row.known && conf_feed_find(run->parts->guard->conf, span_text(command->name)) == NULL)
		return fault_set(&run->item.why, E_ABSENT, "there is no feed '%s'", command->name);
	event->verb = span_text(command->purge ? "purge-feed" : "accept-feed");
	event->subject = arena_copy(run->arena, span_text(row.name));
	r = listing_event(&run->writer);
	if (r >= 0)
		r = command->purge ? feed_purge(run, &row) : feed_accept(run, &row);
	run->is_kept = true;
	return r < 0 ? r : store_feed_put(run->writer.store, &row.feed);
}
