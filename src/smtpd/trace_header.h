/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * The header fields that the gate puts before a message: Received (RFC 5321 section 4.4) with the
 * real client, and X-Stockade with what would have happened. Strangers' bytes in them are printable
 * ASCII and cannot end a comment, a field or a line. Pure; any thread.
 */
#include "base/buf.h"
#include "base/ip.h"
#include "base/tls_facts.h"
#include "gate/facts.h"
#include "smtp/xclient.h"

struct trace_header {
	const struct smtp_client *client;
	const char *hostname;
	const char *id;
	const struct tls_facts *tls; /* NULL: it came in plain text */
	bool smtputf8;
	int64_t now_s;
};

/* "Received: from HELO (NAME [192.0.2.1])" CRLF TAB "by ..." CRLF; TLS in between as Postfix writes
 * it: "(using TLSv1.3 with cipher ... (256/256 bits))". */
void trace_header_print_received(const struct trace_header *trace, struct buf *out);

/* "X-Stockade: would-refuse; rule=no-ptr; incident=..." CRLF. incident 0: none. */
void trace_header_print_tag(const char *what, const char *rule, uint64_t incident, struct buf *out);

/* "X-Stockade-TLS: TLSv1.3; cipher=TLS_AES_256_GCM_SHA384; bits=256" CRLF. XCLIENT and PROXY
 * headers do not tell it to what stands behind. */
void trace_header_print_tls(const struct tls_facts *tls, struct buf *out);

/* "X-Stockade-Client-IP: 192.0.2.1" CRLF: for backends that have no other way to learn it. */
void trace_header_print_client(struct ip ip, struct buf *out);

/* "Authentication-Results: mx1.example.org; spf=pass smtp.mailfrom=example.net" CRLF (RFC 8601):
 * what SPF said of the sender, or of HELO for <>, and allow lists of others of the client
 * ("dnswl=", RFC 8904). Nothing when none was asked. */
void trace_header_print_results(
	const struct conf *conf, const struct facts *facts, struct buf *out);
