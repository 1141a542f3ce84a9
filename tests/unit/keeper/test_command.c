/* SPDX-License-Identifier: ISC */
#include "keeper/command.h"

#include "bus/convert.h"
#include "keeper/numbering_publisher.h"
#include "keeper/temp_store.h"
#include "list/retirement.h"

/* The numbers of the oneof `what` of the protocol. */
static size_t cases_of_protocol(Stockade__Command__WhatCase *cases, size_t room)
{
	const ProtobufCMessageDescriptor *command = &stockade__command__descriptor;
	size_t len = 0;

	for (unsigned i = 0; i < command->n_fields; i++) {
		if ((command->fields[i].flags & PROTOBUF_C_FIELD_FLAG_ONEOF) == 0)
			continue;
		assert_true(len < room);
		cases[len++] = (Stockade__Command__WhatCase)command->fields[i].id;
	}
	return len;
}

static void every_command_of_the_protocol_has_a_row(void **state)
{
	Stockade__Command__WhatCase cases[32];
	size_t len = cases_of_protocol(cases, 32);

	(void)state;
	assert_true(len >= 5);
	for (size_t i = 0; i < len; i++) {
		const struct command_kind *kind = command_kind_of(cases[i]);

		assert_int_equal(kind->what, cases[i]);
		assert_non_null(kind->run);
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(kind->name, command_kind_of(cases[j])->name);
	}
}

static void a_command_that_is_none_of_them_is_refused(void **state)
{
	struct command_run run = {.kind = command_kind_of(STOCKADE__COMMAND__WHAT__NOT_SET)};

	(void)state;
	assert_int_equal(run.kind->run(&run), E_USAGE);
	assert_string_equal(run.item.why.text, "the command is empty");
}

static void only_few_sources_share_a_transaction(void **state)
{
	Stockade__Command command = STOCKADE__COMMAND__INIT;
	Stockade__ListAdd add = STOCKADE__LIST_ADD__INIT;
	const struct command_kind *kind = command_kind_of(STOCKADE__COMMAND__WHAT_ADD);

	(void)state;
	command.what_case = STOCKADE__COMMAND__WHAT_ADD;
	command.add = &add;
	add.n_sources = 1;
	assert_true(kind->is_small(&command));
	add.more = true; /* a part of an import */
	assert_false(kind->is_small(&command));
	add.more = false;
	add.n_sources = 1000;
	assert_false(kind->is_small(&command));
	assert_null(command_kind_of(STOCKADE__COMMAND__WHAT_UNDO)->is_small);
}

/* ---- an import of several parts, with the connection and the publisher of a test ---- */

static size_t turns, replies;
static enum reply_when replied_when;
static int replied_error;

uint32_t publisher_serial(const struct publisher *publisher)
{
	(void)publisher;
	return serial;
}

enum served publisher_publish(struct publisher *publisher, const struct change *change,
	uint32_t number, enum publish_when when)
{
	(void)publisher;
	(void)number;
	(void)when;
	return change->all ? SERVED_BY_SNAPSHOT : SERVED_BY_DELTA;
}

void publisher_turn(struct publisher *publisher)
{
	(void)publisher;
	turns++;
}

struct connection *connection_ref(struct connection *connection)
{
	return connection;
}

void connection_unref(struct connection **connection)
{
	*connection = NULL;
}

struct connection *connections_first(const struct connections *connections)
{
	(void)connections;
	return NULL;
}

void connection_reply(struct connection *connection, Stockade__Answer *answer, struct arena *arena,
	enum reply_when when)
{
	(void)connection;
	replied_error = answer->error;
	replies++;
	replied_when = when;
	arena_free(&arena);
}

static void nothing_more(void *arg)
{
	(void)arg;
}

static const struct conf_policy policies[] = {
	{.name = "by-hand", .version = 1, .text = "By a named operator.", .takes_operator = true}};
static const struct conf_sublist sublists[] = {{.name = "manual", .policy = "by-hand"}};
static const struct conf_list lists[] = {{.name = "main",
	.zone = "bl.example.org",
	.sublists_len = COUNTOF(sublists),
	.sublists = sublists,
	.never_own = true}};
static const struct conf conf = {.policies = policies,
	.policies_len = COUNTOF(policies),
	.lists = lists,
	.lists_len = COUNTOF(lists)};

static struct store_guard guard;
static struct keeper_parts parts;
static struct connection operator;

static int import_make(void **state)
{
	int r = temp_store_make(state);

	guard = (struct store_guard){.store = temp_store, .conf = &conf, .loop = loop_new()};
	parts = (struct keeper_parts){.guard = &guard};
	parts.transaction = transaction_new(&guard, NULL, nothing_more, NULL);
	parts.queue = command_queue_new(&parts);
	operator=(struct connection){
		.sender = BUS_CONTROL, .stream = (struct stream *)&operator, .author = "root" };
	turns = replies = 0;
	return r;
}

static int import_remove(void **state)
{
	transaction_commit(parts.transaction);
	transaction_free(&parts.transaction);
	command_queue_free(&parts.queue);
	command_import_free(&operator.import);
	loop_free(&guard.loop);
	return temp_store_remove(state);
}

enum { LATER_S = 4000000000 };

static void handle(Stockade__Command *command)
{
	replies = 0;
	command_handle(&parts, &operator, command);
	assert_int_equal(replies, 1);
}

struct part {
	const char *address; /* NULL: none */
	uint32_t until_s;
	bool more, dry_run;
};

static void import_part_of(const struct part *part)
{
	Stockade__Command command = STOCKADE__COMMAND__INIT;
	Stockade__ListAdd add = STOCKADE__LIST_ADD__INIT;
	Stockade__Source wire = STOCKADE__SOURCE__INIT, *wires = &wire;
	struct source source;

	if (part->address != NULL) {
		source = temp_source(part->address);
		source_to_wire(&source, &wire);
		add.sources = &wires;
		add.n_sources = 1;
	}
	add.list = (char *)"main";
	add.sublist = (char *)"manual";
	add.origin = (char *)"list.txt";
	add.more = part->more;
	add.until_s = part->until_s;
	command.what_case = STOCKADE__COMMAND__WHAT_ADD;
	command.add = &add;
	command.dry_run = part->dry_run;
	handle(&command);
	assert_int_equal(replied_error, 0);
}

static void import_part(const char *address, bool more)
{
	import_part_of(&(struct part){.address = address, .more = more});
}

static int undo(uint64_t event)
{
	Stockade__Command command = STOCKADE__COMMAND__INIT;

	command.what_case = STOCKADE__COMMAND__WHAT_UNDO;
	command.undo = event;
	handle(&command);
	return replied_error;
}

static int until_found(const struct store_listing *listing, void *arg)
{
	*(int64_t *)arg = listing->until_s;
	return 0;
}

static void assert_until(const char *address, int64_t until_s)
{
	struct source source = temp_source(address);
	struct store_select select = {.which = STORE_AT, .source = &source};
	int64_t found_s = -1;

	assert_true(store_listings(temp_store, &select, until_found, &found_s) >= 0);
	assert_int_equal(found_s, until_s);
}

static void the_end_of_an_import_waits_for_the_file_with_its_parts(void **state)
{
	(void)state;
	import_part("192.0.2.1", true);
	assert_int_equal(replied_when, REPLY_NOW);
	assert_true(operator.import->goes_on);
	import_part(NULL, false);
	assert_int_equal(replied_when, REPLY_AFTER_SNAPSHOT);
	assert_null(operator.import);
	assert_int_equal(turns, 1); /* now the file may be written */
}

static void an_import_that_changes_nothing_waits_for_nobody(void **state)
{
	(void)state;
	import_part("192.0.2.1", true);
	import_part(NULL, false);
	import_part("192.0.2.1", true);
	import_part(NULL, false);
	assert_int_equal(replied_when, REPLY_NOW);
	assert_null(operator.import);
	assert_int_equal(turns, 2); /* files of other changes waited for its end as well */
}

/* What is being added to cannot be undone yet: the rest of it could never be. */
static void an_import_that_goes_on_is_not_undone(void **state)
{
	(void)state;
	import_part("192.0.2.1", true);
	assert_int_equal(undo(1), E_CONFLICT);
	import_part("192.0.2.2", false);
	assert_int_equal(store_event_is_unfinished(temp_store, 1), 0);
	assert_int_equal(undo(1), 0);
}

/* The first two were there; the file has the first and a third. */
static void begin_import_again(void)
{
	import_part("192.0.2.1", true);
	import_part("192.0.2.2", false);
	import_part_of(&(struct part){"192.0.2.1", LATER_S, .more = true});
	import_part_of(&(struct part){"192.0.2.3", LATER_S, .more = true});
	assert_until("192.0.2.1", 0);
}

static void what_an_import_met_ends_anew_when_it_is_over(void **state)
{
	(void)state;
	begin_import_again();
	import_part_of(&(struct part){NULL, LATER_S});
	assert_until("192.0.2.1", LATER_S);
	assert_until("192.0.2.2", 0);
	assert_until("192.0.2.3", LATER_S);
}

static void what_a_dry_run_met_within_an_import_stays_as_it_is(void **state)
{
	(void)state;
	begin_import_again();
	import_part_of(&(struct part){"192.0.2.2", LATER_S, .more = true, .dry_run = true});
	import_part_of(&(struct part){NULL, LATER_S});
	assert_until("192.0.2.1", LATER_S);
	assert_until("192.0.2.2", 0);
}

static void what_a_broken_import_had_met_ends_anew(void **state)
{
	(void)state;
	begin_import_again();
	command_import_broken(&parts, &operator);
	assert_until("192.0.2.1", LATER_S);
	assert_until("192.0.2.2", 0);
	assert_int_equal(store_event_is_unfinished(temp_store, 2), 0);
}

static void an_import_that_breaks_before_it_changed_anything_is_nothing(void **state)
{
	(void)state;
	import_part("192.0.2.1", true);
	import_part("192.0.2.2", false);
	import_part("192.0.2.1", true);
	command_import_broken(&parts, &operator);
	assert_int_equal(temp_store_events(), 1);
	assert_int_equal(turns, 2); /* files of other changes waited for it */
	assert_int_equal(undo(1), 0);
}

/* ---- a keeper that ended in the middle of an undo ---- */

static void queue_look(struct timer *timer, void *arg)
{
	uint64_t event;

	(void)arg;
	if (store_unfinished(temp_store, 0, &event) == 0)
		loop_stop(guard.loop);
	else
		timer_set(timer, loop_now_ms(guard.loop) + 1);
}

static uint64_t begin_undo(uint64_t event)
{
	struct store_event undo = {.time_s = 2000,
		.author = span_text("ann"),
		.verb = span_text("undo"),
		.subject = span_text("import"),
		.reason = span_text("wrong file"),
		.undoes = event};
	uint64_t id = 0;

	assert_int_equal(store_begin(temp_store), 0);
	assert_int_equal(store_event_add(temp_store, &undo, &id), 0);
	assert_int_equal(store_event_unfinished(temp_store, id, true), 0);
	assert_int_equal(store_commit(temp_store), 0);
	return id;
}

static int ended_by(const struct store_listing *listing, void *arg)
{
	assert_true(span_equal_text(listing->ended_by, "ann"));
	*(uint64_t *)arg = listing->ended_event;
	return 0;
}

static void resume(void)
{
	struct timer look;

	command_queue_resume(parts.queue);
	timer_init(&look, guard.loop, queue_look, NULL);
	timer_set(&look, loop_now_ms(guard.loop));
	loop_run(guard.loop);
	timer_done(&look);
}

/* The keeper ended: nothing is known of the connection. */
static void an_import_is_gone_on_with_by_who_comes_after(void **state)
{
	(void)state;
	begin_import_again();
	command_import_free(&operator.import);
	resume();
	assert_until("192.0.2.1", LATER_S);
	assert_until("192.0.2.2", 0);
}

static void what_was_begun_is_gone_on_with(void **state)
{
	struct source source = temp_source("192.0.2.1");
	struct store_select ended = {.which = STORE_ENDED, .source = &source};
	uint64_t count = 0, undo, event = 0;

	(void)state;
	import_part("192.0.2.1", true);
	import_part("192.0.2.2", false);
	undo = begin_undo(1);
	resume();
	assert_int_equal(store_list_count(temp_store, span_text("main"), &count), 0);
	assert_int_equal(count, 0);
	assert_int_equal(store_listings(temp_store, &ended, ended_by, &event), 0);
	assert_int_equal(event, undo);
}

/* ---- undoing what passes no longer, and the end of a list ---- */

static int of_event(const struct store_event *event, void *arg)
{
	*(uint64_t *)arg = event->id;
	return 1;
}

static uint64_t newest_event(void)
{
	uint64_t id = 0;

	assert_true(store_events_of(temp_store, NULL, 1, of_event, &id) >= 0);
	return id;
}

static void reply_look(struct timer *timer, void *arg)
{
	(void)arg;
	if (replies != 0)
		loop_stop(guard.loop);
	else
		timer_set(timer, loop_now_ms(guard.loop) + 1);
}

/* One that takes several steps; its event. */
static uint64_t handle_to_the_end(Stockade__Command *command, int error)
{
	struct timer look;

	replies = 0;
	command_handle(&parts, &operator, command);
	timer_init(&look, guard.loop, reply_look, NULL);
	timer_set(&look, loop_now_ms(guard.loop));
	loop_run(guard.loop);
	timer_done(&look);
	assert_int_equal(replied_error, error);
	return newest_event();
}

static uint64_t undo_to_the_end(uint64_t event, int error)
{
	Stockade__Command command = STOCKADE__COMMAND__INIT;

	command.what_case = STOCKADE__COMMAND__WHAT_UNDO;
	command.undo = event;
	return handle_to_the_end(&command, error);
}

static uint64_t retire(enum retirement_step step)
{
	Stockade__Command command = STOCKADE__COMMAND__INIT;
	Stockade__ListRetire order = STOCKADE__LIST_RETIRE__INIT;

	order.list = (char *)"main";
	order.step = step;
	order.skip_notice = true;
	command.what_case = STOCKADE__COMMAND__WHAT_RETIRE;
	command.retire = &order;
	return handle_to_the_end(&command, 0);
}

static uint64_t listed_count(void)
{
	uint64_t count = 0;

	assert_int_equal(store_list_count(temp_store, span_text("main"), &count), 0);
	return count;
}

enum { OWN_LISTED = 256, OTHERS_LISTED = 3 };

/* Steps that restore nothing are steps all the same: what comes behind them is restored. */
static void an_undo_goes_on_behind_what_may_not_be_listed_again(void **state)
{
	const struct prefix own = temp_source("192.0.2.0/24").net;
	struct conf with_own = conf;
	uint64_t event;
	char address[32];

	(void)state;
	for (unsigned i = 0; i < OWN_LISTED + OTHERS_LISTED; i++) {
		snprintf(address, sizeof(address), "%s.%u",
			i < OWN_LISTED ? "192.0.2" : "198.51.100", i % OWN_LISTED);
		import_part(address, i + 1 < OWN_LISTED + OTHERS_LISTED);
	}
	event = undo_to_the_end(newest_event(), 0);
	assert_int_equal(listed_count(), 0);
	with_own.own_networks = &own;
	with_own.own_networks_len = 1;
	guard.conf = &with_own;
	event = undo_to_the_end(event, 0);
	assert_int_equal(listed_count(), OTHERS_LISTED);
	event = undo_to_the_end(event, 0);
	assert_int_equal(listed_count(), 0);
	guard.conf = &conf;
	undo_to_the_end(event, 0); /* it never had the others */
	assert_int_equal(listed_count(), OTHERS_LISTED);
}

static void an_undo_of_which_nothing_may_be_listed_changes_nothing(void **state)
{
	const struct prefix own = temp_source("192.0.2.0/24").net;
	struct conf with_own = conf;
	uint64_t event;
	int events;

	(void)state;
	import_part("192.0.2.1", true);
	import_part(NULL, false);
	event = undo_to_the_end(newest_event(), 0);
	events = temp_store_events();
	with_own.own_networks = &own;
	with_own.own_networks_len = 1;
	guard.conf = &with_own;
	undo_to_the_end(event, E_PROTECTED);
	assert_int_equal(temp_store_events(), events);
	guard.conf = &conf;
	undo_to_the_end(event, 0); /* which can still be done */
	assert_int_equal(listed_count(), 1);
}

/* It was announced to end, and still is: nothing new is taken, but what its end took comes back. */
static void an_interrupted_undo_of_the_end_of_a_list_brings_all_back(void **state)
{
	uint64_t event;

	(void)state;
	import_part("192.0.2.1", true);
	import_part("192.0.2.2", false);
	retire(RETIREMENT_ANNOUNCE);
	event = retire(RETIREMENT_EMPTY);
	assert_int_equal(listed_count(), 0);
	begin_undo(event);
	resume();
	assert_int_equal(listed_count(), 2);
	undo_to_the_end(event, E_CONFLICT); /* once is enough */
	assert_true(retire(RETIREMENT_BACK) != 0);
	import_part("192.0.2.3", true); /* it runs again */
	import_part(NULL, false);
	assert_int_equal(listed_count(), 3);
}

int main(void)
{
#define IMPORT(name) cmocka_unit_test_setup_teardown(name, import_make, import_remove)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_command_of_the_protocol_has_a_row),
		cmocka_unit_test(a_command_that_is_none_of_them_is_refused),
		cmocka_unit_test(only_few_sources_share_a_transaction),
		IMPORT(the_end_of_an_import_waits_for_the_file_with_its_parts),
		IMPORT(an_import_that_changes_nothing_waits_for_nobody),
		IMPORT(an_import_that_goes_on_is_not_undone),
		IMPORT(what_an_import_met_ends_anew_when_it_is_over),
		IMPORT(what_a_dry_run_met_within_an_import_stays_as_it_is),
		IMPORT(what_a_broken_import_had_met_ends_anew),
		IMPORT(an_import_that_breaks_before_it_changed_anything_is_nothing),
		IMPORT(an_import_is_gone_on_with_by_who_comes_after),
		IMPORT(what_was_begun_is_gone_on_with),
		IMPORT(an_undo_goes_on_behind_what_may_not_be_listed_again),
		IMPORT(an_undo_of_which_nothing_may_be_listed_changes_nothing),
		IMPORT(an_interrupted_undo_of_the_end_of_a_list_brings_all_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
