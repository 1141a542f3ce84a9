/* SPDX-License-Identifier: ISC */
/*
 * The mail server behind the gate, for the bench: takes every message and forgets it. It knows just enough SMTP to be a
 * backend (EHLO, XCLIENT, pipelining), and it takes mail for one domain only, so that the gate's relay probe passes:
 *
 *   smtp_sink 127.0.0.1:2526 example.net        takes mail for example.net, answers 554 for other domains
 */
#include <netinet/tcp.h>
#include <stdio.h>
#include <unistd.h>

#include "base/macro.h"
#include "base/mem.h"
#include "loop/socket.h"
#include "loop/stream.h"

struct sink {
	struct loop *loop;
	const char *domain;
	int fd;
};

struct client {
	struct sink *sink;
	struct stream *stream;
	bool in_data;
	uint8_t tail[5]; /* the last octets of the message so far */
};

static void client_reply(struct client *client, const char *text)
{
	buf_append_text(stream_out(client->stream), text);
}

static void client_on_command(struct client *client, struct span line)
{
	if (span_has_prefix_nocase(line, "EHLO")) {
		client_reply(client,
			"250-sink\r\n250-PIPELINING\r\n250-SIZE 104857600\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n"
			"250-ENHANCEDSTATUSCODES\r\n250 XCLIENT NAME ADDR PORT PROTO HELO\r\n");
	} else if (span_has_prefix_nocase(line, "XCLIENT")) {
		client_reply(client, "220 sink\r\n");
	} else if (span_has_prefix_nocase(line, "RCPT")) {
		bool ours = span_find_text(line, client->sink->domain) < line.len;

		client_reply(
			client, ours ? "250 2.1.5 ok\r\n" : "554 5.7.1 relay access denied\r\n");
	} else if (span_has_prefix_nocase(line, "DATA")) {
		client->in_data = true;
		memcpy(client->tail, "xxx\r\n", sizeof(client->tail));
		client_reply(client, "354 go on\r\n");
	} else if (span_has_prefix_nocase(line, "QUIT")) {
		client_reply(client, "221 2.0.0 bye\r\n");
		stream_finish(client->stream);
	} else {
		client_reply(client, "250 2.0.0 ok\r\n");
	}
}

/* How many octets of s belong to the message; the end is CRLF.CRLF. */
static size_t client_take_data(struct client *client, struct span s)
{
	for (size_t i = 0; i < s.len; i++) {
		memmove(client->tail, client->tail + 1, sizeof(client->tail) - 1);
		client->tail[sizeof(client->tail) - 1] = s.ptr[i];
		if (s.ptr[i] == '\n' &&
			memcmp(client->tail, "\r\n.\r\n", sizeof(client->tail)) == 0) {
			client->in_data = false;
			client_reply(client, "250 2.0.0 taken\r\n");
			return i + 1;
		}
	}
	return s.len;
}

static void on_input(struct stream *stream, void *arg)
{
	struct client *client = arg;
	struct buf *in = stream_in(stream);

	while (buf_len(in) != 0) {
		struct span s = buf_span(in);
		size_t end = span_find(s, '\n');

		if (client->in_data) {
			buf_consume(in, client_take_data(client, s));
			continue;
		}
		if (end == s.len)
			break;
		client_on_command(client, span_first(s, end));
		buf_consume(in, end + 1);
	}
	stream_send(stream);
}

static void on_closed(struct stream *stream, int error, void *arg)
{
	struct client *client = arg;

	(void)stream;
	(void)error;
	stream_free(&client->stream);
	mem_free(client);
}

static void on_accept(struct watch *watch, int ready, void *arg)
{
	static const struct stream_limits limits = {.in = 65536, .out = 65536};
	static const struct stream_calls calls = {.input = on_input, .closed = on_closed};
	struct sink *sink = arg;
	int on = 1;
	int fd;

	(void)watch;
	(void)ready;
	while ((fd = accept4(sink->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		struct client *client = mem_new(client);

		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		client->sink = sink;
		client->stream = stream_new(sink->loop, fd, false, &limits, &calls, client);
		client_reply(client, "220 sink ESMTP\r\n");
		stream_send(client->stream);
	}
}

int main(int argc, char **argv)
{
	struct sink sink = {.loop = loop_new()};
	struct endpoint endpoint;
	struct fault why = {""};
	struct watch *watch;

	if (argc != 3 || endpoint_parse(span_text(argv[1]), &endpoint, &why) < 0 ||
		socket_listen_tcp(endpoint, false, &sink.fd, &why) < 0) {
		fprintf(stderr, "usage: smtp_sink ADDRESS:PORT DOMAIN %s\n", why.text);
		return 64;
	}
	sink.domain = argv[2];
	watch = watch_new(sink.loop, sink.fd, on_accept, &sink);
	watch_set(watch, WATCH_READ);
	loop_run(sink.loop);
	return 0;
}
