/* SPDX-License-Identifier: ISC */
#include "keeper/listing_writer.h"

#include "base/macro.h"

enum { PAGE_ROWS = 256 };

int listing_event(struct listing_writer *writer)
{
	struct store_event *event = &writer->event;

	if (event->id != 0 || event->verb.len == 0)
		return 0;
	event->author = writer->author;
	event->time_s = writer->now_s;
	return store_event_add(writer->store, event, &event->id);
}

static int listing_evidence(struct listing_writer *writer, struct store_evidence *evidence)
{
	int r;

	if (evidence->id != 0)
		return 0;
	evidence->time_s = writer->now_s;
	r = store_evidence_add(writer->store, evidence, &evidence->id);
	return r < 0 ? r : 0;
}

/* ---- entering ---- */

struct held_listing {
	const struct store_listing *wanted;
	uint64_t id; /* 0: the sublist does not hold the source */
	bool is_same;
};

static int held_found(const struct store_listing *listing, void *arg)
{
	struct held_listing *held = arg;
	const struct store_listing *wanted = held->wanted;

	if (!span_equal(listing->sublist, wanted->sublist))
		return 0;
	held->id = listing->id;
	held->is_same = listing->until_s == wanted->until_s &&
			listing->excluded == wanted->excluded &&
			span_equal(listing->reason, wanted->reason);
	return 1;
}

static int held_read(struct store *store, struct held_listing *held)
{
	struct store_select select = {
		.which = STORE_AT, .list = held->wanted->list, .source = &held->wanted->source};
	int r = store_listings(store, &select, held_found, held);

	return r < 0 ? r : 0;
}

static int row_end(
	const struct listing_writer *writer, uint64_t id, int64_t at_s, struct span reason)
{
	return store_listing_end(writer->store, id,
		&(struct store_ending){at_s, writer->author, reason, writer->event.id});
}

/* The sublist holds the source already: the same again changes nothing, anything else replaces
 * it. */
static int listing_replace(
	struct listing_writer *writer, const struct store_listing *listing, uint64_t evidence)
{
	struct held_listing held = {.wanted = listing};
	uint64_t id = 0;
	int r = held_read(writer->store, &held);

	if (r < 0)
		return r;
	if (held.id == 0)
		return E_CONFLICT; /* the unique index said it is there */
	if (held.is_same)
		return LISTING_HELD;
	r = row_end(writer, held.id, writer->now_s, span_text("replaced"));
	if (r >= 0)
		r = store_listing_add(writer->store, listing, evidence, &id);
	return r < 0 ? r : LISTING_REPLACED;
}

static struct store_listing listing_of(
	const struct listing_writer *writer, const struct listing_row *row)
{
	return (struct store_listing){.list = row->list,
		.sublist = row->sublist,
		.source = *row->source,
		.since_s = writer->now_s,
		.until_s = row->until_s,
		.policy = span_text(row->policy->name),
		.policy_version = row->policy->version,
		.criterion = span_text(row->policy->text),
		.reason = row->reason,
		.author = writer->author,
		.excluded = row->excluded};
}

/* 1: no row follows. To be asked before the first one only, since an import has millions. */
static int listing_is_held(struct listing_writer *writer, const struct store_listing *listing,
	enum listing_if_held if_held)
{
	struct held_listing held = {.wanted = listing};
	int r = held_read(writer->store, &held);

	return r < 0 ? r : held.id != 0 && (held.is_same || if_held == LISTING_LEAVE);
}

int listing_enter(struct listing_writer *writer, const struct listing_row *row,
	struct store_evidence *evidence)
{
	struct store_listing listing = listing_of(writer, row);
	uint64_t id = 0;
	int r = 0;

	if (writer->event.id == 0 || evidence->id == 0)
		r = listing_is_held(writer, &listing, row->if_held);
	if (r != 0)
		return r < 0 ? r : LISTING_HELD;
	r = listing_event(writer);
	if (r >= 0)
		r = listing_evidence(writer, evidence);
	if (r < 0)
		return r;
	listing.added_event = writer->event.id;
	r = store_listing_add(writer->store, &listing, evidence->id, &id);
	if (r > 0)
		r = LISTING_ADDED;
	else if (r == 0 && row->if_held == LISTING_REPLACE)
		r = listing_replace(writer, &listing, evidence->id);
	if (r > 0)
		change_add(writer->change, row->list, row->source);
	return r;
}

/* ---- ending, some at a time: a table is not walked while it is changed ---- */

struct listing_page {
	struct change *change;
	const struct listing_ending *ending;
	size_t len;
	size_t room;
	uint64_t last_id;
	struct {
		uint64_t id;
		int64_t until_s;
	} rows[PAGE_ROWS];
};

static int page_found(const struct store_listing *listing, void *arg)
{
	struct listing_page *page = arg;
	const struct listing_ending *ending = page->ending;
	int r = ending->choose != NULL ? ending->choose(listing, ending->arg) : 1;

	page->last_id = listing->id;
	if (r <= 0)
		return r;
	page->rows[page->len].id = listing->id;
	page->rows[page->len].until_s = listing->until_s;
	page->len++;
	change_touch(page->change, listing->list, &listing->source);
	return page->len == page->room;
}

/* The next rows of `select`; the cursor is for those that stay in it. */
static int page_read(
	struct listing_page *page, struct store *store, const struct store_select *select)
{
	struct store_select next = *select;
	size_t left = select->limit != 0 ? select->limit : PAGE_ROWS;
	int r;

	next.limit = 0;
	next.after_id = page->last_id;
	page->room = left < PAGE_ROWS ? left : PAGE_ROWS;
	page->len = 0;
	r = store_listings(store, &next, page_found, page);
	return r < 0 ? r : 0;
}

static int page_end(struct listing_writer *writer, const struct listing_page *page)
{
	const struct listing_ending *ending = page->ending;
	int r = page->len != 0 ? listing_event(writer) : 0;

	for (size_t i = 0; i < page->len && r >= 0; i++) {
		r = row_end(writer, page->rows[i].id,
			ending->at == ENDED_WHEN_DUE ? page->rows[i].until_s : writer->now_s,
			ending->reason);
		writer->change->rows++;
	}
	return r;
}

int listing_end(struct listing_writer *writer, uint64_t id, const struct listing_row *row)
{
	int r = listing_event(writer);

	if (r >= 0)
		r = row_end(writer, id, writer->now_s, row->reason);
	if (r >= 0)
		change_add(writer->change, row->list, row->source);
	return r;
}

int listings_end(struct listing_writer *writer, const struct store_select *select,
	const struct listing_ending *ending)
{
	struct listing_page page = {.change = writer->change, .ending = ending};
	int r;

	do {
		r = page_read(&page, writer->store, select);
		if (r >= 0)
			r = page_end(writer, &page);
	} while (r >= 0 && page.len == PAGE_ROWS && select->limit == 0);
	return r;
}

int listings_end_list(struct listing_writer *writer, struct span list, struct span reason)
{
	int64_t ended;
	int r = listing_event(writer);

	if (r < 0)
		return r;
	ended = store_list_end(writer->store, list,
		&(struct store_ending){writer->now_s, writer->author, reason, writer->event.id});
	if (ended < 0)
		return (int)ended;
	writer->change->all = true;
	writer->change->rows += (uint32_t)ended;
	return (int)ended;
}

/* ---- in force again ---- */

static int page_restore(struct listing_writer *writer, const struct listing_page *page)
{
	int r = page->len != 0 ? listing_event(writer) : 0;

	for (size_t i = 0; i < page->len && r >= 0; i++) {
		uint64_t id;

		r = store_listing_again(
			writer->store, page->rows[i].id, writer->now_s, writer->event.id, &id);
		writer->change->rows += r > 0;
	}
	return r < 0 ? r : 0;
}

struct restoring {
	uint64_t event;
	int64_t now_s;
};

/* What the event itself had added, and then replaced, was not there before it. */
static int restore_choose(const struct store_listing *listing, void *arg)
{
	const struct restoring *restoring = arg;

	return listing->added_event != restoring->event &&
	       (listing->until_s == 0 || listing->until_s > restoring->now_s);
}

int listings_restore(struct listing_writer *writer, uint64_t event)
{
	struct restoring restoring = {event, writer->now_s};
	struct listing_ending ending = {.choose = restore_choose, .arg = &restoring};
	struct listing_page page = {.change = writer->change, .ending = &ending};
	struct store_select select = {.which = STORE_REMOVED, .event = event};
	int r;

	do {
		r = page_read(&page, writer->store, &select);
		if (r >= 0)
			r = page_restore(writer, &page);
	} while (r >= 0 && page.len == PAGE_ROWS);
	return r;
}
