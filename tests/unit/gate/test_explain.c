/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "gate/explain.h"
#include "gate/sample.h"

enum { NOW_S = 1795300000 };

static struct explanation explanation;

static void explain(struct sample *s)
{
	explain_fill(&s->facts, &s->conf, NOW_S, &explanation);
}

static const struct explain_line *line_of(const char *key)
{
	for (size_t i = 0; i < explanation.lines_len; i++)
		if (strcmp(explanation.lines[i].key, key) == 0)
			return &explanation.lines[i];
	fail_msg("no line '%s'", key);
	return NULL;
}

static void lines_name_the_setting_and_what_was_not_reached(void **state)
{
	struct sample s;

	(void)state;
	sample_init(&s);
	s.checks[CHECK_NO_PTR].location = (struct conf_location){"stockade.yaml", 37, 3};
	s.facts.ptr = FACT_NO;
	s.dnsbls[0].location = (struct conf_location){"stockade.yaml", 50, 5};
	sample_dnsbl(&s, 0);
	explain(&s);
	assert_string_equal(line_of("allowed")->outcome, "no");
	assert_int_equal(line_of("allowed")->number, 1);
	assert_true(line_of("no-ptr")->decided);
	assert_int_equal(line_of("no-ptr")->location.line, 37);
	assert_string_equal(line_of("no-ptr")->found, "no PTR record");
	assert_string_equal(line_of("no-ptr")->action, "reject");
	assert_string_equal(line_of("ext-dnsbl")->name, "Demo");
	assert_string_equal(line_of("ext-dnsbl")->outcome, "fail");
	assert_int_equal(line_of("ext-dnsbl")->location.line, 50);
	assert_false(line_of("ext-dnsbl")->reached);
	assert_string_equal(explanation.reply,
		"550 5.7.25 Client host rejected: fix reverse DNS for 192.0.2.7, which has no PTR record. How to: "
		"https://mail.example.net/why/...");
	assert_string_equal(
		explanation.change, "stockade allow 192.0.2.7 --reason \"...\""); /* two faults */
	sample_done(&s);
}

static void one_fault_has_one_remedy(void **state)
{
	static const struct {
		enum check_id check;
		const char *change;
	} cases[] = {
		{CHECK_NO_PTR, "a PTR record, or  stockade allow 192.0.2.7 --reason \"...\""},
		{CHECK_FCRDNS,
			"an address record that confirms the PTR name, or  stockade allow 192.0.2.7 --reason \"...\""},
		{CHECK_OWN_LIST,
			"stockade delist 192.0.2.7 --reason \"...\", or  stockade allow 192.0.2.7 --reason \"...\""},
		{CHECK_DOMAIN_LIST,
			"stockade delist bad.test --reason \"...\", or  stockade allow 192.0.2.7 --reason \"...\""},
		{CHECK_HELO_BAD,
			"its own full host name in HELO, or  stockade allow 192.0.2.7 --reason \"...\""},
		{CHECK_EXT_DNSBL,
			"removal from Demo, or  stockade allow 192.0.2.7 --reason \"...\""},
		{CHECK_EARLY,
			"a client that waits for the greeting, or  stockade allow 192.0.2.7 --reason \"...\""},
		{CHECK_RELAY_DENIED,
			"the recipient's domain in own.domains, or 192.0.2.7 in own.networks"},
		{CHECK_SCORE, "removal from Other, or  stockade allow 192.0.2.7 --reason \"...\""},
	};

	(void)state;
	for (size_t i = 0; i < COUNTOF(cases); i++) {
		struct sample s;

		sample_init(&s);
		switch (cases[i].check) {
		case CHECK_NO_PTR:
			s.facts.ptr = FACT_NO;
			break;
		case CHECK_FCRDNS:
			s.checks[CHECK_FCRDNS].action = ACTION_REJECT;
			s.facts.confirmed = FACT_NO;
			break;
		case CHECK_OWN_LIST:
			sample_list(&s, 0, "r", 0);
			break;
		case CHECK_DOMAIN_LIST:
			sample_list(&s, 1, "r", 0);
			break;
		case CHECK_HELO_BAD:
			s.facts.helo = span_text("friend");
			break;
		case CHECK_EXT_DNSBL:
			sample_dnsbl(&s, 0);
			break;
		case CHECK_EARLY:
			s.facts.spoke_early = true;
			break;
		case CHECK_RELAY_DENIED:
			facts_set_recipient(&s.facts, &s.conf, span_text("b@elsewhere.test"));
			break;
		default:
			s.dnsbls[1].weight = 8;
			sample_dnsbl(&s, 1);
		}
		explain(&s);
		assert_string_equal(explanation.change, cases[i].change);
		sample_done(&s);
	}
}

/* What stands around is not taken off for the sake of one; what names it alone is. */
static void a_listing_has_the_remedy_of_its_entry(void **state)
{
	static const struct {
		size_t list;
		const char *entry;
		const char *fix;
	} rows[] = {
		{0, "192.0.2.7", "stockade delist 192.0.2.7 --reason \"...\", or"},
		{0, "192.0.2.0/24",
			"stockade list add 192.0.2.7 --list main --sublist manual --except --reason \"...\" (it is listed by 192.0.2.0/24), or"},
		{1, "bad.test", "stockade delist bad.test --reason \"...\", or"},
		{1, ".bad.test",
			"stockade list add bad.test --list names --sublist manual --except --reason \"...\" (it is listed by .bad.test), or"},
	};

	(void)state;
	for (size_t i = 0; i < COUNTOF(rows); i++) {
		struct source entry;
		struct sample s;

		sample_init(&s);
		s.lists[rows[i].list].location = (struct conf_location){"stockade.yaml", 60, 3};
		assert_int_equal(source_parse(span_text(rows[i].entry), &entry, NULL), 0);
		sample_list(&s, rows[i].list, "r", 0);
		s.facts.list_hits[0].entry = &entry;
		explain(&s);
		assert_memory_equal(explanation.change, rows[i].fix, strlen(rows[i].fix));
		assert_int_equal(
			line_of(rows[i].list == 0 ? "own-list" : "domain-list")->location.line, 60);
		sample_done(&s);
	}
}

static void what_only_a_connection_shows_is_left_open(void **state)
{
	struct sample s;

	(void)state;
	sample_init(&s);
	s.conf.score_location = (struct conf_location){"stockade.yaml", 70, 3};
	explain(&s);
	assert_string_equal(line_of("early")->found, "known only when it connects");
	assert_string_equal(line_of("early")->outcome, "skipped");
	assert_int_equal(line_of("score")->location.line, 70);
	s.facts.client_is_own = true;
	s.facts.allow_reason = span_text("our printer");
	explain(&s);
	assert_string_equal(line_of("allowed")->found, "own network");
	s.facts.client_is_own = false;
	facts_set_recipient(&s.facts, &s.conf, span_text("a%b@example.net"));
	explain(&s);
	assert_string_equal(explanation.change, "a recipient address without a route");
	sample_done(&s);
}

static void who_is_let_in_needs_no_change(void **state)
{
	struct sample s;

	(void)state;
	sample_init(&s);
	s.facts.ptr = FACT_NO;
	s.facts.allowed = FACT_YES;
	s.facts.allow_reason = span_text("our printer\n");
	explain(&s);
	assert_string_equal(explanation.change, "");
	assert_string_equal(explanation.reply, "");
	assert_string_equal(line_of("allowed")->outcome, "yes");
	assert_string_equal(line_of("allowed")->found, "our printer?");
	assert_string_equal(line_of("no-ptr")->outcome, "skipped");
	sample_done(&s);
}

static void without_a_recipient_one_of_ours_is_assumed(void **state)
{
	struct sample s;

	(void)state;
	sample_init(&s);
	facts_set_recipient(&s.facts, &s.conf, (struct span){0});
	explain(&s);
	assert_int_equal(explanation.verdict.would, VERDICT_PASS);
	assert_string_equal(line_of("relay-denied")->found, "no recipient given");
	sample_done(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_name_the_setting_and_what_was_not_reached),
		cmocka_unit_test(one_fault_has_one_remedy),
		cmocka_unit_test(a_listing_has_the_remedy_of_its_entry),
		cmocka_unit_test(what_only_a_connection_shows_is_left_open),
		cmocka_unit_test(who_is_let_in_needs_no_change),
		cmocka_unit_test(without_a_recipient_one_of_ours_is_assumed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
