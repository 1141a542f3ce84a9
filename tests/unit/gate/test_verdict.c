/* SPDX-License-Identifier: ISC */
#include "gate/verdict_case.h"

static void nothing(struct sample *s)
{
	(void)s;
}

static void listed_until_now(struct sample *s)
{
	sample_list(s, 0, "3 trap hits", NOW_S);
}

static void listed_a_second_longer(struct sample *s)
{
	sample_list(s, 0, "3 trap hits", NOW_S + 1);
}

static void listed_to_be_tagged(struct sample *s)
{
	listed(s);
	s->lists[0].action = ACTION_TAG;
}

static void listed_without_reason(struct sample *s)
{
	sample_list(s, 0, "", 0);
}

static void domain_listed(struct sample *s)
{
	sample_list(s, 1, "phishing", 0);
}

static void early(struct sample *s)
{
	s->facts.spoke_early = true;
}

static void helo_our_name(struct sample *s)
{
	s->facts.helo = span_text("MX.example.NET");
}

static void helo_our_domain(struct sample *s)
{
	s->facts.helo = span_text("example.net");
}

static void helo_our_address(struct sample *s)
{
	s->facts.helo = span_text("[10.0.0.1]");
}

static void helo_short(struct sample *s)
{
	s->facts.helo = span_text("friend");
}

static void helo_other_literal(struct sample *s)
{
	s->facts.helo = span_text("[192.0.2.8]");
}

static void helo_private_literal(struct sample *s)
{
	s->facts.helo = span_text("[192.168.1.20]");
}

static void helo_own_literal(struct sample *s)
{
	s->facts.helo = span_text("[192.0.2.7]");
}

static void helo_hostile(struct sample *s)
{
	s->facts.helo = span_text("a\r\n250 <b>");
}

static void dnsbl_rejects(struct sample *s)
{
	sample_dnsbl(s, 0);
}

static void dnsbl_without_url(struct sample *s)
{
	sample_dnsbl(s, 0);
	s->dnsbls[0].url = NULL;
}

static void dnsbl_with_one_url_for_all(struct sample *s)
{
	sample_dnsbl(s, 0);
	s->dnsbls[0].url = "https://demo.test/lookup";
}

static void two_dnsbls_reject(struct sample *s)
{
	sample_dnsbl(s, 0);
	sample_dnsbl(s, 1);
	s->dnsbls[1].action = ACTION_REJECT;
}

static void dnsbl_out_of_order(struct sample *s)
{
	sample_dnsbl(s, 0);
	s->facts.dnsbls[0].list_error = true;
}

static void dnsbl_check_off(struct sample *s)
{
	sample_dnsbl(s, 0);
	s->checks[CHECK_EXT_DNSBL].action = ACTION_OFF;
}

static void dnsbl_check_only_tags(struct sample *s)
{
	sample_dnsbl(s, 0);
	s->checks[CHECK_EXT_DNSBL].action = ACTION_TAG;
}

static void score_to_tag(struct sample *s)
{
	sample_dnsbl(s, 1);
}

static void score_below_tag(struct sample *s)
{
	s->dnsbls[1].weight = 3;
	sample_dnsbl(s, 1);
}

static void score_with_a_watcher(struct sample *s)
{
	score_to_reject(s);
	s->checks[CHECK_FCRDNS].has_mode = true;
	s->checks[CHECK_FCRDNS].mode = MODE_OBSERVE;
}

static void foreign_recipient(struct sample *s)
{
	facts_set_recipient(&s->facts, &s->conf, span_text("b@elsewhere.test"));
}

static void foreign_recipient_check_off(struct sample *s)
{
	foreign_recipient(s);
	s->checks[CHECK_RELAY_DENIED].action = ACTION_OFF;
	s->checks[CHECK_RELAY_DENIED].has_mode = true;
	s->checks[CHECK_RELAY_DENIED].mode = MODE_OBSERVE;
}

static void foreign_recipient_in_observe(struct sample *s)
{
	foreign_recipient(s);
	s->conf.mode = MODE_OBSERVE;
}

static void recipient_at_our_address(struct sample *s)
{
	s->facts.server = sample_ip("198.51.100.25");
	facts_set_recipient(&s->facts, &s->conf, span_text("postmaster@[198.51.100.25]"));
	no_ptr(s);
}

static void recipient_at_another_address(struct sample *s)
{
	s->facts.server = sample_ip("198.51.100.25");
	facts_set_recipient(&s->facts, &s->conf, span_text("postmaster@[198.51.100.26]"));
}

static void foreign_recipient_allowed(struct sample *s)
{
	foreign_recipient(s);
	s->facts.allowed = FACT_YES;
}

static void foreign_recipient_from_own(struct sample *s)
{
	foreign_recipient(s);
	s->facts.client_is_own = true;
	no_ptr(s);
	helo_short(s);
}

static void routed_recipient(struct sample *s)
{
	facts_set_recipient(&s->facts, &s->conf, span_text("b%elsewhere.test@example.net"));
}

static void banged_recipient(struct sample *s)
{
	facts_set_recipient(&s->facts, &s->conf, span_text("elsewhere.test!b@example.net"));
}

static void quoted_route(struct sample *s)
{
	facts_set_recipient(&s->facts, &s->conf, span_text("\"b@elsewhere.test\"@example.net"));
}

static void allowed_though_bad(struct sample *s)
{
	listed(s);
	no_ptr(s);
	sample_dnsbl(s, 0);
	s->facts.allowed = FACT_YES;
}

static void allowed_until_now(struct sample *s)
{
	allowed_though_bad(s);
	s->facts.allow_until_s = NOW_S;
}

static void listed_to(struct sample *s, const char *recipient)
{
	allowed_though_bad(s);
	s->facts.allowed = FACT_NO;
	facts_set_recipient(&s->facts, &s->conf, span_text(recipient));
}

static void to_postmaster(struct sample *s)
{
	listed_to(s, "PostMaster@Example.Net");
}

static void to_bare_postmaster(struct sample *s)
{
	listed_to(s, "postmaster");
}

static void to_abuse(struct sample *s)
{
	listed_to(s, "abuse@example.net");
}

static void to_contact(struct sample *s)
{
	listed_to(s, "help@example.net");
}

static void to_foreign_postmaster(struct sample *s)
{
	listed_to(s, "postmaster@elsewhere.test");
}

static void welcomed_but_on_our_list(struct sample *s)
{
	welcomed_by_a_foreign_list(s);
	listed(s);
}

static void welcomed_by_a_broken_list(struct sample *s)
{
	welcomed_by_a_foreign_list(s);
	s->facts.dnsbls[2].list_error = true;
}

static void observe(struct sample *s)
{
	no_ptr(s);
	s->conf.mode = MODE_OBSERVE;
}

static void tag(struct sample *s)
{
	no_ptr(s);
	s->conf.mode = MODE_TAG;
}

static void one_observes_another_refuses(struct sample *s)
{
	no_ptr(s);
	s->checks[CHECK_NO_PTR].has_mode = true;
	s->checks[CHECK_NO_PTR].mode = MODE_OBSERVE;
	sample_dnsbl(s, 0);
}

static void one_would_enforce(struct sample *s)
{
	no_ptr(s);
	s->conf.mode = MODE_OBSERVE;
	s->checks[CHECK_NO_PTR].has_mode = true;
	s->checks[CHECK_NO_PTR].mode = MODE_ENFORCE;
}

static void a_list_would_enforce(struct sample *s)
{
	sample_dnsbl(s, 0);
	s->conf.mode = MODE_TAG;
	s->dnsbls[0].has_mode = true;
	s->dnsbls[0].mode = MODE_ENFORCE;
}

static void a_list_would_but_its_check_observes(struct sample *s)
{
	a_list_would_enforce(s);
	s->conf.mode = MODE_ENFORCE;
	s->checks[CHECK_EXT_DNSBL].has_mode = true;
	s->checks[CHECK_EXT_DNSBL].mode = MODE_OBSERVE;
}

/* The informing lists come first, and the one that only adds to the score before the one that tags.
 */
static void listed_to_be_scored_and_tagged(struct sample *s)
{
	sample_list(s, 0, "score", 0);
	s->lists[0].action = ACTION_SCORE;
	s->lists[2] = s->lists[0];
	s->lists[2].action = ACTION_TAG;
	sample_list(s, 2, "tag", 0);
}

static const struct verdict_case cases[] = {
	{"nothing wrong", nothing, VERDICT_PASS, NULL},
	{"our list", listed, VERDICT_REFUSE,
		"554 5.7.1 Service unavailable; Client host [192.0.2.7] blocked using our blocklist (main/manual): 3 trap hits. Details"},
	{"our list until now", listed_until_now, VERDICT_PASS, NULL},
	{"our list a second longer", listed_a_second_longer, VERDICT_REFUSE, "554 5.7.1 "},
	{"our list, action tag", listed_to_be_tagged, VERDICT_TAG, NULL},
	{"our list, no reason given", listed_without_reason, VERDICT_REFUSE,
		"554 5.7.1 Service unavailable; Client host [192.0.2.7] blocked using our blocklist (main/manual): by-hand. "},
	{"our domain list", domain_listed, VERDICT_REFUSE,
		"554 5.7.1 Service unavailable; domain bad.test blocked using our blocklist."},
	{"early", early, VERDICT_REFUSE, "554 5.5.0 Service unavailable; you spoke before"},
	{"HELO our name", helo_our_name, VERDICT_REFUSE,
		"550 5.7.1 Helo command rejected: need fully-qualified hostname of your own; 'MX.example.NET' is ours"},
	{"HELO our domain", helo_our_domain, VERDICT_REFUSE,
		"550 5.7.1 Helo command rejected: need fully-qualified hostname of your own; 'example.net' is ours"},
	{"HELO our address", helo_our_address, VERDICT_REFUSE,
		"550 5.7.1 Helo command rejected: need fully-qualified hostname of your own; '[10.0.0.1]' is ours"},
	{"HELO short", helo_short, VERDICT_REFUSE,
		"550 5.7.1 Helo command rejected: need fully-qualified hostname; 'friend' is not one"},
	{"HELO literal of another", helo_other_literal, VERDICT_REFUSE,
		"550 5.7.1 Helo command rejected: need fully-qualified hostname or your own address; you call from [192.0.2.7], not [192.0.2.8]."},
	{"HELO literal of another, as behind NAT", helo_private_literal, VERDICT_PASS, NULL},
	{"HELO literal of its own", helo_own_literal, VERDICT_PASS, NULL},
	{"HELO hostile", helo_hostile, VERDICT_REFUSE,
		"550 5.7.1 Helo command rejected: need fully-qualified hostname; 'a??250 <b>' is not"},
	{"no PTR", no_ptr, VERDICT_REFUSE,
		"550 5.7.25 Client host rejected: fix reverse DNS for 192.0.2.7, which has no PTR record."},
	{"not confirmed, tagged", unconfirmed, VERDICT_TAG, NULL},
	{"not confirmed, refused", unconfirmed_reject, VERDICT_REFUSE,
		"550 5.7.25 Client host rejected: possibly forged hostname for 192.0.2.7: mail.good.test does not"},
	{"foreign list", dnsbl_rejects, VERDICT_REFUSE,
		"554 5.7.1 Service unavailable; Client host [192.0.2.7] blocked using Demo; ask them, not us, for removal: "
		"https://demo.test/?ip=192.0.2.7&x Our side: https://mail.example.net/why/"},
	{"foreign list without a page", dnsbl_without_url, VERDICT_REFUSE,
		"554 5.7.1 Service unavailable; Client host [192.0.2.7] blocked using Demo; ask them, not us, for removal: see their "
		"site. Our side: "},
	{"foreign list with one page for all", dnsbl_with_one_url_for_all, VERDICT_REFUSE,
		"554 5.7.1 Service unavailable; Client host [192.0.2.7] blocked using Demo; ask them, not us, for removal: "
		"https://demo.test/lookup Our side: "},
	{"two foreign lists", two_dnsbls_reject, VERDICT_REFUSE,
		"554 5.7.1 Service unavailable; Client host [192.0.2.7] blocked using 2 blocklists (Demo, Other)."},
	{"foreign list out of order", dnsbl_out_of_order, VERDICT_PASS, NULL},
	{"foreign lists off", dnsbl_check_off, VERDICT_PASS, NULL},
	{"foreign lists only tag", dnsbl_check_only_tags, VERDICT_TAG, NULL},
	{"score at the tag limit", score_to_tag, VERDICT_TAG, NULL},
	{"score below the tag limit", score_below_tag, VERDICT_PASS, NULL},
	{"score at the limit", score_to_reject, VERDICT_REFUSE,
		"550 5.7.1 Service unavailable; Client host [192.0.2.7] blocked using several checks together (fcrdns, Other)."},
	{"a watching check adds no score", score_with_a_watcher, VERDICT_TAG, NULL},
	{"relay", foreign_recipient, VERDICT_REFUSE,
		"550 5.7.1 Relay access denied: elsewhere.test is not handled here and [192.0.2.7] is"},
	{"relay, check off", foreign_recipient_check_off, VERDICT_REFUSE,
		"550 5.7.1 Relay access denied: elsewhere.test"},
	{"relay in observe mode: the mail server decides", foreign_recipient_in_observe,
		VERDICT_PASS, "550 5.7.1 Relay access denied: elsewhere.test"},
	{"postmaster at the address of this server", recipient_at_our_address, VERDICT_PASS, NULL},
	{"postmaster at another address", recipient_at_another_address, VERDICT_REFUSE,
		"550 5.7.1 "},
	{"relay by an allowed stranger", foreign_recipient_allowed, VERDICT_REFUSE, "550 5.7.1 "},
	{"relay from our own network", foreign_recipient_from_own, VERDICT_PASS, NULL},
	{"percent route", routed_recipient, VERDICT_REFUSE,
		"550 5.1.3 Relay access denied: routes"},
	{"bang route", banged_recipient, VERDICT_REFUSE, "550 5.1.3 Relay access denied: routes"},
	{"quoted route", quoted_route, VERDICT_REFUSE, "550 5.1.3 Relay access denied: routes"},
	{"allowed though bad", allowed_though_bad, VERDICT_PASS, NULL},
	{"allowed until now", allowed_until_now, VERDICT_REFUSE, "554 5.7.1 "},
	{"to postmaster", to_postmaster, VERDICT_PASS, NULL},
	{"to postmaster without a domain", to_bare_postmaster, VERDICT_PASS, NULL},
	{"to abuse", to_abuse, VERDICT_PASS, NULL},
	{"to the contact", to_contact, VERDICT_PASS, NULL},
	{"to somebody else's postmaster", to_foreign_postmaster, VERDICT_REFUSE, "550 5.7.1 Relay"},
	{"on a foreign allow list", welcomed_by_a_foreign_list, VERDICT_PASS, NULL},
	{"the same, but on our list", welcomed_but_on_our_list, VERDICT_REFUSE, "554 5.7.1 "},
	{"on a broken allow list", welcomed_by_a_broken_list, VERDICT_REFUSE, "550 5.7.25 "},
	{"observe", observe, VERDICT_PASS, "550 5.7.25 "},
	{"tag", tag, VERDICT_TAG, "550 5.7.25 "},
	{"an observed fault does not hide the next", one_observes_another_refuses, VERDICT_REFUSE,
		"554 5.7.1 Service unavailable; Client host [192.0.2.7] blocked using Demo"},
	{"a check enforces no more than the gate", one_would_enforce, VERDICT_PASS, "550 5.7.25 "},
	{"nor does a list", a_list_would_enforce, VERDICT_TAG, "554 5.7.1 "},
	{"nor a list than its check", a_list_would_but_its_check_observes, VERDICT_PASS,
		"554 5.7.1 "},
	{"the strongest of two lists", listed_to_be_scored_and_tagged, VERDICT_TAG, NULL},
};

static void each_case_ends_as_the_table_says(void **state)
{
	(void)state;
	verdict_cases_hold(cases, COUNTOF(cases));
}

static void what_comes_behind_the_refusal_is_told_and_marked(void **state)
{
	struct sample s;

	(void)state;
	sample_init(&s);
	no_ptr(&s);
	helo_short(&s);
	decide(&s);
	assert_true(sample_result(&s, CHECK_HELO_BAD)->decided);
	assert_true(sample_result(&s, CHECK_HELO_BAD)->reached);
	assert_string_equal(sample_result(&s, CHECK_HELO_BAD)->found, "\"friend\" has no domain");
	assert_false(sample_result(&s, CHECK_NO_PTR)->reached);
	assert_int_equal(sample_result(&s, CHECK_NO_PTR)->outcome, OUTCOME_FAIL);
	assert_string_equal(sample_result(&s, CHECK_NO_PTR)->found, "no PTR record");
	assert_int_equal(sample_result(&s, CHECK_FCRDNS)->outcome, OUTCOME_SKIPPED);
	sample_done(&s);
}

static void a_mark_names_the_check_that_makes_it(void **state)
{
	struct sample s;

	(void)state;
	sample_init(&s);
	helo_short(&s);
	s.checks[CHECK_HELO_BAD] = (struct conf_check){
		.action = ACTION_REJECT, .has_mode = true, .mode = MODE_OBSERVE};
	unconfirmed(&s);
	s.checks[CHECK_FCRDNS].action = ACTION_TAG;
	decide(&s);
	assert_int_equal(s.verdict.kind, VERDICT_TAG);
	assert_int_equal(s.verdict.decider->check, CHECK_HELO_BAD);
	assert_int_equal(s.verdict.marker->check, CHECK_FCRDNS);
	sample_done(&s);
}

/* In enforce mode two lists would refuse; one of them only watches. */
static void a_refusal_names_those_that_refuse(void **state)
{
	struct sample s;

	(void)state;
	sample_init(&s);
	two_dnsbls_reject(&s);
	s.dnsbls[1].has_mode = true;
	s.dnsbls[1].mode = MODE_OBSERVE;
	decide(&s);
	assert_int_equal(s.verdict.refusal, REFUSAL_EXT_DNSBL);
	assert_null(strstr(buf_cstr(&s.reply), "Other"));
	sample_done(&s);

	sample_init(&s);
	score_to_reject(&s);
	s.conf.score_reject_at = 4;
	s.checks[CHECK_FCRDNS].has_mode = true;
	s.checks[CHECK_FCRDNS].mode = MODE_OBSERVE;
	decide(&s);
	assert_int_equal(s.verdict.refusal, REFUSAL_SCORE);
	assert_null(strstr(buf_cstr(&s.reply), "fcrdns"));
	sample_done(&s);
}

static void an_exemption_shows_what_it_covered(void **state)
{
	struct sample s;
	const struct check_result *r;

	(void)state;
	sample_init(&s);
	allowed_though_bad(&s);
	decide(&s);
	r = sample_result(&s, CHECK_OWN_LIST);
	assert_int_equal(s.verdict.exemption, EXEMPT_ALLOWED);
	assert_int_equal(r->outcome, OUTCOME_SKIPPED);
	assert_int_equal(r->exemption, EXEMPT_ALLOWED);
	assert_string_equal(r->found, "main/manual: 3 trap hits");
	sample_done(&s);
}

static void bytes_of_strangers_are_printable_in_results(void **state)
{
	struct sample s;

	(void)state;
	sample_init(&s);
	s.facts.ptr_name = span_of("<script>\n\x1b[2J\xff\0x", 16);
	decide(&s);
	assert_string_equal(sample_result(&s, CHECK_NO_PTR)->found, "<script>??[2J??x");
	sample_done(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_case_ends_as_the_table_says),
		cmocka_unit_test(what_comes_behind_the_refusal_is_told_and_marked),
		cmocka_unit_test(a_mark_names_the_check_that_makes_it),
		cmocka_unit_test(a_refusal_names_those_that_refuse),
		cmocka_unit_test(an_exemption_shows_what_it_covered),
		cmocka_unit_test(bytes_of_strangers_are_printable_in_results),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
