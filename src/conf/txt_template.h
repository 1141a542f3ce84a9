/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * The template of a TXT record, read piece by piece: "Listed: ${reason}; ${url}". "$$" is a dollar,
 * "${word}" a word of the list below, and any other "$" what is listed. "%s" and its like mean
 * nothing. Pure; any thread.
 */
#include "base/err.h"
#include "base/span.h"

enum txt_kind {
	TXT_PLAIN,
	TXT_SOURCE,  /* $: the address, network or domain */
	TXT_REASON,  /* ${reason}: the words of the listing, or of its sublist */
	TXT_URL,     /* ${url}: the page about what is listed */
	TXT_LIST,    /* ${list} */
	TXT_SUBLIST, /* ${sublist} */
	TXT_CODE,    /* ${code}: 127.0.0.2 */
};

struct txt_part {
	enum txt_kind kind;
	struct span plain; /* TXT_PLAIN; part of the template */
};

#define TXT_TEMPLATE "Listed: ${reason}; ${url}"

/* The next part of *rest, which moves behind it: 1; 0 at the end; E_PARSE for a word nobody
 * knows. */
int txt_part_next(struct span *rest, struct txt_part *ret_part, struct fault *why);
