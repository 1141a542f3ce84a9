/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * The header fields that the gate puts before a message: Received (RFC 5321 section 4.4) with the
 * real client, and X-Stockade with what would have happened. Strangers' bytes in them are printable
 * ASCII and cannot end a comment, a field or a line. Pure; any thread.
 */
#include "base/buf.h"
#include "base/ip.h"
#include "smtp/xclient.h"

struct trace_header {
	const struct smtp_client *client;
	const char *hostname;
	const char *id;
	bool smtputf8;
	int64_t now_s;
};

/* "Received: from HELO (NAME [192.0.2.1])" CRLF TAB "by ..." CRLF. */
void trace_header_print_received(const struct trace_header *trace, struct buf *out);

/* "X-Stockade: would-refuse; rule=no-ptr; incident=..." CRLF. incident 0: none. */
void trace_header_print_tag(const char *what, const char *rule, uint64_t incident, struct buf *out);

/* "X-Stockade-Client-IP: 192.0.2.1" CRLF: for backends that have no other way to learn it. */
void trace_header_print_client(struct ip ip, struct buf *out);
