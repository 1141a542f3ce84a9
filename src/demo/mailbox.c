/* SPDX-License-Identifier: ISC */
#include "demo/mailbox.h"

#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/macro.h"
#include "base/mem.h"
#include "base/obj.h"
#include "loop/acceptor.h"
#include "loop/socket.h"
#include "loop/stream.h"

enum { INPUT_MAX = 1 << 20, TEXT_SIZE = 256 };

/* One connection of the gate. */
struct demo_guest {
	uint32_t magic;
	struct demo_mailbox *mailbox;
	struct demo_guest *previous, *next;
	struct stream *stream;
	bool in_data;
	size_t size; /* of the message so far */
	char client[TEXT_SIZE], sender[TEXT_SIZE];
};

struct demo_mailbox {
	uint32_t magic;
	struct loop *loop;
	struct demo_mailbox_settings settings;
	int fd;
	struct acceptor *acceptor;
	struct demo_guest *first;
};

static void guest_reply(struct demo_guest *guest, const char *line)
{
	buf_append_text(stream_out(guest->stream), line);
	buf_append_text(stream_out(guest->stream), "\r\n");
}

static void guest_greet(struct demo_guest *guest)
{
	buf_append_format(stream_out(guest->stream), "220 %s ESMTP mailbox\r\n",
		guest->mailbox->settings.name);
}

static void guest_note(char text[TEXT_SIZE], struct span value)
{
	snprintf(text, TEXT_SIZE, "%.*s", (int)value.len, (const char *)value.ptr);
}

/* Between < and >; empty when there is none. */
static struct span path_of(struct span line)
{
	struct span path = span_from(line, span_find(line, '<') + 1);

	return span_first(path, span_find(path, '>'));
}

/* XCLIENT ADDR=192.0.2.10 NAME=... (Postfix's XCLIENT_README): who the client is, to show. */
static void guest_xclient(struct demo_guest *guest, struct span words)
{
	while (!span_is_empty(words)) {
		struct span word = span_split(&words, ' ');

		if (span_has_prefix_nocase(word, "ADDR="))
			guest_note(guest->client, span_from(word, strlen("ADDR=")));
	}
	guest_greet(guest);
}

static void guest_rcpt(struct demo_guest *guest, struct span line)
{
	struct span path = path_of(line);
	struct span domain = span_from(path, span_find(path, '@') + 1);

	guest_reply(guest, span_equal_nocase(domain, span_text(guest->mailbox->settings.domain))
				   ? "250 2.1.5 Ok"
				   : "554 5.7.1 Relay access denied");
}

static void guest_ehlo(struct demo_guest *guest)
{
	buf_append_format(stream_out(guest->stream),
		"250-%s\r\n250-PIPELINING\r\n250-SIZE 52428800\r\n250-8BITMIME\r\n"
		"250-ENHANCEDSTATUSCODES\r\n250 XCLIENT %s\r\n",
		guest->mailbox->settings.name, guest->mailbox->settings.xclient);
}

static void guest_command(struct demo_guest *guest, struct span line)
{
	if (span_has_prefix_nocase(line, "EHLO ") || span_has_prefix_nocase(line, "HELO ")) {
		guest_ehlo(guest);
	} else if (span_has_prefix_nocase(line, "XCLIENT ")) {
		guest_xclient(guest, span_from(line, strlen("XCLIENT ")));
	} else if (span_has_prefix_nocase(line, "MAIL FROM:")) {
		guest_note(guest->sender, path_of(line));
		guest_reply(guest, "250 2.1.0 Ok");
	} else if (span_has_prefix_nocase(line, "RCPT TO:")) {
		guest_rcpt(guest, line);
	} else if (span_has_prefix_nocase(line, "DATA")) {
		guest->in_data = true;
		guest->size = 0;
		guest_reply(guest, "354 End data with <CR><LF>.<CR><LF>");
	} else if (span_has_prefix_nocase(line, "QUIT")) {
		guest_reply(guest, "221 2.0.0 Bye");
		stream_finish(guest->stream);
	} else {
		guest_reply(guest, "250 2.0.0 Ok"); /* RSET, NOOP */
	}
}

static void guest_data(struct demo_guest *guest, struct span line)
{
	const struct demo_mailbox_settings *settings = &guest->mailbox->settings;
	struct demo_mail mail = {span_text(guest->client), span_text(guest->sender), guest->size};

	if (!span_equal_text(line, ".")) {
		guest->size += line.len + strlen("\r\n");
		return;
	}
	guest->in_data = false;
	if (settings->on_mail != NULL)
		settings->on_mail(&mail, settings->arg);
	guest_reply(guest, "250 2.0.0 Ok: in the mailbox");
}

static void guest_on_input(struct stream *stream, void *arg)
{
	struct demo_guest *guest = OBJ(demo_guest, arg);
	struct buf *in = stream_in(stream);
	size_t end;

	while ((end = span_find_text(buf_span(in), "\r\n")) < buf_len(in)) {
		struct span line = span_first(buf_span(in), end);

		if (guest->in_data)
			guest_data(guest, line);
		else
			guest_command(guest, line);
		buf_consume(in, end + strlen("\r\n"));
	}
	stream_send(stream);
}

static void guest_free(struct demo_guest **guest)
{
	struct demo_guest *old = *guest;

	*guest = NULL;
	if (old->next != NULL)
		old->next->previous = old->previous;
	if (old->previous != NULL)
		old->previous->next = old->next;
	else
		old->mailbox->first = old->next;
	stream_free(&old->stream);
	old->magic = 0;
	mem_free(old);
}

static void guest_on_closed(struct stream *stream, int error, void *arg)
{
	struct demo_guest *guest = OBJ(demo_guest, arg);

	(void)stream;
	(void)error;
	guest_free(&guest);
}

static void mailbox_accept(int fd, const struct endpoint *peer, void *arg)
{
	static const struct stream_calls calls = {
		.input = guest_on_input, .closed = guest_on_closed};
	static const struct stream_limits limits = {.in = INPUT_MAX, .out = INPUT_MAX};
	struct demo_mailbox *mailbox = OBJ(demo_mailbox, arg);
	struct demo_guest *guest = mem_new(demo_guest);
	int on = 1;

	(void)peer;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	guest->magic = (uint32_t)MAGIC_demo_guest;
	guest->mailbox = mailbox;
	guest->next = mailbox->first;
	if (mailbox->first != NULL)
		mailbox->first->previous = guest;
	mailbox->first = guest;
	guest->stream = stream_new(mailbox->loop, fd,
		&(struct stream_settings){.calls = &calls, .arg = guest, .limits = limits});
	guest_greet(guest);
	stream_send(guest->stream);
}

int demo_mailbox_new(struct loop *loop, const struct demo_mailbox_settings *settings,
	struct demo_mailbox **ret_mailbox, struct fault *why)
{
	AUTO(demo_mailbox) *mailbox = mem_new(demo_mailbox);
	int r;

	*mailbox = (struct demo_mailbox){.magic = (uint32_t)MAGIC_demo_mailbox,
		.loop = loop,
		.settings = *settings,
		.fd = -1};
	r = socket_listen_tcp(settings->endpoint, 0, &mailbox->fd, why);
	if (r < 0)
		return r;
	mailbox->acceptor = acceptor_new(loop, mailbox->fd, mailbox_accept, mailbox);
	*ret_mailbox = TAKE(mailbox);
	return 0;
}

void demo_mailbox_free(struct demo_mailbox **mailbox)
{
	struct demo_mailbox *old = *mailbox;

	*mailbox = NULL;
	if (old == NULL)
		return;
	while (old->first != NULL)
		guest_free(&(struct demo_guest *){old->first});
	acceptor_free(&old->acceptor);
	if (old->fd >= 0)
		close(old->fd);
	mem_free(old);
}
