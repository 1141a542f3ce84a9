/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * What the gate decides, from what it knows. One decision function serves every face of the gate
 * (gate/consult.h) and `stockade explain`. Pure: no clock, no socket, no allocation; any thread.
 *
 * All checks are evaluated, so that a person hears at once of everything there is to repair; the
 * first one that refuses decides. A check may run in a weaker mode than the gate: then it is
 * recorded and the next one may still refuse. Two rules stand above all settings: strangers never
 * relay, whoever allowed them (where the gate only observes, the mail server behind it decides,
 * which has been asked whether it relays), and what could not be found out is never a permanent
 * refusal: neither of what would refuse, nor of what would keep from it (an allowance, a weight
 * below zero). Each step has three readings: yes, no, and not known.
 */
#include "catalogue/catalogue.h"
#include "gate/facts.h"

/* In order of strength. */
enum verdict_kind { VERDICT_PASS, VERDICT_TAG, VERDICT_TEMPFAIL, VERDICT_REFUSE };

enum check_outcome {
	OUTCOME_SKIPPED, /* off, or an exemption holds; `found` tells what would be seen */
	OUTCOME_PASS,
	OUTCOME_FAIL,
	OUTCOME_UNKNOWN /* DNS, or our own lists, did not tell */
};

/* Why the checks on the client do not count. The relay check always does. */
enum exemption {
	EXEMPT_NOT,
	EXEMPT_OWN,       /* own.networks: may relay as well */
	EXEMPT_ALLOWED,   /* our allow list */
	EXEMPT_REACHABLE, /* postmaster, abuse, contact: taken from anybody */
	EXEMPT_FOREIGN    /* a foreign allow list; does not count against our own lists */
};

enum { FOUND_SIZE = 128 };

/* One line of `explain` and of the incident page. */
struct check_result {
	enum check_id check;
	const struct conf_check *conf;  /* the setting, with its line */
	const struct conf_dnsbl *dnsbl; /* for ext-dnsbl: which list; NULL: none is configured */
	const struct list_fact *hit;    /* for own-list, domain-list: what was hit */
	enum check_outcome outcome;
	enum action action; /* what the configuration says */
	enum mode mode;     /* in which mode this check runs */
	int weight;
	enum verdict_kind would; /* what this check alone does in enforce mode */
	enum refusal_id refusal; /* when that is TEMPFAIL or REFUSE; of UNKNOWN: if it counts */
	bool withheld; /* it would refuse, but for what is not known: TEMPFAIL in any case */
	enum exemption exemption; /* when it is skipped for one */
	bool reached;             /* false behind the one that refused */
	bool decided;             /* in one result at most */
	char found[FOUND_SIZE];   /* what was seen, printable ASCII */
};

enum { VERDICT_CHECKS_MAX = CHECK_COUNT + FACTS_DNSBLS_MAX };

struct verdict {
	const struct facts *facts; /* what it was decided from, and by which rules */
	const struct conf *conf;
	enum verdict_kind would; /* in enforce mode */
	/* In the mode that holds: observe turns REFUSE into PASS, tag into TAG. */
	enum verdict_kind kind;
	enum mode mode;          /* of the check that decided; of the gate when nothing failed */
	enum refusal_id refusal; /* when would is REFUSE or TEMPFAIL */
	const struct check_result *decider; /* points into results; NULL: no check failed */
	const struct check_result *marker; /* kind TAG: what the mark is for; points into results */
	enum exemption exemption;          /* the strongest that holds */
	enum exemption perhaps;            /* one that may hold: nobody knows */
	int score;
	size_t results_len;
	struct check_result results[VERDICT_CHECKS_MAX];
};

/* ret_verdict is large: the caller owns it, on the stack or in the session's arena. It points into
 * facts, conf and itself. */
void verdict_decide(const struct facts *facts, const struct conf *conf, int64_t now_s,
	struct verdict *ret_verdict);

/* What a client did against the rules of the protocol: no check is asked. */
struct verdict_fault {
	enum refusal_id refusal;
	struct span reply; /* what is said, or would be: "501 5.5.4 ..." */
	bool may_be_taken; /* by the mail server, which decides in observe and tag */
};

void verdict_of_fault(const struct facts *facts, const struct conf *conf,
	const struct verdict_fault *fault, struct verdict *ret_verdict);

/* The reply for a verdict that refuses: "550 5.7.25 Client host rejected: fix reverse DNS for ...",
 * with the incident number in the URL; 0 shows "..." in its place (explain). Nothing for one that
 * lets in. */
void verdict_print_reply(const struct verdict *verdict, uint64_t incident, struct buf *out);

/* Our list or the foreign list behind the decision: "main/manual", "SpamCop"; empty for other
 * checks. */
enum { VERDICT_LIST_SIZE = 128 };
const char *verdict_print_list(const struct verdict *verdict, char text[VERDICT_LIST_SIZE]);

/* Whether a result is one of those that decided together: the checks of the score, or foreign lists
 * that refuse. A check that only watches has no part in what others do. */
bool verdict_counts(const struct verdict *verdict, const struct check_result *r);

/* The key of the check that decided, "no-ptr", or of the refusal where none did: "syntax". Only for
 * a verdict that does something. */
const char *verdict_rule(const struct verdict *verdict);

/* Why a source is listed, in a few words: the listing's reason, or its sublist's text. */
struct span list_fact_reason(const struct list_fact *hit);

const char *verdict_kind_name(enum verdict_kind kind); /* "pass", "tag", "tempfail", "refuse" */
const char *check_outcome_name(
	enum check_outcome outcome); /* "skipped", "pass", "fail", "unknown" */
