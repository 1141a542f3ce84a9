/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include <string.h>

#include <jansson.h>

#include "portal/api.h"
#include "portal/page.h"
#include "portal/time_text.h"

#include "portal/site.h"

enum { NOW_S = 1795269600 }; /* 21 Nov 2026, 14:00 UTC */

static const char hostile[] = "<script>alert(1)</script>\"'\x1b[2J\xe2\x80\xae\xff";

struct bench {
	struct arena *arena;
	struct page_set *set;
	struct buf out;
};

static int bench_setup(void **state)
{
	static struct bench bench;

	bench.arena = arena_new(0);
	assert_int_equal(page_set_new(&bench.set, NULL), 0);
	buf_init(&bench.out, 1 << 20);
	*state = &bench;
	return 0;
}

static int bench_teardown(void **state)
{
	struct bench *bench = *state;

	buf_done(&bench->out);
	page_set_free(&bench->set);
	arena_free(&bench->arena);
	return 0;
}

static struct page_context context(const struct bench *bench)
{
	return (struct page_context){
		.set = bench->set, .arena = bench->arena, .conf = &site_conf, .now_s = NOW_S};
}

static bool has(struct bench *bench, const char *text)
{
	return strstr(buf_cstr(&bench->out), text) != NULL;
}

static struct model_source source(const char *text)
{
	struct model_source model = {.text = span_text(text), .complete = true, .serial = 7};

	assert_int_equal(source_parse(span_text(text), &model.source, NULL), 0);
	model.is_net = model.source.kind == SOURCE_NET && model.source.net.bits < 128;
	return model;
}

static struct model_listing listing(void)
{
	return (struct model_listing){.list = &site_lists[0],
		.sublist = &site_main[0],
		.policy = &site_policies[0],
		.since_s = NOW_S - 7 * 3600,
		.until_s = NOW_S + 17 * 3600,
		.reason = span_text(hostile)};
}

static struct model_incident incident(const struct model_source *now)
{
	return (struct model_incident){.number = 1,
		.first_s = NOW_S - 600,
		.last_s = NOW_S - 300,
		.count = 3,
		.rule = span_text("no-ptr"),
		.words = check_words_get(CHECK_NO_PTR),
		.mode = span_text("enforce"),
		.refused = true,
		.code = 550,
		.host = span_text("mx1.example.org"),
		.reply = span_text(hostile),
		.helo = span_text(hostile),
		.sightings_len = 2,
		.sightings = {{NOW_S - 300, span_text(hostile)},
			{NOW_S - 400, span_text("second")}},
		.ptr = span_text(hostile),
		.list = span_text(hostile),
		.checks_len = 2,
		.checks = {{.key = span_text("no-ptr"),
				   .title = span_text(hostile),
				   .found = span_text(hostile),
				   .outcome = MODEL_FAIL,
				   .decided = true},
			{.key = span_text("early"),
				.title = span_text("waits for the greeting"),
				.outcome = MODEL_UNKNOWN}},
		.source = now};
}

/* Nothing of what a stranger sent may become markup, and nothing invisible may stay invisible. */
static void assert_harmless(struct bench *bench)
{
	assert_false(has(bench, "<script"));
	assert_false(has(bench, "\x1b"));
	assert_false(has(bench, "\xe2\x80\xae"));
	assert_false(has(bench, "\xff"));
	assert_false(has(bench, "{{"));
	assert_true(has(
		bench, "&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;\\x1b[2J\\u{202e}\\xff"));
}

static void a_listed_address_is_told_in_words(void **state)
{
	struct bench *bench = *state;
	struct page_context c = context(bench);
	struct model_source model = source("198.51.100.9");

	model.listings[model.listings_len++] = listing();
	assert_int_equal(page_source(&c, &model, &bench->out), 0);
	assert_harmless(bench);
	assert_true(has(bench, "Listed now"));
	assert_true(has(bench, "<strong>17 hours</strong>"));
	assert_true(has(bench, "22 Nov 2026, 07:00 UTC"));
	assert_true(has(bench, "Since</dt><dd><time datetime=\"2026-11-21T07:00:00Z\">"));
	assert_true(has(bench, "Mail to two or more of our &lt;spam traps&gt; within a day."));
	assert_true(has(bench, "9.100.51.198.bl.example.org"));
	assert_true(has(bench, "127.0.0.2"));
	assert_true(has(bench, "https://mail.example.org/why/198.51.100.9"));
}

static void not_listed_is_a_plain_good_result(void **state)
{
	struct bench *bench = *state;
	struct page_context c = context(bench);
	struct model_source model = source("2001:db8::25");

	model.history[model.history_len++] = listing();
	model.history[0].ended_s = NOW_S - 3600;
	assert_int_equal(page_source(&c, &model, &bench->out), 0);
	assert_true(has(bench, "Not listed now"));
	assert_true(has(bench, "is not on any of our lists"));
	assert_true(has(bench, "It was listed once before"));
	assert_false(has(bench, "Just trying to send an email?"));
}

static void a_network_is_blocked_as_a_whole_or_in_part(void **state)
{
	struct bench *bench = *state;
	struct page_context c = context(bench);
	struct model_source model = source("198.51.100.0/24");

	model.listings[model.listings_len++] = listing();
	model.listings[0].in_part = true;
	model.listings[0].until_s = 0;
	assert_int_equal(page_source(&c, &model, &bench->out), 0);
	assert_true(has(bench, "Listed in part"));
	assert_true(has(bench, "Some addresses in <strong class=\"any\">198.51.100.0/24</strong>"));
	assert_true(has(bench, "Look up a single address to see this"));
	assert_true(has(bench, "Each address that is listed gets the answer <code>127.0.0.2"));
	model.listings[0].in_part = false;
	buf_clear(&bench->out);
	assert_int_equal(page_source(&c, &model, &bench->out), 0);
	assert_true(has(bench, "Listed now"));
	assert_true(has(bench, "198.51.100.0/24</strong> is on our blocklist"));
	assert_true(has(bench, "It is looked at again by a person"));
}

/* Nobody here looks at what another operator's list holds. */
static void what_a_feed_lists_is_not_said_to_wait_for_a_person(void **state)
{
	static const struct conf_policy of_feed = {.name = "partner",
		.version = 1,
		.text = "Listed by a partner.",
		.takes_feed = true};
	struct bench *bench = *state;
	struct page_context c = context(bench);
	struct model_source model = source("198.51.100.9");

	model.listings[model.listings_len++] = listing();
	model.listings[0].until_s = 0;
	assert_int_equal(page_source(&c, &model, &bench->out), 0);
	assert_true(has(bench, "looked at again by a person"));
	model.listings[0].policy = &of_feed;
	buf_clear(&bench->out);
	assert_int_equal(page_source(&c, &model, &bench->out), 0);
	assert_false(has(bench, "looked at again by a person"));
	assert_true(has(bench, "As long as the list that it comes from has it"));
}

static void who_is_listed_by_a_network_reads_which(void **state)
{
	struct bench *bench = *state;
	struct page_context c = context(bench);
	struct model_source model = source("198.51.100.9");

	model.listings[model.listings_len++] = listing();
	model.listings[0].entry = span_text("198.51.100.0/24");
	model.history[model.history_len++] = model.listings[0];
	model.history[0].ended_s = NOW_S - 3600;
	model.history[0].entry = span_text("198.51.0.0/16");
	assert_int_equal(page_source(&c, &model, &bench->out), 0);
	assert_true(has(bench,
		"198.51.100.9</strong> is part of <strong class=\"any\">198.51.100.0/24</strong>, which is on our blocklist"));
	assert_true(has(bench, "198.51.100.0/24</strong>, which 198.51.100.9 is part of"));
	assert_true(has(bench, ">198.51.0.0/16</td>"));
	model.listings[0].entry = (struct span){0};
	buf_clear(&bench->out);
	assert_int_equal(page_source(&c, &model, &bench->out), 0);
	assert_false(has(bench, "is part of"));
}

static void without_the_keeper_the_state_is_shown_and_the_rest_excused(void **state)
{
	struct bench *bench = *state;
	struct page_context c = context(bench);
	struct model_source model = source("198.51.100.9");

	model.complete = false;
	model.listings[model.listings_len++] = listing();
	model.listings[0].since_s = 0;
	assert_int_equal(page_source(&c, &model, &bench->out), 0);
	assert_true(has(bench, "Listed now"));
	assert_true(has(bench, "Dates and history are not available just now"));
	assert_false(has(bench, ">Since<"));
}

static void an_incident_says_what_why_and_what_to_do(void **state)
{
	struct bench *bench = *state;
	struct page_context c = context(bench);
	struct model_source now = source("198.51.100.9");
	struct model_incident model = incident(&now);
	char number[INCIDENT_TEXT_SIZE];

	incident_number_print(model.number, number);
	assert_int_equal(page_incident(&c, &model, &bench->out), 0);
	assert_harmless(bench);
	assert_true(has(bench, number));
	assert_true(has(bench, "<span>Refused</span>"));
	assert_true(has(bench,
		"mx1.example.org</strong> refused mail from <strong class=\"any\">198.51.100.9"));
	assert_true(has(bench, check_words_get(CHECK_NO_PTR)->meaning));
	assert_true(has(bench, "Ask whoever provides the address to set a PTR record"));
	assert_true(has(bench, "21 Nov 2026, 13:48 to 13:57 UTC"));
	assert_true(has(bench, "You did nothing wrong"));
	assert_true(has(bench, "There is no list to be removed from"));
	assert_true(has(bench, "failed (this was the reason)"));
	assert_true(has(bench, "not known"));
	assert_true(
		has(bench, "This number stands for <strong>3 refusals</strong> within an hour"));
}

static void the_last_mails_of_a_number_are_told_by_time_and_helo(void **state)
{
	struct bench *bench = *state;
	struct page_context c = context(bench);
	struct model_incident model = incident(NULL);

	assert_int_equal(page_incident(&c, &model, &bench->out), 0);
	assert_true(has(bench, "2026-11-21T13:53:20Z\">"));
	assert_true(has(bench, "HELO <code class=\"any\">second</code>"));
	assert_harmless(bench);
	buf_clear(&bench->out);
	model.count = 1;
	assert_int_equal(page_incident(&c, &model, &bench->out), 0);
	assert_false(has(bench, "This number stands for"));
	assert_true(has(bench, "once, "));
}

static void the_badge_says_what_became_of_it(void **state)
{
	struct bench *bench = *state;
	struct page_context c = context(bench);
	struct model_source now = source("198.51.100.9");
	struct model_incident model = incident(&now);

	model.refused = false;
	assert_int_equal(page_incident(&c, &model, &bench->out), 0);
	assert_true(has(bench, "Not refused, only noted"));
	model.refused = true;
	model.temporary = true;
	buf_clear(&bench->out);
	assert_int_equal(page_incident(&c, &model, &bench->out), 0);
	assert_true(has(bench, "Asked to try again later"));
	model.temporary = false;
	model.words = check_words_get(CHECK_OWN_LIST);
	buf_clear(&bench->out);
	assert_int_equal(page_incident(&c, &model, &bench->out), 0);
	assert_true(has(bench, "No longer listed"));
	assert_true(has(bench, "Nothing: the listing is over."));
	assert_true(has(bench, "was on our blocklist then"));
	assert_false(has(bench, check_words_get(CHECK_OWN_LIST)->meaning));
	assert_false(has(bench, check_words_get(CHECK_OWN_LIST)->remedy));
	now.listings[now.listings_len++] = listing();
	buf_clear(&bench->out);
	assert_int_equal(page_incident(&c, &model, &bench->out), 0);
	assert_true(has(bench, "Blocked now"));
	assert_true(has(bench, "The listing ends by itself in <strong>17 hours</strong>"));
	now.listings[0].reason = span_text("spam run");
	buf_clear(&bench->out);
	assert_int_equal(page_incident(&c, &model, &bench->out), 0);
	assert_true(has(bench, "It was listed for this: spam run</p>"));
	now.listings[0].reason = span_text("");
	buf_clear(&bench->out);
	assert_int_equal(page_incident(&c, &model, &bench->out), 0);
	assert_true(has(bench, "It was listed for this: ")); /* then by its criterion */
	assert_false(has(bench, "spam run"));
}

/* Whoever only wanted to send a mail reads one thing to do, and it is the one that helps. */
static void a_sender_reads_the_one_thing_to_do(void **state)
{
	static const char *const steps[] = {"Mail servers try again by themselves.",
		"This check did not stop your mail", "Please send your mail again.",
		"Look for a typing mistake", "there is nothing to set right on your side"};
	struct bench *bench = *state;
	struct page_context c = context(bench);
	struct model_source now = source("198.51.100.9");
	struct model_incident models[COUNTOF(steps)];

	for (size_t i = 0; i < COUNTOF(steps); i++)
		models[i] = incident(&now);
	models[0].temporary = true;
	models[1].refused = false;
	models[2].words = check_words_get(CHECK_OWN_LIST);
	models[3].words = check_words_get(CHECK_RELAY_DENIED);
	for (size_t i = 0; i < COUNTOF(steps); i++) {
		buf_clear(&bench->out);
		assert_int_equal(page_incident(&c, &models[i], &bench->out), 0);
		for (size_t j = 0; j < COUNTOF(steps); j++)
			assert_int_equal(has(bench, steps[j]), i == j);
	}
}

/* Refused for its HELO name, and listed meanwhile: repairing the name alone would not help. */
static void a_listing_beside_the_cause_is_told(void **state)
{
	struct bench *bench = *state;
	struct page_context c = context(bench);
	struct model_source now = source("198.51.100.9");
	struct model_incident model = incident(&now);

	now.listings[now.listings_len++] = listing();
	assert_int_equal(page_incident(&c, &model, &bench->out), 0);
	assert_true(has(bench, "198.51.100.9 is on our blocklist now as well"));
	assert_true(has(bench, "Ask for removal"));
	assert_false(has(bench, "There is no list to be removed from"));
	assert_false(has(bench, "You do not need to ask us"));
}

static void trouble_with_dns_is_no_fault_of_the_sender(void **state)
{
	struct bench *bench = *state;
	struct page_context c = context(bench);
	struct model_incident model = incident(NULL);

	model.rule = span_text("no-ptr-temp");
	model.temporary = true;
	assert_int_equal(page_incident(&c, &model, &bench->out), 0);
	assert_true(has(bench, "A name server on the internet did not answer us"));
	assert_true(has(bench, "<ol class=\"steps\">\n<li><strong>Usually nothing"));
	assert_false(has(bench, check_words_get(CHECK_NO_PTR)->meaning));
}

static void a_rule_without_words_still_makes_a_page(void **state)
{
	struct bench *bench = *state;
	struct page_context c = context(bench);
	struct model_incident model = incident(NULL);

	model.words = NULL;
	model.rule = span_text("bare-lf");
	model.host = (struct span){NULL, 0};
	assert_int_equal(page_incident(&c, &model, &bench->out), 0);
	assert_true(has(bench, "an unknown sender"));
	assert_true(has(bench, "mx1.example.org"));
	assert_true(has(bench, "it names what was wrong"));
}

static void criteria_are_the_words_of_the_configuration(void **state)
{
	struct bench *bench = *state;
	struct page_context c = context(bench);

	assert_int_equal(page_policy(&c, &bench->out), 0);
	assert_true(has(bench, "Mail to two or more of our &lt;spam traps&gt; within a day."));
	assert_true(has(bench, "version 3"));
	assert_true(
		has(bench, "Stays until a person looks at it again, which is due after 90 days."));
	assert_true(has(bench, "dbl.example.org"));
	assert_true(has(bench, "127.0.1.2"));
	assert_false(has(bench, "allow"));
}

static void entries_of_a_feed_are_looked_at_by_nobody(void **state)
{
	struct bench *bench = *state;
	struct page_context c = context(bench);
	struct conf conf = *c.conf;
	struct conf_policy policies[16];

	assert_in_range(conf.policies_len, 1, COUNTOF(policies));
	for (size_t i = 0; i < conf.policies_len; i++) {
		policies[i] = conf.policies[i];
		policies[i].takes_operator = false;
		policies[i].takes_feed = true;
	}
	conf.policies = policies;
	c.conf = &conf;
	assert_int_equal(page_policy(&c, &bench->out), 0);
	assert_true(has(bench, "Stays for as long as the list that it comes from has it."));
	assert_false(has(bench, "until a person looks at it again"));
}

static void a_mistyped_number_comes_back_in_the_field(void **state)
{
	struct bench *bench = *state;
	struct page_context c = context(bench);
	struct trouble error = {.title = "Please check the number",
		.advice = "We could not look this up.",
		.ask = true,
		.typed = span_text(hostile),
		.wrong = "A character seems mistyped."};

	assert_int_equal(page_print_error(&c, &error, &bench->out), 0);
	assert_harmless(bench);
	assert_true(has(bench, "aria-invalid=\"true\""));
	assert_true(has(bench, "role=\"alert\""));
	assert_true(has(bench, "A character seems mistyped."));
}

static void every_page_has_the_frame(void **state)
{
	struct bench *bench = *state;
	struct page_context c = context(bench);
	struct span file;

	assert_int_equal(page_home(&c, &bench->out), 0);
	assert_int_equal(page_help(&c, &bench->out), 0);
	assert_true(has(bench, "<html lang=\"en\">"));
	assert_true(has(bench, "<label for=\"q\">"));
	assert_true(has(bench, "href=\"/\" aria-current=\"page\""));
	assert_true(has(bench, "href=\"/help\" aria-current=\"page\""));
	assert_true(has(bench, "mailto:postmaster@example.org"));
	assert_false(has(bench, "style=\""));
	assert_int_equal(page_file("style.css", &file), 0);
	assert_int_equal(page_file("nothing", &file), E_ABSENT);
}

static json_t *json_of(struct bench *bench)
{
	json_t *json = json_loads(buf_cstr(&bench->out), 0, NULL);

	assert_non_null(json);
	return json;
}

static void the_api_tells_the_same(void **state)
{
	struct bench *bench = *state;
	struct model_source model = source("198.51.100.9");
	json_t *json;
	json_t *row;

	model.listings[model.listings_len++] = listing();
	api_source(&site_conf, &model, &bench->out);
	json = json_of(bench);
	assert_string_equal(json_string_value(json_object_get(json, "source")), "198.51.100.9");
	assert_true(json_is_true(json_object_get(json, "listed")));
	row = json_array_get(json_object_get(json, "listings"), 0);
	assert_string_equal(
		json_string_value(json_object_get(row, "since")), "2026-11-21T07:00:00Z");
	assert_string_equal(
		json_string_value(json_object_get(row, "until")), "2026-11-22T07:00:00Z");
	assert_string_equal(json_string_value(json_object_get(row, "code")), "127.0.0.2");
	assert_string_equal(json_string_value(json_object_get(row, "policy")), "trap-hits");
	assert_string_equal(json_string_value(json_object_get(row, "reason")),
		"<script>alert(1)</script>\"'\\x1b[2J\\u{202e}\\xff");
	json_decref(json);
}

static void an_incident_in_json_keeps_hostile_bytes_apart(void **state)
{
	struct bench *bench = *state;
	struct model_incident model = incident(NULL);
	json_t *json;

	api_incident(&site_conf, &model, &bench->out);
	json = json_of(bench);
	assert_string_equal(json_string_value(json_object_get(json, "helo")),
		"<script>alert(1)</script>\"'\\x1b[2J\\u{202e}\\xff");
	assert_int_equal(json_array_size(json_object_get(json, "checks")), 2);
	json_decref(json);
}

static void problems_are_those_of_rfc_9457(void **state)
{
	struct bench *bench = *state;
	struct trouble trouble = {.type = "rate",
		.title = "Too many questions",
		.advice = "wait",
		.status = 429,
		.path = span_text("/api/v1/ip/\xff"),
		.retry_after_s = 7};
	json_t *json;

	api_print_problem(&site_conf, &trouble, &bench->out);
	json = json_of(bench);
	assert_string_equal(json_string_value(json_object_get(json, "type")),
		"https://mail.example.org/problems/rate");
	assert_int_equal(json_integer_value(json_object_get(json, "status")), 429);
	assert_int_equal(json_integer_value(json_object_get(json, "retry-after")), 7);
	assert_string_equal(
		json_string_value(json_object_get(json, "instance")), "/api/v1/ip/\\xff");
	json_decref(json);
}

static void durations_are_said_as_people_do(void **state)
{
	struct bench *bench = *state;
	static const struct {
		int64_t s;
		const char *words;
	} cases[] = {{-5, "less than a minute"}, {59, "less than a minute"}, {60, "1 minute"},
		{3599, "60 minutes"}, {3600, "1 hour"}, {61200, "17 hours"}, {86400, "24 hours"},
		{172800, "2 days"}, {90 * 86400, "90 days"}};

	for (size_t i = 0; i < COUNTOF(cases); i++)
		assert_string_equal(words_duration(bench->arena, cases[i].s), cases[i].words);
}

#define page_test(name) cmocka_unit_test_setup_teardown(name, bench_setup, bench_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		page_test(a_listed_address_is_told_in_words),
		page_test(not_listed_is_a_plain_good_result),
		page_test(what_a_feed_lists_is_not_said_to_wait_for_a_person),
		page_test(who_is_listed_by_a_network_reads_which),
		page_test(without_the_keeper_the_state_is_shown_and_the_rest_excused),
		page_test(an_incident_says_what_why_and_what_to_do),
		page_test(the_last_mails_of_a_number_are_told_by_time_and_helo),
		page_test(the_badge_says_what_became_of_it),
		page_test(a_sender_reads_the_one_thing_to_do),
		page_test(a_network_is_blocked_as_a_whole_or_in_part),
		page_test(a_listing_beside_the_cause_is_told),
		page_test(trouble_with_dns_is_no_fault_of_the_sender),
		page_test(a_rule_without_words_still_makes_a_page),
		page_test(criteria_are_the_words_of_the_configuration),
		page_test(entries_of_a_feed_are_looked_at_by_nobody),
		page_test(a_mistyped_number_comes_back_in_the_field),
		page_test(every_page_has_the_frame),
		page_test(the_api_tells_the_same),
		page_test(an_incident_in_json_keeps_hostile_bytes_apart),
		page_test(problems_are_those_of_rfc_9457),
		page_test(durations_are_said_as_people_do),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
