/* SPDX-License-Identifier: ISC */
#include "keeper/command.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/macro.h"
#include "base/mem.h"
#include "base/obj.h"
#include "base/utf8.h"

enum {
	TOGETHER_SOURCES = 4,     /* a command of more is a transaction of its own */
	IMPORT_REST_MS = 30000,   /* an import from which nothing comes any more */
	STEP_MS = 50,             /* others wait for a step */
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

static bool add_frees(const Stockade__Command *command)
{
	return strcmp(command->add->list, "allow") == 0 && add_is_small(command);
}

static int command_refuse_empty(struct command_run *run)
{
	return fault_set(&run->item.why, E_USAGE, "the command is empty");
}

static const struct command_kind kinds[] = {
	{STOCKADE__COMMAND__WHAT_ADD, "add", command_add, add_is_small, add_frees},
	{STOCKADE__COMMAND__WHAT_REMOVE, "remove", command_remove, remove_is_small,
		remove_is_small},
	{STOCKADE__COMMAND__WHAT_UNDO, "undo", command_undo, NULL, NULL},
	{STOCKADE__COMMAND__WHAT_RETIRE, "retire", command_retire, NULL, NULL},
	{STOCKADE__COMMAND__WHAT_FEED, "purge-feed", command_feed, NULL, NULL},
};

static const struct command_kind empty_kind = {
	STOCKADE__COMMAND__WHAT__NOT_SET, "empty", command_refuse_empty, NULL, NULL};

const struct command_kind *command_kind_of(Stockade__Command__WhatCase what)
{
	for (size_t i = 0; i < COUNTOF(kinds); i++) {
		if (kinds[i].what == what)
			return &kinds[i];
	}
	return &empty_kind;
}

/* ---- within the transaction ---- */

static int command_begin(struct command_run *run)
{
	struct listing_writer *writer = &run->writer;
	int r = publisher_may_change(run->parts->publisher, &run->item.why);

	if (r >= 0 && !run->frees)
		r = store_guard_takes_bulk(run->parts->guard, &run->item.why);
	if (r >= 0) /* the event names the state it was made on */
		r = store_serial(writer->store, &writer->event.serial);
	if (r >= 0)
		r = run->kind->run(run);
	run->command = NULL;
	return r;
}

/* As many steps as others may wait for; of a dry run all, since it is taken back. */
static int command_go_on(struct command_run *run)
{
	int64_t end_ms = clock_monotonic_ms() + STEP_MS;
	int r = run->command != NULL ? command_begin(run) : run->next(run);

	while (r >= 0 && run->next != NULL &&
		(run->mode == COMMAND_DRY_RUN || clock_monotonic_ms() < end_ms))
		r = run->next(run);
	return r;
}

/* What is published of it, and what is left to do. */
static int command_keep(struct command_run *run)
{
	bool more = run->next != NULL || run->mode == COMMAND_PART_OF_IMPORT;
	bool was = run->is_unfinished || (run->import != NULL && run->import->event != 0);
	int r = 0;

	if (more) /* its first step may have changed nothing */
		r = listing_event(&run->writer);
	if (r >= 0 && (more || was))
		r = store_event_unfinished(run->writer.store, run->writer.event.id, more);
	if (more || was)
		run->item.change.all = true; /* its parts are published together */
	run->item.when = more ? PUBLISH_LATER : PUBLISH_NOW;
	run->is_unfinished = run->next != NULL;
	return r < 0 ? r : ITEM_KEEP;
}

static int command_on_run(void *arg)
{
	struct command_run *run = OBJ(command_run, arg);
	struct listing_writer *writer = &run->writer;
	uint64_t import =
		writer->event.id; /* one import is one event, in how many parts it may come */
	int r;

	writer->store = run->parts->guard->store;
	r = command_go_on(run);
	if (r < 0)
		return r;
	if (run->is_counting)
		return ITEM_TAKE_BACK;
	if (run->mode != COMMAND_DRY_RUN && (run->item.change.rows != 0 || run->is_kept ||
						    run->next != NULL || run->is_unfinished))
		return command_keep(run);
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

/* An import ends with the first part that has no `more`. The connection may begin another one
 * while that goes on in steps. */
static void command_took_part(struct command_run *run)
{
	struct command_import *import = run->import;

	if (import == NULL || run->connection->stream == NULL)
		return;
	run->ends_import = import->goes_on && run->mode != COMMAND_PART_OF_IMPORT;
	run->import_has_changed = run->ends_import && import->event != 0;
	import->goes_on = run->mode == COMMAND_PART_OF_IMPORT;
	import->event = run->writer.event.id;
	import->at_ms = loop_now_ms(run->parts->guard->loop);
	if (import->goes_on)
		return;
	run->import = NULL;
	command_import_free(&run->connection->import);
}

static void command_let_go(struct command_run *run)
{
	if (run->let_go != NULL)
		run->let_go(run);
	run->let_go = NULL;
}

/* It lies in what goes. */
static void command_run_free(struct command_run *run)
{
	struct arena *arena = run->arena;

	command_let_go(run);
	arena_free(&arena);
}

/* The arena goes with the answer, and the run with the arena. */
static void command_reply(struct command_run *run, enum reply_when when)
{
	struct connection *connection = run->connection;

	if (connection == NULL) {
		command_run_free(run);
		return;
	}
	command_let_go(run);
	connection_reply(connection, run->answer, run->arena, when);
	connection_unref(&connection);
}

/* What the part had begun was rolled back. */
static void command_import_take_back(struct command_run *run)
{
	if (run->import == NULL)
		return;
	run->import->listings.evidence.id = run->import_evidence;
	run->import->listings.group = run->import_group;
}

static void command_refuse(struct command_run *run, int error)
{
	Stockade__Answer *answer = run->answer;
	uint64_t tag = answer->tag;

	command_import_take_back(run);
	if (run->item.why.text[0] == '\0')
		fault_set(&run->item.why, error, "%s; %s", run->parts->guard->why,
			run->is_unfinished ? "what is left follows when the store works again"
					   : "nothing was changed");
	stockade__answer__init(answer);
	answer->tag = tag;
	answer->error = error;
	answer->serial = publisher_serial(run->parts->publisher);
	answer->text = run->item.why.text;
	command_reply(run, REPLY_NOW);
}

static void command_try_again(struct command_run *run);
static void queue_add(struct command_queue *queue, struct command_run *run);
static bool queue_has_work(const struct command_queue *queue);

static enum reply_when command_reply_when(const struct command_run *run, enum served served)
{
	if (run->import_has_changed)
		return REPLY_AFTER_SNAPSHOT;
	if (run->mode == COMMAND_PART_OF_IMPORT || run->item.change.rows == 0 || run->answers_now)
		return REPLY_NOW;
	return served == SERVED_BY_SNAPSHOT ? REPLY_AFTER_SNAPSHOT : REPLY_WHEN_SERVED;
}

static void command_on_finish(const struct transaction_result *result, void *arg)
{
	struct command_run *run = OBJ(command_run, arg);

	if (result->error == E_FULL && run->packed.len != 0 &&
		store_guard_use_reserve(run->parts->guard)) {
		command_try_again(run);
		return;
	}
	if (result->error < 0) {
		command_refuse(run, result->error);
		return;
	}
	if (run->mode != COMMAND_DRY_RUN)
		command_took_part(run);
	if (run->next != NULL && run->mode != COMMAND_DRY_RUN) {
		queue_add(run->parts->queue, run);
		return;
	}
	run->answer->changed = run->item.change.rows;
	if (run->mode == COMMAND_DRY_RUN) {
		command_import_take_back(run);
		run->answer->serial = publisher_serial(run->parts->publisher);
		command_reply(run, REPLY_NOW);
		return;
	}
	if (run->ends_import) /* what its parts committed is published with it */
		publisher_turn(run->parts->publisher);
	run->answer->event = run->writer.event.id;
	run->answer->serial =
		run->item.change.rows != 0 ? result->serial : run->writer.event.serial;
	if (run->item.change.rows != 0)
		command_log(run, result->serial);
	command_reply(run, command_reply_when(run, result->served));
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

struct command_run *command_run_new(
	const struct keeper_parts *parts, struct arena *arena, const struct command_kind *kind)
{
	struct command_run *run = arena_alloc(arena, sizeof(*run));

	*run = (struct command_run){.magic = (uint32_t)MAGIC_command_run,
		.parts = parts,
		.kind = kind,
		.arena = arena,
		.item = {.run = command_on_run,
			.finish = command_on_finish,
			.arg = run,
			.change = {.arena = arena}},
		.writer = {.change = &run->item.change, .now_s = loop_now_s(parts->guard->loop)},
		.answer = arena_alloc(arena, sizeof(*run->answer))};
	stockade__answer__init(run->answer);
	return run;
}

static bool import_goes_on(const struct connection *connection)
{
	return connection->import != NULL && connection->import->goes_on;
}

static void command_run_of_import(struct command_run *run)
{
	struct connection *connection = run->connection;

	if (!import_goes_on(connection)) {
		command_import_free(&connection->import);
		connection->import = mem_new(command_import);
		connection->import->began_s = run->writer.now_s;
	}
	run->import = connection->import;
	run->import_evidence = run->import->listings.evidence.id;
	run->import_group = run->import->listings.group;
	run->writer.now_s = run->import->began_s;
	run->writer.event.id = run->import->event;
}

static struct command_run *command_run_of(const struct keeper_parts *parts,
	struct connection *connection, const Stockade__Command *command)
{
	struct arena *arena = arena_new(0);
	struct command_run *run =
		command_run_new(parts, arena, command_kind_of(command->what_case));
	const char *reason = command->reason[0] != '\0' ? command->reason : "by hand";

	run->connection = connection_ref(connection);
	run->command = command;
	run->mode = command_mode_of(command);
	run->answer->tag = command->tag;
	run->writer.author = span_text(command_author(arena, connection, command->author));
	run->writer.event.reason = arena_copy(arena, span_text(reason));
	if (command->what_case == STOCKADE__COMMAND__WHAT_ADD &&
		(command->add->origin[0] != '\0' || import_goes_on(connection)))
		command_run_of_import(run);
	return run;
}

static void command_keep_packed(struct command_run *run)
{
	size_t size = stockade__command__get_packed_size(run->command);
	uint8_t *bytes = arena_alloc(run->arena, size);

	run->packed = span_of(bytes, stockade__command__pack(run->command, bytes));
}

/* The message is gone: it is read again from the copy. */
static void command_try_again(struct command_run *run)
{
	const struct keeper_parts *parts = run->parts;
	Stockade__Command *command =
		stockade__command__unpack(NULL, run->packed.len, run->packed.ptr);
	struct connection *connection = run->connection;
	struct command_run *again = command_run_of(parts, connection, command);

	again->frees = true;
	command_run_free(run);
	transaction_run_alone(parts->transaction, &again->item);
	stockade__command__free_unpacked(command, NULL);
	connection_unref(&connection);
}

/* Large ones are published alone: their pieces might be too many for one delta together with
 * others. */
void command_handle(const struct keeper_parts *parts, struct connection *connection,
	const Stockade__Command *command)
{
	struct command_run *run = command_run_of(parts, connection, command);
	bool is_small = !import_goes_on(connection) && run->kind->is_small != NULL &&
			run->kind->is_small(command);

	run->frees = run->kind->frees != NULL && run->kind->frees(command);
	if (run->frees)
		command_keep_packed(run);

	if (is_small)
		transaction_join(parts->transaction, &run->item);
	else
		transaction_run_alone(parts->transaction, &run->item);
}

/* ---- imports ---- */

void command_import_free(struct command_import **import)
{
	mem_free(*import);
	*import = NULL;
}

/* What it met until then is as the acknowledged parts said. */
static void import_finish_rest(const struct keeper_parts *parts, uint64_t event)
{
	static const struct command_kind kind = {
		STOCKADE__COMMAND__WHAT__NOT_SET, "import", NULL, NULL};
	struct command_run *run = command_run_new(parts, arena_new(0), &kind);

	run->next = command_renew_next;
	run->writer.event.id = event;
	run->is_unfinished = true;
	run->import_is_broken = true;
	transaction_run_alone(parts->transaction, &run->item);
}

void command_import_broken(const struct keeper_parts *parts, struct connection *connection)
{
	struct command_import *import = connection->import;
	bool was;

	if (import == NULL)
		return;
	was = import->goes_on;
	import->goes_on = false;
	/* Without an event nothing of it was acknowledged as changed. */
	if (was && import->event != 0)
		import_finish_rest(parts, import->event);
	publisher_turn(parts->publisher);
}

/* The connection that is in the middle of one; of this event, 0: of any, from which something comes
 * yet. */
static bool import_is_under_way(const struct keeper_parts *parts, uint64_t event)
{
	int64_t now_ms = loop_now_ms(parts->guard->loop);

	for (const struct connection *connection = connections_first(parts->connections);
		connection != NULL; connection = connection->next) {
		const struct command_import *import = connection->import;

		if (import_goes_on(connection) &&
			(event != 0 ? import->event == event
				    : now_ms < import->at_ms + IMPORT_REST_MS))
			return true;
	}
	return false;
}

bool command_import_goes_on(const struct keeper_parts *parts)
{
	return import_is_under_way(parts, 0) || queue_has_work(parts->queue);
}

/* ---- steps ---- */

struct command_queue {
	uint32_t magic;
	const struct keeper_parts *parts;
	struct timer due;
	struct command_run *first;
};

static void queue_on_due(struct timer *timer, void *arg)
{
	struct command_queue *queue = OBJ(command_queue, arg);
	struct command_run *run = queue->first;

	(void)timer;
	if (run == NULL)
		return;
	queue->first = run->behind;
	if (queue->first != NULL)
		timer_set(&queue->due, loop_now_ms(queue->parts->guard->loop));
	transaction_run_alone(queue->parts->transaction, &run->item);
}

static void queue_add(struct command_queue *queue, struct command_run *run)
{
	struct command_run **end = &queue->first;

	while (*end != NULL)
		end = &(*end)->behind;
	run->behind = NULL;
	*end = run;
	timer_set(&queue->due, loop_now_ms(queue->parts->guard->loop));
}

static bool queue_has_work(const struct command_queue *queue)
{
	return queue->first != NULL;
}

bool command_queue_has(const struct command_queue *queue, struct span author)
{
	for (const struct command_run *run = queue->first; run != NULL; run = run->behind) {
		if (span_equal(run->writer.author, author))
			return true;
	}
	return false;
}

struct command_queue *command_queue_new(const struct keeper_parts *parts)
{
	struct command_queue *queue = mem_new(command_queue);

	queue->magic = (uint32_t)MAGIC_command_queue;
	queue->parts = parts;
	timer_init(&queue->due, parts->guard->loop, queue_on_due, queue);
	return queue;
}

void command_queue_free(struct command_queue **queue)
{
	struct command_queue *q = *queue;

	if (q == NULL)
		return;
	while (q->first != NULL) {
		struct command_run *run = q->first;

		q->first = run->behind;
		if (run->connection != NULL)
			connection_unref(&run->connection);
		command_run_free(run);
	}
	timer_done(&q->due);
	q->magic = 0;
	mem_free(q);
	*queue = NULL;
}

static int unfinished_found(const struct store_event *event, void *arg)
{
	struct command_run *run = OBJ(command_run, arg);
	struct store_event *copy = &run->writer.event;

	*copy = *event;
	copy->verb = arena_copy(run->arena, event->verb);
	copy->subject = arena_copy(run->arena, event->subject);
	copy->reason = arena_copy(run->arena, event->reason);
	run->writer.author = arena_copy(run->arena, event->author);
	return 0;
}

/* Which steps an event has. */
typedef int command_step(struct command_run *run);

static command_step *event_next(const struct store_event *event)
{
	if (event->undoes != 0)
		return command_undo_next;
	if (span_equal_text(event->verb, "import"))
		return command_renew_next;
	if (span_equal_text(event->verb, "feed") || span_equal_text(event->verb, "expire-feed"))
		return command_feed_next;
	return span_equal_text(event->verb, "empty") ? command_empty_next : command_purge_next;
}

/* The end of a list is undone although the list is announced to end. */
static int unfinished_undoes(const struct store_event *event, void *arg)
{
	struct command_run *run = OBJ(command_run, arg);

	run->undoing.is_of_end = span_equal_text(event->verb, "empty");
	return 0;
}

/* 1: the first that nobody is at work on, 0: none. */
static int unfinished_next(const struct keeper_parts *parts, uint64_t *ret_event)
{
	uint64_t event = 0;
	int r;

	do
		r = store_unfinished(parts->guard->store, event, &event);
	while (r > 0 && import_is_under_way(parts, event));
	*ret_event = event;
	return r;
}

void command_queue_resume(struct command_queue *queue)
{
	const struct keeper_parts *parts = queue->parts;
	uint64_t event = 0;
	struct command_run *run;
	static const struct command_kind kind = {
		STOCKADE__COMMAND__WHAT__NOT_SET, "resume", NULL, NULL};

	if (queue->first != NULL || unfinished_next(parts, &event) <= 0)
		return;
	run = command_run_new(parts, arena_new(0), &kind);
	if (store_event_get(parts->guard->store, event, unfinished_found, run) < 0) {
		command_run_free(run);
		return;
	}
	run->next = event_next(&run->writer.event);
	run->import_is_broken = run->next == command_renew_next;
	run->is_unfinished = true;
	run->undoing.restoring.event = run->writer.event.undoes;
	if (run->writer.event.undoes != 0)
		(void)store_event_get(
			parts->guard->store, run->writer.event.undoes, unfinished_undoes, run);
	queue_add(queue, run);
}
