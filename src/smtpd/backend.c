/* SPDX-License-Identifier: ISC */
#include "smtpd/backend.h"

#include <stdio.h>

#include "base/mem.h"
#include "base/obj.h"
#include "loop/dial.h"
#include "smtp/path.h"
#include "smtp/proxy.h"

/*
 * XCLIENT: 220, EHLO, 250, XCLIENT, 220, EHLO, 250. The session starts anew after XCLIENT
 * (XCLIENT_README), and the server may offer other keywords to the client we speak for, so that
 * both the greeting and EHLO come twice. PROXY and none: 220, EHLO, 250. HELO in place of EHLO for
 * a client that said HELO, and to a server that refuses EHLO (RFC 5321 section 3.2).
 *
 * TLS, where it is wanted: 220, EHLO, 250, STARTTLS, 220, handshake, and EHLO again, before
 * XCLIENT, which leaves the line as it is. Where it fails and need not be, all begins anew in plain
 * text.
 *
 * A refusal is about us until the server knows the client, and about the client from then on.
 */
enum backend_step {
	STEP_GREETING,
	STEP_HELLO,
	STEP_STARTTLS,
	STEP_HANDSHAKE,
	STEP_XCLIENT,
	STEP_READY
};

enum { OUT_LIMIT = 1 << 20, TROUBLE_SIZE = SMTP_REPLY_TEXT_SIZE + 32 };

struct backend {
	uint32_t magic;
	struct loop *loop;
	const struct conf *conf;
	const struct smtpd_limits *limits;
	struct smtp_client client;
	struct backend_calls calls;
	void *arg;
	struct stream *stream;
	struct timer deadline;
	struct dial dial;
	struct smtp_reply_parser parser;
	struct smtp_offer offer;
	enum backend_step step;
	bool knows_client; /* who it talks to is the client */
	bool extended;     /* it was told EHLO, not HELO */
	struct tls_context *tls;
	bool tls_is_settled; /* it is on, or will not be */
	bool offers_tls;     /* before it was on */
	char trouble[TROUBLE_SIZE];
	/* Reported by the deadline timer, never from inside a call: 0, or why nothing is sent. */
	int error;
	const char *error_words;
	bool closed;
};

static void backend_on_input(struct stream *stream, void *arg);
static void backend_on_drained(struct stream *stream, void *arg);
static void backend_on_closed(struct stream *stream, int error, void *arg);
static void backend_on_secured(struct stream *stream, void *arg);

static const struct stream_calls stream_calls = {
	.input = backend_on_input,
	.drained = backend_on_drained,
	.closed = backend_on_closed,
	.secured = backend_on_secured,
};

static void backend_fail(struct backend *backend, int error, const char *what)
{
	backend_rest(backend);
	backend->calls.failed(backend, error, what, backend->arg);
}

static void backend_fail_soon(struct backend *backend, int error, const char *what)
{
	backend->error = error;
	backend->error_words = what;
	timer_set(&backend->deadline, loop_now_ms(backend->loop));
}

static void backend_on_deadline(struct timer *timer, void *arg)
{
	struct backend *backend = OBJ(backend, arg);

	(void)timer;
	dial_stop(&backend->dial);
	if (backend->error != 0)
		backend_fail(backend, backend->error, backend->error_words);
	else
		backend_fail(backend, E_TIMEOUT,
			backend->step == STEP_READY ? "no reply in time" : "not ready in time");
}

/* A PROXY header goes out in one piece, and nothing behind it before the greeting: Postfix reads it
 * at one go, Exim takes what follows for commands that come too early. */
static void backend_introduce(struct backend *backend)
{
	const struct smtp_client *client = &backend->client;

	if (backend->conf->pass_client == PASS_CLIENT_PROXY_V1)
		proxy_v1_print(client->source, client->destination, backend_out(backend));
	else if (backend->conf->pass_client == PASS_CLIENT_PROXY_V2)
		proxy_v2_print(client->source, client->destination, backend_out(backend));
	backend->knows_client = backend->conf->pass_client == PASS_CLIENT_PROXY_V1 ||
				backend->conf->pass_client == PASS_CLIENT_PROXY_V2;
}

static void backend_on_dialed(int fd, void *arg)
{
	struct backend *backend = OBJ(backend, arg);

	if (fd < 0) {
		backend_fail(backend, fd, "cannot connect");
		return;
	}
	backend->stream = stream_new(backend->loop, fd,
		&(struct stream_settings){.calls = &stream_calls,
			.arg = backend,
			.limits = {.in = backend->limits->smtp.reply_line * 2, .out = OUT_LIMIT},
			.connecting = true});
	backend_introduce(backend);
	stream_send(backend->stream);
}

/* A line on this machine that nobody else hears needs none. */
static bool conf_wants_tls(const struct conf *conf)
{
	if (conf->backend_tls == BACKEND_TLS_AUTO)
		return !ip_is_loopback(conf->backend.ip);
	return conf->backend_tls != BACKEND_TLS_OFF;
}

static void backend_dial(struct backend *backend)
{
	const struct dial_target mail_server = {
		.kind = DIAL_TCP, .endpoint = backend->conf->backend};

	backend->step = STEP_GREETING;
	backend->knows_client = false;
	smtp_reply_parser_init(&backend->parser, &backend->limits->smtp);
	dial_start(&backend->dial, &mail_server);
}

struct backend *backend_open(const struct backend_target *target, const struct smtp_client *client,
	const struct backend_calls *calls, void *arg)
{
	struct backend *backend = mem_new(backend);

	backend->magic = (uint32_t)MAGIC_backend;
	backend->loop = target->loop;
	backend->conf = conf_ref(target->conf);
	backend->limits = target->limits;
	backend->client = *client;
	backend->calls = *calls;
	backend->arg = arg;
	backend->tls = tls_context_ref(target->tls);
	backend->tls_is_settled = target->tls == NULL || !conf_wants_tls(target->conf);
	timer_init(&backend->deadline, target->loop, backend_on_deadline, backend);
	dial_init(&backend->dial, target->loop, backend_on_dialed, backend);
	timer_set(&backend->deadline, loop_now_ms(target->loop) + target->limits->backend_open_ms);
	backend_dial(backend);
	return backend;
}

static void backend_destroy(void *arg)
{
	struct backend *backend = OBJ(backend, arg);
	smtp_reply_parser_done(&backend->parser);
	tls_context_free(&backend->tls);
	conf_unref(&backend->conf);
	backend->magic = 0;
	mem_free(backend);
}

void backend_close(struct backend **backend)
{
	struct backend *b = *backend;

	if (b == NULL)
		return;
	*backend = NULL;
	b->closed = true;
	timer_done(&b->deadline);
	dial_stop(&b->dial);
	stream_free(&b->stream);
	loop_later(b->loop, backend_destroy, b);
}

void backend_quit(struct backend **backend)
{
	if (*backend != NULL && (*backend)->step == STEP_READY) {
		buf_append_text(backend_out(*backend), "QUIT\r\n");
		stream_send((*backend)->stream);
	}
	backend_close(backend);
}

bool backend_is_ready(const struct backend *backend)
{
	return backend->step == STEP_READY;
}

bool backend_is_extended(const struct backend *backend)
{
	return backend->extended;
}

const struct smtp_offer *backend_offer(const struct backend *backend)
{
	return &backend->offer;
}

const char *backend_tls_trouble(const struct backend *backend)
{
	return backend->trouble[0] != '\0' ? backend->trouble : NULL;
}

struct buf *backend_out(struct backend *backend)
{
	return stream_out(backend->stream);
}

/* A command, by the deadline that is set. */
static void backend_send_command(struct backend *backend)
{
	if (buf_len(stream_in(backend->stream)) == 0) {
		stream_send(backend->stream);
		return;
	}
	buf_clear(backend_out(backend)); /* else it leaves with the stream's next turn */
	backend_fail_soon(backend, E_PARSE, "replied before it was asked");
}

void backend_ask(struct backend *backend, int64_t within_ms)
{
	timer_set(&backend->deadline, loop_now_ms(backend->loop) + within_ms);
	backend_send_command(backend);
}

void backend_send(struct backend *backend, int64_t within_ms)
{
	timer_set(&backend->deadline, loop_now_ms(backend->loop) + within_ms);
	stream_send(backend->stream);
}

void backend_rest(struct backend *backend)
{
	timer_clear(&backend->deadline);
}

/* ---- until the server waits for MAIL ---- */

/* What a stranger called itself, in a form that cannot be anything but one word. Otherwise its
 * address, as for a client that has no name (RFC 5321 section 4.1.4): never our name, or the server
 * would judge us by its HELO and by SPF (RFC 7208 section 2.4). */
static void backend_print_helo(const struct smtp_client *client, struct buf *out)
{
	bool is_word = client->helo.len != 0;

	for (size_t i = 0; i < client->helo.len; i++)
		if (!ascii_is_print(client->helo.ptr[i]) || client->helo.ptr[i] == ' ')
			is_word = false;
	if (is_word)
		buf_append(out, client->helo);
	else
		smtp_literal_print(client->source.ip, out);
}

/* Who introduces himself is we, until the server knows that it talks to the client. */
static void backend_say_hello(struct backend *backend, bool extended)
{
	struct buf *out = backend_out(backend);

	backend->step = STEP_HELLO;
	backend->extended = extended;
	buf_append_text(out, extended ? "EHLO " : "HELO ");
	if (backend->knows_client)
		backend_print_helo(&backend->client, out);
	else
		buf_append_text(out, backend->conf->hostname);
	buf_append_text(out, "\r\n");
	backend_send_command(backend);
}

static void backend_become_ready(struct backend *backend)
{
	backend->step = STEP_READY;
	backend_rest(backend);
	backend->calls.ready(backend, backend->arg);
}

static void backend_introduce_client(struct backend *backend);
static void backend_go_on(struct backend *backend);

/* ---- TLS ---- */

/* What was offered, in plain text, where that does. why: NULL where nothing is wrong. */
static void backend_settle_without_tls(struct backend *backend, const char *why)
{
	backend->tls_is_settled = true;
	if (why != NULL)
		snprintf(backend->trouble, sizeof(backend->trouble), "%.*s",
			(int)sizeof(backend->trouble) - 1, why);
	if (backend->conf->backend_tls == BACKEND_TLS_REQUIRE)
		backend_fail(backend, E_TLS, why != NULL ? why : "STARTTLS is not offered to us");
}

/* EHLO was said to hear whether there is STARTTLS; the client said something else, or nothing. */
static bool hello_was_not_the_clients(const struct backend *backend)
{
	return backend->knows_client && backend->client.helo.len != 0 && !backend->client.extended;
}

static void backend_start_tls(struct backend *backend)
{
	if (backend->offers_tls) {
		backend->step = STEP_STARTTLS;
		buf_append_text(backend_out(backend), "STARTTLS\r\n");
		backend_send_command(backend);
		return;
	}
	backend_settle_without_tls(backend, NULL);
	if (backend->conf->backend_tls == BACKEND_TLS_REQUIRE)
		return;
	if (hello_was_not_the_clients(backend))
		backend_introduce_client(backend);
	else
		backend_go_on(backend);
}

/* All of the server that came before is forgotten (RFC 3207 section 4.2). */
static void backend_on_secured(struct stream *stream, void *arg)
{
	struct backend *backend = OBJ(backend, arg);

	(void)stream;
	backend->tls_is_settled = true;
	backend_introduce_client(backend);
}

/* The handshake failed: is there another way? */
static bool backend_goes_on_in_plain_text(struct backend *backend, int error)
{
	char why[TROUBLE_SIZE];

	if (backend->step != STEP_HANDSHAKE || backend->conf->backend_tls == BACKEND_TLS_REQUIRE)
		return false;
	snprintf(why, sizeof(why), "%s",
		error == E_TLS ? stream_tls_why(backend->stream) : err_text(error));
	backend_settle_without_tls(backend, why);
	stream_free(&backend->stream);
	smtp_reply_parser_done(&backend->parser);
	backend_dial(backend);
	return true;
}

/* ---- who the client is ---- */

/* The line is as it will be: who is the client? */
static void backend_go_on(struct backend *backend)
{
	if (backend->conf->pass_client != PASS_CLIENT_XCLIENT || backend->knows_client) {
		backend_become_ready(backend);
		return;
	}
	if ((backend->offer.xclient & SMTP_XCLIENT_ADDR) == 0) {
		backend_fail(backend, E_DENIED, "XCLIENT is not offered to us");
		return;
	}
	backend->step = STEP_XCLIENT;
	smtp_xclient_print(&backend->client, backend->offer.xclient, backend_out(backend));
	buf_append_text(backend_out(backend), "\r\n");
	backend_send_command(backend);
}

static void backend_after_hello(struct backend *backend, const struct smtp_reply *reply)
{
	backend->offer = (struct smtp_offer){0};
	if (backend->extended)
		smtp_offer_parse(reply, &backend->offer);
	backend->offers_tls |= (backend->offer.keywords & SMTP_OFFERS_TLS) != 0;
	if (backend->offers_tls) /* for whoever asks later */
		backend->offer.keywords |= SMTP_OFFERS_TLS;
	if (backend->tls_is_settled)
		backend_go_on(backend);
	else
		backend_start_tls(backend);
}

/* XCLIENT is refused for what we wrote, or must not write (500 to 504, X.5.X, X.7.0), or, where the
 * server looks at clients at once (smtpd_delay_reject = no of Postfix), for whom it names. Without
 * an enhanced code it did not say. */
static bool xclient_refusal_is_the_clients(const struct smtp_reply *reply)
{
	struct span code = smtp_reply_enhanced(reply);

	return (reply->code < 500 || reply->code > 504) && code.len != 0 && code.ptr[2] != '5' &&
	       !span_equal_text(span_from(code, 2), "7.0");
}

/* 421 is about the server in any case. */
static bool refusal_is_the_clients(const struct backend *backend, const struct smtp_reply *reply)
{
	if (smtp_reply_class(reply) < 4 || reply->code == 421)
		return false;
	return backend->step == STEP_XCLIENT ? xclient_refusal_is_the_clients(reply)
					     : backend->knows_client;
}

static void backend_on_refusal(struct backend *backend, const struct smtp_reply *reply)
{
	char said[SMTP_REPLY_TEXT_SIZE], what[SMTP_REPLY_TEXT_SIZE + 32];

	if (backend->step == STEP_STARTTLS) {
		snprintf(what, sizeof(what), "STARTTLS was refused: %s",
			smtp_reply_show(reply, said));
		backend_settle_without_tls(backend, what);
		if (backend->conf->backend_tls != BACKEND_TLS_REQUIRE)
			backend_introduce_client(backend);
	} else if (backend->step == STEP_HELLO && backend->extended &&
		   smtp_reply_class(reply) == 5) {
		backend_say_hello(backend, false);
	} else if (refusal_is_the_clients(backend, reply)) {
		backend_rest(backend);
		backend->calls.refused(backend, reply, backend->arg);
	} else {
		snprintf(what, sizeof(what), "%s: %s",
			backend->step == STEP_XCLIENT ? "XCLIENT was refused" : "refuses to talk",
			smtp_reply_show(reply, said));
		backend_fail(backend, reply->code < 500 ? E_BUSY : E_DENIED, what);
	}
}

/* A client that said no HELO has none to be passed on: whether it needs one is the server's to
 * say. */
static void backend_introduce_client(struct backend *backend)
{
	if (!backend->tls_is_settled)
		backend_say_hello(backend, true); /* else it offers nothing */
	else if (backend->knows_client && backend->client.helo.len == 0)
		backend_become_ready(backend);
	else
		backend_say_hello(backend, !backend->knows_client || backend->client.extended);
}

static void backend_open_step(struct backend *backend, const struct smtp_reply *reply)
{
	if (smtp_reply_class(reply) != 2) {
		backend_on_refusal(backend, reply);
		return;
	}
	switch (backend->step) {
	case STEP_GREETING:
		backend_introduce_client(backend);
		break;
	case STEP_STARTTLS:
		backend->step = STEP_HANDSHAKE;
		stream_start_tls(backend->stream, backend->tls);
		break;
	case STEP_XCLIENT:
		backend->knows_client = true;
		backend_introduce_client(backend);
		break;
	case STEP_HELLO:
		backend_after_hello(backend, reply);
		break;
	case STEP_HANDSHAKE:
	case STEP_READY:
		break;
	}
}

/* ---- the stream ---- */

static void backend_on_input(struct stream *stream, void *arg)
{
	struct backend *backend = OBJ(backend, arg);
	struct smtp_reply reply;

	while (!backend->closed && backend->error == 0) {
		struct buf *in = stream_in(stream);
		size_t used = 0;
		int r = smtp_reply_next(&backend->parser, buf_span(in), &reply, &used);

		if (r < 0) {
			backend_fail(backend, r, "malformed reply");
			return;
		}
		buf_consume(in, used);
		if (r == 0)
			return;
		if (backend->step == STEP_READY)
			backend->calls.reply(backend, &reply, backend->arg);
		else
			backend_open_step(backend, &reply);
	}
}

static void backend_on_drained(struct stream *stream, void *arg)
{
	struct backend *backend = OBJ(backend, arg);

	(void)stream;
	if (backend->calls.drained != NULL)
		backend->calls.drained(backend, backend->arg);
}

static void backend_on_closed(struct stream *stream, int error, void *arg)
{
	struct backend *backend = OBJ(backend, arg);
	char words[TROUBLE_SIZE];

	if (backend_goes_on_in_plain_text(backend, error))
		return;
	if (error == E_TLS) {
		snprintf(words, sizeof(words), "TLS failed: %s", stream_tls_why(stream));
		backend_fail(backend, error, words);
		return;
	}
	backend_fail(
		backend, error, error == E_CLOSED ? "closed the connection" : "connection failed");
}
