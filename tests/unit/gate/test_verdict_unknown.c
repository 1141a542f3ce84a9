/* SPDX-License-Identifier: ISC */
/* What DNS did not tell, or no list has told yet: never a permanent refusal that it might lift. */
#include "gate/verdict_case.h"

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

static void confirm_temporary_closed(struct sample *s)
{
	unconfirmed_reject(s);
	s->facts.confirmed = FACT_TEMPORARY;
	s->conf.fail_open = false;
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
	sample_dnsbl(s, 0);
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

static const struct verdict_case cases[] = {
	{"PTR temporary", ptr_temporary, VERDICT_PASS, NULL},
	{"PTR late", ptr_late, VERDICT_PASS, NULL},
	{"PTR temporary, if-we-fail: tempfail", ptr_temporary_and_closed, VERDICT_TEMPFAIL,
		"450 4.7.25 Could not look up reverse DNS for 192.0.2.7 (DNS error)."},
	{"the same, and listed", ptr_temporary_closed_and_listed, VERDICT_REFUSE,
		"554 5.7.1 Service unavailable; Client host [192.0.2.7] blocked using Demo;"},
	{"confirmation temporary", confirm_temporary_closed, VERDICT_TEMPFAIL,
		"450 4.7.25 Could not confirm hostname mail.good.test for 192.0.2.7"},
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
};

static void each_case_ends_as_the_table_says(void **state)
{
	(void)state;
	verdict_cases_hold(cases, COUNTOF(cases));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_case_ends_as_the_table_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
