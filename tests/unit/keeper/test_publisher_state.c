/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include <stdio.h>
#include <string.h>

#include "base/macro.h"
#include "base/mem.h"
#include "keeper/publisher_state.h"

/*
 * A row is a story: events one after the other, as words, and what the machine asks for, as words.
 * Results of what it asks for come by themselves, all well unless the row says otherwise. Followers
 * are A and B.
 *
 *   start 10 told 12/10    the newest file is 10; the file `serial` says 12, and 10 below it
 *   open 12                the store is at 12; `open 12 other`: the file holds other lists than
 *                          the configuration; `open 12 all`: notes say that everything may differ
 *   change 13, large 13    one of a source, one of everything
 *   part 13                a part of an import, which `large` or `rest` ends
 *   other 13               one of everything, by somebody else beside an import
 *   rest                   time passes, more than enough for a file
 *   A=10, B=0, A-          A greets with 10, B has nothing, A is gone
 *   A?10                   A greets with 10 and cannot read what came behind that
 *   file 12, nofile        the snapshot is written, or cannot be
 *   layout, close          a reload with other lists; the store is closed
 *   forget                 a step of it is due
 *   !whole !number !fit    from here on the file is damaged, no number can be had, no change fits
 *                          into a delta; until !well
 */
struct row {
	const char *name;
	const char *events;
	const char *actions; /* of the last event */
};

struct world {
	struct publisher_state state;
	struct publisher_actions actions;
	struct follower_state followers[2];
	uint32_t stored;
	int64_t now_ms;
	bool has_store;
	bool importing;
	unsigned checks; /* looks at the file */
	bool damaged, no_number, too_large, noted_all;
	char told[1024];
};

__attribute__((format(printf, 2, 3))) static void tell(struct world *world, const char *format, ...)
{
	size_t len = strlen(world->told);
	va_list args;

	if (len != 0)
		len += (size_t)snprintf(world->told + len, sizeof(world->told) - len, ", ");
	va_start(args, format);
	vsnprintf(world->told + len, sizeof(world->told) - len, format, args);
	va_end(args);
}

static void tell_follower(struct world *world, const struct publisher_action *action)
{
	const char *name = action->follower == &world->followers[1] ? "B" : "A";
	const struct logged_delta *delta;
	uint32_t from = 0;

	if (action->kind == DO_GREET)
		tell(world, "%s hello %u", name, action->serial);
	else if (action->kind == DO_SEND_SNAPSHOT && action->serial == 0)
		tell(world, "%s file %u", name, world->state.snapshot_serial);
	else if (action->kind == DO_SEND_SNAPSHOT)
		tell(world, "%s file %u below %u", name, world->state.snapshot_serial,
			action->serial);
	else
		while ((delta = publisher_next_delta(&world->state, action->follower, &from)) !=
			NULL)
			tell(world, "%s %u->%u", name, from, delta->to_serial);
}

static enum publisher_event_kind number(
	struct world *world, const struct publisher_action *action, struct publisher_event *event)
{
	if (world->no_number)
		return EVENT_NOT_NUMBERED;
	event->serial = world->stored = publisher_next_serial(&world->state, world->stored);
	event->delta = (struct logged_delta){.to_serial = event->serial};
	tell(world, "%s %u", action->reason == NUMBER_GAP ? "number" : "empty", event->serial);
	return EVENT_NUMBERED;
}

/* False: it has no result. */
static bool world_do(
	struct world *world, const struct publisher_action *action, struct publisher_event *event)
{
	event->asked = *action;
	switch (action->kind) {
	case DO_WRITE_SERIAL:
		tell(world, "told %u/%u", world->state.told_serial, world->state.told_snapshot);
		return false;
	case DO_GREET:
	case DO_SEND_SNAPSHOT:
	case DO_SEND_DELTAS:
		tell_follower(world, action);
		return false;
	case DO_SERVED:
		return false;
	case DO_REMOVE_FILES:
		tell(world, "keep %u", action->serial);
		return false;
	case DO_DISCARD_FILE:
		tell(world, "discard %u", action->serial);
		return false;
	case DO_LOG_JUMP:
		tell(world, "jump %u", action->serial);
		return false;
	case DO_WRITE_SNAPSHOT:
		tell(world, "write");
		return false;
	case DO_NUMBER:
		event->kind = number(world, action, event);
		return true;
	case DO_COLLECT:
		event->kind = EVENT_COLLECTED;
		event->all = world->noted_all;
		return true;
	case DO_ENCODE:
		event->kind = world->too_large ? EVENT_TOO_LARGE : EVENT_ENCODED;
		event->delta = (struct logged_delta){.to_serial = action->serial, .ranges = 1};
		return true;
	case DO_CHECK_FILE:
		world->checks++;
		event->kind = world->damaged ? EVENT_FILE_DAMAGED : EVENT_FILE_WHOLE;
		return true;
	case DO_FORGET:
		tell(world, "forget %u", action->serial);
		event->kind = EVENT_FORGOTTEN;
		return true;
	}
	return false;
}

static void world_run(struct world *world, struct publisher_event event)
{
	bool goes_on = true;

	while (goes_on) {
		event.now_ms = world->now_ms;
		event.now_s = 500;
		event.has_store = world->has_store;
		event.importing = world->importing;
		world->actions.len = 0;
		publisher_step(&world->state, &event, &world->actions);
		event = (struct publisher_event){.serial = 0};
		goes_on = false;
		for (size_t i = 0; i < world->actions.len; i++) {
			assert_false(goes_on); /* one that has a result stands last */
			goes_on = world_do(world, &world->actions.list[i], &event);
		}
	}
}

static void world_start(struct world *world, const char *words)
{
	struct publisher_event event = {.kind = EVENT_STARTED};
	unsigned file = 0, serial = 0, below = 0;

	sscanf(words, "start %u told %u/%u", &file, &serial, &below);
	event.serial = file;
	event.told_serial = serial;
	event.told_snapshot = below;
	world_run(world, event);
}

static void world_change(struct world *world, unsigned serial, bool all, bool later)
{
	world->importing = later || (world->importing && !all);
	world->stored = serial;
	world_run(world,
		(struct publisher_event){
			.kind = EVENT_CHANGED, .serial = serial, .all = all, .later = later});
}

static void world_greet(struct world *world, const char *words)
{
	struct follower_state *follower = &world->followers[words[0] - 'A'];
	unsigned serial = 0;

	if (words[1] == '-') {
		publisher_remove_follower(&world->state, follower);
		return;
	}
	sscanf(words + 2, "%u", &serial);
	world_run(world, (struct publisher_event){.kind = EVENT_GREETED,
				 .follower = follower,
				 .serial = serial,
				 .unreadable = words[1] == '?'});
}

static void world_open(struct world *world, const char *words)
{
	struct publisher_event event = {.kind = EVENT_STORE_OPENED};
	unsigned serial = 0;

	sscanf(words, "open %u", &serial);
	world->has_store = true;
	world->noted_all = strstr(words, "all") != NULL;
	event.serial = world->stored = serial;
	event.layout_fits = strstr(words, "other") == NULL;
	world_run(world, event);
}

static void world_rest(struct world *world)
{
	world->importing = false;
	world->now_ms += 60000;
	world_run(world, (struct publisher_event){.kind = EVENT_TIME_PASSED});
}

static void world_trouble(struct world *world, const char *words)
{
	if (strcmp(words, "!well") == 0)
		world->damaged = world->no_number = world->too_large = false;
	else if (strcmp(words, "!whole") == 0)
		world->damaged = true;
	else if (strcmp(words, "!number") == 0)
		world->no_number = true;
	else
		world->too_large = true;
}

static void world_file(struct world *world, unsigned serial)
{
	world_run(world, (struct publisher_event){.kind = serial != 0 ? EVENT_SNAPSHOT_WRITTEN
								      : EVENT_SNAPSHOT_FAILED,
				 .serial = serial});
}

static void world_event(struct world *world, const char *words)
{
	unsigned serial = 0;

	world->told[0] = '\0';
	if (words[0] == '!')
		world_trouble(world, words);
	else if (words[0] == 'A' || words[0] == 'B')
		world_greet(world, words);
	else if (strncmp(words, "start", 5) == 0)
		world_start(world, words);
	else if (strncmp(words, "open", 4) == 0)
		world_open(world, words);
	else if (sscanf(words, "change %u", &serial) == 1)
		world_change(world, serial, false, false);
	else if (sscanf(words, "other %u", &serial) == 1)
		world_run(world, (struct publisher_event){.kind = EVENT_CHANGED,
					 .serial = world->stored = serial,
					 .all = true});
	else if (sscanf(words, "large %u", &serial) == 1)
		world_change(world, serial, true, false);
	else if (sscanf(words, "part %u", &serial) == 1)
		world_change(world, serial, true, true);
	else if (sscanf(words, "file %u", &serial) == 1 || strcmp(words, "nofile") == 0)
		world_file(world, serial);
	else if (strcmp(words, "rest") == 0)
		world_rest(world);
	else if (strcmp(words, "forget") == 0)
		world_run(world, (struct publisher_event){.kind = EVENT_FORGET_DUE});
	else if (strcmp(words, "layout") == 0)
		world_run(world, (struct publisher_event){.kind = EVENT_LAYOUT_CHANGED});
	else if (strcmp(words, "close") == 0)
		world->has_store = false;
	else
		fail_msg("no such event: %s", words);
}

#define AT_10 "start 10 told 10/10; open 10; "

static const struct row rows[] = {
	/* start */
	{"a new site begins by the clock, with a file", "start 0 told 0/0; open 0",
		"number 501, write"},
	{"nothing happened since: nothing is done", "start 10 told 10/10; open 10", ""},
	{"what the file lacks is told by one delta", "start 10 told 12/10; open 12", "told 12/10"},
	{"with changes that no delta tells everything takes a new number",
		"start 10 told 12/10; open 12 all", "number 13, write"},
	{"a store that is older than what was told goes on behind that",
		"start 10 told 12/10; open 7", "number 13, write"},
	{"a store that is older than the newest file goes on behind that",
		"start 10 told 0/0; open 7", "number 11, write"},
	{"a store that is older than what a role serves goes on behind that",
		"start 10 told 12/10; A=20; open 12", "number 21, write"},
	{"a file that was not announced is not gone on from", "start 12 told 13/10; open 13",
		"number 14, write"},
	{"a file of other lists is not gone on from", "start 10 told 10/10; open 10 other",
		"number 11, write"},
	{"without a file everything is written", "start 0 told 12/10; open 12", "number 13, write"},
	{"a store that was away for a moment changes nothing",
		AT_10 "A=10; change 11; close; open 11", ""},
	{"what it has in addition goes to who follows", AT_10 "A=10; change 11; close; open 12",
		"told 12/10, A 11->12"},
	{"one that is older and takes no number leaves everything as it was",
		AT_10 "change 11; change 12; close; !number; open 7; A=0; B=11",
		"B hello 12, B file 10, B 10->11, B 11->12"},
	{"until it does", AT_10 "A=10; change 11; close; !number; open 7; !well; rest; file 12",
		"told 12/12, A hello 12, A file 12, keep 12"},
	{"1 comes after the end of the circle",
		"start 4294967295 told 4294967295/4294967295; open 4294967294", "number 1, write"},
	/* deltas */
	{"a change goes to who follows", AT_10 "A=10; change 11", "told 11/10, A 10->11"},
	{"numbers may be left out", AT_10 "A=10; change 15", "told 15/10, A 10->15"},
	{"who comes later gets file and deltas", AT_10 "change 11; change 12; A=0",
		"A hello 12, A file 10, A 10->11, A 11->12"},
	{"who comes back goes on where it is", AT_10 "change 11; change 12; A=11",
		"A hello 12, A 11->12"},
	{"who serves the last number lacks nothing", AT_10 "change 11; A=11", "A hello 11"},
	{"a number that the log does not know begins anew", AT_10 "change 12; A=11",
		"A hello 12, A file 10, A 10->12"},
	{"0 later asks for everything again", AT_10 "A=10; change 11; A=0",
		"A hello 11, A file 10, A 10->11"},
	{"who says what it serves gets nothing for it", AT_10 "A=10; change 11; A=11", ""},
	{"who is gone gets nothing", AT_10 "A=10; A-; change 11", "told 11/10"},
	{"who cannot read a delta does not get it again",
		AT_10 "A=10; change 11; A-; A?10; change 12", "told 12/10"},
	{"it stays where it is until a file is out that holds it",
		AT_10 "A=10; change 11; A-; A?10; rest; change 12; file 11",
		"told 12/11, A hello 12, A file 11, A 11->12, keep 11"},
	{"without a delta it was the file, and that is sent again", AT_10 "A?0",
		"A hello 10, A file 10"},
	/* files */
	{"after a rest the changes come into a file", AT_10 "A=10; change 11; rest", "write"},
	{"files rest after one another", AT_10 "change 11; rest; file 11; change 12", "told 12/11"},
	{"a file slides below what is served", AT_10 "A=10; change 11; rest; file 11",
		"told 11/11, A file 11 below 11, keep 11"},
	{"and below what came meanwhile", AT_10 "A=10; change 11; rest; change 12; file 11",
		"told 12/11, A file 11 below 12, keep 11"},
	{"a file that cannot be written is tried again", AT_10 "change 11; rest; nofile; rest",
		"write"},
	{"but not at once", AT_10 "change 11; rest; nofile; change 12", "told 12/10"},
	{"rows are forgotten that two files hold", AT_10 "change 11; rest; file 11; forget",
		"forget 10"},
	{"and only once", AT_10 "change 11; rest; file 11; forget; forget", ""},
	{"one that is older than the published one is for nobody",
		AT_10 "change 11; rest; file 11; rest; file 10", "discard 10, number 12, write"},
	/* gaps */
	{"a large change begins a file", AT_10 "A=10; large 11", "write"},
	{"and everybody begins anew with it", AT_10 "A=10; large 11; file 11",
		"told 11/11, A hello 11, A file 11, keep 11"},
	{"other changes go on meanwhile", AT_10 "A=10; large 11; change 12",
		"told 12/10, A 10->12"},
	{"so the state with the file takes a number of its own",
		AT_10 "A=10; large 11; change 12; file 11",
		"empty 13, told 13/11, A hello 13, A file 11, A 11->12, A 12->13, keep 11"},
	{"a change that does not fit takes another number, for everything",
		AT_10 "A=10; !fit; change 11", "number 12, write"},
	{"without that number no change goes before the file",
		AT_10 "A=10; !fit; !number; change 11; !well; change 12", ""},
	{"a file that closes a gap has a number that nobody was told",
		AT_10 "part 11; change 12; rest", "number 13, write"},
	{"files wait for the end of an import", AT_10 "part 11; part 12", ""},
	{"which begins one", AT_10 "part 11; large 12", "write"},
	{"what others change beside it does not wait", AT_10 "part 11; other 12", "write"},
	{"and the next file waits for the end again",
		AT_10 "A=10; part 11; other 12; part 13; file 12",
		"told 12/12, A hello 12, A file 12, keep 12"},
	{"which still begins one", AT_10 "A=10; part 11; other 12; part 13; file 12; large 14",
		"write"},
	{"who comes back while a gap is open begins anew",
		AT_10 "change 11; large 12; change 13; A=11",
		"A hello 13, A file 10, A 10->11, A 11->13"},
	{"who was away while it was closed begins anew, whatever it serves",
		AT_10 "A=10; large 11; change 12; A-; file 11; A=12",
		"A hello 13, A file 11, A 11->12, A 12->13"},
	{"a gap behind the file stays open", AT_10 "A=10; large 11; large 12; file 11",
		"told 11/11, A hello 11, A file 11, keep 11, write"},
	/* lists and store change */
	{"other lists begin a file under a new number", AT_10 "A=10; layout", "number 11, write"},
	{"no change fits before it is there", AT_10 "A=10; layout; change 12", ""},
	{"a file of the lists before is for nobody", AT_10 "A=10; change 11; rest; layout; file 11",
		"discard 11, number 12, write"},
	{"a reload without a store is seen when there is one", "start 10 told 10/10; layout", ""},
	/* followers ahead */
	{"who is ahead without a store stays where it is", "start 10 told 10/10; A=12",
		"A hello 12"},
	{"who is ahead of all that we know is believed", AT_10 "A=20",
		"jump 20, A hello 20, number 21, write"},
	{"and stays there until the file is out", AT_10 "A=20; B=10; file 21",
		"told 21/21, B hello 21, B file 21, A hello 21, A file 21, keep 21"},
	{"a file that was begun before is for nobody", AT_10 "change 11; rest; A=20; file 11",
		"discard 11, number 21, write"},
	{"who is ahead but not of what is about to be told is no news",
		AT_10 "large 11; A=20; B=15", "B hello 15"},
	{"a number that is about to be used for something else is left out",
		"start 0 told 0/0; open 700; A=701; file 701", "discard 701, number 702, write"},
	{"who claims what no list takes in hours is not believed", AT_10 "A=16777227",
		"A hello 10, A file 10"},
	{"nor when the store is opened only then", "start 10 told 12/10; A=16777229; open 12",
		"A hello 10, A file 10, told 12/10, A 10->12"},
	{"the bound is one way around the circle",
		"start 4294967290 told 4294967290/4294967290; open 4294967290; A=20",
		"jump 20, A hello 20, number 21, write"},
	/* damage */
	{"a damaged file is not sent, and written anew under a new number", AT_10 "!whole; A=0",
		"A hello 0, number 11, write"},
	{"who waits for it gets no deltas", AT_10 "!whole; A=0; change 12", "told 12/10"},
	{"until it is there", AT_10 "!whole; A=0; file 11",
		"told 11/11, A hello 11, A file 11, keep 11"},
	{"who cannot read a file that was whole just now has it looked at again",
		AT_10 "A=0; !whole; B?0", "B hello 0, number 11, write"},
	{"and does not wait for the regular file", AT_10 "A=0; change 11; !whole; B?0",
		"B hello 0, number 12, write"},
	{"nor when the file just goes below what it serves",
		AT_10 "A=0; change 11; rest; change 12; file 11; !whole; B?12",
		"B hello 12, number 13, write"},
	{"but for the one that is being written", AT_10 "A=0; change 11; rest; !whole; B?0",
		"B hello 0"},
	{"which it gets", AT_10 "A=0; change 11; rest; !whole; B?0; file 11",
		"told 11/11, B hello 11, B file 11, A file 11 below 11, keep 11"},
	{"or the next, if that fails", AT_10 "A=0; change 11; rest; !whole; B?0; nofile; rest",
		"write"},
	{"a number that cannot be had is asked for again",
		AT_10 "!whole; !number; A=0; !well; rest", "number 11, write"},
};

static bool play(const struct row *row)
{
	struct world world = {.now_ms = 100000, .state.rest_until_ms = 110000};
	char events[256];
	char *rest = events;
	char *words;
	bool is_right;

	assert_true(strlen(row->events) < sizeof(events));
	strcpy(events, row->events);
	while ((words = strsep(&rest, ";")) != NULL)
		world_event(&world, words + strspn(words, " "));
	is_right = strcmp(world.told, row->actions) == 0;
	if (!is_right)
		print_error("%s: %s\n  asked: %s\n  right: %s\n", row->name, row->events,
			world.told, row->actions);
	publisher_state_done(&world.state);
	publisher_actions_done(&world.actions);
	return is_right;
}

static void stories_lead_to_actions(void **state)
{
	unsigned wrong = 0;

	(void)state;
	for (size_t i = 0; i < COUNTOF(rows); i++)
		wrong += play(&rows[i]) ? 0 : 1;
	assert_int_equal(wrong, 0);
}

/* A role that was taken over claims one number after the other. */
static void followers_are_believed_a_few_times(void **state)
{
	struct world world = {.now_ms = 100000, .state.rest_until_ms = 110000};
	char words[32];
	unsigned jumps = 0;

	(void)state;
	world_event(&world, "start 10 told 10/10");
	world_event(&world, "open 10");
	for (unsigned serial = 1000; serial < 100000; serial += 1000) {
		snprintf(words, sizeof(words), "A=%u", serial);
		world_event(&world, words);
		jumps += strstr(world.told, "jump") != NULL ? 1 : 0;
		world_event(&world, "A-");
	}
	assert_int_equal(jumps, 16);
	publisher_state_done(&world.state);
	publisher_actions_done(&world.actions);
}

/* While a gap is open all who join begin anew with the file. */
static void a_file_is_looked_at_once_for_a_crowd(void **state)
{
	struct world world = {.now_ms = 100000, .state.rest_until_ms = 110000};

	(void)state;
	world_event(&world, "start 10 told 10/10");
	world_event(&world, "open 10");
	world_event(&world, "large 11");
	world_event(&world, "A=10");
	world_event(&world, "B=10");
	assert_string_equal(world.told, "B hello 10, B file 10");
	assert_int_equal(world.checks, 1);
	world.now_ms += FILE_WHOLE_MS;
	world_event(&world, "A=0");
	assert_int_equal(world.checks, 2);
	world_event(&world, "file 11"); /* another one */
	world_event(&world, "A=0");
	assert_int_equal(world.checks, 3);
	publisher_state_done(&world.state);
	publisher_actions_done(&world.actions);
}

static void no_file_is_looked_at_for_who_gets_none(void **state)
{
	struct world world = {.now_ms = 100000, .state.rest_until_ms = 110000};

	(void)state;
	world_event(&world, "start 10 told 10/10");
	world_event(&world, "open 10");
	world_event(&world, "A=20"); /* ahead: it stays there */
	world_event(&world, "B-");
	world_event(&world, "B=15");
	assert_string_equal(world.told, "B hello 15");
	assert_int_equal(world.checks, 0);
	publisher_state_done(&world.state);
	publisher_actions_done(&world.actions);
}

static void many_changes_are_a_reason_for_a_file(void **state)
{
	struct world world = {.now_ms = 100000, .state.rest_until_ms = 110000};

	(void)state;
	world_event(&world, "start 10 told 10/10");
	world_event(&world, "open 10");
	world.state.rest_until_ms = INT64_MAX;
	world_event(&world, "change 11");
	assert_null(strstr(world.told, "write"));
	world.state.log.ranges = LOG_RANGES;
	world_event(&world, "change 12");
	assert_non_null(strstr(world.told, "write"));
	publisher_state_done(&world.state);
	publisher_actions_done(&world.actions);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stories_lead_to_actions),
		cmocka_unit_test(followers_are_believed_a_few_times),
		cmocka_unit_test(a_file_is_looked_at_once_for_a_crowd),
		cmocka_unit_test(no_file_is_looked_at_for_who_gets_none),
		cmocka_unit_test(many_changes_are_a_reason_for_a_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
