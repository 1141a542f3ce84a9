/* SPDX-License-Identifier: ISC */
#include "gate/explain.h"

#include <stdio.h>

#include "base/macro.h"

enum { FIX_SIZE = EXPLAIN_CHANGE_SIZE / 2 };

/* ---- the smallest single change ---- */

/* Listed by a network or domain around it, which is not taken off for its sake. */
static bool hit_is_around(const struct list_fact *hit)
{
	return hit->entry != NULL &&
	       (hit->entry->kind == SOURCE_NET ? hit->entry->net.bits < 128
					       : hit->entry->domain[0] == '.');
}

/* Removal takes a source off all lists, an exception counts in its sublist. */
static bool is_healed(const struct list_fact *hit, const struct list_fact *repaired)
{
	return hit_is_around(repaired) ? hit->sublist == repaired->sublist
				       : hit->list->holds == repaired->list->holds;
}

/* The world in which one check has nothing to say; asked again, it shows whether that check alone
 * stands in the way. */
static void heal(struct facts *facts, const struct conf *conf, const struct check_result *r)
{
	size_t kept = 0;

	switch (r->check) {
	case CHECK_OWN_LIST:
	case CHECK_DOMAIN_LIST:
		for (size_t i = 0; i < facts->list_hits_len; i++)
			if (!is_healed(&facts->list_hits[i], r->hit))
				facts->list_hits[kept++] = facts->list_hits[i];
		facts->list_hits_len = kept;
		return;
	case CHECK_EARLY:
		facts->spoke_early = false;
		return;
	case CHECK_HELO_OURS:
	case CHECK_HELO_BAD:
		facts->helo = (struct span){0};
		return;
	case CHECK_NO_PTR:
	case CHECK_FCRDNS:
		facts->ptr = FACT_YES;
		facts->confirmed = FACT_YES;
		return;
	case CHECK_SENDER_DOMAIN:
		facts->sender_state = SENDER_REACHABLE;
		return;
	case CHECK_SPF_FAIL:
		facts->spf = NULL;
		return;
	case CHECK_GREY:
		facts->grey.decision.wait_s = 0;
		return;
	case CHECK_EXT_DNSBL:
		facts->dnsbls[r->dnsbl - conf->dnsbls].state = FACT_NO;
		return;
	case CHECK_RELAY_DENIED:
	case CHECK_SCORE:
	case CHECK_COUNT:
		return;
	}
}

static void change_print_list(const struct list_fact *hit, const char *ip, char fix[FIX_SIZE])
{
	char name[DOMAIN_SIZE];
	char around[SOURCE_TEXT_SIZE];

	if (hit->domain.len != 0) {
		snprintf(name, sizeof(name), "%.*s", (int)hit->domain.len,
			(const char *)hit->domain.ptr);
		ip = name;
	}
	if (hit_is_around(hit))
		snprintf(fix, FIX_SIZE,
			"stockade list add %s --list %s --sublist %s --except --reason \"...\" (it is listed by %s)",
			ip, hit->list->name, hit->sublist->name, source_print(hit->entry, around));
	else
		snprintf(fix, FIX_SIZE, "stockade delist %s --reason \"...\"", ip);
}

static void change_print_fix(const struct check_result *r, const char *ip, char fix[FIX_SIZE])
{
	switch (r->check) {
	case CHECK_OWN_LIST:
	case CHECK_DOMAIN_LIST:
		change_print_list(r->hit, ip, fix);
		return;
	case CHECK_EARLY:
		snprintf(fix, FIX_SIZE, "a client that waits for the greeting");
		return;
	case CHECK_HELO_OURS:
	case CHECK_HELO_BAD:
		snprintf(fix, FIX_SIZE, "its own full host name in HELO");
		return;
	case CHECK_NO_PTR:
		snprintf(fix, FIX_SIZE, "a PTR record");
		return;
	case CHECK_FCRDNS:
		snprintf(fix, FIX_SIZE, "an address record that confirms the PTR name");
		return;
	case CHECK_SENDER_DOMAIN:
		snprintf(fix, FIX_SIZE, "an MX or address record of the sender's domain");
		return;
	case CHECK_SPF_FAIL:
		snprintf(fix, FIX_SIZE, "its address in the SPF record of the sender's domain");
		return;
	case CHECK_GREY:
		snprintf(fix, FIX_SIZE, "another attempt, which mail servers make by themselves");
		return;
	case CHECK_EXT_DNSBL:
		snprintf(fix, FIX_SIZE, "removal from %s", r->dnsbl->name);
		return;
	default:
		fix[0] = '\0';
	}
}

static bool facts_pass(const struct facts *facts, const struct conf *conf, int64_t now_s)
{
	struct verdict verdict;

	verdict_decide(facts, conf, now_s, &verdict);
	return verdict.would < VERDICT_TEMPFAIL;
}

/* Which repair alone would do: each check that failed is healed and all is asked again. "" when it
 * takes more than one. */
static void change_find_fix(
	const struct explanation *e, int64_t now_s, const char *ip, char fix[FIX_SIZE])
{
	const struct conf *conf = e->verdict.conf;

	fix[0] = '\0';
	for (size_t i = 0; i < e->verdict.results_len; i++) {
		const struct check_result *r = &e->verdict.results[i];
		struct facts healed = e->facts;

		if (r->outcome != OUTCOME_FAIL)
			continue;
		heal(&healed, conf, r);
		if (facts_pass(&healed, conf, now_s)) {
			change_print_fix(r, ip, fix);
			return;
		}
	}
}

static void change_fill(struct explanation *e, int64_t now_s)
{
	char ip[IP_TEXT_SIZE];
	char fix[FIX_SIZE];

	e->change[0] = '\0';
	if (e->verdict.would < VERDICT_TEMPFAIL)
		return;
	ip_print(e->facts.client, ip);
	if (e->verdict.refusal == REFUSAL_RELAY_DENIED) {
		snprintf(e->change, sizeof(e->change),
			"the recipient's domain in own.domains, or %s in own.networks", ip);
		return;
	}
	if (e->verdict.refusal == REFUSAL_RCPT_ROUTE) {
		snprintf(e->change, sizeof(e->change), "a recipient address without a route");
		return;
	}
	change_find_fix(e, now_s, ip, fix);
	snprintf(e->change, sizeof(e->change), "%s%sstockade allow %s --reason \"...\"", fix,
		fix[0] != '\0' ? ", or  " : "", ip);
}

/* ---- lines ---- */

static void explain_add_allowed(struct explanation *e)
{
	struct explain_line *line = &e->lines[e->lines_len++];
	bool allowed = e->verdict.exemption == EXEMPT_ALLOWED || e->facts.client_is_own;
	size_t len = 0;

	for (size_t i = 0; i < e->facts.allow_reason.len && len + 1 < sizeof(e->allowed); i++) {
		uint8_t c = e->facts.allow_reason.ptr[i];

		e->allowed[len++] = ascii_is_print(c) ? (char)c : '?';
	}
	e->allowed[len] = '\0';
	if (e->facts.client_is_own)
		snprintf(e->allowed, sizeof(e->allowed), "own network");
	*line = (struct explain_line){.number = 1,
		.key = "allowed",
		.found = allowed ? e->allowed : "",
		.outcome = allowed                            ? "yes"
			   : e->facts.allowed == FACT_UNKNOWN ? "unknown"
							      : "no",
		.reached = true};
}

static void explain_add(struct explanation *e, const struct check_result *r)
{
	struct explain_line *line = &e->lines[e->lines_len++];

	/* There is no connection yet: a fact that only one could bring is left open. */
	*line = (struct explain_line){.number = (unsigned)e->lines_len,
		.key = check_words_get(r->check)->key,
		.name = r->dnsbl != NULL ? r->dnsbl->name : NULL,
		.found = r->found,
		.outcome = check_outcome_name(r->outcome),
		.action = action_name(r->action),
		.mode = mode_name(r->mode),
		.location = r->dnsbl != NULL ? r->dnsbl->location : r->conf->location,
		.reached = r->reached,
		.decided = r->decided};
	if (r->check == CHECK_EARLY) {
		line->found = "known only when it connects";
		line->outcome = check_outcome_name(OUTCOME_SKIPPED);
	}
	if (r->hit != NULL)
		line->location = r->hit->list->location;
	else if (r->check == CHECK_SCORE && r->conf->location.line == 0)
		line->location = e->verdict.conf->score_location;
}

void explain_fill(const struct facts *facts, const struct conf *conf, int64_t now_s,
	struct explanation *ret_explanation)
{
	struct explanation *e = ret_explanation;
	struct buf reply;

	e->facts = *facts;
	if (facts->recipient.len == 0)
		e->facts.recipient_is_own = true;
	e->lines_len = 0;
	verdict_decide(&e->facts, conf, now_s, &e->verdict);
	buf_init(&reply, sizeof(e->reply));
	verdict_print_reply(&e->verdict, 0, &reply);
	snprintf(e->reply, sizeof(e->reply), "%s", buf_cstr(&reply));
	buf_done(&reply);
	explain_add_allowed(e);
	for (size_t i = 0; i < e->verdict.results_len; i++)
		explain_add(e, &e->verdict.results[i]);
	change_fill(e, now_s);
}
