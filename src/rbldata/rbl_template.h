/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * TXT records from templates: "$" is what was asked for, "$0" to "$9" are the variables of the data set, "$=" is the text
 * of the entry inside the base template, "$$" is a dollar sign. Pure; any thread.
 */
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

/* Writes the text; returns its length. subject: what "$" stands for. What does not fit is cut; *ret_cut (may be NULL) tells. */
size_t rbl_text_expand(const struct rbl_texts *texts, struct span text, struct span subject,
	uint8_t out[RBL_TEXT_MAX], bool *ret_cut);
