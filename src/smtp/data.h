/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * The message between DATA and its end (RFC 5321 section 4.1.1.4), read in pieces of any size and
 * written anew: lines end in CRLF, lines that begin with a dot have one more (section 4.5.2). What
 * the client sent never reaches the backend raw, so that both cannot see the end of a message in
 * different places ("SMTP smuggling").
 *
 *   - The end is CRLF "." CRLF and nothing else; the CRLF of the DATA command counts as the first
 *     one.
 *   - A bare LF or CR ends a line and is written as CRLF (section 2.3.8 allows neither, and servers
 *     take either for a line end). It is not part of an end: LF "." CRLF, CRLF "." LF and CR "."
 * CRLF are a line that holds a dot.
 *   - CRs before a LF belong to that one line end; other CRs in a row are one line end as well.
 *   - A dot at the start of a line is taken away when something follows it. A lone dot that is not
 *     an end stays a lone dot.
 *   - Lines have no limit: nothing is held back but a dot and CRs, which are counted as one.
 *
 * Pure; owner: the session embeds it; one thread.
 */
#include <stdbool.h>

#include "base/buf.h"
#include "base/span.h"

struct smtp_data {
	enum {
		DATA_START,       /* of a line, after CRLF */
		DATA_START_BARE,  /* of a line, after a bare LF or CR */
		DATA_DOT,         /* a dot after DATA_START */
		DATA_DOT_BARE,    /* a dot after DATA_START_BARE */
		DATA_DOT_CR,      /* dot and CR after DATA_START */
		DATA_DOT_BARE_CR, /* dot and CR after DATA_START_BARE */
		DATA_TEXT,        /* within a line */
		DATA_CR,          /* one or more behind a line, not written yet */
		DATA_END
	} state;
	uint64_t octets; /* of the message, with CRLF and without stuffing: what SIZE counts */
};

void smtp_data_init(struct smtp_data *data);

/* Appends to out what input amounts to. 1: the end was found (not written: see
 * smtp_data_print_end); 0: more input is needed. *ret_used bytes are done with: all unless 1. */
int smtp_data_read(struct smtp_data *data, struct span input, struct buf *out, size_t *ret_used);

/* The same for a part of a message whose octets were counted by the client (BDAT, RFC 3030): no dot
 * was stuffed, and none ends it. */
void smtp_data_read_chunk(struct smtp_data *data, struct span input, struct buf *out);
/* Ends a last line that has no end. */
void smtp_data_finish_chunks(struct smtp_data *data, struct buf *out);

/* The end: "." CRLF. */
void smtp_data_print_end(struct buf *out);
