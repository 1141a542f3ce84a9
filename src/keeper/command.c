/* SPDX-License-Identifier: ISC */
#include <string.h>

#include "keeper/keeper_priv.h"

/*
 * What operators change. A command is a part of its turn's transaction (keeper/transaction.c): the event, its evidence, the
 * listings, the serial and the sources to be painted again are there together or not at all. Then it is published, and
 * only then answered. What each does is in a file of its own; this one is the frame around all.
 */
enum {
	TOGETHER_SOURCES = 4, /* a command of more is a transaction of its own */
	TOGETHER_CHANGED =
		CHANGED_MAX / 2 /* of a transaction: one more of few sources still fits */
};

int command_event(struct command_run *run, const char *verb, const char *subject, uint64_t undoes)
{
	struct store_event event = {.time_s = run->now_s,
		.author = span_text(run->author),
		.verb = span_text(verb),
		.subject = span_text(subject),
		.reason = run->reason,
		.undoes = undoes,
		.serial = run->serial};

	return store_event_add(run->keeper->guard.store, &event, &run->event);
}

static int command_dispatch(struct command_run *run)
{
	switch (run->command->what_case) {
	case STOCKADE__COMMAND__WHAT_ADD:
		return command_add(run);
	case STOCKADE__COMMAND__WHAT_REMOVE:
		return command_remove(run);
	case STOCKADE__COMMAND__WHAT_UNDO:
		run->undoes = run->command->undo;
		return command_undo(run);
	case STOCKADE__COMMAND__WHAT_RETIRE:
		return command_retire(run);
	case STOCKADE__COMMAND__WHAT_FEED:
		return command_feed(run);
	default:
		return fault_set(&run->why, E_USAGE, "the command is empty");
	}
}

/* Within the transaction; < 0: the part is to be taken back. */
static int command_transact(struct command_run *run)
{
	uint32_t serial = 0;
	int r = publish_may_change(run->keeper, &run->why);

	if (r >= 0)
		r = store_serial(run->keeper->guard.store, &serial);
	run->serial = serial; /* the event names the state it was made on */
	if (r >= 0)
		r = command_dispatch(run);
	if (r >= 0 && run->more)
		run->change.all = true; /* the parts of an import are published together */
	return r;
}

/* The transaction goes down with a failure of the store itself; a wrong command is only taken back. */
static int command_part(struct command_run *run)
{
	struct keeper *keeper = run->keeper;
	int r = store_savepoint(keeper->guard.store);

	if (r < 0)
		return r;
	r = command_transact(run);
	if (r < 0 && run->why.text[0] == '\0') {
		if (error_is_of_store(r))
			return r;
		fault_set(&run->why, r, "%s; nothing was changed", err_text(r));
	}
	run->error = r < 0 ? r : 0;
	if (r < 0 || run->dry_run || (run->change.rows == 0 && !run->keeps))
		return store_savepoint_rollback(keeper->guard.store);
	change_join(&keeper->transaction.change, &run->change);
	return store_savepoint_release(keeper->guard.store);
}

static void command_log(const struct command_run *run)
{
	log_event(EV_LIST_CHANGE,
		LOG_FIELDS(log_text("verb", run->verb), log_number("listings", run->change.rows),
			log_number("change", (int64_t)run->event),
			log_number("serial", run->serial), log_text("author", run->author),
			log_text("what", run->answer->text)));
}

/* An import ends with the first part that has no `more`; what earlier parts committed is published with it. */
static bool command_ends_import(struct command_run *run)
{
	bool was;

	if (run->connection == NULL)
		return false;
	was = run->connection->import_event != 0;
	run->connection->import_event = run->more ? run->event : 0;
	run->connection->import_ms = loop_now_ms(run->keeper->loop);
	return was && run->connection->import_event == 0;
}

static void command_reply(struct command_run *run, bool hold, bool snapshot)
{
	struct arena *arena = run->change.arena; /* the run lies in it */

	if (run->connection == NULL || run->connection->dead) {
		arena_free(&arena);
	} else if (hold) {
		connection_answer_later(run->connection, run->answer, arena, snapshot);
	} else {
		connection_answer(run->connection, run->answer);
		arena_free(&arena);
	}
}

static void command_refuse(struct command_run *run)
{
	Stockade__Answer *answer = run->answer;
	uint64_t tag = answer->tag;

	if (run->why.text[0] == '\0')
		fault_set(&run->why, run->error, "%s; nothing was changed", run->keeper->guard.why);
	stockade__answer__init(answer);
	answer->tag = tag;
	answer->error = run->error;
	answer->serial = run->keeper->publisher.serial;
	answer->text = arena_copy_string(run->change.arena, run->why.text);
	command_reply(run, false, false);
}

void command_finish(struct command_run *run)
{
	struct keeper *keeper = run->keeper;
	bool ended;

	if (run->error < 0) {
		command_refuse(run);
		return;
	}
	run->answer->changed = run->change.rows;
	if (run->dry_run) {
		run->answer->serial = keeper->publisher.serial;
		command_reply(run, false, false);
		return;
	}
	ended = command_ends_import(run);
	if (run->change.rows != 0)
		command_log(run);
	if (ended)
		publish_turn(keeper);
	run->answer->event = run->event;
	run->answer->serial = run->serial;
	command_reply(
		run, !run->more && (run->change.rows != 0 || ended), run->change.all || ended);
}

static const char *command_author(
	struct arena *arena, const struct connection *connection, const char *said)
{
	if (said[0] == '\0' || strcmp(said, connection->author) == 0)
		return arena_copy_string(arena, connection->author);
	return arena_format(arena, "%.120s (%.60s)", said, connection->author);
}

static struct command_run *command_run_new(
	struct connection *connection, const Stockade__Command *command)
{
	struct arena *arena = arena_new(0);
	struct command_run *run = arena_alloc(arena, sizeof(*run));

	*run = (struct command_run){.keeper = connection->keeper,
		.connection = connection,
		.command = command,
		.verb = command->what_case == STOCKADE__COMMAND__WHAT_ADD      ? "add"
			: command->what_case == STOCKADE__COMMAND__WHAT_UNDO   ? "undo"
			: command->what_case == STOCKADE__COMMAND__WHAT_FEED   ? "purge-feed"
			: command->what_case == STOCKADE__COMMAND__WHAT_RETIRE ? "retire"
									       : "remove",
		.author = command_author(arena, connection, command->author),
		.reason = arena_copy(
			arena, span_text(command->reason[0] != '\0' ? command->reason : "by hand")),
		.now_s = loop_now_s(connection->keeper->loop),
		.change = {.arena = arena},
		.answer = arena_alloc(arena, sizeof(*run->answer)),
		.more = command->what_case == STOCKADE__COMMAND__WHAT_ADD && command->add->more,
		.dry_run = command->dry_run};
	stockade__answer__init(run->answer);
	run->answer->tag = command->tag;
	return run;
}

/* Large ones are published alone: their pieces might be too many for one delta together with others. */
static bool command_is_small(const struct connection *connection, const Stockade__Command *command)
{
	if (connection->import_event != 0)
		return false;
	if (command->what_case == STOCKADE__COMMAND__WHAT_ADD)
		return command->add->n_sources <= TOGETHER_SOURCES && !command->add->more;
	return command->what_case == STOCKADE__COMMAND__WHAT_REMOVE &&
	       command->remove->n_sources <= TOGETHER_SOURCES;
}

static void command_join_transaction(struct command_run *run)
{
	struct keeper *keeper = run->keeper;
	struct transaction *transaction = &keeper->transaction;
	int r = transaction_open(keeper);

	if (r >= 0) { /* from here on the transaction answers */
		*transaction->runs_end = run;
		transaction->runs_end = &run->next;
		r = command_part(run);
	} else {
		run->error = store_guard_failed(&keeper->guard, r);
		command_finish(run);
		return;
	}
	run->command = NULL;
	if (r < 0)
		transaction_fail(keeper, r);
}

void command_handle(struct connection *connection, const Stockade__Command *command)
{
	struct keeper *keeper = connection->keeper;
	struct command_run *run = command_run_new(connection, command);
	bool small = command_is_small(connection, command);

	if (!small || keeper->transaction.change.len > TOGETHER_CHANGED)
		transaction_commit(keeper);
	run->error = store_guard_need(&keeper->guard, &run->why);
	if (run->error < 0) {
		command_finish(run);
		return;
	}
	command_join_transaction(run);
	if (!small)
		transaction_commit(keeper);
}

void command_import_broken(struct connection *connection)
{
	connection->import_event = 0;
	publish_turn(connection->keeper);
}
