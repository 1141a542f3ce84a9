/* SPDX-License-Identifier: ISC */
#include "keeper/listing_writer.h"

#include "keeper/temp_store.h"

/* One command of an operator, as far as the writer sees it. */
struct operator_acts {
	struct arena *arena;
	struct change change;
	struct listing_writer writer;
	struct store_evidence evidence;
};

static const struct conf_policy by_hand = {
	.name = "by-hand", .version = 1, .text = "By a named operator."};

static void acts_begin(struct operator_acts *acts, const char *verb, int64_t now_s)
{
	*acts = (struct operator_acts){.arena = arena_new(0)};
	acts->change.arena = acts->arena;
	acts->writer = (struct listing_writer){.store = temp_store,
		.change = &acts->change,
		.author = span_text("root"),
		.now_s = now_s,
		.event = {.verb = span_text(verb),
			.subject = span_text("something"),
			.reason = span_text("spam")}};
	acts->evidence = (struct store_evidence){
		.kind = span_text("operator"), .sensor = span_text("root"), .weight = 1};
	assert_int_equal(store_begin(temp_store), 0);
}

static void acts_end(struct operator_acts *acts)
{
	assert_int_equal(store_commit(temp_store), 0);
	arena_free(&acts->arena);
}

static struct listing_row row_of(const struct source *source)
{
	return (struct listing_row){.list = span_text("main"),
		.sublist = span_text("manual"),
		.source = source,
		.policy = &by_hand,
		.reason = span_text("spam")};
}

static int enter(struct operator_acts *acts, const char *address)
{
	struct source source = temp_source(address);
	struct listing_row row = row_of(&source);

	return listing_enter(&acts->writer, &row, &acts->evidence);
}

static uint64_t listed(void)
{
	uint64_t count = 0;

	assert_int_equal(store_list_count(temp_store, span_text("main"), &count), 0);
	return count;
}

/* ---- entering ---- */

static void many_listings_of_a_command_are_one_event_with_one_evidence(void **state)
{
	struct operator_acts acts;
	uint64_t incidents = 0, evidence = 0;

	(void)state;
	acts_begin(&acts, "add", 1000);
	assert_int_equal(enter(&acts, "192.0.2.1"), LISTING_ADDED);
	assert_int_equal(enter(&acts, "192.0.2.2"), LISTING_ADDED);
	assert_int_equal(acts.change.rows, 2);
	assert_int_equal(acts.change.len, 2);
	acts_end(&acts);
	assert_int_equal(listed(), 2);
	assert_int_equal(temp_store_events(), 1);
	assert_int_equal(store_counts(temp_store, &incidents, &evidence), 0);
	assert_int_equal(evidence, 1);
}

static void evidence_that_is_stored_already_is_not_written_again(void **state)
{
	struct operator_acts acts;
	uint64_t incidents = 0, evidence = 0;

	(void)state;
	acts_begin(&acts, "judge", 1000);
	acts.evidence.time_s = 900;
	assert_int_equal(store_evidence_add(temp_store, &acts.evidence, &acts.evidence.id), 1);
	assert_int_equal(enter(&acts, "192.0.2.1"), LISTING_ADDED);
	acts_end(&acts);
	assert_int_equal(store_counts(temp_store, &incidents, &evidence), 0);
	assert_int_equal(evidence, 1);
}

static void the_same_again_changes_nothing_and_anything_else_replaces(void **state)
{
	struct operator_acts acts;
	struct source source = temp_source("192.0.2.1");
	struct listing_row row = row_of(&source);

	(void)state;
	acts_begin(&acts, "add", 1000);
	assert_int_equal(listing_enter(&acts.writer, &row, &acts.evidence), LISTING_ADDED);
	assert_int_equal(listing_enter(&acts.writer, &row, &acts.evidence), LISTING_HELD);
	row.until_s = 5000;
	assert_int_equal(listing_enter(&acts.writer, &row, &acts.evidence), LISTING_REPLACED);
	row.excluded = true;
	row.if_held = LISTING_LEAVE;
	assert_int_equal(listing_enter(&acts.writer, &row, &acts.evidence), LISTING_HELD);
	assert_int_equal(acts.change.rows, 2);
	assert_int_equal(acts.change.len, 1); /* one source, whatever happened to it */
	acts_end(&acts);
	assert_int_equal(listed(), 1);
}

static void what_is_held_leaves_no_event_and_no_evidence(void **state)
{
	struct operator_acts acts;
	struct source source = temp_source("192.0.2.1");
	struct listing_row row = row_of(&source);
	uint64_t incidents = 0, evidence = 0;

	(void)state;
	acts_begin(&acts, "add", 1000);
	assert_int_equal(listing_enter(&acts.writer, &row, &acts.evidence), LISTING_ADDED);
	acts_end(&acts);
	acts_begin(&acts, "feed", 2000);
	assert_int_equal(listing_enter(&acts.writer, &row, &acts.evidence), LISTING_HELD);
	row.reason = span_text("another");
	row.if_held = LISTING_LEAVE;
	assert_int_equal(listing_enter(&acts.writer, &row, &acts.evidence), LISTING_HELD);
	assert_int_equal(acts.change.rows, 0);
	assert_int_equal(temp_store_events(), 1);
	assert_int_equal(enter(&acts, "192.0.2.2"), LISTING_ADDED);
	assert_int_equal(temp_store_events(), 2);
	acts_end(&acts);
	assert_int_equal(store_counts(temp_store, &incidents, &evidence), 0);
	assert_int_equal(evidence, 2);
}

static void restore(struct listing_writer *writer, uint64_t event)
{
	struct listing_restoring restoring = {.event = event};
	int r;

	while ((r = listings_restore(writer, &restoring)) > 0)
		continue;
	assert_int_equal(r, 0);
}

/* ---- ending ---- */

static void enter_many(struct operator_acts *acts, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		char address[32];

		snprintf(address, sizeof(address), "10.%u.%u.1", i / 256, i % 256);
		assert_int_equal(enter(acts, address), LISTING_ADDED);
	}
}

static void what_an_event_added_ends_however_much_it_is(void **state)
{
	struct operator_acts acts;
	struct store_select added = {.which = STORE_ADDED};
	struct listing_ending ending = {.reason = span_text("wrong")};

	(void)state;
	acts_begin(&acts, "import", 1000);
	enter_many(&acts, 1000);
	added.event = acts.writer.event.id;
	assert_true(acts.change.all); /* too many to name */
	assert_int_equal(acts.change.rows, 1000);
	acts_end(&acts);
	acts_begin(&acts, "undo", 2000);
	assert_int_equal(listings_end(&acts.writer, &added, &ending), 0);
	assert_int_equal(acts.change.rows, 1000);
	acts_end(&acts);
	assert_int_equal(listed(), 0);
	assert_int_equal(temp_store_events(), 2);
}

static void what_an_event_ended_is_in_force_again_unless_its_time_is_over(void **state)
{
	struct operator_acts acts;
	struct source lasting = temp_source("192.0.2.1");
	struct source due = temp_source("192.0.2.2");
	struct listing_row row = row_of(&lasting);
	struct listing_ending ending = {.reason = span_text("gone")};
	struct store_select of_source = {.which = STORE_AT, .list = span_text("main")};
	uint64_t removal;

	(void)state;
	acts_begin(&acts, "add", 1000);
	assert_int_equal(listing_enter(&acts.writer, &row, &acts.evidence), LISTING_ADDED);
	row.source = &due;
	row.until_s = 1500;
	assert_int_equal(listing_enter(&acts.writer, &row, &acts.evidence), LISTING_ADDED);
	acts_end(&acts);
	acts_begin(&acts, "remove", 1200);
	of_source.source = &lasting;
	assert_int_equal(listings_end(&acts.writer, &of_source, &ending), 0);
	of_source.source = &due;
	assert_int_equal(listings_end(&acts.writer, &of_source, &ending), 0);
	removal = acts.writer.event.id;
	acts_end(&acts);
	assert_int_equal(listed(), 0);
	acts_begin(&acts, "undo", 2000);
	restore(&acts.writer, removal);
	assert_int_equal(acts.change.rows, 1);
	acts_end(&acts);
	assert_int_equal(listed(), 1);
}

static void undo(uint64_t event)
{
	struct operator_acts acts;
	struct store_select added = {.which = STORE_ADDED, .event = event};
	struct listing_ending ending = {.reason = span_text("undone")};

	acts_begin(&acts, "undo", 2000);
	assert_int_equal(listings_end(&acts.writer, &added, &ending), 0);
	restore(&acts.writer, event);
	acts_end(&acts);
}

static int reason_kept(const struct store_listing *listing, void *arg)
{
	snprintf(arg, 32, "%.*s", (int)listing->reason.len, (const char *)listing->reason.ptr);
	return 0;
}

/* An import of a list that names each source twice: one was listed before, with another reason. */
static void what_an_event_added_and_replaced_itself_does_not_come_back(void **state)
{
	struct operator_acts acts;
	struct source known = temp_source("192.0.2.1"), unknown = temp_source("192.0.2.2");
	struct listing_row row = row_of(&known);
	struct store_select page = {.which = STORE_PAGE, .list = span_text("main"), .limit = 10};
	static const char *const reasons[] = {"alpha", "beta"};
	char reason[32] = "";
	uint64_t import;

	(void)state;
	acts_begin(&acts, "add", 1000);
	assert_int_equal(listing_enter(&acts.writer, &row, &acts.evidence), LISTING_ADDED);
	acts_end(&acts);
	acts_begin(&acts, "import", 1500);
	for (size_t i = 0; i < 2 * COUNTOF(reasons); i++) {
		row.source = i % 2 == 0 ? &known : &unknown;
		row.reason = span_text(reasons[i / 2]);
		assert_true(listing_enter(&acts.writer, &row, &acts.evidence) > 0);
	}
	import = acts.writer.event.id;
	acts_end(&acts);
	undo(import);
	assert_int_equal(listed(), 1);
	assert_int_equal(store_listings(temp_store, &page, reason_kept, reason), 0);
	assert_string_equal(reason, "spam");
}

static void all_that_an_event_ended_is_in_force_again_however_much_it_was(void **state)
{
	struct operator_acts acts;
	struct listing_ending ending = {.reason = span_text("gone")};
	struct store_select added = {.which = STORE_ADDED};
	uint64_t removal;

	(void)state;
	acts_begin(&acts, "import", 1000);
	enter_many(&acts, 1000);
	added.event = acts.writer.event.id;
	acts_end(&acts);
	acts_begin(&acts, "remove", 1500);
	assert_int_equal(listings_end(&acts.writer, &added, &ending), 0);
	removal = acts.writer.event.id;
	acts_end(&acts);
	assert_int_equal(listed(), 0);
	undo(removal);
	assert_int_equal(listed(), 1000);
}

static int ended_time(const struct store_listing *listing, void *arg)
{
	int64_t *ended_s = arg;

	*ended_s = listing->ended_s;
	assert_int_equal(listing->ended_event, 0);
	return 0;
}

static void what_is_due_ends_at_its_time_and_without_an_event(void **state)
{
	struct operator_acts acts;
	struct source source = temp_source("192.0.2.1");
	struct listing_row row = row_of(&source);
	struct listing_ending ending = {.at = ENDED_WHEN_DUE};
	struct store_select due = {.which = STORE_EXPIRED, .time_s = 9000, .limit = 256};
	struct store_select ended = {.which = STORE_ENDED, .source = &source};
	int64_t ended_s = 0;

	(void)state;
	acts_begin(&acts, "add", 1000);
	row.until_s = 5000;
	assert_int_equal(listing_enter(&acts.writer, &row, &acts.evidence), LISTING_ADDED);
	acts_end(&acts);
	acts_begin(&acts, "", 9000);
	assert_int_equal(listings_end(&acts.writer, &due, &ending), 0);
	assert_int_equal(acts.change.rows, 1);
	acts_end(&acts);
	assert_int_equal(temp_store_events(), 1);
	assert_true(store_listings(temp_store, &ended, ended_time, &ended_s) >= 0);
	assert_int_equal(ended_s, 5000);
}

static void a_limit_holds_also_when_it_is_smaller_than_a_page(void **state)
{
	struct operator_acts acts;
	struct listing_ending ending = {.reason = span_text("some")};
	struct store_select added = {.which = STORE_ADDED, .limit = 7};

	(void)state;
	acts_begin(&acts, "add", 1000);
	enter_many(&acts, 20);
	added.event = acts.writer.event.id;
	assert_int_equal(listings_end(&acts.writer, &added, &ending), 0);
	acts_end(&acts);
	assert_int_equal(listed(), 13);
}

static int choose_even(const struct store_listing *listing, void *arg)
{
	(void)arg;
	return listing->source.net.ip.b[14] % 2 == 0;
}

static void who_chooses_gets_only_what_was_chosen(void **state)
{
	struct operator_acts acts;
	struct listing_ending ending = {.reason = span_text("even"), .choose = choose_even};
	struct store_select added = {.which = STORE_ADDED};

	(void)state;
	acts_begin(&acts, "import", 1000);
	enter_many(&acts, 1024);
	added.event = acts.writer.event.id;
	assert_int_equal(listings_end(&acts.writer, &added, &ending), 0);
	acts_end(&acts);
	assert_int_equal(listed(), 512);
}

static void groups_end_as_a_whole_some_at_a_time(void **state)
{
	struct operator_acts acts;
	struct store_select all = {.which = STORE_PAGE, .list = span_text("main"), .limit = 2};
	struct listing_ending ending = {.reason = span_text("closed")};

	(void)state;
	for (int i = 0; i < 3; i++) {
		char address[32];

		snprintf(address, sizeof(address), "192.0.2.%d", i);
		acts_begin(&acts, "add", 1000 + i);
		assert_int_equal(enter(&acts, address), LISTING_ADDED);
		acts_end(&acts);
	}
	acts_begin(&acts, "empty", 2000);
	assert_int_equal(listing_groups_end(&acts.writer, &all, &ending), 1);
	assert_int_equal(acts.change.rows, 2);
	assert_int_equal(listing_groups_end(&acts.writer, &all, &ending), 0);
	assert_int_equal(acts.change.rows, 3);
	assert_int_equal(acts.change.len, 3);
	assert_false(acts.change.all);
	acts_end(&acts);
	assert_int_equal(listed(), 0);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, temp_store_make, temp_store_remove)
	const struct CMUnitTest tests[] = {
		CASE(many_listings_of_a_command_are_one_event_with_one_evidence),
		CASE(evidence_that_is_stored_already_is_not_written_again),
		CASE(the_same_again_changes_nothing_and_anything_else_replaces),
		CASE(what_is_held_leaves_no_event_and_no_evidence),
		CASE(what_an_event_added_ends_however_much_it_is),
		CASE(what_an_event_ended_is_in_force_again_unless_its_time_is_over),
		CASE(what_an_event_added_and_replaced_itself_does_not_come_back),
		CASE(all_that_an_event_ended_is_in_force_again_however_much_it_was),
		CASE(what_is_due_ends_at_its_time_and_without_an_event),
		CASE(a_limit_holds_also_when_it_is_smaller_than_a_page),
		CASE(who_chooses_gets_only_what_was_chosen),
		CASE(groups_end_as_a_whole_some_at_a_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
