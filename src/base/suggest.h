/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * "; did you mean 'score'?": which of the names that there are was probably meant by a word that is
 * none of them. Names are offered one by one and have to live until the hint is read. Pure; any
 * thread.
 */
#include "base/span.h"

enum { SUGGEST_WORD_MAX = 40 };

/* struct suggest meant = {.word = span_text(word)}; */
struct suggest {
	struct span word;
	struct span best; /* empty: none is near */
	unsigned distance;
	char hint[SUGGEST_WORD_MAX + 24];
};

void suggest_offer(struct suggest *suggest, struct span name);

/* What to put behind a complaint about the word; empty when no name is near. Lives in *suggest. */
const char *suggest_hint(struct suggest *suggest);
