/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * Bytes of strangers made harmless for readers. A host name, a HELO or a TXT record may hold
 * anything: markup, control characters, marks that turn the direction of writing, half a UTF-8
 * sequence. Nothing is dropped, everything that has no shape of its own is shown by its number, so
 * that a reader sees what really was sent. Pure; any thread.
 */
#include <stdbool.h>

#include "base/buf.h"
#include "base/span.h"

/* Appends s as valid UTF-8 in which every character has a visible shape: bytes that are no UTF-8
 * and control characters become \x1b, invisible and direction marks \u{202e}. For JSON. */
void escape_visible(struct span s, struct buf *out);

/* The same, then & < > " ' as entities: for HTML text and quoted attributes. */
void escape_html(struct span s, struct buf *out);

/* A path segment or query value of a URL: %XX for all but unreserved (RFC 3986 section 2.3). */
void escape_url(struct span s, struct buf *out);

/* Undoes %XX, once (RFC 3986 section 2.4), and '+' for a blank when form is set; any bytes.
 * E_PARSE: a broken escape. */
int unescape_url(struct span s, bool form, struct buf *out);
