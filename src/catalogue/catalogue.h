/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * The words of the product, as tables that code, manual and pages all read: what the gate checks
 * (checks.def) and what it says when it refuses (refusals.def). So a reply, the page behind its
 * incident number and the manual cannot disagree. Pure; any thread.
 */
#include "base/buf.h"
#include "base/err.h"
#include "base/span.h"

enum refusal_id {
#define REFUSAL(id, key, code, enhanced, text) id,
#include "catalogue/refusals.def"
#undef REFUSAL
	REFUSAL_COUNT
};

enum check_id {
#define CHECK(id, key, action, weight, title, meaning, remedy) id,
#include "catalogue/checks.def"
#undef CHECK
	CHECK_COUNT
};

struct refusal {
	const char *key;
	unsigned code;        /* 550 */
	const char *enhanced; /* "5.7.1" */
	const char *text;     /* with {placeholders} */
};

struct check_words {
	const char *key, *title, *meaning, *remedy;
};

const struct refusal *refusal_get(enum refusal_id id);
/* E_ABSENT, or the id. */
int refusal_find(struct span key);

const struct check_words *check_words_get(enum check_id id);
int check_find(struct span key);

/* What may stand in a text. Bytes of strangers are printable ASCII afterwards, others become '?',
 * and each value is cut at the cap of its placeholder: helo 64, ptr, domains and names 80,
 * short_reason 60, url 120. */
struct refusal_value {
	const char *name; /* "ip" */
	struct span value;
};

/* The longest value that a placeholder shows. */
size_t refusal_cap(struct span placeholder);

/* Appends "550 5.7.1 text" without CRLF, at most 510 octets, whatever the values. A placeholder
 * without one becomes '?'. */
void refusal_print(
	enum refusal_id id, const struct refusal_value *values, size_t count, struct buf *out);
