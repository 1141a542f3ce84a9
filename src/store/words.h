/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * What is kept of people's words is shown again, in messages that are refused when they hold
 * anything else: one line of UTF-8, and not too long. Pure; any thread.
 */
#include "base/err.h"
#include "base/utf8.h"

enum { STORE_WORDS_MAX = 1024 /* octets of a reason, a subject or a note */ };

/* 0, E_LIMIT, E_PARSE. */
static inline int words_check(struct span words)
{
	return words.len > STORE_WORDS_MAX ? E_LIMIT : utf8_is_text(words) ? 0 : E_PARSE;
}
