/* SPDX-License-Identifier: ISC */
#include "gate/verdict.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/hostname.h"
#include "base/macro.h"
#include "gate/helo.h"

/*
 * Two passes. The first asks every check of catalogue/checks.def, in order, what it sees: one
 * function per check, facts in, one result out (ext-dnsbl: one per foreign list). The second
 * weighs: which results count, which of them decides.
 *
 *   facts --check--> results: pass | fail | unknown
 *                    --exempt--> skipped --weigh--> decider, would, kind
 *
 * A check function knows nothing of actions, modes and exemptions, and the second pass nothing of
 * DNS or HELO: a new check is a row and a function.
 */
struct deciding {
	const struct facts *facts;
	const struct conf *conf;
	int64_t now_s;
	struct verdict *verdict;
};

/* ---- what was seen, in printable ASCII ---- */

static void found_span(struct check_result *r, struct span s)
{
	size_t len = strlen(r->found);

	for (size_t i = 0; i < s.len && len + 1 < sizeof(r->found); i++)
		r->found[len++] = ascii_is_print(s.ptr[i]) ? (char)s.ptr[i] : '?';
	r->found[len] = '\0';
}

static void found_text(struct check_result *r, const char *text)
{
	found_span(r, span_text(text));
}

static void found_quoted(struct check_result *r, struct span s)
{
	found_text(r, "\"");
	found_span(r, s);
	found_text(r, "\"");
}

static void found_number(struct check_result *r, int number)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", number);
	found_text(r, text);
}

static void found_until(struct check_result *r, int64_t until_s)
{
	char text[CLOCK_TEXT_SIZE];

	if (until_s == 0)
		return;
	found_text(r, ", until ");
	found_text(r, clock_print_minute(until_s, text));
	found_text(r, " UTC");
}

static void fail(struct check_result *r, enum refusal_id refusal)
{
	r->outcome = OUTCOME_FAIL;
	r->refusal = refusal;
}

/* Of what could not be found out, for the client: it may come again. */
static enum refusal_id refusal_of_unknown(const struct deciding *d)
{
	return d->facts->lists_known ? REFUSAL_DNS_TEMP : REFUSAL_SYS_TEMP;
}

/* refusal: the temporary one, for sites that would rather ask the client to come back. */
static void unknown(struct check_result *r, enum refusal_id refusal)
{
	r->outcome = OUTCOME_UNKNOWN;
	r->refusal = refusal;
	found_text(r, "could not be looked up (DNS error)");
}

/* ---- one function per check ---- */

/* "a%b@c", "b!a@c", "\"a@b\"@c": ways of asking our backend to send on (RFC 1123 5.2.16). */
static bool recipient_is_route(const struct facts *facts)
{
	struct span local =
		span_first(facts->recipient, facts->recipient.len - facts->recipient_domain.len);

	if (facts->recipient_domain.len != 0)
		local.len--;
	for (size_t i = 0; i < local.len; i++)
		if (local.ptr[i] == '%' || local.ptr[i] == '!' || local.ptr[i] == '@')
			return true;
	return false;
}

static void check_relay_denied(const struct deciding *d, struct check_result *r)
{
	const struct facts *facts = d->facts;

	if (facts->client_is_own) {
		found_text(r, "own network: may relay");
	} else if (recipient_is_route(facts)) {
		fail(r, REFUSAL_RCPT_ROUTE);
		found_text(r, "a route in ");
		found_quoted(r, facts->recipient);
	} else if (!facts->recipient_is_own) {
		fail(r, REFUSAL_RELAY_DENIED);
		found_quoted(r, facts->recipient_domain);
		found_text(r, " is not handled here");
	} else if (facts->recipient.len == 0) {
		found_text(r, "no recipient given");
	} else {
		found_quoted(r, facts->recipient_domain);
		found_text(r, " is handled here");
	}
}

/* The strongest hit in lists of this kind, the first among equals. */
static const struct list_fact *list_hit(const struct deciding *d, enum holds holds)
{
	const struct list_fact *best = NULL;

	for (size_t i = 0; i < d->facts->list_hits_len; i++) {
		const struct list_fact *hit = &d->facts->list_hits[i];

		if (hit->list->holds != holds || hit->list->action == ACTION_OFF ||
			facts_is_over(hit->until_s, d->now_s))
			continue;
		if (best == NULL ||
			action_strength(hit->list->action) > action_strength(best->list->action))
			best = hit;
	}
	return best;
}

struct span list_fact_reason(const struct list_fact *hit)
{
	if (hit->reason.len != 0)
		return hit->reason;
	if (hit->sublist != NULL && hit->sublist->text != NULL)
		return span_text(hit->sublist->text);
	return span_text(hit->sublist != NULL ? hit->sublist->policy : "listed");
}

static void list_print_name(const struct list_fact *hit, char text[VERDICT_LIST_SIZE])
{
	if (hit->sublist != NULL)
		snprintf(text, VERDICT_LIST_SIZE, "%s/%s", hit->list->name, hit->sublist->name);
	else
		snprintf(text, VERDICT_LIST_SIZE, "%s", hit->list->name);
}

/* Whether a list that refuses may hold the client, for all that is known. */
static bool list_may_hit(const struct deciding *d, enum holds holds)
{
	if (d->facts->lists_known)
		return holds == LIST_OF_DOMAINS && d->facts->names_may_be_listed;
	for (size_t i = 0; i < d->conf->lists_len; i++)
		if (d->conf->lists[i].holds == holds && d->conf->lists[i].action == ACTION_REJECT)
			return true;
	return false;
}

static void list_found(struct check_result *r)
{
	char name[VERDICT_LIST_SIZE];

	list_print_name(r->hit, name);
	found_text(r, name);
	found_text(r, ": ");
	if (r->hit->domain.len != 0) {
		found_span(r, r->hit->domain);
		found_text(r, ", ");
	}
	found_span(r, list_fact_reason(r->hit));
	found_until(r, r->hit->until_s);
}

static void check_list(const struct deciding *d, struct check_result *r, enum holds holds)
{
	r->hit = list_hit(d, holds);
	if (r->hit != NULL) {
		fail(r, holds == LIST_OF_DOMAINS ? REFUSAL_DOMAIN_LIST : REFUSAL_OWN_LIST);
		list_found(r);
	} else if (list_may_hit(d, holds)) {
		r->outcome = OUTCOME_UNKNOWN;
		r->refusal = refusal_of_unknown(d);
		found_text(r, d->facts->lists_known ? "not listed by the names that are known"
						    : "no list has come yet");
	} else {
		found_text(r, "not listed");
	}
}

static void check_own_list(const struct deciding *d, struct check_result *r)
{
	check_list(d, r, LIST_OF_ADDRESSES);
}

static void check_domain_list(const struct deciding *d, struct check_result *r)
{
	check_list(d, r, LIST_OF_DOMAINS);
}

static void check_early(const struct deciding *d, struct check_result *r)
{
	if (d->facts->spoke_early)
		fail(r, REFUSAL_EARLY);
	found_text(
		r, d->facts->spoke_early ? "spoke before the greeting" : "waited for the greeting");
}

/* Our host, or one of our domains; a host below a domain may be a branch that we do not know of. */
static bool name_is_ours(const struct conf *conf, struct span name)
{
	if (span_equal_nocase(name, span_text(conf->hostname)))
		return true;
	for (size_t i = 0; i < conf->own_domains_len; i++) {
		const char *own = conf->own_domains[i];

		if (span_equal_nocase(name, span_text(own[0] == '.' ? own + 1 : own)))
			return true;
	}
	return false;
}

static void check_helo_ours(const struct deciding *d, struct check_result *r)
{
	struct ip ip = {0};
	enum helo_kind kind = helo_parse(d->facts->helo, &ip);
	bool ours = kind == HELO_LITERAL || kind == HELO_ADDRESS
			    ? facts_ip_is_own(d->conf, ip)
			    : name_is_ours(d->conf, hostname_without_dot(d->facts->helo));

	if (kind == HELO_ABSENT) {
		found_text(r, "not given");
		return;
	}
	found_quoted(r, d->facts->helo);
	if (ours) {
		fail(r, REFUSAL_HELO_OURS);
		found_text(r, " is ours");
	}
}

static void check_helo_bad(const struct deciding *d, struct check_result *r)
{
	enum helo_kind kind;
	const char *complaint = helo_complaint(d->facts->helo, d->facts->client, &kind);

	if (kind == HELO_ABSENT) {
		found_text(r, "not given");
		return;
	}
	found_quoted(r, d->facts->helo);
	if (complaint != NULL) {
		fail(r, kind == HELO_LITERAL ? REFUSAL_HELO_BAD_LITERAL : REFUSAL_HELO_BAD);
		found_text(r, complaint);
	}
}

static void check_no_ptr(const struct deciding *d, struct check_result *r)
{
	switch (d->facts->ptr) {
	case FACT_YES:
		found_span(r, d->facts->ptr_name);
		return;
	case FACT_NO:
		fail(r, REFUSAL_NO_PTR);
		found_text(r, "no PTR record");
		return;
	case FACT_UNKNOWN:
	case FACT_TEMPORARY:
		unknown(r, REFUSAL_NO_PTR_TEMP);
	}
}

static void check_fcrdns(const struct deciding *d, struct check_result *r)
{
	const struct facts *facts = d->facts;

	if (facts->ptr == FACT_NO) {
		/* what no-ptr says; one fault is not counted twice */
		r->outcome = OUTCOME_SKIPPED;
		found_text(r, "no name to confirm");
	} else if (facts->ptr != FACT_YES) {
		unknown(r, REFUSAL_NO_PTR_TEMP);
	} else if (facts->confirmed == FACT_YES) {
		found_span(r, facts->confirmed_name);
		found_text(r, " points back");
	} else if (facts->confirmed == FACT_NO) {
		fail(r, REFUSAL_FCRDNS);
		found_span(r, facts->ptr_name);
		found_text(r, " does not point back");
	} else {
		found_span(r, facts->ptr_name);
		found_text(r, " ");
		unknown(r, REFUSAL_FCRDNS_TEMP);
	}
}

static void check_sender_domain(const struct deciding *d, struct check_result *r)
{
	struct span domain = facts_mailbox_domain(d->facts->sender);

	if (d->facts->sender_state == SENDER_UNASKED) {
		r->outcome = OUTCOME_SKIPPED;
		found_text(r, "not asked");
		return;
	}
	found_span(r, domain);
	switch (d->facts->sender_state) {
	case SENDER_MISSING:
		fail(r, REFUSAL_SENDER_DOMAIN);
		found_text(r, " has neither MX nor address");
		break;
	case SENDER_NULL_MX:
		fail(r, REFUSAL_SENDER_NULL_MX);
		found_text(r, " takes no mail (null MX)");
		break;
	case SENDER_UNKNOWN:
		found_text(r, " ");
		unknown(r, REFUSAL_SENDER_TEMP);
		break;
	case SENDER_UNASKED:
	case SENDER_REACHABLE:
		break;
	}
}

/* Which term, of whose record: "pass by mx of example.org". */
static void spf_found_term(const struct spf_outcome *spf, struct check_result *r)
{
	found_text(r, spf_result_name(spf->result));
	if (spf->what.len != 0) {
		found_text(r, spf->cause == SPF_CAUSE_NONE ? " by " : " at ");
		found_quoted(r, spf->what);
	}
	if (spf->domain.len != 0) {
		found_text(r, " of ");
		found_span(r, spf->domain);
	}
}

/* The limits are those of RFC 7208, which many a program counts otherwise. */
static void spf_found_cause(enum spf_cause cause, struct check_result *r)
{
	static const char *const words[] = {
		[SPF_CAUSE_SYNTAX] = ": no term of SPF",
		[SPF_CAUSE_RECORDS] = ": more than one record",
		[SPF_CAUSE_NO_RECORD] = ": leads to no record",
		[SPF_CAUSE_TERMS] = ": the 11th question; others may say pass",
		[SPF_CAUSE_MX_NAMES] = ": more than 10 MX; others may say pass",
		[SPF_CAUSE_VOIDS] = ": the 3rd name without records; others may say pass",
		[SPF_CAUSE_LONG] = ": macros that become too long",
	};

	if (cause < (int)COUNTOF(words) && words[cause] != NULL)
		found_text(r, words[cause]);
}

static void check_spf_fail(const struct deciding *d, struct check_result *r)
{
	const struct spf_outcome *spf = d->facts->spf;

	if (spf == NULL) {
		r->outcome = OUTCOME_SKIPPED;
		found_text(r, "not asked");
		return;
	}
	if (spf->result == SPF_TEMPERROR || spf->result == SPF_UNANSWERED) {
		unknown(r, REFUSAL_SPF_TEMP);
		return;
	}
	if (spf->result == SPF_FAIL)
		fail(r, REFUSAL_SPF_FAIL);
	spf_found_term(spf, r);
	spf_found_cause(spf->cause, r);
}

/* A list that is late, broken or suspended says nothing: neither a hit nor, with action allow, an
 * allowance. */
static void check_dnsbl(const struct dnsbl_fact *fact, struct check_result *r)
{
	char code[32];

	if (fact == NULL || !fact->asked) {
		r->outcome = OUTCOME_SKIPPED;
		found_text(r, "not asked");
	} else if (fact->list_error) {
		r->outcome = OUTCOME_UNKNOWN;
		found_text(r, "does not count: ");
		found_text(r,
			fact->error_text != NULL ? fact->error_text : "the list is out of order");
	} else if (fact->state == FACT_YES) {
		fail(r, r->action == ACTION_DEFER ? REFUSAL_EXT_DNSBL_TEMP : REFUSAL_EXT_DNSBL);
		r->weight = fact->hit.weight;
		snprintf(code, sizeof(code), "listed, %u.%u.%u.%u", fact->hit.code[0],
			fact->hit.code[1], fact->hit.code[2], fact->hit.code[3]);
		found_text(r, code);
		found_text(r, fact->list_text.len != 0 ? ": " : "");
		found_span(r, fact->list_text);
	} else if (fact->state == FACT_NO) {
		found_text(r, "not listed");
	} else {
		r->outcome = OUTCOME_UNKNOWN;
		r->refusal = REFUSAL_DNS_TEMP;
		found_text(r, "no answer in time");
	}
}

static void grey_found_wait(const struct grey_fact *grey, struct check_result *r)
{
	char reasons[SUSPICION_TEXT_SIZE];

	found_text(r, ", ");
	found_number(r, (int)grey->decision.wait_s);
	found_text(r, " s to wait: ");
	found_text(r, suspicion_print(&grey->suspicion, reasons));
}

static void check_grey(const struct deciding *d, struct check_result *r)
{
	const struct grey_fact *grey = &d->facts->grey;

	if (grey->state != GREY_ASKED) {
		r->outcome = OUTCOME_SKIPPED;
		found_text(
			r, grey->state == GREY_AT_DATA ? "bounces are asked at DATA" : "not asked");
		return;
	}
	found_text(r, grey_why_words(grey->decision.why));
	if (grey->decision.wait_s != 0) {
		fail(r, REFUSAL_GREY);
		grey_found_wait(grey, r);
	}
}

/* Never called: one result per list is made by decide_dnsbls, and the score is known when all
 * others are. */
static void (*const checks[CHECK_COUNT])(const struct deciding *d, struct check_result *r) = {
	[CHECK_RELAY_DENIED] = check_relay_denied,
	[CHECK_OWN_LIST] = check_own_list,
	[CHECK_DOMAIN_LIST] = check_domain_list,
	[CHECK_EARLY] = check_early,
	[CHECK_HELO_OURS] = check_helo_ours,
	[CHECK_HELO_BAD] = check_helo_bad,
	[CHECK_NO_PTR] = check_no_ptr,
	[CHECK_FCRDNS] = check_fcrdns,
	[CHECK_SENDER_DOMAIN] = check_sender_domain,
	[CHECK_SPF_FAIL] = check_spf_fail,
	[CHECK_GREY] = check_grey,
};

/* ---- what it means here: action, mode, exemption ---- */

/* A list has an action and so has the check it belongs to: the milder one holds. */
static enum action action_milder(enum action check, enum action list)
{
	if (list == ACTION_ALLOW && check != ACTION_OFF)
		return ACTION_ALLOW;
	return action_strength(check) < action_strength(list) ? check : list;
}

/* The same for modes: that of the gate, of a check, and of a foreign list. */
static enum mode mode_milder(enum mode a, enum mode b)
{
	return a < b ? a : b;
}

/* Whether a foreign list, in a mode that acts, vouches for the client. */
static enum fact_state dnsbl_allows(const struct deciding *d, size_t i)
{
	const struct conf_dnsbl *dnsbl = &d->conf->dnsbls[i];
	const struct dnsbl_fact *fact = &d->facts->dnsbls[i];

	if (dnsbl->action != ACTION_ALLOW || (dnsbl->has_mode && dnsbl->mode == MODE_OBSERVE) ||
		!fact->asked || fact->list_error)
		return FACT_NO;
	return fact->state == FACT_TEMPORARY ? FACT_UNKNOWN : fact->state;
}

static bool dnsbls_allow(const struct deciding *d, enum fact_state how)
{
	size_t count = d->conf->dnsbls_len < d->facts->dnsbls_len ? d->conf->dnsbls_len
								  : d->facts->dnsbls_len;

	for (size_t i = 0; i < count; i++)
		if (dnsbl_allows(d, i) == how)
			return true;
	return false;
}

static enum exemption exemption_find(const struct deciding *d)
{
	const struct facts *facts = d->facts;

	if (facts->client_is_own)
		return EXEMPT_OWN;
	if (facts->allowed == FACT_YES && !facts_is_over(facts->allow_until_s, d->now_s))
		return EXEMPT_ALLOWED;
	if (facts->recipient_is_reachable)
		return EXEMPT_REACHABLE;
	return dnsbls_allow(d, FACT_YES) ? EXEMPT_FOREIGN : EXEMPT_NOT;
}

static enum exemption exemption_find_perhaps(const struct deciding *d)
{
	if (d->facts->allowed != FACT_YES && d->facts->allowed != FACT_NO)
		return EXEMPT_ALLOWED;
	return dnsbls_allow(d, FACT_UNKNOWN) ? EXEMPT_FOREIGN : EXEMPT_NOT;
}

/* Nothing exempts from the relay check (own networks pass it by themselves); the word of a foreign
 * list does not weigh more than what we list or saw ourselves. */
static bool exemption_covers(enum exemption exemption, enum check_id check)
{
	if (exemption == EXEMPT_NOT || check == CHECK_RELAY_DENIED)
		return false;
	if (exemption != EXEMPT_FOREIGN)
		return true;
	return check == CHECK_HELO_BAD || check == CHECK_NO_PTR || check == CHECK_FCRDNS ||
	       check == CHECK_SENDER_DOMAIN || check == CHECK_SPF_FAIL ||
	       check == CHECK_EXT_DNSBL || check == CHECK_SCORE || check == CHECK_GREY;
}

static void result_withhold(const struct deciding *d, struct check_result *r)
{
	r->outcome = OUTCOME_UNKNOWN;
	r->refusal = refusal_of_unknown(d);
	r->withheld = true;
}

static void result_exempt(const struct deciding *d, struct check_result *r)
{
	bool refuses = r->outcome == OUTCOME_FAIL && r->action == ACTION_REJECT;

	if (r->action == ACTION_OFF) {
		r->outcome = OUTCOME_SKIPPED;
	} else if ((r->outcome == OUTCOME_FAIL || r->outcome == OUTCOME_UNKNOWN) &&
		   exemption_covers(d->verdict->exemption, r->check)) {
		r->outcome = OUTCOME_SKIPPED;
		r->exemption = d->verdict->exemption;
	} else if (refuses && exemption_covers(d->verdict->perhaps, r->check)) {
		result_withhold(d, r);
		found_text(r, "; whether it is allowed is not known");
	}
}

static bool action_stops(enum action action)
{
	return action == ACTION_REJECT || action == ACTION_DEFER;
}

static void result_would(const struct deciding *d, struct check_result *r)
{
	bool waits = r->withheld || !d->conf->fail_open;

	r->would = VERDICT_PASS;
	if (r->outcome == OUTCOME_FAIL && r->action == ACTION_REJECT)
		r->would = VERDICT_REFUSE;
	else if (r->outcome == OUTCOME_FAIL &&
		 (r->action == ACTION_DEFER || r->action == ACTION_GREYLIST))
		r->would = VERDICT_TEMPFAIL;
	else if (r->outcome == OUTCOME_FAIL && r->action == ACTION_TAG)
		r->would = VERDICT_TAG;
	else if (r->outcome == OUTCOME_UNKNOWN && action_stops(r->action) &&
		 r->refusal != REFUSAL_COUNT && waits)
		r->would = VERDICT_TEMPFAIL;
}

static struct check_result *result_add(const struct deciding *d, enum check_id check)
{
	struct verdict *v = d->verdict;
	struct check_result *r = &v->results[v->results_len++];
	const struct conf_check *conf = &d->conf->checks[check];

	*r = (struct check_result){.check = check,
		.conf = conf,
		.outcome = OUTCOME_PASS,
		.action = conf->action,
		.mode = conf->has_mode ? mode_milder(conf->mode, d->conf->mode) : d->conf->mode,
		.weight = conf->weight,
		.refusal = REFUSAL_COUNT};
	if (check == CHECK_RELAY_DENIED) { /* no setting of the check makes an open relay */
		r->action = ACTION_REJECT;
		r->mode = d->conf->mode;
	}
	return r;
}

static void decide_check(const struct deciding *d, enum check_id check)
{
	struct check_result *r = result_add(d, check);

	checks[check](d, r);
	if (r->hit != NULL)
		r->action = action_milder(r->action, r->hit->list->action);
	result_exempt(d, r);
	result_would(d, r);
}

static void decide_dnsbl(const struct deciding *d, size_t i)
{
	const struct conf_dnsbl *dnsbl = &d->conf->dnsbls[i];
	struct check_result *r = result_add(d, CHECK_EXT_DNSBL);

	r->dnsbl = dnsbl;
	r->action = action_milder(r->action, dnsbl->action);
	r->weight = dnsbl->weight;
	if (dnsbl->has_mode)
		r->mode = mode_milder(dnsbl->mode, r->mode);
	check_dnsbl(i < d->facts->dnsbls_len ? &d->facts->dnsbls[i] : NULL, r);
	if (r->action == ACTION_ALLOW && r->outcome == OUTCOME_FAIL)
		r->outcome = OUTCOME_PASS; /* being listed there is good */
	result_exempt(d, r);
	result_would(d, r);
}

static void decide_dnsbls(const struct deciding *d)
{
	struct check_result *r;

	for (size_t i = 0; i < d->conf->dnsbls_len && i < FACTS_DNSBLS_MAX; i++)
		decide_dnsbl(d, i);
	if (d->conf->dnsbls_len == 0) {
		r = result_add(d, CHECK_EXT_DNSBL);
		r->outcome = OUTCOME_SKIPPED;
		found_text(r, "no third-party list is configured");
	}
}

/* A check that only watches (a weaker mode than the score's) adds nothing to a score that acts. */
static bool result_scores(const struct check_result *r, const struct check_result *score)
{
	return r->outcome == OUTCOME_FAIL && r->action == ACTION_SCORE && r->mode >= score->mode;
}

static void score_found(const struct deciding *d, struct check_result *score, size_t count)
{
	const char *separator = ": ";

	found_number(score, d->verdict->score);
	found_text(score, " of ");
	found_number(score, d->conf->score_reject_at);
	for (size_t i = 0; i < count; i++) {
		const struct check_result *r = &d->verdict->results[i];

		if (!result_scores(r, score))
			continue;
		found_text(score, separator);
		found_text(
			score, r->dnsbl != NULL ? r->dnsbl->name : check_words_get(r->check)->key);
		found_text(score, " ");
		found_number(score, r->weight);
		separator = ", ";
	}
}

/* The same of what is not known: it may add its weight, or not. */
static bool result_may_score(const struct check_result *r, const struct check_result *score)
{
	return r->outcome == OUTCOME_UNKNOWN && r->refusal != REFUSAL_COUNT &&
	       r->action == ACTION_SCORE && r->mode >= score->mode;
}

static void score_may_add(const struct check_result *r, int may_add[2])
{
	if (r->dnsbl != NULL)
		dnsbl_add_weights(r->dnsbl, may_add);
	else
		may_add[r->weight > 0] += r->weight;
}

/* The sum of what is known lies between two others: with all unknown weights below zero, and with
 * all above. A refusal has to hold whatever they turn out to be. */
static void score_refuse(const struct deciding *d, struct check_result *score, const int may_add[2])
{
	int limit = d->conf->score_reject_at, known = d->verdict->score;

	if (limit <= 0 || known + may_add[1] < limit)
		return;
	if (known + may_add[0] >= limit) {
		fail(score, REFUSAL_SCORE);
		return;
	}
	result_withhold(d, score);
	score->withheld = known >= limit;
	found_text(score, "; some could not be looked up");
}

static void decide_score(const struct deciding *d)
{
	struct verdict *v = d->verdict;
	size_t count = v->results_len;
	struct check_result *score = result_add(d, CHECK_SCORE);
	int may_add[2] = {0, 0}; /* below zero; above */

	for (size_t i = 0; i < count; i++) {
		const struct check_result *r = &v->results[i];

		if (result_scores(r, score))
			v->score += r->weight;
		else if (result_may_score(r, score))
			score_may_add(r, may_add);
	}
	score_found(d, score, count);
	score_refuse(d, score, may_add);
	result_exempt(d, score);
	result_would(d, score);
	if (score->would == VERDICT_PASS && score->outcome != OUTCOME_SKIPPED &&
		d->conf->score_tag_at > 0 && v->score >= d->conf->score_tag_at) {
		score->outcome = OUTCOME_FAIL;
		score->would = VERDICT_TAG;
	}
}

/* ---- which one decides ---- */

static enum verdict_kind kind_in_mode(enum verdict_kind would, enum mode mode)
{
	if (mode == MODE_OBSERVE || would == VERDICT_PASS)
		return VERDICT_PASS;
	return mode == MODE_TAG ? VERDICT_TAG : would;
}

/* Says only that something is not known; others say what. */
static bool refusal_is_vague(enum refusal_id refusal)
{
	return refusal == REFUSAL_DNS_TEMP || refusal == REFUSAL_SYS_TEMP;
}

/* The order of results is the order of the table, so "the first" needs only ">". What refuses now
 * goes before what would refuse, and a fact that is known before one that is not: a client that is
 * refused anyway need not come back. */
static bool result_is_stronger(const struct check_result *r, const struct check_result *than)
{
	enum verdict_kind kind = kind_in_mode(r->would, r->mode);
	enum verdict_kind than_kind = kind_in_mode(than->would, than->mode);
	bool stops = kind >= VERDICT_TEMPFAIL;
	bool than_stops = than_kind >= VERDICT_TEMPFAIL;

	if (stops != than_stops)
		return stops;
	if (r->would == VERDICT_TEMPFAIL && than->would == VERDICT_TEMPFAIL && kind == than_kind)
		return !refusal_is_vague(r->refusal) && refusal_is_vague(than->refusal);
	return stops ? kind > than_kind : r->would > than->would;
}

bool verdict_counts(const struct verdict *verdict, const struct check_result *r)
{
	const struct check_result *decider = verdict->decider;

	if (decider->check == CHECK_SCORE)
		return result_scores(r, decider);
	return r->check == decider->check && r->would == decider->would && r->mode >= decider->mode;
}

/* Several entries of one list have one name. */
static bool verdict_is_of_many_lists(const struct verdict *v)
{
	if (v->decider->check != CHECK_EXT_DNSBL || v->would != VERDICT_REFUSE)
		return false;
	for (size_t i = 0; i < v->results_len; i++)
		if (verdict_counts(v, &v->results[i]) &&
			strcmp(v->results[i].dnsbl->name, v->decider->dnsbl->name) != 0)
			return true;
	return false;
}

static void verdict_weigh(struct verdict *v)
{
	struct check_result *decider = NULL;

	/* The decider may be one that only observes; a mark names the check that makes it. */
	for (size_t i = 0; i < v->results_len; i++) {
		struct check_result *r = &v->results[i];
		enum verdict_kind kind = kind_in_mode(r->would, r->mode);

		if (kind > v->kind) {
			v->kind = kind;
			v->marker = r;
		}
		if (r->would != VERDICT_PASS && (decider == NULL || result_is_stronger(r, decider)))
			decider = r;
	}
	for (size_t i = 0; i < v->results_len; i++)
		v->results[i].reached = decider == NULL || decider->would < VERDICT_TEMPFAIL ||
					&v->results[i] <= decider;
	if (decider == NULL)
		return;
	decider->decided = true;
	v->decider = decider;
	v->would = decider->would;
	v->mode = decider->mode;
	v->refusal = verdict_is_of_many_lists(v) ? REFUSAL_EXT_DNSBL_MANY : decider->refusal;
}

static void verdict_init(
	struct verdict *verdict, const struct facts *facts, const struct conf *conf)
{
	verdict->facts = facts;
	verdict->conf = conf;
	verdict->kind = VERDICT_PASS;
	verdict->would = VERDICT_PASS;
	verdict->mode = conf->mode;
	verdict->refusal = REFUSAL_COUNT;
	verdict->decider = NULL;
	verdict->marker = NULL;
	verdict->exemption = EXEMPT_NOT;
	verdict->perhaps = EXEMPT_NOT;
	verdict->score = 0;
	verdict->results_len = 0;
}

void verdict_of_fault(const struct facts *facts, const struct conf *conf,
	const struct verdict_fault *fault, struct verdict *ret_verdict)
{
	verdict_init(ret_verdict, facts, conf);
	ret_verdict->refusal = fault->refusal;
	if (!fault->may_be_taken)
		ret_verdict->mode = MODE_ENFORCE;
	ret_verdict->would =
		refusal_get(fault->refusal)->code < 500 ? VERDICT_TEMPFAIL : VERDICT_REFUSE;
	ret_verdict->kind = kind_in_mode(ret_verdict->would, ret_verdict->mode);
}

void verdict_decide(const struct facts *facts, const struct conf *conf, int64_t now_s,
	struct verdict *ret_verdict)
{
	struct deciding d;

	ASSERT(conf->checks_len == CHECK_COUNT);
	verdict_init(ret_verdict, facts, conf);
	d = (struct deciding){facts, conf, now_s, ret_verdict};
	ret_verdict->exemption = exemption_find(&d);
	ret_verdict->perhaps = exemption_find_perhaps(&d);
	for (int check = 0; check < CHECK_COUNT; check++) {
		if (check == CHECK_EXT_DNSBL)
			decide_dnsbls(&d);
		else if (check == CHECK_SCORE)
			decide_score(&d);
		else
			decide_check(&d, (enum check_id)check);
	}
	verdict_weigh(ret_verdict);
}

const char *verdict_print_list(const struct verdict *verdict, char text[VERDICT_LIST_SIZE])
{
	text[0] = '\0';
	if (verdict->decider == NULL)
		return text;
	if (verdict->decider->hit != NULL)
		list_print_name(verdict->decider->hit, text);
	else if (verdict->decider->dnsbl != NULL)
		snprintf(text, VERDICT_LIST_SIZE, "%s", verdict->decider->dnsbl->name);
	return text;
}

const char *verdict_kind_name(enum verdict_kind kind)
{
	static const char *const names[] = {[VERDICT_PASS] = "pass",
		[VERDICT_TAG] = "tag",
		[VERDICT_TEMPFAIL] = "tempfail",
		[VERDICT_REFUSE] = "refuse"};

	return names[kind];
}

const char *check_outcome_name(enum check_outcome outcome)
{
	static const char *const names[] = {[OUTCOME_SKIPPED] = "skipped",
		[OUTCOME_PASS] = "pass",
		[OUTCOME_FAIL] = "fail",
		[OUTCOME_UNKNOWN] = "unknown"};

	return names[outcome];
}

const char *verdict_rule(const struct verdict *verdict)
{
	return verdict->decider != NULL ? check_words_get(verdict->decider->check)->key
					: refusal_get(verdict->refusal)->key;
}
