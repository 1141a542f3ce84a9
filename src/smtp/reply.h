/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * Replies (RFC 5321 section 4.2): ours are printed, a backend's are parsed, checked and made fit to
 * be shown to a client. A backend is trusted to decide, not to speak properly. Pure; the parser
 * belongs to one connection.
 */
#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/span.h"
#include "smtp/limits.h"

struct smtp_reply {
	unsigned code;    /* of the last line, 200 to 599 */
	size_t lines_len; /* at least 1 */
	/* All lines without their codes, each ended by LF; UTF-8 without control characters but
	 * tabs: other octets became '?'. */
	struct span text;
};

struct smtp_reply_parser {
	const struct smtp_limits *limits;
	struct buf text;
	unsigned code; /* of the lines so far; 0: none yet */
	size_t lines;
	size_t scanned; /* bytes of an unfinished line, already searched for its end */
};

void smtp_reply_parser_init(struct smtp_reply_parser *parser, const struct smtp_limits *limits);
void smtp_reply_parser_done(struct smtp_reply_parser *parser);

/* 1: a reply is complete and valid until the next call; 0: more input is needed; E_PARSE: no reply;
 * E_LIMIT. *ret_used bytes are done with in the first two cases; after an error the connection is
 * of no use. */
int smtp_reply_next(struct smtp_reply_parser *parser, struct span input,
	struct smtp_reply *ret_reply, size_t *ret_used);

/* The enhanced status code that the first line begins with (RFC 2034 section 4): "5.7.1"; empty
 * when there is none. */
struct span smtp_reply_enhanced(const struct smtp_reply *reply);

/* Code and first line, for the log. */
enum { SMTP_REPLY_TEXT_SIZE = 256 };
const char *smtp_reply_show(const struct smtp_reply *reply, char text[SMTP_REPLY_TEXT_SIZE]);

/* Walks the lines: cuts the first one off *text. */
struct span smtp_reply_line(struct span *text);

/* The reply as SMTP, nothing left out: what does not fit into a line of 512 octets with its CRLF
 * goes on in the next one. */
void smtp_reply_print(const struct smtp_reply *reply, struct buf *out);

/* The class: 2 taken, 3 go on, 4 later, 5 never. */
static inline unsigned smtp_reply_class(const struct smtp_reply *reply)
{
	return reply->code / 100;
}
