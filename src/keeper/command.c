/* SPDX-License-Identifier: ISC */
#include <string.h>

#include "keeper/keeper.h"

/*
 * What operators change. A command is a part of its turn's transaction (keeper/transaction.c): the event, its evidence, the
 * listings, the serial and the ground to be painted again are there together or not at all. Then it is published, and
 * only then answered. What each does is in a file of its own; this one is the frame around all.
 */
enum {
	TOGETHER_SOURCES = 4,              /* a command of more is a batch of its own */
	TOGETHER_GROUNDS = GROUNDS_MAX / 2 /* of a batch: one more of few sources still fits */
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
	int r = store_savepoint(keeper->store);

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
		return store_savepoint_rollback(keeper->store);
	work_join(&keeper->batch.change, &work->change);
	return store_savepoint_release(keeper->store);
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
	work->link->import_ms = loop_now_ms(work->keeper->loop);
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
