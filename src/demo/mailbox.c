/* SPDX-License-Identifier: ISC */
#include "demo/mailbox.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/macro.h"
#include "base/mem.h"
#include "base/obj.h"
#include "loop/socket.h"
#include "loop/stream.h"

enum { GUESTS_MAX = 32, INPUT_MAX = 1 << 20, TEXT_SIZE = 256 };

/* One connection of the gate. */
struct demo_guest {
	uint32_t magic;
	struct demo_mailbox *mailbox;
	struct stream *stream; /* NULL: this place is free */
	bool in_data;
	size_t size; /* of the message so far */
	char client[TEXT_SIZE];
	char sender[TEXT_SIZE];
};

struct demo_mailbox {
	uint32_t magic;
	struct loop *loop;
	int fd;
	struct watch *watch;
	const char *domain;
	void (*on_mail)(const struct demo_mail *mail, void *arg);
	void *arg;
	struct demo_guest guests[GUESTS_MAX];
};

static void guest_reply(struct demo_guest *guest, const char *line)
{
	buf_append_text(stream_out(guest->stream), line);
	buf_append_text(stream_out(guest->stream), "\r\n");
}

static void guest_note(char text[TEXT_SIZE], struct span value)
{
	size_t len = value.len < TEXT_SIZE - 1 ? value.len : TEXT_SIZE - 1;

	memcpy(text, value.ptr, len);
	text[len] = '\0';
}

/* Between < and >; empty when there is none. */
static struct span path_of(struct span line)
{
	struct span path = span_from(line, span_find(line, '<') + 1);

	return span_first(path, span_find(path, '>'));
}

/* XCLIENT ADDR=192.0.2.10 NAME=... (Postfix's XCLIENT_README): only who the client is, for the demo to show. */
static void guest_xclient(struct demo_guest *guest, struct span words)
{
	while (!span_is_empty(words)) {
		struct span word = span_split(&words, ' ');

		if (span_has_prefix_nocase(word, "ADDR="))
			guest_note(guest->client, span_from(word, strlen("ADDR=")));
	}
	guest_reply(guest, "220 mailbox.demo.test ESMTP demo mailbox");
}

static void guest_rcpt(struct demo_guest *guest, struct span line)
{
	struct span path = path_of(line);
	struct span domain = span_from(path, span_find(path, '@') + 1);

	if (span_equal_nocase(domain, span_text(guest->mailbox->domain)))
		guest_reply(guest, "250 2.1.5 Ok");
	else
		guest_reply(guest, "554 5.7.1 Relay access denied");
}

static void guest_ehlo(struct demo_guest *guest)
{
	guest_reply(guest, "250-mailbox.demo.test");
	guest_reply(guest, "250-PIPELINING");
	guest_reply(guest, "250-SIZE 52428800");
	guest_reply(guest, "250-8BITMIME");
	guest_reply(guest, "250-ENHANCEDSTATUSCODES");
	guest_reply(guest, "250 XCLIENT NAME ADDR PORT PROTO HELO REVERSE_NAME DESTADDR DESTPORT");
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
	} else {
		guest_reply(guest, "250 2.0.0 Ok"); /* RSET, NOOP */
	}
}

static void guest_data(struct demo_guest *guest, struct span line)
{
	struct demo_mail mail = {.client = span_text(guest->client),
		.sender = span_text(guest->sender),
		.size = guest->size};

	if (!span_equal_text(line, ".")) {
		guest->size += line.len + strlen("\r\n");
		return;
	}
	guest->in_data = false;
	guest->mailbox->on_mail(&mail, guest->mailbox->arg);
	guest_reply(guest, "250 2.0.0 Ok: in the demo mailbox");
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

static void guest_on_closed(struct stream *stream, int error, void *arg)
{
	struct demo_guest *guest = OBJ(demo_guest, arg);

	(void)stream;
	(void)error;
	stream_free(&guest->stream);
}

static void mailbox_greet(struct demo_mailbox *mailbox, int fd)
{
	static const struct stream_calls calls = {
		.input = guest_on_input, .closed = guest_on_closed};
	static const struct stream_limits limits = {.in = INPUT_MAX, .out = INPUT_MAX};

	for (size_t i = 0; i < GUESTS_MAX; i++) {
		struct demo_guest *guest = &mailbox->guests[i];

		if (guest->stream != NULL)
			continue;
		*guest = (struct demo_guest){
			.magic = (uint32_t)MAGIC_demo_guest, .mailbox = mailbox};
		guest->stream = stream_new(mailbox->loop, fd, false, &limits, &calls, guest);
		guest_reply(guest, "220 mailbox.demo.test ESMTP demo mailbox");
		stream_send(guest->stream);
		return;
	}
	close(fd); /* the gate tries again */
}

static void mailbox_on_connection(struct watch *watch, int ready, void *arg)
{
	struct demo_mailbox *mailbox = OBJ(demo_mailbox, arg);
	int fd;

	(void)watch;
	(void)ready;
	while ((fd = accept4(mailbox->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0)
		mailbox_greet(mailbox, fd);
}

int demo_mailbox_new(struct loop *loop, struct endpoint endpoint, const char *domain,
	void (*on_mail)(const struct demo_mail *mail, void *arg), void *arg,
	struct demo_mailbox **ret_mailbox, struct fault *why)
{
	AUTO(demo_mailbox) *mailbox = mem_new(demo_mailbox);
	int r;

	*mailbox = (struct demo_mailbox){.magic = (uint32_t)MAGIC_demo_mailbox,
		.loop = loop,
		.fd = -1,
		.domain = domain,
		.on_mail = on_mail,
		.arg = arg};
	r = socket_listen_tcp(endpoint, false, &mailbox->fd, why);
	if (r < 0)
		return r;
	mailbox->watch = watch_new(loop, mailbox->fd, mailbox_on_connection, mailbox);
	r = watch_set(mailbox->watch, WATCH_READ);
	if (r < 0)
		return r;
	*ret_mailbox = TAKE(mailbox);
	return 0;
}

void demo_mailbox_free(struct demo_mailbox **mailbox)
{
	struct demo_mailbox *old = *mailbox;

	*mailbox = NULL;
	if (old == NULL)
		return;
	for (size_t i = 0; i < GUESTS_MAX; i++)
		stream_free(&old->guests[i].stream);
	watch_free(&old->watch);
	if (old->fd >= 0)
		close(old->fd);
	mem_free(old);
}
