/* SPDX-License-Identifier: ISC */
#include "spf/zone.h"

/*
 * What the published suite does not say: why a result came, how much was asked for it, and the
 * places where the programs of others differ.
 */
enum { RECORDS_MAX = 14 };

struct row {
	const char *what;
	const char *records[RECORDS_MAX][3];
	const char *client, *sender;
	enum spf_result result;
	enum spf_cause cause;
	const char *term; /* NULL: any */
	unsigned terms, voids;
};

static const struct row rows[] = {
	{"a client whose IPv4 address came in IPv6 form is an IPv4 client",
		{{"d.test", "TXT", "v=spf1 ip4:192.0.2.0/24 -all"}}, "::ffff:192.0.2.1", "a@d.test",
		SPF_PASS, SPF_CAUSE_NONE, "ip4:192.0.2.0/24", 0, 0},
	{"a mapped network is one of IPv6, in which no client is",
		{{"d.test", "TXT", "v=spf1 ip6:::ffff:192.0.2.1 -all"}}, "192.0.2.1", "a@d.test",
		SPF_FAIL, SPF_CAUSE_NONE, "-all", 0, 0},
	{"redirect holds behind all terms, wherever it stands",
		{{"d.test", "TXT", "v=spf1 redirect=e.test -all"},
			{"e.test", "TXT", "v=spf1 +all"}},
		"192.0.2.1", "a@d.test", SPF_FAIL, SPF_CAUSE_NONE, "-all", 0, 0},
	{"a redirect to nothing", {{"d.test", "TXT", "v=spf1 redirect=e.test"}}, "192.0.2.1",
		"a@d.test", SPF_PERMERROR, SPF_CAUSE_NO_RECORD, "e.test", 1, 0},
	{"an error in a part that decides nothing",
		{{"d.test", "TXT", "v=spf1 +all ip4:192.0.2.300"}}, "192.0.2.1", "a@d.test",
		SPF_PERMERROR, SPF_CAUSE_SYNTAX, "ip4:192.0.2.300", 0, 0},
	{"two records", {{"d.test", "TXT", "v=spf1 +all"}, {"d.test", "TXT", "v=spf1 -all"}},
		"192.0.2.1", "a@d.test", SPF_PERMERROR, SPF_CAUSE_RECORDS, "", 0, 0},
	{"the eleventh term",
		{{"d.test", "TXT",
			 "v=spf1 a:a.test a:a.test a:a.test a:a.test a:a.test a:a.test a:a.test a:a.test "
			 "a:a.test a:a.test a:b.test -all"},
			{"a.test", "A", "198.51.100.1"}},
		"192.0.2.1", "a@d.test", SPF_PERMERROR, SPF_CAUSE_TERMS, "a:b.test", 11, 0},
	{"ten terms, and an included record among them",
		{{"d.test", "TXT",
			 "v=spf1 include:i.test a:a.test a:a.test a:a.test a:a.test a:a.test a:a.test "
			 "a:a.test a:a.test -all"},
			{"i.test", "TXT", "v=spf1 a:a.test ?all"}, {"a.test", "A", "198.51.100.1"}},
		"192.0.2.1", "a@d.test", SPF_FAIL, SPF_CAUSE_NONE, "-all", 10, 0},
	{"the eleventh is in the included record, which is named",
		{{"d.test", "TXT",
			 "v=spf1 a:a.test a:a.test a:a.test a:a.test a:a.test a:a.test a:a.test a:a.test "
			 "a:a.test include:i.test"},
			{"i.test", "TXT", "v=spf1 a:c.test ?all"}, {"a.test", "A", "198.51.100.1"}},
		"192.0.2.1", "a@d.test", SPF_PERMERROR, SPF_CAUSE_TERMS, "a:c.test", 11, 0},
	{"the third answer without a record",
		{{"d.test", "TXT", "v=spf1 a:x.test exists:y.test mx:z.test +all"}}, "192.0.2.1",
		"a@d.test", SPF_PERMERROR, SPF_CAUSE_VOIDS, "mx:z.test", 3, 3},
	{"a name that is void twice counts twice, as it stands twice",
		{{"d.test", "TXT", "v=spf1 a:x.test a:x.test a:x.test +all"}}, "192.0.2.1",
		"a@d.test", SPF_PERMERROR, SPF_CAUSE_VOIDS, "a:x.test", 3, 3},
	{"what DNS did not tell",
		{{"d.test", "TXT", "v=spf1 a:x.test +all"}, {"x.test", "A", "TIMEOUT"}},
		"192.0.2.1", "a@d.test", SPF_TEMPERROR, SPF_CAUSE_DNS, "a:x.test", 1, 0},
	{"and of the domain itself", {{"d.test", "TXT", "TIMEOUT"}}, "192.0.2.1", "a@d.test",
		SPF_TEMPERROR, SPF_CAUSE_DNS, "", 0, 0},
	{"a local part may hold an @ and a backslash",
		{{"d.test", "TXT", "v=spf1 exists:%{l}.d.test -all"},
			{"\"a\\\\\\@b\".d.test", "A", "127.0.0.2"}},
		"192.0.2.1", "\"a\\@b\"@d.test", SPF_PASS, SPF_CAUSE_NONE, "exists:%{l}.d.test", 1,
		0},
	{"a bounce is judged by its HELO name",
		{{"helo.test", "TXT", "v=spf1 a -all"}, {"helo.test", "A", "192.0.2.1"}},
		"192.0.2.1", "", SPF_PASS, SPF_CAUSE_NONE, "a", 1, 0},
	{"macros that make far too much of little",
		{{"d.test", "TXT",
			"v=spf1 redirect=%{h}%{h}%{h}%{h}%{h}%{h}%{h}%{h}%{h}%{h}%{h}%{h}%{h}"
			"%{s}%{s}%{s}%{s}%{s}%{s}%{s}%{s}%{s}%{s}%{s}%{s}%{s}%{s}%{s}%{s}"
			"%{s}%{s}%{s}%{s}%{s}%{s}%{s}%{s}%{s}%{s}%{s}%{s}%{s}%{s}%{s}%{s}"
			".d.test"}},
		"192.0.2.1",
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		"aaaaaaaaaaaaaaaaaaaaaaaaaaa@d.test",
		SPF_PERMERROR, SPF_CAUSE_LONG, NULL, 1, 0},
};

static void fill_zone(struct zone *zone, const struct row *row)
{
	zone->len = 0;
	for (size_t i = 0; i < RECORDS_MAX && row->records[i][0] != NULL; i++)
		zone_add(zone, span_text(row->records[i][0]), span_text(row->records[i][1]),
			span_text(row->records[i][2]));
}

static void play(struct zone *zone, struct arena *arena, const struct row *row)
{
	struct spf_request request = {
		.helo = span_text("helo.test"), .sender = span_text(row->sender)};
	struct spf_outcome outcome;

	print_message("%s\n", row->what);
	fill_zone(zone, row);
	assert_int_equal(ip_parse(span_text(row->client), &request.client), 0);
	zone_evaluate(zone, &request, arena, &outcome);
	assert_string_equal(spf_result_name(outcome.result), spf_result_name(row->result));
	assert_int_equal(outcome.cause, row->cause);
	assert_int_equal(outcome.terms, row->terms);
	assert_int_equal(outcome.voids, row->voids);
	if (row->term != NULL)
		assert_true(span_equal_text(outcome.what, row->term));
}

static void results_have_a_cause(void **state)
{
	struct zone *zone = mem_new(zone);
	struct arena *arena = arena_new(0);

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		play(zone, arena, &rows[i]);
	arena_free(&arena);
	mem_free(zone);
}

/* It asks for nothing that cannot change the result any more. */
static void nothing_is_asked_beyond_the_term_that_matches(void **state)
{
	struct arena *arena = arena_new(0);
	struct span text = span_text("v=spf1 ip4:192.0.2.1 a mx include:e.test -all");
	struct spf_request request = {.client = ip_from_v4(0xc0000201),
		.helo = span_text("helo.test"),
		.sender = span_text("a@d.test")};
	struct spf_answer answer = {.state = SPF_ANSWER_FOUND, .count = 1, .texts = &text};
	struct spf_outcome outcome;

	(void)state;
	spf_evaluate(&request, &(struct spf_answers){0}, arena, &outcome);
	assert_int_equal(outcome.result, SPF_UNANSWERED);
	assert_int_equal(outcome.question.type, DNS_TXT);
	answer.question = outcome.question;
	spf_evaluate(&request, &(struct spf_answers){1, &answer}, arena, &outcome);
	assert_int_equal(outcome.result, SPF_PASS);
	arena_free(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(results_have_a_cause),
		cmocka_unit_test(nothing_is_asked_beyond_the_term_that_matches),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
