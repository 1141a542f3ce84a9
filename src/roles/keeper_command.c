/* SPDX-License-Identifier: ISC */
#include <stdio.h>

#include "base/clock.h"
#include "base/macro.h"
#include "base/mem.h"
#include "bus/convert.h"
#include "list/retirement.h"
#include "roles/keeper.h"

/*
 * What operators change. A command is a part of its turn's transaction (keeper_batch.c): the event, its evidence, the
 * listings, the serial and the ground to be painted again are there together or not at all. Then it is published, and
 * only then answered.
 *
 * A listing is never rewritten: extending or changing one ends it and adds another, so that the history shows both and an
 * event is undone by ending what it added and adding again what it ended.
 */
enum {
	EXPIRE_STEP = 256,
	TOGETHER_SOURCES = 4, /* a command of more is a batch of its own */
	TOGETHER_GROUNDS =
		GROUNDS_MAX / 2 /* of a batch; one more command of few sources still fits */
};

void change_add(struct change *change, struct span list, const struct source *source)
{
	change->rows++;
	if (change->all || change->len == GROUNDS_MAX) {
		change->all = true;
		return;
	}
	if (change->len == change->room) {
		size_t room = change->room != 0 ? change->room * 2 : 16;
		struct ground *grounds = arena_alloc(change->arena, room * sizeof(*grounds));

		if (change->len != 0)
			memcpy(grounds, change->grounds, change->len * sizeof(*grounds));
		change->grounds = grounds;
		change->room = room;
	}
	change->grounds[change->len++] = (struct ground){arena_copy(change->arena, list), *source};
}

int work_event(struct work *work, const char *verb, const char *subject, uint64_t undoes)
{
	struct store_event event = {.time_s = work->now_s,
		.author = span_text(work->author),
		.verb = span_text(verb),
		.subject = span_text(subject),
		.reason = work->reason,
		.undoes = undoes,
		.serial = work->serial};

	return store_event_add(work->keeper->store, &event, &work->event);
}

/* ---- add ---- */

struct adding {
	struct work *work;
	const Stockade__ListAdd *add;
	struct placement placement;
	bool allow_skips; /* an import leaves out what may not be listed, and says so */
	int64_t until_s;
	uint64_t evidence;
	uint32_t skipped;
	uint32_t unchanged;
	uint32_t replaced;
};

static int adding_event(struct adding *adding, const struct source *first)
{
	struct work *work = adding->work;
	bool import = adding->add->origin[0] != '\0';
	char text[SOURCE_TEXT_SIZE];
	char subject[SOURCE_TEXT_SIZE + 400];
	const char *verb = import                                               ? "import"
			   : strcmp(adding->placement.list->name, "allow") == 0 ? "allow"
										: "add";

	if (import)
		snprintf(subject, sizeof(subject), "%.256s into %s/%s", adding->add->origin,
			adding->placement.list->name, adding->placement.sublist->name);
	else
		snprintf(subject, sizeof(subject), "%s on %s/%s%s", source_print(first, text),
			adding->placement.list->name, adding->placement.sublist->name,
			adding->add->n_sources > 1 ? " and more" : "");
	return work_event(work, verb, subject, 0);
}

/* The operator's word is the evidence (policy "entered by a named operator with a written reason"). */
static int adding_evidence(struct adding *adding, const struct source *source)
{
	struct work *work = adding->work;
	bool import = adding->add->origin[0] != '\0';
	struct store_evidence evidence = {.kind = span_text("operator"),
		.source = import ? NULL : source,
		.time_s = work->now_s,
		.sensor = span_text(import ? adding->add->origin : work->author),
		.weight = 1,
		.note = work->reason};
	int r = store_evidence_add(work->keeper->store, &evidence, &adding->evidence);

	return r < 0 ? r : 0;
}

struct existing {
	struct span sublist;
	struct source source;
	uint64_t id;
	int64_t until_s;
	bool excluded;
	bool same_reason;
	struct span reason;
};

static int existing_found(const struct store_listing *listing, void *arg)
{
	struct existing *existing = arg;

	if (!span_equal(listing->sublist, existing->sublist) ||
		!source_equal(&listing->source, &existing->source))
		return 0;
	existing->id = listing->id;
	existing->until_s = listing->until_s;
	existing->excluded = listing->excluded;
	existing->same_reason = span_equal(listing->reason, existing->reason);
	return 1;
}

/* The sublist holds the source already: the same again changes nothing, anything else replaces it. 1: ended. */
static int adding_replace(struct adding *adding, const struct store_listing *listing)
{
	struct work *work = adding->work;
	struct existing existing = {
		.sublist = listing->sublist, .source = listing->source, .reason = listing->reason};
	struct store_select select = {
		.which = STORE_COVERING, .list = listing->list, .source = &listing->source};
	int r = store_listings(work->keeper->store, &select, existing_found, &existing);

	if (r < 0)
		return r;
	if (existing.id == 0)
		return E_CONFLICT; /* the unique index said it is there */
	if (existing.until_s == listing->until_s && existing.excluded == listing->excluded &&
		existing.same_reason) {
		adding->unchanged++;
		return 0;
	}
	r = store_listing_end(work->keeper->store, existing.id, work->now_s,
		span_text(work->author), span_text("replaced"), work->event);
	if (r < 0)
		return r;
	adding->replaced++;
	return 1;
}

static int adding_listing(struct adding *adding, const struct source *source)
{
	struct work *work = adding->work;
	const struct placement *placement = &adding->placement;
	struct store_listing listing = {.list = span_text(placement->list->name),
		.sublist = span_text(placement->sublist->name),
		.source = *source,
		.since_s = work->now_s,
		.until_s = adding->until_s,
		.policy = span_text(placement->policy->name),
		.policy_version = placement->policy->version,
		.criterion = span_text(placement->policy->text),
		.reason = work->reason,
		.author = span_text(work->author),
		.excluded = adding->add->excluded,
		.added_event = work->event};
	uint64_t id = 0;
	int r = store_listing_add(work->keeper->store, &listing, adding->evidence, &id);

	if (r == 0) {
		r = adding_replace(adding, &listing);
		if (r > 0)
			r = store_listing_add(work->keeper->store, &listing, adding->evidence, &id);
	}
	if (r > 0)
		change_add(&work->change, listing.list, source);
	return r < 0 ? r : 0;
}

/* 1: may be listed; 0: left out of an import. */
static int adding_judge(struct adding *adding, const Stockade__Source *wire, struct source *source)
{
	struct work *work = adding->work;
	struct fault why = {""};
	int r = source_from_wire(wire, source);

	if (r < 0)
		return fault_set(&work->why, r, "the command holds what is no source");
	r = rule_may_list(work->keeper->context->conf, adding->placement.list, source,
		adding->add->excluded, &why);
	if (r >= 0)
		return 1;
	if (work->why.text[0] == '\0')
		work->why = why; /* an import says which was the first */
	adding->skipped++;
	return adding->allow_skips ? 0 : r;
}

static int adding_all(struct adding *adding)
{
	struct work *work = adding->work;

	for (size_t i = 0; i < adding->add->n_sources; i++) {
		struct source source;
		int r = adding_judge(adding, adding->add->sources[i], &source);

		if (r == 0)
			continue;
		if (r > 0 && work->event == 0)
			r = adding_event(adding, &source);
		if (r >= 0 && adding->evidence == 0)
			r = adding_evidence(adding, &source);
		if (r >= 0)
			r = adding_listing(adding, &source);
		if (r < 0)
			return r;
	}
	return 0;
}

static const char *until_words(int64_t until_s, char text[CLOCK_TEXT_SIZE + 8])
{
	char time[CLOCK_TEXT_SIZE];

	if (until_s == 0)
		snprintf(text, CLOCK_TEXT_SIZE + 8, "review");
	else
		snprintf(text, CLOCK_TEXT_SIZE + 8, "%s UTC", clock_print_minute(until_s, time));
	return text;
}

static void adding_words(struct adding *adding)
{
	struct work *work = adding->work;
	char until[CLOCK_TEXT_SIZE + 8];
	char subject[SOURCE_TEXT_SIZE + 32];
	struct source source;
	char text[SOURCE_TEXT_SIZE];
	const char *list = adding->placement.list->name;
	const char *sublist = adding->placement.sublist->name;
	size_t count = adding->add->n_sources;

	if (count == 1 && source_from_wire(adding->add->sources[0], &source) == 0)
		snprintf(subject, sizeof(subject), "%s", source_print(&source, text));
	else
		snprintf(subject, sizeof(subject), "%lu of %zu", (unsigned long)(work->change.rows),
			count);
	until_words(adding->until_s, until);
	if (work->change.rows == 0 && adding->skipped == 0)
		work->answer->text = arena_format(work->change.arena,
			"%s on %s/%s until %s already; nothing changed",
			count == 1 ? subject : "all are", list, sublist, until);
	else
		work->answer->text = arena_format(work->change.arena, "%s %s on %s/%s until %s%s",
			subject, adding->add->excluded ? "excluded" : "put", list, sublist, until,
			adding->replaced != 0 ? " (replaces what was there)" : "");
	if (adding->skipped != 0)
		work->answer->text =
			arena_format(work->change.arena, "%s; %lu left out, the first because %s",
				work->answer->text, (unsigned long)adding->skipped, work->why.text);
}

static int add_run(struct work *work)
{
	const Stockade__ListAdd *add = work->command->add;
	struct adding adding = {.work = work, .add = add, .allow_skips = add->origin[0] != '\0'};
	int r;

	if (add->n_sources == 0 && work->link->import_event == 0)
		return fault_set(&work->why, E_USAGE, "nothing to add");
	r = rule_place(work->keeper->context->conf, span_text(add->list), span_text(add->sublist),
		&adding.placement, &work->why);
	if (r >= 0)
		r = retire_refuses(
			work->keeper, span_text(adding.placement.list->name), &work->why);
	if (r >= 0)
		r = rule_until(adding.placement.policy, add->until_s, work->now_s, &adding.until_s,
			&work->why);
	if (r < 0)
		return r;
	work->event =
		work->link
			->import_event; /* one import is one event, in how many parts it may come */
	r = adding_all(&adding);
	if (r < 0)
		return r;
	adding_words(&adding);
	work->why.text[0] = '\0';
	return 0;
}

/* ---- remove ---- */

struct removing {
	struct work *work;
	struct span list; /* empty: all but the allow list */
	struct span sublist;
	const struct source *source;
	bool exact;
	uint64_t ids[SUBLISTS_MAX * 2];
	struct span lists[SUBLISTS_MAX * 2];
	size_t len;
	struct source wider; /* listed instead, when the source itself is not */
	bool has_wider;
};

static int removing_found(const struct store_listing *listing, void *arg)
{
	struct removing *removing = arg;

	if (removing->list.len == 0 && (span_equal_text(listing->list, "allow") ||
					       span_equal_text(listing->list, RETIREMENT_LIST)))
		return 0;
	if (removing->sublist.len != 0 && !span_equal(listing->sublist, removing->sublist))
		return 0;
	if (!source_equal(&listing->source, removing->source)) {
		removing->wider = listing->source;
		removing->has_wider = true;
		return 0;
	}
	if (removing->len == COUNTOF(removing->ids))
		return 1;
	removing->lists[removing->len] = arena_copy(removing->work->change.arena, listing->list);
	removing->ids[removing->len++] = listing->id;
	return 0;
}

static int removing_end(struct removing *removing, const char *verb)
{
	struct work *work = removing->work;
	char text[SOURCE_TEXT_SIZE];
	int r = 0;

	if (removing->len != 0 && work->event == 0)
		r = work_event(work, verb, source_print(removing->source, text), 0);
	for (size_t i = 0; i < removing->len && r >= 0; i++) {
		r = store_listing_end(work->keeper->store, removing->ids[i], work->now_s,
			span_text(work->author), work->reason, work->event);
		change_add(&work->change, removing->lists[i], removing->source);
	}
	return r;
}

static int remove_absent(struct work *work, const struct removing *removing)
{
	char text[SOURCE_TEXT_SIZE];
	char wider[SOURCE_TEXT_SIZE];

	source_print(removing->source, text);
	if (removing->has_wider)
		return fault_set(&work->why, E_ABSENT,
			"'%s' is not listed by itself, but %s is: end that, or exclude '%s' from it",
			text, source_print(&removing->wider, wider), text);
	return fault_set(&work->why, E_ABSENT, "'%s' is not listed%s%s", text,
		removing->list.len != 0 ? " on " : "",
		removing->list.len != 0 ? work->command->remove->list : "");
}

static int remove_one(struct work *work, const struct source *source)
{
	const Stockade__ListRemove *wire = work->command->remove;
	struct removing removing = {.work = work,
		.list = span_text(wire->list),
		.sublist = span_text(wire->sublist),
		.source = source};
	struct store_select select = {
		.which = STORE_COVERING, .list = removing.list, .source = source};
	int r = store_listings(work->keeper->store, &select, removing_found, &removing);

	if (r < 0)
		return r;
	if (removing.len == 0)
		return remove_absent(work, &removing);
	return removing_end(&removing, removing.list.len != 0 ? "remove" : "delist");
}

static int remove_run(struct work *work)
{
	const Stockade__ListRemove *wire = work->command->remove;
	char first[SOURCE_TEXT_SIZE];

	if (wire->n_sources == 0)
		return fault_set(&work->why, E_USAGE, "nothing to remove");
	for (size_t i = 0; i < wire->n_sources; i++) {
		struct source source;
		int r = source_from_wire(wire->sources[i], &source);

		if (r < 0)
			return fault_set(&work->why, r, "the command holds what is no source");
		if (i == 0)
			source_print(&source, first);
		r = remove_one(work, &source);
		if (r < 0)
			return r;
	}
	work->answer->text = arena_format(work->change.arena, "%lu listing%s of %s%s ended",
		(unsigned long)work->change.rows, work->change.rows == 1 ? "" : "s", first,
		wire->n_sources > 1 ? " and others" : "");
	return 0;
}

/* ---- the frame around every command ---- */

static int work_run(struct work *work)
{
	switch (work->command->what_case) {
	case STOCKADE__COMMAND__WHAT_ADD:
		return add_run(work);
	case STOCKADE__COMMAND__WHAT_REMOVE:
		return remove_run(work);
	case STOCKADE__COMMAND__WHAT_UNDO:
		work->undoes = work->command->undo;
		return undo_run(work);
	case STOCKADE__COMMAND__WHAT_RETIRE:
		return retire_run(work);
	case STOCKADE__COMMAND__WHAT_FEED:
		return feed_command_run(work);
	default:
		return fault_set(&work->why, E_USAGE, "the command is empty");
	}
}

/* Within the transaction; < 0: the part is to be taken back. */
static int work_transact(struct work *work)
{
	uint32_t serial = 0;
	int r = publish_may_change(work->keeper, &work->why);

	if (r >= 0)
		r = store_serial(work->keeper->store, &serial);
	work->serial = serial; /* the event names the state it was made on */
	if (r >= 0)
		r = work_run(work);
	if (r >= 0 && work->more)
		work->change.all = true; /* the parts of an import are published together */
	return r;
}

/* The grounds of the work, for the number that the whole batch gets. */
static void work_join(struct change *batch, const struct change *change)
{
	batch->all = batch->all || change->all;
	for (size_t i = 0; i < change->len && !batch->all; i++)
		change_add(batch, change->grounds[i].list, &change->grounds[i].source);
	batch->rows += change->all ? change->rows : 0;
}

/* The batch goes down with a failure of the store itself; a wrong command is only taken back. */
static int work_part(struct work *work)
{
	struct keeper *keeper = work->keeper;
	int r = store_part_begin(keeper->store);

	if (r < 0)
		return r;
	r = work_transact(work);
	if (r < 0 && work->why.text[0] == '\0') {
		if (keeper_error_is_of_store(r))
			return r;
		fault_set(&work->why, r, "%s; nothing was changed", err_text(r));
	}
	work->error = r < 0 ? r : 0;
	if (r < 0 || work->dry_run || (work->change.rows == 0 && !work->keeps))
		return store_part_undo(keeper->store);
	work_join(&keeper->batch.change, &work->change);
	return store_part_keep(keeper->store);
}

static void work_log(const struct work *work)
{
	log_event(EV_LIST_CHANGE,
		LOG_FIELDS(log_text("verb", work->verb), log_number("listings", work->change.rows),
			log_number("change", (int64_t)work->event),
			log_number("serial", work->serial), log_text("author", work->author),
			log_text("what", work->answer->text)));
}

/* An import ends with the first part that has no `more`; what earlier parts committed is published with it. */
static bool work_ends_import(struct work *work)
{
	bool was;

	if (work->link == NULL)
		return false;
	was = work->link->import_event != 0;
	work->link->import_event = work->more ? work->event : 0;
	return was && work->link->import_event == 0;
}

static void work_reply(struct work *work, bool hold, bool snapshot)
{
	struct arena *arena = work->change.arena; /* the work lies in it */

	if (work->link == NULL || work->link->dead) {
		arena_free(&arena);
	} else if (hold) {
		link_hold(work->link, work->answer, arena, snapshot);
	} else {
		link_answer(work->link, work->answer);
		arena_free(&arena);
	}
}

static void work_refuse(struct work *work)
{
	Stockade__Answer *answer = work->answer;
	uint64_t tag = answer->tag;

	if (work->why.text[0] == '\0')
		fault_set(&work->why, work->error, "%s; nothing was changed",
			work->keeper->store_words);
	stockade__answer__init(answer);
	answer->tag = tag;
	answer->error = work->error;
	answer->serial = work->keeper->publisher.serial;
	answer->text = arena_format(work->change.arena, "%s", work->why.text);
	work_reply(work, false, false);
}

void work_finish(struct work *work)
{
	struct keeper *keeper = work->keeper;
	bool ended;

	if (work->error < 0) {
		work_refuse(work);
		return;
	}
	work->answer->changed = work->change.rows;
	if (work->dry_run) {
		work->answer->serial = keeper->publisher.serial;
		work_reply(work, false, false);
		return;
	}
	ended = work_ends_import(work);
	if (work->change.rows != 0)
		work_log(work);
	if (ended)
		publish_turn(keeper);
	work->answer->event = work->event;
	work->answer->serial = work->serial;
	work_reply(
		work, !work->more && (work->change.rows != 0 || ended), work->change.all || ended);
}

static const char *work_author(struct arena *arena, const struct link *link, const char *said)
{
	if (said[0] == '\0' || strcmp(said, link->author) == 0)
		return arena_format(arena, "%s", link->author);
	return arena_format(arena, "%.120s (%.60s)", said, link->author);
}

static struct work *work_new(struct link *link, const Stockade__Command *command)
{
	struct arena *arena = arena_new(0);
	struct work *work = arena_alloc(arena, sizeof(*work));

	*work = (struct work){.keeper = link->keeper,
		.link = link,
		.command = command,
		.verb = command->what_case == STOCKADE__COMMAND__WHAT_ADD      ? "add"
			: command->what_case == STOCKADE__COMMAND__WHAT_UNDO   ? "undo"
			: command->what_case == STOCKADE__COMMAND__WHAT_FEED   ? "purge-feed"
			: command->what_case == STOCKADE__COMMAND__WHAT_RETIRE ? "retire"
									       : "remove",
		.author = work_author(arena, link, command->author),
		.reason = arena_copy(
			arena, span_text(command->reason[0] != '\0' ? command->reason : "by hand")),
		.now_s = loop_now_s(link->keeper->loop),
		.change = {.arena = arena},
		.answer = arena_alloc(arena, sizeof(*work->answer)),
		.more = command->what_case == STOCKADE__COMMAND__WHAT_ADD && command->add->more,
		.dry_run = command->dry_run};
	stockade__answer__init(work->answer);
	work->answer->tag = command->tag;
	return work;
}

/* Large ones are published alone: their pieces might be too many for one delta together with others. */
static bool command_is_small(const struct link *link, const Stockade__Command *command)
{
	if (link->import_event != 0)
		return false;
	if (command->what_case == STOCKADE__COMMAND__WHAT_ADD)
		return command->add->n_sources <= TOGETHER_SOURCES && !command->add->more;
	return command->what_case == STOCKADE__COMMAND__WHAT_REMOVE &&
	       command->remove->n_sources <= TOGETHER_SOURCES;
}

static void command_join_batch(struct work *work)
{
	struct keeper *keeper = work->keeper;
	struct batch *batch = &keeper->batch;
	int r = batch_open(keeper);

	if (r >= 0) { /* from here on the batch answers */
		*batch->works_end = work;
		batch->works_end = &work->next;
		r = work_part(work);
	} else {
		work->error = keeper_store_failed(keeper, r);
		work_finish(work);
		return;
	}
	work->command = NULL;
	if (r < 0)
		batch_fail(keeper, r);
}

void command_handle(struct link *link, const Stockade__Command *command)
{
	struct keeper *keeper = link->keeper;
	struct work *work = work_new(link, command);
	bool small = command_is_small(link, command);

	if (!small || keeper->batch.change.len > TOGETHER_GROUNDS)
		batch_flush(keeper);
	work->error = keeper_need_store(keeper, &work->why);
	if (work->error < 0) {
		work_finish(work);
		return;
	}
	command_join_batch(work);
	if (!small)
		batch_flush(keeper);
}

void command_import_broken(struct link *link)
{
	link->import_event = 0;
	publish_turn(link->keeper);
}

/* ---- expiry ---- */

struct expiring {
	struct change *change;
	uint64_t ids[EXPIRE_STEP];
	int64_t ends_s[EXPIRE_STEP];
	size_t len;
};

static int expiring_found(const struct store_listing *listing, void *arg)
{
	struct expiring *expiring = arg;

	expiring->ids[expiring->len] = listing->id;
	expiring->ends_s[expiring->len++] = listing->until_s;
	change_add(expiring->change, listing->list, &listing->source);
	return 0;
}

/* A listing holds in [since, until): it ended at until, whenever we came to write that down. */
static int expire_step(struct keeper *keeper, struct change *change, uint32_t *ret_serial)
{
	struct expiring expiring = {.change = change};
	struct store_select select = {
		.which = STORE_EXPIRED, .time_s = loop_now_s(keeper->loop), .limit = EXPIRE_STEP};
	int r = store_listings(keeper->store, &select, expiring_found, &expiring);

	for (size_t i = 0; i < expiring.len && r >= 0; i++)
		r = store_listing_end(keeper->store, expiring.ids[i], expiring.ends_s[i],
			span_text("expiry"), span_text(""), 0);
	if (r >= 0 && change->rows != 0)
		r = publish_number(keeper, change, ret_serial);
	return r;
}

void command_expire(struct keeper *keeper)
{
	struct change change = {.arena = arena_new(0)};
	uint32_t serial = 0;
	int r;

	batch_flush(keeper);
	r = store_begin(keeper->store);
	if (r >= 0)
		r = expire_step(keeper, &change, &serial);
	if (r < 0 || change.rows == 0)
		store_rollback(keeper->store);
	else
		r = store_commit(keeper->store);
	if (r < 0) {
		keeper_store_failed(keeper, r);
	} else if (change.rows != 0) {
		keeper_store_worked(keeper);
		log_event(EV_LIST_CHANGE,
			LOG_FIELDS(log_text("verb", "expire"), log_number("listings", change.rows),
				log_number("serial", serial)));
		publish_change(keeper, &change, serial, false);
	}
	arena_free(&change.arena);
	keeper_arm_expiry(keeper);
}
