/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * What the gate decides, from what it knows. One decision function serves the SMTP front and `stockade explain`, later
 * milter and policy service as well. Pure: no clock, no socket, no allocation; any thread.
 */
#include "catalogue/catalogue.h"
#include "gate/facts.h"

enum verdict_kind { VERDICT_PASS, VERDICT_TAG, VERDICT_REFUSE, VERDICT_TEMPFAIL };

enum check_outcome {
	OUTCOME_NOT_REACHED,
	OUTCOME_SKIPPED,
	OUTCOME_PASS,
	OUTCOME_FAIL,
	OUTCOME_UNKNOWN
};

enum { FOUND_SIZE = 128 };

/* One line of `explain` and of the incident page. */
struct check_result {
	enum check_id check;
	const struct conf_check *conf;  /* the setting, with its line */
	const struct conf_dnsbl *dnsbl; /* for ext-dnsbl: which list */
	enum check_outcome outcome;
	enum action action; /* what the configuration says */
	enum mode mode;     /* in which mode this check runs */
	int weight;
	bool decided;
	char found[FOUND_SIZE]; /* what was seen, printable ASCII */
};

enum { VERDICT_CHECKS_MAX = CHECK_COUNT + FACTS_DNSBLS_MAX };

struct verdict {
	enum verdict_kind would; /* in enforce mode */
	enum verdict_kind
		kind;   /* in the mode that holds: observe turns REFUSE into PASS, tag into TAG */
	enum mode mode; /* of the check that decided */
	enum refusal_id refusal;            /* when would is REFUSE or TEMPFAIL */
	const struct check_result *decider; /* points into results; NULL: nothing failed */
	int score;
	size_t results_len;
	struct check_result results[VERDICT_CHECKS_MAX];
};

/* ret_verdict is large: the caller owns it, on the stack or in the session's arena. */
void verdict_decide(const struct facts *facts, const struct conf *conf, int64_t now_s,
	struct verdict *ret_verdict);

/* The reply for a verdict that refuses: "550 5.7.25 Fix reverse DNS for ...", with the incident number in the URL. */
void verdict_print_reply(const struct verdict *verdict, const struct facts *facts,
	const struct conf *conf, uint64_t incident, int64_t now_s, struct buf *out);
