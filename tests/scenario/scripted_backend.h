/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * A mail server behind the gate, in the loop of the session player: answers each command as the
 * scenario says, and writes down every line that it gets. Polite at first: takes everything but the
 * recipient of the relay probe.
 */
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/macro.h"
#include "base/mem.h"
#include "loop/socket.h"
#include "loop/stream.h"

enum { BACKEND_CONNECTIONS_MAX = 512, BACKEND_LINES_MAX = 4096, BACKEND_BYTES_MAX = 1 << 22 };

enum backend_verb {
	VERB_CONNECT,
	VERB_EHLO,
	VERB_HELO,
	VERB_STARTTLS,
	VERB_XCLIENT,
	VERB_MAIL,
	VERB_RCPT,
	VERB_DATA,
	VERB_END, /* of a message */
	VERB_RSET,
	VERB_QUIT,
	VERB_PROBE, /* the recipient of the relay probe */
	VERB_COUNT
};

static const char *const backend_verbs[VERB_COUNT] = {"connect", "EHLO", "HELO", "STARTTLS",
	"XCLIENT", "MAIL", "RCPT", "DATA", "END", "RSET", "QUIT", "probe"};

struct scripted_backend;

struct backend_connection {
	struct scripted_backend *backend;
	struct stream *stream;
	bool in_message;
};

struct scripted_backend {
	struct loop *loop;
	struct watch *listener;
	struct endpoint endpoint;
	struct buf answers[VERB_COUNT]; /* as they go out; empty: says nothing */
	bool closes_at[VERB_COUNT];
	size_t connections_len;
	struct backend_connection connections[BACKEND_CONNECTIONS_MAX];
	size_t lines_len;
	char *lines[BACKEND_LINES_MAX]; /* of all connections, without line ends */
	uint64_t activity;
	struct tls_context *tls; /* the player's */
};

static inline void scripted_answer(
	struct scripted_backend *backend, enum backend_verb verb, struct span answer)
{
	buf_clear(&backend->answers[verb]);
	buf_append(&backend->answers[verb], answer);
	backend->closes_at[verb] = false;
}

static inline void scripted_offer_keywords(
	struct scripted_backend *backend, const char *const *keywords, size_t count)
{
	struct buf *answer = &backend->answers[VERB_EHLO];

	buf_clear(answer);
	buf_append_format(answer, "250%cbackend\r\n", count != 0 ? '-' : ' ');
	for (size_t i = 0; i < count; i++)
		buf_append_format(answer, "250%c%s\r\n", i + 1 < count ? '-' : ' ', keywords[i]);
}

static inline void scripted_write_down(struct scripted_backend *backend, struct span line)
{
	char *text = mem_alloc(line.len + 1);

	ASSERT(backend->lines_len < BACKEND_LINES_MAX);
	if (line.len != 0)
		memcpy(text, line.ptr, line.len);
	backend->lines[backend->lines_len++] = text;
}

static inline void scripted_do(struct backend_connection *c, enum backend_verb verb)
{
	buf_append(stream_out(c->stream), buf_span(&c->backend->answers[verb]));
	stream_send(c->stream);
	if (verb == VERB_STARTTLS &&
		span_has_prefix_nocase(buf_span(&c->backend->answers[verb]), "220"))
		stream_start_tls(c->stream, c->backend->tls);
	if (verb == VERB_DATA)
		c->in_message = span_has_prefix_nocase(buf_span(&c->backend->answers[verb]), "354");
	if (c->backend->closes_at[verb] || verb == VERB_QUIT)
		stream_finish(c->stream);
}

static inline enum backend_verb scripted_verb_of(struct span line)
{
	static const char probe[] = "stockade-relay-probe";

	if (span_find_text(line, probe) < line.len)
		return VERB_PROBE;
	for (int verb = VERB_EHLO; verb < VERB_PROBE; verb++)
		if (span_has_prefix_nocase(line, backend_verbs[verb]))
			return (enum backend_verb)verb;
	return VERB_COUNT;
}

static inline void scripted_on_line(struct backend_connection *c, struct span line)
{
	enum backend_verb verb = scripted_verb_of(line);

	scripted_write_down(c->backend, line);
	if (c->in_message && span_equal_text(line, ".")) {
		c->in_message = false;
		scripted_do(c, VERB_END);
	} else if (!c->in_message && verb != VERB_COUNT) {
		scripted_do(c, verb);
	}
}

/* The header of PROXY version 2 is not a line: signature, four bytes, and as many as these say. */
static inline bool scripted_skip_proxy_v2(struct backend_connection *c)
{
	static const char signature[] = "\r\n\r\n";
	struct span in = buf_span(stream_in(c->stream));

	if (!span_has_prefix_nocase(in, signature) || in.len < 16)
		return false;
	scripted_write_down(c->backend, span_text("PROXY version 2"));
	buf_consume(stream_in(c->stream), 16 + (size_t)in.ptr[14] * 256 + in.ptr[15]);
	return true;
}

static inline void scripted_on_input(struct stream *stream, void *arg)
{
	struct backend_connection *c = arg;

	c->backend->activity++;
	while (c->stream != NULL) {
		struct span in = buf_span(stream_in(stream));
		size_t len = span_find(in, '\n');

		if (scripted_skip_proxy_v2(c))
			continue;
		if (len == in.len)
			return;
		scripted_on_line(
			c, span_first(in, len != 0 && in.ptr[len - 1] == '\r' ? len - 1 : len));
		if (c->stream != NULL)
			buf_consume(stream_in(stream), len + 1);
	}
}

static inline void scripted_on_closed(struct stream *stream, int error, void *arg)
{
	struct backend_connection *c = arg;

	(void)stream;
	(void)error;
	c->backend->activity++;
	scripted_write_down(
		c->backend, span_text(c->in_message ? "(closed in a message)" : "(closed)"));
	stream_free(&c->stream);
}

static inline void scripted_on_client(struct watch *watch, int ready, void *arg)
{
	static const struct stream_limits limits = {
		.in = BACKEND_BYTES_MAX, .out = BACKEND_BYTES_MAX};
	static const struct stream_calls calls = {
		.input = scripted_on_input, .closed = scripted_on_closed};
	struct scripted_backend *backend = arg;
	struct backend_connection *c = &backend->connections[backend->connections_len];
	int fd = accept4(watch_fd(watch), NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	(void)ready;
	if (fd < 0)
		return;
	ASSERT(backend->connections_len < BACKEND_CONNECTIONS_MAX);
	backend->connections_len++;
	backend->activity++;
	c->backend = backend;
	c->stream = stream_new(backend->loop, fd,
		&(struct stream_settings){.calls = &calls, .arg = c, .limits = limits});
	scripted_do(c, VERB_CONNECT);
}

/* All connections break, as when a server crashes. */
static inline void scripted_break(struct scripted_backend *backend)
{
	for (size_t i = 0; i < backend->connections_len; i++)
		stream_free(&backend->connections[i].stream);
}

static inline void scripted_stop_listening(struct scripted_backend *backend)
{
	if (backend->listener != NULL)
		close(watch_fd(backend->listener));
	watch_free(&backend->listener);
}

static inline void scripted_init(struct scripted_backend *backend, struct loop *loop)
{
	static const char *const usual[VERB_COUNT] = {[VERB_CONNECT] = "220 backend ESMTP\r\n",
		[VERB_HELO] = "250 backend\r\n",
		[VERB_STARTTLS] = "220 go on\r\n",
		[VERB_XCLIENT] = "220 backend ESMTP\r\n",
		[VERB_MAIL] = "250 2.1.0 Ok\r\n",
		[VERB_RCPT] = "250 2.1.5 Ok\r\n",
		[VERB_DATA] = "354 go on\r\n",
		[VERB_END] = "250 2.0.0 kept\r\n",
		[VERB_RSET] = "250 2.0.0 Ok\r\n",
		[VERB_QUIT] = "221 2.0.0 bye\r\n",
		[VERB_PROBE] = "554 5.7.1 relay access denied\r\n"};
	static const char *const keywords[] = {"PIPELINING", "SIZE 0", "8BITMIME",
		"ENHANCEDSTATUSCODES", "XCLIENT NAME ADDR PORT PROTO HELO DESTADDR DESTPORT"};
	struct endpoint any = {.ip = ip_from_v4(0x7f000001u)};
	int fd = -1;

	backend->loop = loop;
	for (int verb = 0; verb < VERB_COUNT; verb++) {
		buf_init(&backend->answers[verb], 0);
		if (usual[verb] != NULL)
			scripted_answer(backend, (enum backend_verb)verb, span_text(usual[verb]));
	}
	scripted_offer_keywords(backend, keywords, COUNTOF(keywords));
	ASSERT(socket_listen_tcp(any, 0, &fd, NULL) == 0);
	ASSERT(socket_local(fd, &backend->endpoint) == 0);
	backend->listener = watch_new(loop, fd, scripted_on_client, backend);
	watch_set(backend->listener, WATCH_READ);
}

static inline void scripted_done(struct scripted_backend *backend)
{
	scripted_break(backend);
	scripted_stop_listening(backend);
	for (int verb = 0; verb < VERB_COUNT; verb++)
		buf_done(&backend->answers[verb]);
	for (size_t i = 0; i < backend->lines_len; i++)
		mem_free(backend->lines[i]);
}
