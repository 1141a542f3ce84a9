/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * Keeps strangers out of the header fields that we write. Those of a message that only we may write
 * ("X-Stockade: ...", and Authentication-Results in our name, RFC 8601 section 5) are taken away,
 * and a message whose first line begins with a blank gets an
 * empty line before it, as Postfix would write it: behind our own fields that line would be the
 * rest of the last of them. Works on the canonical stream that smtp_data_read writes, in pieces of
 * any size, up to the empty line; the body passes untouched. Field names are matched by prefix,
 * without case; folded lines go with their field. A field that hides whose results it has behind
 * more comments than HEADER_HELD_MAX holds goes too. Pure; owner: the session embeds it; one
 * thread.
 */
#include <stdbool.h>

#include "base/buf.h"
#include "base/span.h"
#include "smtp/authserv.h"

enum { HEADER_HELD_MAX = 512 };

struct smtp_header_filter {
	/* "X-Stockade"; and whose Authentication-Results go. NULL: these fields stay. */
	const char *prefix, *authserv_id;
	enum {
		HEADER_FIRST, /* nothing of the message was seen yet */
		HEADER_START, /* of a line */
		HEADER_CR,    /* a CR at the start of a line */
		HEADER_MATCH, /* a line that agrees with the name of such a field so far */
		HEADER_COLON, /* behind "Authentication-Results" */
		HEADER_VALUE, /* of that field, before or in the authserv-id */
		HEADER_FOLD,  /* a line of that value begins, or the next field */
		HEADER_KEEP,  /* the rest of a line that stays */
		HEADER_DROP,  /* the rest of a line that goes */
		HEADER_DONE   /* behind the header */
	} state;
	bool dropping; /* the field before this line was dropped: a folded line goes too */
	struct smtp_authserv authserv;
	uint8_t held[HEADER_HELD_MAX]; /* the start of a line, as the client wrote it */
	size_t held_len;
	uint64_t dropped; /* fields */
};

void smtp_header_filter_init(
	struct smtp_header_filter *filter, const char *prefix, const char *authserv_id);
void smtp_header_filter_read(struct smtp_header_filter *filter, struct span input, struct buf *out);
/* The message ended: what is held back is written. */
void smtp_header_filter_finish(struct smtp_header_filter *filter, struct buf *out);
