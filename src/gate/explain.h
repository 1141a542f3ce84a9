/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * What `stockade explain` shows: every check with what it saw and the line of the configuration
 * that set it, the verdict, the reply, and the smallest single change that would let the mail in.
 * Pure: facts in (gate/consult.h gathers them), lines out; any thread.
 */
#include "gate/verdict.h"

enum {
	EXPLAIN_LINES_MAX = VERDICT_CHECKS_MAX + 1,
	EXPLAIN_REPLY_SIZE = 512,
	EXPLAIN_CHANGE_SIZE = 1792
};

struct explain_line {
	unsigned number;  /* from 1 */
	const char *key;  /* "allowed", "no-ptr" */
	const char *name; /* the foreign list's; else NULL */
	const char *found;
	const char *outcome;           /* check_outcome_name; of "allowed": "yes", "no" */
	const char *action;            /* action_name; NULL for "allowed" */
	const char *mode;              /* mode_name; NULL for "allowed" */
	struct conf_location location; /* line 0: a default */
	bool reached;                  /* false: not reached */
	bool decided;
};

struct explanation {
	struct facts facts;             /* spans live as long as what was explained */
	struct verdict verdict;         /* points into facts */
	char reply[EXPLAIN_REPLY_SIZE]; /* "" when nothing refuses */
	/* "a PTR record, or  stockade allow 203.0.113.7 --reason ..."; "": it is let in anyway */
	char change[EXPLAIN_CHANGE_SIZE];
	char allowed[FOUND_SIZE];
	size_t lines_len;
	struct explain_line lines[EXPLAIN_LINES_MAX];
};

/* Decides and explains facts, which are copied. Without a recipient one of ours is assumed. */
void explain_fill(const struct facts *facts, const struct conf *conf, int64_t now_s,
	struct explanation *ret_explanation);
