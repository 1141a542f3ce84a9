/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * Turns bytes from a client into commands. Pure: no clock, no socket. Owner: the session embeds it;
 * one thread at a time.
 *
 * A line ends with CRLF. A bare LF ends a command too: what follows the true end of data is a
 * command for every server, so nothing can be smuggled by it, and people type into netcat. Any
 * other control character in a line (a bare CR, NUL, ...) marks the command as unclean; no part of
 * it is used.
 */
#include <stdbool.h>

#include "base/err.h"
#include "base/span.h"
#include "smtp/limits.h"

enum smtp_verb {
	SMTP_UNKNOWN,
	SMTP_HELO,
	SMTP_EHLO,
	SMTP_MAIL,
	SMTP_RCPT,
	SMTP_DATA,
	SMTP_RSET,
	SMTP_NOOP,
	SMTP_QUIT,
	SMTP_VRFY,
	SMTP_HELP,
	SMTP_EXPN,
	SMTP_AUTH,
	SMTP_STARTTLS,
	SMTP_ETRN,
	SMTP_BDAT,
	SMTP_XCLIENT, /* and XFORWARD: only for those who are told of it */
	SMTP_FOREIGN  /* not SMTP at all: HTTP, TLS, a mail header */
};

struct smtp_command {
	enum smtp_verb verb;
	struct span name;   /* as the client wrote it */
	struct span params; /* behind the blanks, without those at the end */
	bool unclean;       /* holds control characters: refuse with 501 */
};

struct smtp_parser {
	size_t line_limit;
	bool skipping; /* the rest of a line that was too long */
};

void smtp_parser_init(struct smtp_parser *parser, const struct smtp_limits *limits);

/* 1: *ret_command is filled and points into input; 0: more input is needed; E_LIMIT: a line was
 * longer than the limit, its rest will be skipped, and the verb and name of *ret_command are all
 * that is known of it. In each case *ret_used bytes of input are done with, after the command has
 * been handled. */
int smtp_parser_next(struct smtp_parser *parser, struct span input,
	struct smtp_command *ret_command, size_t *ret_used);

/* The arguments of BDAT (RFC 3030 section 2): how many octets follow, and whether they are the last
 * ones. E_PARSE: nobody knows what follows. */
int smtp_chunk_parse(struct span params, uint64_t *ret_octets, bool *ret_last);

/* In capitals, for replies: "MAIL". */
const char *smtp_verb_name(enum smtp_verb verb);
