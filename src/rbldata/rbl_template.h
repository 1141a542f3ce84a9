/* SPDX-License-Identifier: ISC */
#pragma once
/* TXT records from templates: "$" is what was asked for, "$0" to "$9" are the variables of the data
 * set, "$=" is the entry's text inside the base template, "$$" a dollar sign. Pure; any thread. */
#include "base/span.h"

enum {
	RBL_VARIABLES = 10,
	RBL_TEMPLATE_MAX = 255, /* longer ones are cut when they are read */
	RBL_TEXT_MAX = 254,     /* what a record says at most: rbldnsd keeps one octet back */
};

struct rbl_texts {
	struct span variable[RBL_VARIABLES]; /* ptr NULL: not set; "$4" then stays as it is */
	struct span base;                    /* "$=" */
};

/* A text as a TXT record has it: the octet of its length, then as many. */
struct rbl_txt {
	uint8_t rdata[1 + RBL_TEXT_MAX];
	bool is_cut; /* more did not fit */
};

/* subject: what "$" stands for. */
void rbl_txt_expand(const struct rbl_texts *texts, struct span text, struct span subject,
	struct rbl_txt *ret_txt);
