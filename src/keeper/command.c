/* SPDX-License-Identifier: ISC */
#include "keeper/command.h"

#include "base/log.h"
#include "base/macro.h"
#include "base/obj.h"
#include "base/utf8.h"

enum {
	TOGETHER_SOURCES = 4,     /* a command of more is a transaction of its own */
	IMPORT_REST_MS = 30000,   /* an import from which nothing comes any more */
	AUTHOR_CLAIMED_MAX = 100, /* octets of 128 of a message: behind it stands who it was */
};

static bool add_is_small(const Stockade__Command *command)
{
	return command->add->n_sources <= TOGETHER_SOURCES && !command->add->more;
}

static bool remove_is_small(const Stockade__Command *command)
{
	return command->remove->n_sources <= TOGETHER_SOURCES;
}

static int command_refuse_empty(struct command_run *run)
{
	return fault_set(&run->item.why, E_USAGE, "the command is empty");
}

static const struct command_kind kinds[] = {
	{STOCKADE__COMMAND__WHAT_ADD, "add", command_add, add_is_small},
	{STOCKADE__COMMAND__WHAT_REMOVE, "remove", command_remove, remove_is_small},
	{STOCKADE__COMMAND__WHAT_UNDO, "undo", command_undo, NULL},
	{STOCKADE__COMMAND__WHAT_RETIRE, "retire", command_retire, NULL},
	{STOCKADE__COMMAND__WHAT_FEED, "purge-feed", command_feed, NULL},
};

static const struct command_kind empty_kind = {
	STOCKADE__COMMAND__WHAT__NOT_SET, "empty", command_refuse_empty, NULL};

const struct command_kind *command_kind_of(Stockade__Command__WhatCase what)
{
	for (size_t i = 0; i < COUNTOF(kinds); i++) {
		if (kinds[i].what == what)
			return &kinds[i];
	}
	return &empty_kind;
}

/* ---- within the transaction ---- */

static int command_on_run(void *arg)
{
	struct command_run *run = OBJ(command_run, arg);
	struct listing_writer *writer = &run->writer;
	uint64_t import =
		writer->event.id; /* one import is one event, in how many parts it may come */
	int r = publisher_may_change(run->parts->publisher, &run->item.why);

	writer->store = run->parts->guard->store;
	if (r >= 0) /* the event names the state it was made on */
		r = store_serial(writer->store, &writer->event.serial);
	if (r >= 0)
		r = run->kind->run(run);
	run->command = NULL;
	if (r < 0)
		return r;
	if (run->mode == COMMAND_PART_OF_IMPORT)
		run->item.change.all = true; /* the parts of an import are published together */
	if (run->mode != COMMAND_DRY_RUN && (run->item.change.rows != 0 || run->is_kept))
		return ITEM_KEEP;
	writer->event.id = import;
	return ITEM_TAKE_BACK;
}

/* ---- the answer ---- */

static void command_log(const struct command_run *run, uint32_t serial)
{
	log_event(EV_LIST_CHANGE,
		LOG_FIELDS(log_text("verb", run->kind->name),
			log_number("listings", run->item.change.rows),
			log_number("change", (int64_t)run->writer.event.id),
			log_number("serial", serial),
			log_text("author", arena_string(run->arena, run->writer.author)),
			log_text("what", run->answer->text)));
}

/* An import ends with the first part that has no `more`; what earlier parts committed is
 * published with it. True: they committed something. */
static bool command_ends_import(struct command_run *run)
{
	struct connection *connection = run->connection;
	bool was = connection->imports;
	bool was_changed = connection->import_event != 0;

	if (connection->stream == NULL)
		return false;
	connection->imports = run->mode == COMMAND_PART_OF_IMPORT;
	connection->import_event = connection->imports ? run->writer.event.id : 0;
	connection->import_ms = loop_now_ms(run->parts->guard->loop);
	if (!was || connection->imports)
		return false;
	publisher_turn(run->parts->publisher);
	return was_changed;
}

/* The arena goes with the answer, and the run with the arena. */
static void command_reply(struct command_run *run, enum reply_when when)
{
	struct connection *connection = run->connection;

	connection_reply(connection, run->answer, run->arena, when);
	connection_unref(&connection);
}

static void command_refuse(struct command_run *run, int error)
{
	Stockade__Answer *answer = run->answer;
	uint64_t tag = answer->tag;

	if (run->item.why.text[0] == '\0')
		fault_set(&run->item.why, error, "%s; nothing was changed", run->parts->guard->why);
	stockade__answer__init(answer);
	answer->tag = tag;
	answer->error = error;
	answer->serial = publisher_serial(run->parts->publisher);
	answer->text = run->item.why.text;
	command_reply(run, REPLY_NOW);
}

static enum reply_when command_reply_when(
	const struct command_run *run, enum served served, bool ends_import)
{
	if (ends_import)
		return REPLY_AFTER_SNAPSHOT;
	if (run->mode == COMMAND_PART_OF_IMPORT || run->item.change.rows == 0)
		return REPLY_NOW;
	return served == SERVED_BY_SNAPSHOT ? REPLY_AFTER_SNAPSHOT : REPLY_WHEN_SERVED;
}

static void command_on_finish(const struct transaction_result *result, void *arg)
{
	struct command_run *run = OBJ(command_run, arg);
	bool ends_import;

	if (result->error < 0) {
		command_refuse(run, result->error);
		return;
	}
	run->answer->changed = run->item.change.rows;
	if (run->mode == COMMAND_DRY_RUN) {
		run->answer->serial = publisher_serial(run->parts->publisher);
		command_reply(run, REPLY_NOW);
		return;
	}
	ends_import = command_ends_import(run);
	run->answer->event = run->writer.event.id;
	run->answer->serial =
		run->item.change.rows != 0 ? result->serial : run->writer.event.serial;
	if (run->item.change.rows != 0)
		command_log(run, result->serial);
	command_reply(run, command_reply_when(run, result->served, ends_import));
}

/* ---- the frame ---- */

struct store_evidence operator_evidence(
	const struct listing_writer *writer, const struct source *source)
{
	return (struct store_evidence){.kind = span_text("operator"),
		.source = source,
		.sensor = writer->author,
		.weight = 1,
		.note = writer->event.reason};
}

static const char *command_author(
	struct arena *arena, const struct connection *connection, const char *claimed)
{
	struct span claimed_part;

	if (claimed[0] == '\0' || strcmp(claimed, connection->author) == 0)
		return arena_format(arena, "%s", connection->author);
	claimed_part = utf8_cut(span_text(claimed), AUTHOR_CLAIMED_MAX);
	return arena_format(arena, "%.*s (%s)", (int)claimed_part.len,
		(const char *)claimed_part.ptr, connection->author);
}

static enum command_mode command_mode_of(const Stockade__Command *command)
{
	if (command->dry_run)
		return COMMAND_DRY_RUN;
	return command->what_case == STOCKADE__COMMAND__WHAT_ADD && command->add->more
		       ? COMMAND_PART_OF_IMPORT
		       : COMMAND_WHOLE;
}

static struct command_run *command_run_new(const struct keeper_parts *parts,
	struct connection *connection, const Stockade__Command *command)
{
	struct arena *arena = arena_new(0);
	struct command_run *run = arena_alloc(arena, sizeof(*run));
	const char *reason = command->reason[0] != '\0' ? command->reason : "by hand";

	*run = (struct command_run){.magic = (uint32_t)MAGIC_command_run,
		.parts = parts,
		.kind = command_kind_of(command->what_case),
		.connection = connection_ref(connection),
		.command = command,
		.arena = arena,
		.item = {.run = command_on_run,
			.finish = command_on_finish,
			.arg = run,
			.change = {.arena = arena}},
		.writer = {.change = &run->item.change,
			.author = span_text(command_author(arena, connection, command->author)),
			.now_s = loop_now_s(parts->guard->loop),
			.event = {.id = command->what_case == STOCKADE__COMMAND__WHAT_ADD
						? connection->import_event
						: 0,
				.reason = arena_copy(arena, span_text(reason))}},
		.answer = arena_alloc(arena, sizeof(*run->answer)),
		.mode = command_mode_of(command)};
	if (run->mode == COMMAND_PART_OF_IMPORT)
		run->item.when = PUBLISH_LATER;
	stockade__answer__init(run->answer);
	run->answer->tag = command->tag;
	return run;
}

/* Large ones are published alone: their pieces might be too many for one delta together with
 * others. */
void command_handle(const struct keeper_parts *parts, struct connection *connection,
	const Stockade__Command *command)
{
	struct command_run *run = command_run_new(parts, connection, command);
	bool is_small =
		!connection->imports && run->kind->is_small != NULL && run->kind->is_small(command);

	if (is_small)
		transaction_join(parts->transaction, &run->item);
	else
		transaction_run_alone(parts->transaction, &run->item);
}

void command_import_broken(const struct keeper_parts *parts, struct connection *connection)
{
	if (!connection->imports)
		return;
	connection->imports = false;
	publisher_turn(parts->publisher);
}

bool command_import_goes_on(const struct keeper_parts *parts)
{
	int64_t now_ms = loop_now_ms(parts->guard->loop);

	for (const struct connection *connection = connections_first(parts->connections);
		connection != NULL; connection = connection->next) {
		if (connection->imports && now_ms < connection->import_ms + IMPORT_REST_MS)
			return true;
	}
	return false;
}
