/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * The template of a TXT record, read piece by piece: "Listed: ${reason}; ${url}". "$$" is a dollar, "${word}" a word of the
 * list below, and any other "$" what is listed. "%s" and its like mean nothing. Pure; any thread.
 */
#include "base/err.h"
#include "base/span.h"

enum text_kind {
	TEXT_PLAIN,
	TEXT_SOURCE,  /* $: the address, network or domain */
	TEXT_REASON,  /* ${reason}: the words of the listing, or of its sublist */
	TEXT_URL,     /* ${url}: the page about what is listed */
	TEXT_LIST,    /* ${list} */
	TEXT_SUBLIST, /* ${sublist} */
	TEXT_CODE,    /* ${code}: 127.0.0.2 */
};

struct text_part {
	enum text_kind kind;
	struct span plain; /* TEXT_PLAIN; part of the template */
};

#define TEXT_TEMPLATE "Listed: ${reason}; ${url}"

/* The next part of *rest, which moves behind it: 1; 0 at the end; E_PARSE for a word nobody knows. */
int text_part_next(struct span *rest, struct text_part *ret_part, struct fault *why);
