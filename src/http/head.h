/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * The head of an HTTP/1.1 request (RFC 9112), read more strictly than the RFC demands: whatever two
 * programs could read in two ways is refused, so that a proxy before us and we never disagree.
 * Pure; any thread; spans point into the input.
 *
 * Refused: bare LF or CR, NUL and other controls, folded header lines, blanks before a colon, names
 * that are no tokens, a second Host or Content-Length, none or an odd Host in HTTP/1.1, any
 * Transfer-Encoding, a body (no page of ours takes one; that of another method is left unread),
 * targets that do not start with a slash, hold bytes outside printable ASCII, or walk with "." and
 * "..".
 */
#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/span.h"

struct http_limits {
	size_t head;   /* bytes of request line and headers together */
	size_t target; /* bytes of the target */
	size_t fields; /* header lines */
};

enum http_method { HTTP_GET, HTTP_HEAD, HTTP_OTHER };

struct http_head {
	enum http_method method;
	bool keep_alive;
	struct span path;  /* as sent, before the '?' */
	struct span query; /* behind it; empty when there is none */
	struct span host, if_none_match;
	struct span forwarded_for; /* X-Forwarded-For of the last such line */
};

/* 1: *ret_head is filled and *ret_used bytes were the head; 0: more input needed; otherwise the
 * head is refused: E_PARSE malformed, E_LIMIT too large, E_RANGE target too long, E_VERSION not
 * HTTP/1.x, E_DENIED a body. */
int http_head_parse(struct span input, const struct http_limits *limits, struct http_head *ret_head,
	size_t *ret_used);

/* What a head that was refused seems to ask for, for the form of the answer (to HEAD it has no
 * content, RFC 9110 section 9.3.2): its method, and as its path what stands behind that. */
void http_head_peek(struct span input, struct http_head *ret_head);

/* The status that tells the client so: 400, 431, 414, 505, 413. */
unsigned http_head_status(int error);

/* The path without its %XX, for routing. E_PARSE: broken escapes, controls, no UTF-8, or a "." or
 * ".." segment. */
int http_path_decode(struct span path, struct buf *out);

/* The decoded value of a form field in a query (application/x-www-form-urlencoded); the first of
 * that name. E_ABSENT; E_PARSE as above. */
int http_query_get(struct span query, const char *name, struct buf *out);
