/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * The arguments of MAIL and RCPT (RFC 5321 sections 4.1.1.2, 4.1.1.3, 4.1.2; RFC 3461, 6152, 6531,
 * 1870): what parses is passed on as it came, what does not is refused. Nothing is repaired,
 * decoded or quoted anew, so that two servers cannot understand an address differently. Pure; any
 * thread. Spans point into the input.
 */
#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/ip.h"
#include "base/span.h"
#include "smtp/limits.h"

/* A path without its brackets, which many a client leaves out, and without a source route. */
struct smtp_path {
	struct span mailbox; /* "joe@example.org"; empty for <> */
	struct span domain;  /* or "[192.0.2.1]"; empty for <> and unqualified addresses */
	bool is_utf8;        /* holds bytes above 0x7f, all of them proper UTF-8 */
};

enum smtp_body { SMTP_BODY_NONE, SMTP_BODY_7BIT, SMTP_BODY_8BITMIME };
enum smtp_ret { SMTP_RET_NONE, SMTP_RET_FULL, SMTP_RET_HDRS };

struct smtp_mail {
	struct smtp_path path;
	bool has_size;
	uint64_t size;
	enum smtp_body body;
	bool smtputf8;
	enum smtp_ret ret;
	struct span envid; /* xtext, checked; empty: none */
};

struct smtp_rcpt {
	struct smtp_path path;
	struct span notify; /* checked: "NEVER" or a list of SUCCESS, FAILURE, DELAY */
	struct span orcpt;  /* "rfc822;" or "utf-8;" and an address, checked */
};

/* What the parameters may use: those that were offered. */
enum smtp_keyword {
	SMTP_PIPELINING = 1 << 0,
	SMTP_SIZE = 1 << 1,
	SMTP_8BITMIME = 1 << 2,
	SMTP_SMTPUTF8 = 1 << 3,
	SMTP_ENHANCEDSTATUSCODES = 1 << 4,
	SMTP_DSN = 1 << 5,
	SMTP_CHUNKING = 1 << 6,
	SMTP_OFFERS_TLS = 1 << 7, /* STARTTLS */
};

/* params: what follows "MAIL", as "FROM:<a@b> SIZE=1". 0; E_PARSE: syntax (501); E_ABSENT: a
 * parameter that was not offered (555); E_RANGE: an address beyond ASCII where SMTPUTF8 was not
 * offered (553); E_LIMIT: a part too long (501). An address beyond ASCII of a client that does not
 * ask for SMTPUTF8 is left to a server that knows such addresses. */
int smtp_mail_parse(struct span params, unsigned offered, const struct smtp_limits *limits,
	struct smtp_mail *ret_mail);
int smtp_rcpt_parse(struct span params, unsigned offered, const struct smtp_limits *limits,
	struct smtp_rcpt *ret_rcpt);

/* For logs and checks: what is probably meant by arguments that do not parse. Points into params.
 */
struct span smtp_path_guess(struct span params);

/* Has it all that an address needs between servers? <root> has not: its server completes it. */
bool smtp_path_is_qualified(const struct smtp_path *path);

/* "[192.0.2.1]", "[IPv6:2001:db8::1]" (RFC 5321 section 4.1.3). */
void smtp_literal_print(struct ip ip, struct buf *out);

/* The keywords that the receiver has to offer for the parameters to mean what they say. */
unsigned smtp_mail_keywords(const struct smtp_mail *mail);
unsigned smtp_rcpt_keywords(const struct smtp_rcpt *rcpt);

/* "MAIL FROM:<a@b> BODY=8BITMIME", without line end, with the parameters the receiver offers. */
void smtp_mail_print(const struct smtp_mail *mail, unsigned offered, struct buf *out);
void smtp_rcpt_print(const struct smtp_rcpt *rcpt, unsigned offered, struct buf *out);
