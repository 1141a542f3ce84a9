/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * One connection to the mail server behind the gate, made for one client and never shared with
 * another: it connects, goes on in TLS where that is wanted and offered (gate.backend.tls), tells
 * the server whom it speaks for (XCLIENT or PROXY), and then carries commands and a message. Knows
 * no policy; the session and the start probe drive it. One loop, one thread; owner: whoever opened
 * it. Callbacks never come from inside a call, and may close the backend.
 */
#include "conf/conf.h"
#include "loop/stream.h"
#include "smtp/keyword.h"
#include "smtp/reply.h"
#include "smtp/xclient.h"
#include "smtpd/limits.h"

struct backend;

struct backend_calls {
	/* The server knows the client and waits for MAIL. */
	void (*ready)(struct backend *backend, void *arg);
	/* A reply after `ready`; valid until the call returns. */
	void (*reply)(struct backend *backend, const struct smtp_reply *reply, void *arg);
	/* Instead of `ready`: it refuses this client, by its address or by what it said in HELO.
	 * The words are the client's; the server is in order. Valid until the call returns. */
	void (*refused)(struct backend *backend, const struct smtp_reply *reply, void *arg);
	/* The connection is of no use any more; what: a few words for the log. */
	void (*failed)(struct backend *backend, int error, const char *what, void *arg);
	/* What was sent with backend_send is on its way, after more than the socket could take. May
	 * be NULL. */
	void (*drained)(struct backend *backend, void *arg);
};

/* Where it is and how patient we are. All have to live as long as the backend. */
struct backend_target {
	struct loop *loop;
	const struct conf *conf;
	const struct smtpd_limits *limits;
	struct tls_context *tls; /* a client's; NULL: plain text, whatever conf says */
};

/* client is used until `ready`; its spans have to live as long. */
struct backend *backend_open(const struct backend_target *target, const struct smtp_client *client,
	const struct backend_calls *calls, void *arg);

/* At once and without a word: a message that was not ended is dropped by the server (RFC 5321
 * section 4.1.1.10 as little as 4.5.3.2 lets it keep half of one). */
void backend_close(struct backend **backend);
/* Says QUIT and does not wait for the answer. */
void backend_quit(struct backend **backend);

bool backend_is_ready(const struct backend *backend);
/* What it offers this client, where it was told EHLO; nothing behind HELO. */
bool backend_is_extended(const struct backend *backend);
const struct smtp_offer *backend_offer(const struct backend *backend);
/* Why it is plain text where TLS may be and was offered; NULL: it is not, or all is in order. */
const char *backend_tls_trouble(const struct backend *backend);

/* Append commands to backend_out, then backend_ask with the time the server has to reply. What it
 * said before it was asked would be taken for the answer, and each answer for that to the next
 * question: then nothing is sent, and `failed` comes. */
struct buf *backend_out(struct backend *backend);
void backend_ask(struct backend *backend, int64_t within_ms);
/* The same for a piece of the message or its end, and the time to take it. */
void backend_send(struct backend *backend, int64_t within_ms);
/* Nothing is expected: no deadline. */
void backend_rest(struct backend *backend);
