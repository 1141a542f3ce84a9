/* SPDX-License-Identifier: ISC */
/* What each check saw, as explain and the incident page tell it, and which of several decides. */
#include "gate/verdict_case.h"

struct seen {
	void (*change)(struct sample *s);
	enum check_id check;
	enum check_outcome outcome;
	const char *found;
};

static void nothing(struct sample *s)
{
	(void)s;
}

static void client_is_own(struct sample *s)
{
	s->facts.client_is_own = true;
}

static void recipient_is(struct sample *s, const char *recipient)
{
	facts_set_recipient(&s->facts, &s->conf, span_text(recipient));
}

static void recipient_is_route(struct sample *s)
{
	recipient_is(s, "a%b@example.net");
}

static void recipient_is_foreign(struct sample *s)
{
	recipient_is(s, "b@elsewhere.test");
}

/* explain without --rcpt: one of ours, whoever that is. */
static void no_recipient(struct sample *s)
{
	s->facts.recipient = (struct span){0};
	s->facts.recipient_domain = (struct span){0};
	s->facts.recipient_is_own = true;
}

static void listed_for_a_time(struct sample *s)
{
	sample_list(s, 0, "3 trap hits", 1795312800);
}

static void listed_without_a_sublist(struct sample *s)
{
	listed(s);
	s->facts.list_hits[0].sublist = NULL;
}

static void domain_listed(struct sample *s)
{
	sample_list(s, 1, "phishing", 0);
}

static void no_list_yet(struct sample *s)
{
	s->facts.lists_known = false;
}

/* Nobody is refused by the one, and the other holds what is not asked about. */
static void no_list_yet_that_refuses_addresses(struct sample *s)
{
	s->facts.lists_known = false;
	s->lists[0].action = ACTION_TAG;
}

static void names_unknown(struct sample *s)
{
	s->facts.names_may_be_listed = true;
}

static void early(struct sample *s)
{
	s->facts.spoke_early = true;
}

static void helo_absent(struct sample *s)
{
	s->facts.helo = (struct span){0};
}

static void helo_ours(struct sample *s)
{
	s->facts.helo = span_text("mx.example.net");
}

static void helo_address(struct sample *s)
{
	s->facts.helo = span_text("192.0.2.7");
}

static void helo_invalid(struct sample *s)
{
	s->facts.helo = span_text("a_b.example!");
}

static void helo_of_another(struct sample *s)
{
	s->facts.helo = span_text("[192.0.2.8]");
}

static void dns_fails(struct sample *s)
{
	s->facts.ptr = FACT_TEMPORARY;
}

static void confirmation_fails(struct sample *s)
{
	s->facts.confirmed = FACT_TEMPORARY;
}

static void dnsbl_not_asked(struct sample *s)
{
	s->facts.dnsbls[0].asked = false;
}

static void dnsbl_of_a_newer_configuration(struct sample *s)
{
	s->facts.dnsbls_len = 0;
}

static void dnsbl_lists(struct sample *s)
{
	sample_dnsbl(s, 0);
}

static void dnsbl_out_of_order(struct sample *s)
{
	s->facts.dnsbls[0].list_error = true;
}

static void dnsbl_suspended(struct sample *s)
{
	s->facts.dnsbls[0].list_error = true;
	s->facts.dnsbls[0].error_text = "lists 127.0.0.1, so everything";
}

static void dnsbl_silent(struct sample *s)
{
	s->facts.dnsbls[0].state = FACT_TEMPORARY;
}

static void no_dnsbl(struct sample *s)
{
	s->conf.dnsbls_len = 0;
}

static void perhaps_allowed(struct sample *s)
{
	no_ptr(s);
	s->facts.allowed = FACT_UNKNOWN;
}

/* What is unknown may take the client below the limit. */
static void score_unsure(struct sample *s)
{
	score_to_reject(s);
	s->checks[CHECK_NO_PTR].action = ACTION_SCORE;
	s->dnsbls[0].action = ACTION_SCORE;
	s->dnsbls[0].weight = -2;
	s->facts.dnsbls[0].state = FACT_TEMPORARY;
}

static const struct seen seen[] = {
	{client_is_own, CHECK_RELAY_DENIED, OUTCOME_PASS, "own network: may relay"},
	{nothing, CHECK_RELAY_DENIED, OUTCOME_PASS, "\"example.net\" is handled here"},
	{no_recipient, CHECK_RELAY_DENIED, OUTCOME_PASS, "no recipient given"},
	{recipient_is_route, CHECK_RELAY_DENIED, OUTCOME_FAIL, "a route in \"a%b@example.net\""},
	{recipient_is_foreign, CHECK_RELAY_DENIED, OUTCOME_FAIL,
		"\"elsewhere.test\" is not handled here"},

	{nothing, CHECK_OWN_LIST, OUTCOME_PASS, "not listed"},
	{listed, CHECK_OWN_LIST, OUTCOME_FAIL, "main/manual: 3 trap hits"},
	{listed_for_a_time, CHECK_OWN_LIST, OUTCOME_FAIL,
		"main/manual: 3 trap hits, until 2026-11-22 02:00 UTC"},
	{listed_without_a_sublist, CHECK_OWN_LIST, OUTCOME_FAIL, "main: 3 trap hits"},
	{no_list_yet, CHECK_OWN_LIST, OUTCOME_UNKNOWN, "no list has come yet"},
	{no_list_yet_that_refuses_addresses, CHECK_OWN_LIST, OUTCOME_PASS, "not listed"},
	{domain_listed, CHECK_DOMAIN_LIST, OUTCOME_FAIL, "names/manual: bad.test, phishing"},
	{names_unknown, CHECK_DOMAIN_LIST, OUTCOME_UNKNOWN,
		"not listed by the names that are known"},
	{names_unknown, CHECK_OWN_LIST, OUTCOME_PASS, "not listed"},

	{nothing, CHECK_EARLY, OUTCOME_PASS, "waited for the greeting"},
	{early, CHECK_EARLY, OUTCOME_FAIL, "spoke before the greeting"},

	{nothing, CHECK_HELO_OURS, OUTCOME_PASS, "\"mail.good.test\""},
	{helo_absent, CHECK_HELO_OURS, OUTCOME_PASS, "not given"},
	{helo_ours, CHECK_HELO_OURS, OUTCOME_FAIL, "\"mx.example.net\" is ours"},
	{nothing, CHECK_HELO_BAD, OUTCOME_PASS, "\"mail.good.test\""},
	{helo_absent, CHECK_HELO_BAD, OUTCOME_PASS, "not given"},
	{helo_address, CHECK_HELO_BAD, OUTCOME_FAIL,
		"\"192.0.2.7\" is an address without brackets"},
	{helo_invalid, CHECK_HELO_BAD, OUTCOME_FAIL, "\"a_b.example!\" is not a host name"},
	{helo_of_another, CHECK_HELO_BAD, OUTCOME_FAIL,
		"\"[192.0.2.8]\" is not the client's address"},

	{nothing, CHECK_NO_PTR, OUTCOME_PASS, "mail.good.test"},
	{no_ptr, CHECK_NO_PTR, OUTCOME_FAIL, "no PTR record"},
	{dns_fails, CHECK_NO_PTR, OUTCOME_UNKNOWN, "could not be looked up (DNS error)"},
	{perhaps_allowed, CHECK_NO_PTR, OUTCOME_UNKNOWN,
		"no PTR record; whether it is allowed is not known"},
	{nothing, CHECK_FCRDNS, OUTCOME_PASS, "mail.good.test points back"},
	{no_ptr, CHECK_FCRDNS, OUTCOME_SKIPPED, "no name to confirm"},
	{unconfirmed, CHECK_FCRDNS, OUTCOME_FAIL, "mail.good.test does not point back"},
	{dns_fails, CHECK_FCRDNS, OUTCOME_UNKNOWN, "could not be looked up (DNS error)"},
	{confirmation_fails, CHECK_FCRDNS, OUTCOME_UNKNOWN,
		"mail.good.test could not be looked up (DNS error)"},

	{nothing, CHECK_EXT_DNSBL, OUTCOME_PASS, "not listed"},
	{dnsbl_not_asked, CHECK_EXT_DNSBL, OUTCOME_SKIPPED, "not asked"},
	{dnsbl_of_a_newer_configuration, CHECK_EXT_DNSBL, OUTCOME_SKIPPED, "not asked"},
	{dnsbl_lists, CHECK_EXT_DNSBL, OUTCOME_FAIL, "listed, 127.0.0.2"},
	{dnsbl_out_of_order, CHECK_EXT_DNSBL, OUTCOME_UNKNOWN,
		"does not count: the list is out of order"},
	{dnsbl_suspended, CHECK_EXT_DNSBL, OUTCOME_UNKNOWN,
		"does not count: lists 127.0.0.1, so everything"},
	{dnsbl_silent, CHECK_EXT_DNSBL, OUTCOME_UNKNOWN, "no answer in time"},
	{no_dnsbl, CHECK_EXT_DNSBL, OUTCOME_SKIPPED, "no third-party list is configured"},

	{nothing, CHECK_SCORE, OUTCOME_PASS, "0 of 8"},
	{score_to_reject, CHECK_SCORE, OUTCOME_FAIL, "8 of 8: fcrdns 4, Other 4"},
	{score_unsure, CHECK_SCORE, OUTCOME_UNKNOWN,
		"8 of 8: fcrdns 4, Other 4; some could not be looked up"},
};

static void each_check_tells_what_it_saw(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNTOF(seen); i++) {
		struct sample s;
		const struct check_result *r;

		sample_init(&s);
		seen[i].change(&s);
		decide(&s);
		r = sample_result(&s, seen[i].check);
		print_message("  %s\n", seen[i].found);
		assert_string_equal(r->found, seen[i].found);
		assert_string_equal(
			check_outcome_name(r->outcome), check_outcome_name(seen[i].outcome));
		sample_done(&s);
	}
}

/* Two networks around one client: the first that was found, when they do the same. */
static void of_equal_hits_the_first_is_told(void **state)
{
	struct sample s;

	(void)state;
	sample_init(&s);
	sample_list(&s, 0, "first", 0);
	sample_list(&s, 0, "second", 0);
	decide(&s);
	assert_string_equal(sample_result(&s, CHECK_OWN_LIST)->found, "main/manual: first");
	sample_done(&s);
}

/* Who is recorded when nobody refuses: the first in the order of the table, also for the mark. */
static void of_equal_marks_the_first_is_named(void **state)
{
	struct sample s;

	(void)state;
	sample_init(&s);
	early(&s);
	unconfirmed(&s);
	s.checks[CHECK_EARLY].action = ACTION_TAG;
	s.checks[CHECK_FCRDNS].action = ACTION_TAG;
	decide(&s);
	assert_int_equal(s.verdict.kind, VERDICT_TAG);
	assert_int_equal(s.verdict.decider->check, CHECK_EARLY);
	assert_int_equal(s.verdict.marker->check, CHECK_EARLY);
	assert_true(sample_result(&s, CHECK_FCRDNS)->reached); /* a mark keeps nothing back */
	sample_done(&s);
}

/* "No PTR record could be looked up" helps a sender more than "DNS error", whichever comes first;
 * and among equals the first stays. */
static void a_temporary_refusal_names_what_is_not_known(void **state)
{
	struct sample s;

	(void)state;
	sample_init(&s);
	s.conf.fail_open = false;
	names_unknown(&s);
	dns_fails(&s);
	decide(&s);
	assert_int_equal(sample_result(&s, CHECK_DOMAIN_LIST)->would, VERDICT_TEMPFAIL);
	assert_int_equal(s.verdict.refusal, REFUSAL_NO_PTR_TEMP);
	sample_done(&s);

	sample_init(&s);
	s.conf.fail_open = false;
	dns_fails(&s);
	dnsbl_silent(&s);
	s.checks[CHECK_FCRDNS].action = ACTION_REJECT;
	decide(&s);
	assert_int_equal(s.verdict.decider->check, CHECK_NO_PTR);
	sample_done(&s);
}

/* Where it waits for DNS, a mark does not let it in. */
static void who_is_to_wait_waits_although_another_check_marks(void **state)
{
	struct sample s;

	(void)state;
	sample_init(&s);
	s.conf.fail_open = false;
	early(&s);
	s.checks[CHECK_EARLY].action = ACTION_TAG;
	dns_fails(&s);
	decide(&s);
	assert_int_equal(s.verdict.kind, VERDICT_TEMPFAIL);
	assert_int_equal(s.verdict.decider->check, CHECK_NO_PTR);
	sample_done(&s);
}

/* Four points are known of eight; four are not, in a check that only observes. */
static void a_watcher_that_does_not_know_makes_nobody_wait(void **state)
{
	struct sample s;

	(void)state;
	sample_init(&s);
	s.conf.fail_open = false;
	sample_dnsbl(&s, 1);
	s.dnsbls[0].action = ACTION_SCORE;
	s.dnsbls[0].weight = 4;
	s.facts.dnsbls[0].state = FACT_TEMPORARY;
	decide(&s);
	assert_int_equal(s.verdict.kind, VERDICT_TEMPFAIL);
	s.dnsbls[0].has_mode = true;
	s.dnsbls[0].mode = MODE_OBSERVE;
	decide(&s);
	assert_int_equal(s.verdict.kind, VERDICT_TAG);
	s.dnsbls[0].has_mode = false;
	s.dnsbls[0].action = ACTION_TAG;
	decide(&s);
	assert_int_equal(s.verdict.kind, VERDICT_TAG);
	s.dnsbls[0].action = ACTION_SCORE;
	s.facts.dnsbls[0].list_error = true; /* is known to say nothing */
	decide(&s);
	assert_int_equal(s.verdict.kind, VERDICT_TAG);
	sample_done(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_check_tells_what_it_saw),
		cmocka_unit_test(of_equal_hits_the_first_is_told),
		cmocka_unit_test(of_equal_marks_the_first_is_named),
		cmocka_unit_test(a_temporary_refusal_names_what_is_not_known),
		cmocka_unit_test(who_is_to_wait_waits_although_another_check_marks),
		cmocka_unit_test(a_watcher_that_does_not_know_makes_nobody_wait),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
