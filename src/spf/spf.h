/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * May this client send mail for that domain? check_host() of RFC 7208 section 4, as a pure
 * function: from what is known it gives a result, or else the next question. Whoever asks adds the
 * answer and evaluates again, from the start: that costs microseconds beside a question of DNS, and
 * nothing has to be kept between two of them but the answers.
 *
 * The limits are those of section 4.6.4: ten terms that need DNS, ten names of a PTR, ten of an MX,
 * two answers without a record. Other programs count otherwise; *ret_outcome says what was reached.
 */
#include "base/arena.h"
#include "dns/name.h"
#include "spf/record.h"

enum {
	SPF_TERMS_MAX = 10,
	SPF_NAMES_MAX = 10,
	SPF_VOIDS_MAX = 2,
	/* more answers than any record within the limits needs: each term may lead to an MX or a
	 * PTR, which is a question for each of its names, and there is an explanation */
	SPF_ANSWERS_MAX = 1 + SPF_TERMS_MAX * (1 + SPF_NAMES_MAX) + SPF_NAMES_MAX + 2
};

struct spf_question {
	struct dns_name name;
	uint16_t type; /* DNS_A, DNS_AAAA, DNS_MX, DNS_PTR, DNS_TXT */
};

enum spf_answer_state {
	SPF_ANSWER_FOUND,
	SPF_ANSWER_VOID,    /* no such name, or nothing of that type */
	SPF_ANSWER_UNKNOWN, /* DNS did not tell */
};

/* What belongs to the type is filled, the rest NULL; owner: whoever asks. */
struct spf_answer {
	struct spf_question question;
	enum spf_answer_state state;
	size_t count;
	const struct ip *addresses;
	const struct dns_name *names; /* of an MX or PTR */
	const struct span *texts;
};

struct spf_answers {
	size_t len;
	const struct spf_answer *items;
};

struct spf_request {
	struct ip client;
	struct span helo;
	struct span sender;   /* reverse-path without brackets; empty: the HELO name is asked for */
	struct span receiver; /* our name */
	int64_t now_s;
};

enum spf_cause {
	SPF_CAUSE_NONE,
	SPF_CAUSE_SYNTAX,    /* `what` is no term */
	SPF_CAUSE_RECORDS,   /* more than one record */
	SPF_CAUSE_NO_RECORD, /* `what` leads to a domain without a record */
	SPF_CAUSE_TERMS,     /* more than SPF_TERMS_MAX */
	SPF_CAUSE_MX_NAMES,  /* more than SPF_NAMES_MAX */
	SPF_CAUSE_VOIDS,     /* more than SPF_VOIDS_MAX */
	SPF_CAUSE_LONG,      /* macros that make far too much of little */
	SPF_CAUSE_DNS        /* the question of which DNS told nothing */
};

/* Spans live as long as the arena, the request and the answers. */
struct spf_outcome {
	enum spf_result result;
	struct spf_question question; /* of SPF_UNANSWERED, and of SPF_CAUSE_DNS */
	enum spf_cause cause;         /* of the two errors */
	struct span what;             /* the term that matched, or is the cause; may be empty */
	struct span domain;           /* whose record it stands in */
	struct span explanation;      /* the domain's own words for SPF_FAIL, ASCII; may be empty */
	unsigned terms, voids;        /* how many there were */
};

/* What is needed of the arena is a few kilobytes; who evaluates again may reset it before. */
void spf_evaluate(const struct spf_request *request, const struct spf_answers *answers,
	struct arena *arena, struct spf_outcome *ret_outcome);
