/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include <stdlib.h>

#include "gate/sample.h"

enum { NOW_S = 1795300000 };

/* One case: what is unlike the sample, and what comes of it. */
struct verdict_case {
	const char *name;
	void (*change)(struct sample *s);
	enum verdict_kind kind;
	const char *reply; /* NULL: none; the start of the reply otherwise */
};

static void nothing(struct sample *s)
{
	(void)s;
}

static void listed(struct sample *s)
{
	sample_list(s, 0, "3 trap hits", 0);
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

static void no_ptr(struct sample *s)
{
	s->facts.ptr = FACT_NO;
	s->facts.ptr_name = (struct span){0};
	s->facts.confirmed = FACT_UNKNOWN;
}

static void ptr_temporary(struct sample *s)
{
	no_ptr(s);
	s->facts.ptr = FACT_TEMPORARY;
}

static void ptr_late(struct sample *s)
{
	no_ptr(s);
	s->facts.ptr = FACT_UNKNOWN;
}

static void ptr_temporary_and_closed(struct sample *s)
{
	ptr_temporary(s);
	s->conf.fail_open = false;
}

static void ptr_temporary_closed_and_listed(struct sample *s)
{
	ptr_temporary_and_closed(s);
	sample_dnsbl(s, 0);
}

static void unconfirmed(struct sample *s)
{
	s->facts.confirmed = FACT_NO;
}

static void unconfirmed_reject(struct sample *s)
{
	s->facts.confirmed = FACT_NO;
	s->checks[CHECK_FCRDNS].action = ACTION_REJECT;
}

static void confirm_temporary_closed(struct sample *s)
{
	unconfirmed_reject(s);
	s->facts.confirmed = FACT_TEMPORARY;
	s->conf.fail_open = false;
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
	sample_dnsbl(s, 1);
	s->dnsbls[1].weight = 3;
}

static void score_to_reject(struct sample *s)
{
	sample_dnsbl(s, 1);
	unconfirmed(s);
	s->checks[CHECK_FCRDNS].action = ACTION_SCORE;
	s->checks[CHECK_FCRDNS].weight = 4;
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

static void welcomed_by_a_foreign_list(struct sample *s)
{
	no_ptr(s);
	sample_dnsbl(s, 0);
	sample_dnsbl(s, 2);
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

static void perhaps_allowed(struct sample *s)
{
	listed(s);
	s->facts.allowed = FACT_UNKNOWN;
}

static void perhaps_allowed_and_tagged(struct sample *s)
{
	perhaps_allowed(s);
	s->lists[0].action = ACTION_TAG;
}

static void perhaps_welcomed(struct sample *s)
{
	welcomed_by_a_foreign_list(s);
	s->facts.dnsbls[2].state = FACT_TEMPORARY;
}

static void perhaps_welcomed_but_on_our_list(struct sample *s)
{
	perhaps_welcomed(s);
	listed(s);
}

static void perhaps_welcomed_on_trial(struct sample *s)
{
	perhaps_welcomed(s);
	s->dnsbls[2].has_mode = true;
	s->dnsbls[2].mode = MODE_OBSERVE;
}

static void no_list_yet(struct sample *s)
{
	s->facts.lists_known = false;
	s->facts.allowed = FACT_UNKNOWN;
}

static void no_list_yet_and_closed(struct sample *s)
{
	no_list_yet(s);
	s->conf.fail_open = false;
}

static void no_list_yet_and_no_ptr(struct sample *s)
{
	no_list_yet(s);
	no_ptr(s);
}

static void dnsbl_silent(struct sample *s)
{
	s->facts.dnsbls[0].state = FACT_TEMPORARY;
}

static void dnsbl_silent_and_closed(struct sample *s)
{
	dnsbl_silent(s);
	s->conf.fail_open = false;
}

static void dnsbl_out_of_order_and_closed(struct sample *s)
{
	dnsbl_silent_and_closed(s);
	s->facts.dnsbls[0].list_error = true;
}

static void names_may_be_listed(struct sample *s)
{
	s->facts.ptr = FACT_TEMPORARY;
	s->facts.names_may_be_listed = true;
	s->checks[CHECK_NO_PTR].action = ACTION_OFF;
	s->checks[CHECK_FCRDNS].action = ACTION_OFF;
	s->conf.fail_open = false;
}

/* 8 points of 8, and a list that may take some away. */
static void score_perhaps_lifted(struct sample *s)
{
	score_to_reject(s);
	s->dnsbls[0].action = ACTION_SCORE;
	s->dnsbls[0].weight = -1;
	s->facts.dnsbls[0].state = FACT_TEMPORARY;
}

static void score_lifted(struct sample *s)
{
	score_perhaps_lifted(s);
	s->facts.dnsbls[0].state = FACT_YES;
}

static void score_whatever_is_lifted(struct sample *s)
{
	score_perhaps_lifted(s);
	s->conf.score_reject_at = 7;
}

/* 4 points of 8, and a list that may add 4. */
static void score_perhaps_reached(struct sample *s)
{
	sample_dnsbl(s, 1);
	s->dnsbls[0].action = ACTION_SCORE;
	s->dnsbls[0].weight = 4;
	s->facts.dnsbls[0].state = FACT_TEMPORARY;
}

static void score_perhaps_reached_and_closed(struct sample *s)
{
	score_perhaps_reached(s);
	s->conf.fail_open = false;
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
	{"PTR temporary", ptr_temporary, VERDICT_PASS, NULL},
	{"PTR late", ptr_late, VERDICT_PASS, NULL},
	{"PTR temporary, if-we-fail: tempfail", ptr_temporary_and_closed, VERDICT_TEMPFAIL,
		"450 4.7.25 Could not look up reverse DNS for 192.0.2.7 (DNS error)."},
	{"the same, and listed", ptr_temporary_closed_and_listed, VERDICT_REFUSE,
		"554 5.7.1 Service unavailable; Client host [192.0.2.7] blocked using Demo;"},
	{"not confirmed, tagged", unconfirmed, VERDICT_TAG, NULL},
	{"not confirmed, refused", unconfirmed_reject, VERDICT_REFUSE,
		"550 5.7.25 Client host rejected: possibly forged hostname for 192.0.2.7: mail.good.test does not"},
	{"confirmation temporary", confirm_temporary_closed, VERDICT_TEMPFAIL,
		"450 4.7.25 Could not confirm hostname mail.good.test for 192.0.2.7"},
	{"foreign list", dnsbl_rejects, VERDICT_REFUSE,
		"554 5.7.1 Service unavailable; Client host [192.0.2.7] blocked using Demo; ask them, not us, for removal: "
		"https://demo.test/?ip=192.0.2.7&x Our side: https://mail.example.net/why/"},
	{"foreign list without a page", dnsbl_without_url, VERDICT_REFUSE,
		"554 5.7.1 Service unavailable; Client host [192.0.2.7] blocked using Demo; ask them, not us, for removal: see their "
		"site. Our side: "},
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
	{"on our list, and perhaps allowed", perhaps_allowed, VERDICT_TEMPFAIL,
		"450 4.4.3 Could not look up all that decides about [192.0.2.7] (DNS error)."},
	{"the same, and only tagged", perhaps_allowed_and_tagged, VERDICT_TAG, NULL},
	{"on a foreign allow list, perhaps", perhaps_welcomed, VERDICT_TEMPFAIL, "450 4.4.3 "},
	{"the same, but on our list", perhaps_welcomed_but_on_our_list, VERDICT_REFUSE,
		"554 5.7.1 "},
	{"the same, but that list is on trial", perhaps_welcomed_on_trial, VERDICT_REFUSE,
		"550 5.7.25 "},
	{"no list of ours has come", no_list_yet, VERDICT_PASS, NULL},
	{"the same, if-we-fail: tempfail", no_list_yet_and_closed, VERDICT_TEMPFAIL,
		"451 4.3.0 Our fault: temporary problem here. Please try again later. "},
	{"the same, and no PTR", no_list_yet_and_no_ptr, VERDICT_TEMPFAIL, "451 4.3.0 "},
	{"foreign list silent", dnsbl_silent, VERDICT_PASS, NULL},
	{"the same, if-we-fail: tempfail", dnsbl_silent_and_closed, VERDICT_TEMPFAIL, "450 4.4.3 "},
	{"the same, and out of order", dnsbl_out_of_order_and_closed, VERDICT_PASS, NULL},
	{"names unknown, and names are listed", names_may_be_listed, VERDICT_TEMPFAIL,
		"450 4.4.3 "},
	{"score at the limit, perhaps lifted", score_perhaps_lifted, VERDICT_TEMPFAIL,
		"450 4.4.3 "},
	{"score at the limit, lifted", score_lifted, VERDICT_TAG, NULL},
	{"score at the limit, whatever is lifted", score_whatever_is_lifted, VERDICT_REFUSE,
		"550 5.7.1 "},
	{"score perhaps at the limit", score_perhaps_reached, VERDICT_TAG, NULL},
	{"the same, if-we-fail: tempfail", score_perhaps_reached_and_closed, VERDICT_TEMPFAIL,
		"450 4.4.3 "},
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

static void decide(struct sample *s)
{
	verdict_decide(&s->facts, &s->conf, NOW_S, &s->verdict);
	buf_clear(&s->reply);
	verdict_print_reply(&s->verdict, 1, &s->reply);
}

static unsigned decided_count(const struct verdict *v)
{
	unsigned count = 0;

	for (size_t i = 0; i < v->results_len; i++)
		count += v->results[i].decided;
	return count;
}

static void each_case_ends_as_the_table_says(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNTOF(cases); i++) {
		const struct verdict_case *c = &cases[i];
		struct sample s;

		print_message("  %s\n", c->name);
		sample_init(&s);
		c->change(&s);
		decide(&s);
		assert_string_equal(verdict_kind_name(s.verdict.kind), verdict_kind_name(c->kind));
		if (c->reply != NULL)
			assert_memory_equal(buf_cstr(&s.reply), c->reply, strlen(c->reply));
		else
			assert_int_equal(buf_len(&s.reply), 0);
		assert_int_equal(decided_count(&s.verdict), s.verdict.decider != NULL);
		assert_int_equal(s.verdict.decider != NULL, s.verdict.would != VERDICT_PASS);
		assert_int_equal(s.verdict.results_len, CHECK_COUNT - 1 + SAMPLE_DNSBLS);
		sample_done(&s);
	}
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

/* ---- properties: random facts and settings ---- */

static unsigned pick(unsigned *seed, unsigned count)
{
	*seed = *seed * 1103515245U + 12345U;
	return (*seed >> 16) % count;
}

static enum fact_state any_state(unsigned *seed)
{
	return (enum fact_state)pick(seed, 4);
}

static void randomise(struct sample *s, unsigned *seed)
{
	static const char *const helos[] = {"", "friend", "mx.example.net", "[192.0.2.7]", "a.b"};
	static const char *const recipients[] = {"b@example.net", "postmaster@example.net",
		"b@elsewhere.test", "a%b@example.net", "joe", ""};

	for (size_t i = 0; i < CHECK_COUNT; i++) {
		s->checks[i].action = (enum action)pick(seed, 4);
		s->checks[i].weight = (int)pick(seed, 9) - 2;
		s->checks[i].has_mode = pick(seed, 3) == 0;
		s->checks[i].mode = (enum mode)pick(seed, 3);
	}
	for (size_t i = 0; i < SAMPLE_DNSBLS; i++) {
		s->dnsbls[i].action = (enum action)pick(seed, 5);
		s->dnsbls[i].weight = (int)pick(seed, 9) - 4;
		s->facts.dnsbls[i].asked = pick(seed, 5) != 0;
		s->facts.dnsbls[i].state = any_state(seed);
		s->facts.dnsbls[i].list_error = pick(seed, 5) == 0;
	}
	s->conf.mode = (enum mode)pick(seed, 3);
	s->conf.fail_open = pick(seed, 2) != 0;
	s->facts.ptr = any_state(seed);
	s->facts.confirmed = any_state(seed);
	s->facts.allowed = pick(seed, 3) == 0 ? any_state(seed) : FACT_NO;
	s->facts.lists_known = pick(seed, 9) != 0;
	s->facts.spoke_early = pick(seed, 6) == 0;
	if (pick(seed, 6) == 0)
		sample_list(s, pick(seed, 2), "r", (int64_t)pick(seed, 2) * (NOW_S + 9));
	s->facts.helo = span_text(helos[pick(seed, COUNTOF(helos))]);
	facts_set_recipient(&s->facts, &s->conf, span_text(recipients[pick(seed, 6)]));
}

static void find_out(enum fact_state *state, unsigned *seed)
{
	if (*state == FACT_UNKNOWN || *state == FACT_TEMPORARY)
		*state = pick(seed, 2) != 0 ? FACT_YES : FACT_NO;
}

/* The same world, in one of the states that it may be in for all that was told. */
static void find_all_out(struct sample *s, unsigned *seed)
{
	struct facts *facts = &s->facts;

	find_out(&facts->ptr, seed);
	find_out(&facts->confirmed, seed);
	find_out(&facts->allowed, seed);
	for (size_t i = 0; i < facts->dnsbls_len; i++)
		find_out(&facts->dnsbls[i].state, seed);
	if (!facts->lists_known && pick(seed, 2) != 0)
		sample_list(s, pick(seed, 2), "r", 0);
	facts->lists_known = true;
}

static void a_refusal_for_good_holds_whatever_is_found_out(void **state)
{
	unsigned seed = 20261122;
	unsigned refused = 0;

	(void)state;
	for (unsigned round = 0; round < 200000; round++) {
		struct sample s;

		sample_init(&s);
		randomise(&s, &seed);
		verdict_decide(&s.facts, &s.conf, NOW_S, &s.verdict);
		if (s.verdict.kind == VERDICT_REFUSE) {
			refused++;
			find_all_out(&s, &seed);
			verdict_decide(&s.facts, &s.conf, NOW_S, &s.verdict);
			assert_int_equal(s.verdict.kind, VERDICT_REFUSE);
		}
		sample_done(&s);
	}
	assert_true(refused > 1000); /* or nothing was shown */
}

/* if-we-fail: tempfail lets nobody in whom something unknown might refuse. */
static void who_is_let_in_for_sure_is_let_in_whatever_is_found_out(void **state)
{
	unsigned seed = 5;
	unsigned passed = 0;

	(void)state;
	for (unsigned round = 0; round < 200000; round++) {
		struct sample s;

		sample_init(&s);
		randomise(&s, &seed);
		s.conf.fail_open = false;
		verdict_decide(&s.facts, &s.conf, NOW_S, &s.verdict);
		if (s.verdict.would < VERDICT_TEMPFAIL) {
			passed++;
			find_all_out(&s, &seed);
			verdict_decide(&s.facts, &s.conf, NOW_S, &s.verdict);
			assert_true(s.verdict.would < VERDICT_TEMPFAIL);
		}
		sample_done(&s);
	}
	assert_true(passed > 1000);
}

static void strangers_never_relay(void **state)
{
	unsigned seed = 4711;
	unsigned tried = 0;

	(void)state;
	for (unsigned round = 0; round < 200000; round++) {
		struct sample s;

		sample_init(&s);
		randomise(&s, &seed);
		verdict_decide(&s.facts, &s.conf, NOW_S, &s.verdict);
		if (!s.facts.recipient_is_own ||
			memchr(s.facts.recipient.ptr, '%', s.facts.recipient.len) != NULL) {
			tried++;
			assert_true(s.verdict.would >= VERDICT_TEMPFAIL);
			if (s.conf.mode == MODE_ENFORCE) {
				assert_int_equal(s.verdict.kind, VERDICT_REFUSE);
				assert_int_equal(s.verdict.decider->check, CHECK_RELAY_DENIED);
			}
		}
		sample_done(&s);
	}
	assert_true(tried > 1000);
}

/* A fact more against the client never makes the verdict milder, and one result at most decides. */
static void replies_agree_with_verdicts(void **state)
{
	unsigned seed = 99;

	(void)state;
	for (unsigned round = 0; round < 100000; round++) {
		struct sample s;
		const struct refusal *refusal;

		sample_init(&s);
		randomise(&s, &seed);
		decide(&s);
		assert_int_equal(decided_count(&s.verdict), s.verdict.decider != NULL);
		assert_true(s.verdict.kind <= s.verdict.would || s.verdict.kind == VERDICT_TAG);
		if (s.verdict.would >= VERDICT_TEMPFAIL) {
			refusal = refusal_get(s.verdict.refusal);
			assert_int_equal(
				refusal->code / 100, s.verdict.would == VERDICT_TEMPFAIL ? 4 : 5);
			assert_true(buf_len(&s.reply) > 10 && buf_len(&s.reply) <= 510);
		}
		sample_done(&s);
	}
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
		cmocka_unit_test(a_refusal_for_good_holds_whatever_is_found_out),
		cmocka_unit_test(who_is_let_in_for_sure_is_let_in_whatever_is_found_out),
		cmocka_unit_test(strangers_never_relay),
		cmocka_unit_test(replies_agree_with_verdicts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
