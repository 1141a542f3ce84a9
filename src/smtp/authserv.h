/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * Reads the value of an Authentication-Results field up to its authserv-id (RFC 8601 section 2.2:
 * comments and folding may come first, and the id may be a quoted string), byte by byte, and says
 * whose it is. Pure; owner: the header filter embeds it; one thread.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct smtp_authserv {
	const char *id; /* ours; compared without case */
	enum { AUTHSERV_SPACE, AUTHSERV_COMMENT, AUTHSERV_TOKEN, AUTHSERV_QUOTED } state;
	unsigned depth; /* of comments */
	bool escaped;
	size_t matched; /* bytes of id so far */
};

enum authserv_is { AUTHSERV_OPEN, AUTHSERV_OURS, AUTHSERV_OTHER };

void smtp_authserv_init(struct smtp_authserv *authserv, const char *id);
/* The next byte. Not called any more once it is not open. */
enum authserv_is smtp_authserv_read(struct smtp_authserv *authserv, uint8_t byte);
