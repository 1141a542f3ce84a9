/* SPDX-License-Identifier: ISC */
#include "keeper/listing_writer.h"

#include "base/macro.h"
#include "base/mem.h"

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
	bool only_ends_otherwise;
};

static int held_found(const struct store_listing *listing, void *arg)
{
	struct held_listing *held = arg;
	const struct store_listing *wanted = held->wanted;

	if (!span_equal(listing->sublist, wanted->sublist))
		return 0;
	held->id = listing->id;
	held->is_same = listing->excluded == wanted->excluded &&
			span_equal(listing->reason, wanted->reason);
	held->only_ends_otherwise = held->is_same && listing->until_s != wanted->until_s;
	held->is_same = held->is_same && !held->only_ends_otherwise;
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
static int listing_replace(struct listing_writer *writer, const struct store_listing *listing,
	uint64_t evidence, struct renewing *renewing)
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
	if (held.only_ends_otherwise && renewing != NULL) {
		renewing->until_s = listing->until_s;
		renewing_add(renewing, held.id);
		return LISTING_RENEWED;
	}
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
		r = listing_replace(writer, &listing, evidence->id, row->renewing);
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

/* ---- groups ---- */

struct group_page {
	struct change *change;
	size_t len;
	struct store_group groups[PAGE_ROWS];
};

static int group_touch(const struct store_listing *listing, void *arg)
{
	change_touch(arg, listing->list, &listing->source);
	return 0;
}

/* Its sources are named as long as one delta can hold them. */
static int group_page_found(const struct store_group *group, void *arg)
{
	struct group_page *page = arg;
	struct change *change = page->change;

	page->groups[page->len] = *group;
	page->groups[page->len++].list = arena_copy(change->arena, group->list);
	change->all = change->all || group->listings > CHANGED_MAX - change->len;
	return 0;
}

static int group_page_touch(struct listing_writer *writer, const struct store_group *group)
{
	if (writer->change->all)
		return 0;
	return store_group_listings(writer->store, group, group_touch, writer->change);
}

static int group_page_end(struct listing_writer *writer, const struct group_page *page,
	const struct listing_ending *ending)
{
	int r = page->len != 0 ? listing_event(writer) : 0;

	for (size_t i = 0; i < page->len && r >= 0; i++) {
		const struct store_group *group = &page->groups[i];
		bool when_due = ending->at == ENDED_WHEN_DUE;

		r = group_page_touch(writer, group);
		if (r >= 0)
			r = store_group_end(writer->store, group,
				&(struct store_ending){when_due ? group->until_s : writer->now_s,
					writer->author, ending->reason, writer->event.id});
		writer->change->rows += (uint32_t)group->listings;
	}
	return r;
}

int listing_groups_end(struct listing_writer *writer, const struct store_select *select,
	const struct listing_ending *ending)
{
	struct group_page page = {.change = writer->change};
	struct store_select some = *select;
	int r;

	some.limit = select->limit != 0 && select->limit < PAGE_ROWS ? select->limit : PAGE_ROWS;
	r = store_groups(writer->store, &some, group_page_found, &page);
	if (r >= 0)
		r = group_page_end(writer, &page, ending);
	return r < 0 ? r : page.len == some.limit;
}

/* ---- many networks ---- */

struct nets_entering {
	struct listing_writer *writer;
	const struct listing_row *row;
	struct listing_import *import;
	struct store_listing listing;
	struct store_holding *holdings; /* one for each */
	struct prefix *free;            /* those to be added */
	size_t free_len;
	uint32_t changed;
	uint32_t replaced;
};

static int net_enter(
	struct nets_entering *entering, const struct prefix *net, const struct store_holding *held)
{
	struct listing_writer *writer = entering->writer;
	int r = 0;

	if (held->held == STORE_HELD)
		return 0;
	entering->changed++;
	if (held->held == STORE_HELD_UNTIL) {
		renewing_add(entering->row->renewing, held->id);
		return 0;
	}
	if (held->held == STORE_HELD_OTHERWISE) {
		entering->replaced++;
		r = row_end(writer, held->id, writer->now_s, span_text("replaced"));
	}
	entering->free[entering->free_len++] = *net;
	return r;
}

static bool anything_changes(const struct store_holding *holdings, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (holdings[i].held != STORE_HELD)
			return true;
	}
	return false;
}

static void nets_touch(struct nets_entering *entering, const struct listing_nets *nets)
{
	struct change *change = entering->writer->change;

	change->rows += entering->changed;
	for (size_t i = 0; i < nets->len && !change->all; i++) {
		struct source source = {.kind = SOURCE_NET, .net = nets->nets[i]};

		if (entering->holdings[i].held != STORE_HELD)
			change_touch(change, entering->row->list, &source);
	}
}

static int nets_enter(struct nets_entering *entering, const struct listing_nets *nets)
{
	struct listing_writer *writer = entering->writer;
	struct listing_import *import = entering->import;
	struct store_nets free = {.nets = entering->free};
	int r = listing_event(writer);

	if (r >= 0)
		r = listing_evidence(writer, &import->evidence);
	entering->listing.added_event = writer->event.id;
	for (size_t i = 0; i < nets->len && r >= 0; i++)
		r = net_enter(entering, &nets->nets[i], &entering->holdings[i]);
	free.len = entering->free_len;
	free.evidence = import->evidence.id;
	if (r >= 0 && free.len != 0)
		r = store_nets_add(writer->store, &entering->listing, &free, &import->group);
	if (r >= 0)
		nets_touch(entering, nets);
	return r;
}

int listing_enter_nets(struct listing_writer *writer, const struct listing_row *row,
	struct listing_nets *nets, struct listing_import *import)
{
	static const struct source none = {.kind = SOURCE_NET};
	struct listing_row any = *row;
	struct nets_entering entering = {.writer = writer,
		.row = row,
		.import = import,
		.holdings = mem_alloc_array(nets->len, sizeof(struct store_holding)),
		.free = mem_alloc_array(nets->len, sizeof(struct prefix))};
	struct store_nets all = {.nets = nets->nets, .len = nets->len};
	int r;

	any.source = &none;
	entering.listing = listing_of(writer, &any);
	row->renewing->until_s = row->until_s;
	r = store_nets_held(writer->store, &entering.listing, &all, entering.holdings);
	if (r >= 0 && anything_changes(entering.holdings, nets->len))
		r = nets_enter(&entering, nets);
	nets->replaced = entering.replaced;
	mem_free(entering.holdings);
	mem_free(entering.free);
	return r;
}

int listings_note_renewing(struct listing_writer *writer, const struct renewing *renewing)
{
	return renewing->len != 0 ? store_renewing_note(writer->store, writer->event.id, renewing)
				  : 0;
}

int listings_renew(struct listing_writer *writer, struct store_renewing *at)
{
	int r;

	at->event = writer->event.id;
	r = store_renew_step(writer->store, at);
	if (at->renewed != 0)
		writer->change->all = true;
	return r;
}

/* ---- the state before an event ---- */

struct restore_page {
	struct listing_restoring *restoring;
	struct listing_writer *writer;
	size_t len;
	struct store_listing listings[PAGE_ROWS]; /* of each the number and the source */
};

/* What the event itself had added, and then replaced, was not there before it. */
static int restore_found(const struct store_listing *listing, void *arg)
{
	struct restore_page *page = arg;
	struct listing_restoring *restoring = page->restoring;
	int r = 0;

	restoring->after_id = listing->id;
	if (listing->added_event != restoring->event &&
		(listing->until_s == 0 || listing->until_s > page->writer->now_s))
		r = restoring->may_list != NULL ? restoring->may_list(listing, restoring->arg) : 1;
	if (r <= 0)
		return r;
	page->listings[page->len++] =
		(struct store_listing){.id = listing->id, .source = listing->source};
	change_touch(page->writer->change, listing->list, &listing->source);
	return page->len == PAGE_ROWS;
}

static int page_restore(struct listing_writer *writer, const struct restore_page *page)
{
	int r = page->len != 0 ? listing_event(writer) : 0;

	for (size_t i = 0; i < page->len && r >= 0; i++) {
		uint64_t id;

		r = store_listing_again(
			writer->store, &page->listings[i], writer->now_s, writer->event.id, &id);
		writer->change->rows += r > 0;
	}
	return r < 0 ? r : 0;
}

int listings_restore(struct listing_writer *writer, struct listing_restoring *restoring)
{
	struct restore_page page = {.restoring = restoring, .writer = writer};
	struct store_select select = {.which = STORE_REMOVED,
		.event = restoring->event,
		.after_id = restoring->after_id,
		.limit = PAGE_ROWS};
	int found = store_listings(writer->store, &select, restore_found, &page);
	int r = found < 0 ? found : page_restore(writer, &page);

	return r < 0 ? r : found > 0;
}

static int renewal_found(const struct store_group *group, void *arg)
{
	struct group_page *page = arg;

	page->groups[page->len++] = *group;
	return 0;
}

int listings_renew_back(struct listing_writer *writer, struct listing_restoring *restoring)
{
	struct group_page page = {.len = 0};
	struct store_select select = {.event = restoring->event,
		.after_id = restoring->after_renewal,
		.limit = PAGE_ROWS};
	int r = store_renewals(writer->store, &select, renewal_found, &page);

	if (r >= 0 && page.len != 0)
		r = listing_event(writer);
	for (size_t i = 0; i < page.len && r >= 0; i++) {
		struct store_renewal back = {.group = page.groups[i].id,
			.event = writer->event.id,
			.until_s = page.groups[i].until_s};

		r = store_group_renew(writer->store, &back);
		restoring->after_renewal = back.group;
		writer->change->rows += (uint32_t)page.groups[i].listings;
		writer->change->all = true;
	}
	return r < 0 ? r : page.len == PAGE_ROWS;
}
