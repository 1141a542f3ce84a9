/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include <stdlib.h>
#include <unistd.h>

#include "list/snapshot_write.h"
#include "portal/model.h"

#include "portal/site.h"

enum { NOW_S = 1795269600 };

static void add(
	struct snapshot_writer *writer, int list, unsigned sublist, const char *text, bool excluded)
{
	struct source source;

	assert_int_equal(source_parse(span_text(text), &source, NULL), 0);
	assert_int_equal(snapshot_writer_add(writer, list,
				 &(struct list_entry){source, (uint8_t)sublist, excluded,
					 NOW_S + 3600, span_text("3 trap hits")}),
		0);
}

/* main: a network with a hole, and one address; names: a domain with all below; allow: an address
 * of main. */
static int view_setup(void **state)
{
	static const struct span main_parts[] = {
		{(const uint8_t *)"traps", 5}, {(const uint8_t *)"manual", 6}};
	AUTO(snapshot_writer) *writer = snapshot_writer_new(7, NOW_S);
	int main_list = snapshot_writer_add_list(writer, span_text("main"), main_parts, 2);
	int names = snapshot_writer_add_list(writer, span_text("names"), main_parts + 1, 1);
	int allow = snapshot_writer_add_list(writer, span_text("allow"), main_parts + 1, 1);
	char path[] = "/tmp/test-model.XXXXXX";
	struct view *view = NULL;
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	close(fd);
	add(writer, main_list, 0, "198.51.100.0/24", false);
	add(writer, main_list, 0, "198.51.100.77", true);
	add(writer, main_list, 1, "198.51.100.9", false);
	add(writer, names, 0, ".bad.example", false);
	add(writer, allow, 0, "192.0.2.1", false);
	assert_int_equal(snapshot_writer_finish(writer, path, NULL), 0);
	assert_int_equal(view_open(path, &view, NULL), 0);
	unlink(path);
	*state = view;
	return 0;
}

static int view_teardown(void **state)
{
	struct view *view = *state;

	view_free(&view);
	return 0;
}

static struct model_source *look(struct arena *arena, const struct view *view, const char *text)
{
	struct source source;

	assert_int_equal(source_parse(span_text(text), &source, NULL), 0);
	return model_source_new(arena, &site_conf, view, &source);
}

static void the_view_says_what_is_listed(void **state)
{
	static const struct {
		const char *text;
		size_t listings;
	} cases[] = {{"198.51.100.1", 1}, {"198.51.100.9", 2}, {"198.51.100.77", 0},
		{"198.51.101.1", 0}, {"192.0.2.1", 0}, {"bad.example", 1}, {"a.b.bad.example", 1},
		{"notbad.example", 0}, {"198.51.0.0/16", 2}, {"198.51.101.0/24", 0}};
	AUTO(arena) *arena = arena_new(0);

	for (size_t i = 0; i < COUNTOF(cases); i++) {
		struct model_source *model = look(arena, *state, cases[i].text);

		assert_int_equal(model->listings_len, cases[i].listings);
		assert_false(model->complete);
		assert_true(span_equal_text(model->text, cases[i].text));
	}
}

static void a_listing_knows_its_policy_and_end(void **state)
{
	AUTO(arena) *arena = arena_new(0);
	struct model_source *model = look(arena, *state, "198.51.100.1");

	assert_ptr_equal(model->listings[0].list, &site_lists[0]);
	assert_ptr_equal(model->listings[0].policy, &site_policies[0]);
	assert_int_equal(model->listings[0].until_s, NOW_S + 3600);
	assert_int_equal(model->listings[0].since_s, 0);
	assert_true(span_equal_text(model->listings[0].reason, "3 trap hits"));
}

/* A row of the keeper; the literals are only read. */
struct row {
	const char *list, *sublist, *source;
	int64_t since_s, ended_s;
	bool excluded;
};

static void fill(
	struct model_source *model, struct arena *arena, const struct row *rows, size_t count)
{
	struct bus_listing *listings = arena_alloc(arena, count * sizeof(*listings));
	struct bus_answer answer = {.listings_len = count, .listings = listings};

	for (size_t i = 0; i < count; i++) {
		struct source *source = arena_alloc(arena, sizeof(*source));

		assert_int_equal(source_parse(span_text(rows[i].source), source, NULL), 0);
		listings[i] = (struct bus_listing){.list = rows[i].list,
			.sublist = rows[i].sublist,
			.source = source,
			.since_s = rows[i].since_s,
			.ended_s = rows[i].ended_s,
			.excluded = rows[i].excluded,
			.reason = ""};
	}
	model_source_fill(model, arena, &site_conf, &answer);
}

static void the_keeper_dates_what_covers_the_source(void **state)
{
	static const struct row rows[] = {
		{"main", "traps", "198.51.100.0/24", 500, 0, false},
		{"main", "traps", "198.51.100.0/25", 300, 0, false},
		{"main", "traps", "198.51.100.10", 100, 0, false}, /* somebody else */
		{"main", "traps", "198.51.100.0/28", 50, 0, true}, /* an exclusion */
		{"main", "manual", "198.51.100.9", 400, 0, false},
		{"main", "traps", "198.51.100.9", 10, 20, false},
		{"main", "traps", "198.51.100.0/24", 30, 40, false},
		{"allow", "manual", "198.51.100.9", 5, 6, false}, /* nobody's business */
		{"gone", "traps", "198.51.100.9", 5, 6, false},
	};
	AUTO(arena) *arena = arena_new(0);
	struct model_source *model = look(arena, *state, "198.51.100.9");

	fill(model, arena, rows, COUNTOF(rows));
	assert_true(model->complete);
	assert_int_equal(model->listings_len, 2);
	for (size_t i = 0; i < 2; i++) {
		bool traps = model->listings[i].sublist == &site_main[0];

		assert_int_equal(model->listings[i].since_s, traps ? 300 : 400);
		assert_true(
			span_equal_text(model->listings[i].entry, traps ? "198.51.100.0/25" : ""));
	}
	assert_int_equal(model->history_len, 2);
	assert_int_equal(model->history[0].since_s, 30); /* the newest first */
	assert_true(span_equal_text(model->history[0].entry, "198.51.100.0/24"));
	assert_int_equal(model->history[1].since_s, 10);
	assert_int_equal(model->history[1].entry.len, 0);
}

/* What lists all of a network lists it; what lists addresses in it, a part. */
static void a_network_is_listed_as_a_whole_or_in_part(void **state)
{
	static const struct row rows[] = {{"main", "traps", "198.51.100.0/24", 500, 0, false}};
	AUTO(arena) *arena = arena_new(0);
	struct model_source *model = look(arena, *state, "198.51.100.0/24");

	fill(model, arena, rows, COUNTOF(rows));
	assert_int_equal(model->listings_len, 2);
	assert_false(model->listings[0].in_part);
	assert_true(model->listings[1].in_part);
	assert_int_equal(model->listings[1].since_s, 0);
}

static void a_domain_is_covered_by_itself_and_its_parents(void **state)
{
	static const struct row rows[] = {
		{"names", "manual", ".bad.example", 500, 0, false},
		{"names", "manual", "other.bad.example", 100, 0, false},
		{"names", "manual", "bad.example", 90, 0,
			false}, /* without a dot: not what is below */
	};
	AUTO(arena) *arena = arena_new(0);
	struct model_source *model = look(arena, *state, "www.bad.example");

	fill(model, arena, rows, COUNTOF(rows));
	assert_int_equal(model->listings[0].since_s, 500);
}

static struct model_incident *incident(struct arena *arena, const char *rule, const char *text,
	const char *helo, const char *found)
{
	struct bus_check check = {.key = rule, .found = found, .outcome = "fail", .action = ""};
	struct bus_incident row = {.number = 5,
		.rule = rule,
		.text = text,
		.helo = helo,
		.mode = "enforce",
		.host = "",
		.ptr = "",
		.list = "",
		.code = 450,
		.checks_len = 1,
		.checks = &check};
	struct bus_answer answer = {.incidents_len = 1, .incidents = &row};
	struct model_incident *model = NULL;

	assert_int_equal(model_incident_new(arena, &answer, &model), 0);
	return model;
}

static void words_are_found_for_each_form_of_a_rule(void **state)
{
	AUTO(arena) *arena = arena_new(0);

	(void)state;
	assert_ptr_equal(
		incident(arena, "no-ptr", "", "", "")->words, check_words_get(CHECK_NO_PTR));
	assert_ptr_equal(
		incident(arena, "no-ptr-temp", "", "", "")->words, check_words_get(CHECK_NO_PTR));
	assert_ptr_equal(incident(arena, "ext-dnsbl-many", "", "", "")->words,
		check_words_get(CHECK_EXT_DNSBL));
	assert_null(incident(arena, "bare-lf", "", "", "")->words);
	assert_null(incident(arena, "<script>", "", "", "")->words);
	assert_true(incident(arena, "no-ptr", "", "", "")->temporary);
	assert_true(incident(arena, "no-ptr", "", "", "")->refused);
	assert_int_equal(incident(arena, "no-ptr", "", "", "")->checks[0].outcome, MODEL_FAIL);
}

static void texts_with_mailboxes_and_recipients_stay_out(void **state)
{
	AUTO(arena) *arena = arena_new(0);
	struct model_incident *model;

	(void)state;
	model = incident(arena, "policy", "550 <joe@victim.example> does not want you",
		"joe@victim.example", "joe@victim.example");
	assert_int_equal(model->reply.len + model->helo.len + model->checks[0].found.len, 0);
	model = incident(arena, "relay-denied", "550 Relay access denied: victim.example",
		"mail.a.example", "victim.example");
	assert_int_equal(model->reply.len + model->checks[0].found.len, 0);
	assert_true(span_equal_text(model->helo, "mail.a.example"));
	model = incident(
		arena, "no-ptr", "550 Client host rejected: fix reverse DNS", "a", "no PTR record");
	assert_true(span_equal_text(model->reply, "550 Client host rejected: fix reverse DNS"));
	assert_true(span_equal_text(model->checks[0].found, "no PTR record"));
}

static void the_last_mail_comes_first_and_recipients_stay_out(void **state)
{
	AUTO(arena) *arena = arena_new(0);
	const struct bus_sighting seen[] = {{100, "first.example", "", ""},
		{200, "joe@victim.example", "", ""}, {300, "third.example", "", ""}};
	struct bus_incident row = {.rule = "no-ptr",
		.text = "",
		.helo = "first.example",
		.mode = "enforce",
		.host = "",
		.ptr = "",
		.list = "",
		.sightings_len = COUNTOF(seen),
		.sightings = seen};
	struct model_incident *model = NULL;

	(void)state;
	assert_int_equal(
		model_incident_new(
			arena, &(struct bus_answer){.incidents_len = 1, .incidents = &row}, &model),
		0);
	assert_int_equal(model->sightings_len, 3);
	assert_int_equal(model->sightings[0].time_s, 300);
	assert_true(span_equal_text(model->helo, "third.example"));
	assert_int_equal(model->sightings[1].helo.len, 0);
}

static void an_answer_without_an_incident_is_absence(void **state)
{
	struct bus_answer answer = {.error = 0};
	AUTO(arena) *arena = arena_new(0);
	struct model_incident *model = NULL;

	(void)state;
	assert_int_equal(model_incident_new(arena, &answer, &model), E_ABSENT);
	assert_null(model);
}

#define view_test(name) cmocka_unit_test_setup_teardown(name, view_setup, view_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		view_test(the_view_says_what_is_listed),
		view_test(a_listing_knows_its_policy_and_end),
		view_test(the_keeper_dates_what_covers_the_source),
		view_test(a_network_is_listed_as_a_whole_or_in_part),
		view_test(a_domain_is_covered_by_itself_and_its_parents),
		cmocka_unit_test(words_are_found_for_each_form_of_a_rule),
		cmocka_unit_test(texts_with_mailboxes_and_recipients_stay_out),
		cmocka_unit_test(the_last_mail_comes_first_and_recipients_stay_out),
		cmocka_unit_test(an_answer_without_an_incident_is_absence),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
