/* SPDX-License-Identifier: ISC */
#include "demo/client.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "dns/message.h"
#include "smtp/proxy.h"

enum {
	PATIENCE_S = 20,
	CLIENT_PORT = 40000,
	INPUT_MAX = 1 << 20,
	COMMAND_MAX = 512,
	QUERY_ID = 0x5a11
};

/* A blocking connection and what came in. */
struct wire {
	int fd;
	struct buf in;
};

static int wire_open(struct endpoint endpoint, int type, struct wire *wire)
{
	struct sockaddr_storage address;
	socklen_t len = endpoint_to_sockaddr(endpoint, &address);
	struct timeval patience = {.tv_sec = PATIENCE_S};

	buf_init(&wire->in, INPUT_MAX);
	wire->fd = socket(address.ss_family, type | SOCK_CLOEXEC, 0);
	if (wire->fd < 0)
		return err_from_errno(errno);
	setsockopt(wire->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(wire->fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	return connect(wire->fd, (struct sockaddr *)&address, len) == 0 ? 0 : E_AWAY;
}

static void wire_close(struct wire *wire)
{
	if (wire->fd >= 0)
		close(wire->fd);
	buf_done(&wire->in);
}

static int wire_send(const struct wire *wire, struct span bytes)
{
	while (!span_is_empty(bytes)) {
		ssize_t len = send(wire->fd, bytes.ptr, bytes.len, MSG_NOSIGNAL);

		if (len < 0)
			return errno == EAGAIN ? E_TIMEOUT : E_CLOSED;
		bytes = span_from(bytes, (size_t)len);
	}
	return 0;
}

/* More input; 0 when the other side has closed. */
static int wire_receive(struct wire *wire)
{
	uint8_t *room = buf_reserve(&wire->in, 4096);
	ssize_t len;

	if (room == NULL)
		return E_LIMIT;
	len = recv(wire->fd, room, 4096, 0);
	if (len < 0)
		return errno == EAGAIN ? E_TIMEOUT : E_CLOSED;
	buf_wrote(&wire->in, (size_t)len);
	return len > 0;
}

static int wire_read_line(struct wire *wire, struct demo_reply *reply)
{
	size_t end;
	int r = 1;

	while ((end = span_find_text(buf_span(&wire->in), "\r\n")) == buf_len(&wire->in) && r > 0)
		r = wire_receive(wire);
	if (r <= 0)
		return r < 0 ? r : E_CLOSED;
	snprintf(reply->text, sizeof(reply->text), "%.*s", (int)end,
		(const char *)buf_span(&wire->in).ptr);
	buf_consume(&wire->in, end + strlen("\r\n"));
	return 0;
}

/* "250-..." goes on, "250 ..." ends it (RFC 5321 section 4.2.1). */
static int wire_read_reply(struct wire *wire, struct demo_reply *reply)
{
	uint64_t code;
	int r;

	do {
		r = wire_read_line(wire, reply);
		if (r < 0)
			return r;
		if (span_parse_u64(span_first(span_text(reply->text), 3), 599, &code) < 0)
			return E_PARSE;
	} while (reply->text[3] == '-');
	reply->code = (int)code;
	return 0;
}

/* 1: go on; 0: refused, *reply says how. */
__attribute__((format(printf, 3, 4))) static int wire_command(
	struct wire *wire, struct demo_reply *reply, const char *format, ...)
{
	char line[COMMAND_MAX];
	va_list args;
	int len, r;

	va_start(args, format);
	len = vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	r = len > 0 && (size_t)len < sizeof(line) ? wire_send(wire, span_of(line, (size_t)len))
						  : E_LIMIT;
	if (r == 0)
		r = wire_read_reply(wire, reply);
	return r < 0 ? r : reply->code < 400;
}

static int visit_greet(struct wire *wire, const struct demo_visit *visit, struct demo_reply *reply)
{
	struct endpoint source = {.port = CLIENT_PORT};
	struct endpoint destination = {.port = 25};
	struct buf head;
	int r = ip_parse(span_text(visit->client), &source.ip);

	if (r == 0)
		r = ip_parse(span_text(ip_is_v4(source.ip) ? "127.0.0.1" : "::1"), &destination.ip);
	if (r < 0)
		return r;
	buf_init(&head, 0);
	proxy_v1_print(source, destination, &head);
	if (visit->early)
		buf_append_format(&head, "EHLO %s\r\n", visit->helo);
	r = wire_send(wire, buf_span(&head));
	buf_done(&head);
	if (r == 0)
		r = wire_read_reply(wire, reply);
	if (r < 0 || reply->code >= 400)
		return r;
	if (!visit->early)
		return wire_command(wire, reply, "EHLO %s\r\n", visit->helo);
	r = wire_read_reply(wire, reply);
	return r < 0 ? r : reply->code < 400;
}

static int visit_message(
	struct wire *wire, const struct demo_visit *visit, struct demo_reply *reply)
{
	struct buf message;
	int r;

	buf_init(&message, 0);
	buf_append_format(&message,
		"From: <%s>\r\nTo: <%s>\r\nSubject: hello\r\n\r\n"
		"Hello from %s.\r\n..a line that begins with a dot\r\n",
		visit->sender, visit->recipient, visit->client);
	r = wire_send(wire, buf_span(&message));
	buf_done(&message);
	return r < 0 ? r : wire_command(wire, reply, ".\r\n");
}

int demo_client_mail(
	struct endpoint gate, const struct demo_visit *visit, struct demo_reply *ret_reply)
{
	struct demo_reply reply = {0};
	struct demo_reply farewell;
	struct wire wire;
	int r = wire_open(gate, SOCK_STREAM, &wire);

	if (r == 0)
		r = visit_greet(&wire, visit, &reply);
	if (r > 0)
		r = wire_command(&wire, &reply, "MAIL FROM:<%s>\r\n", visit->sender);
	if (r > 0)
		r = wire_command(&wire, &reply, "RCPT TO:<%s>\r\n", visit->recipient);
	if (r > 0)
		r = wire_command(&wire, &reply, "DATA\r\n");
	if (r > 0)
		r = visit_message(&wire, visit, &reply);
	if (r >= 0)
		(void)wire_command(&wire, &farewell, "QUIT\r\n");
	wire_close(&wire);
	if (r < 0)
		return r;
	*ret_reply = reply;
	return 0;
}

static bool answer_has(struct span bytes, const struct dns_name *name, struct ip address)
{
	struct dns_walk walk = {.section = DNS_ANSWER};
	struct dns_message message;
	struct dns_record record;
	struct ip ip;
	bool has = false;

	if (dns_message_decode(bytes, &message) < 0 ||
		!dns_message_answers(&message, QUERY_ID, name, DNS_A))
		return false;
	while (!has && dns_message_next(&message, &walk, &record) > 0)
		has = record.type == DNS_A && dns_record_ip(&record, &ip) == 0 &&
		      ip_equal(ip, address);
	return has;
}

/* RFC 1035 section 4.2.2: by TCP, a length of two octets before each message. */
static bool answer_is_complete(struct buf *in, bool tcp)
{
	struct span bytes = buf_span(in);

	if (!tcp)
		return bytes.len > 0;
	return bytes.len >= 2 && bytes.len >= 2U + ((size_t)bytes.ptr[0] << 8 | bytes.ptr[1]);
}

int demo_client_dns(struct endpoint server, const char *name, struct ip address, bool tcp)
{
	struct dns_name question;
	struct wire wire;
	struct buf query, out;
	int r = dns_name_parse(span_text(name), &question);

	if (r < 0)
		return r;
	buf_init(&query, 0);
	buf_init(&out, 0);
	dns_query_encode(&query, QUERY_ID, &question, DNS_A, DNS_UDP_SAFE);
	if (tcp)
		buf_append_u16(&out, (uint16_t)buf_len(&query));
	buf_append(&out, buf_span(&query));
	r = wire_open(server, tcp ? SOCK_STREAM : SOCK_DGRAM, &wire);
	if (r == 0)
		r = wire_send(&wire, buf_span(&out));
	while (r >= 0 && !answer_is_complete(&wire.in, tcp)) {
		r = wire_receive(&wire);
		r = r == 0 ? E_CLOSED : r;
	}
	if (r >= 0)
		r = answer_has(span_from(buf_span(&wire.in), tcp ? 2 : 0), &question, address);
	wire_close(&wire);
	buf_done(&query);
	buf_done(&out);
	return r;
}

int demo_client_page(struct endpoint server, const char *path, struct buf *out)
{
	struct wire wire;
	struct buf request;
	int r = wire_open(server, SOCK_STREAM, &wire);

	buf_init(&request, 0);
	buf_append_format(&request,
		"GET %s HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nConnection: close\r\n\r\n", path,
		server.port);
	if (r == 0)
		r = wire_send(&wire, buf_span(&request));
	while (r >= 0 && (r = wire_receive(&wire)) > 0)
		;
	if (r >= 0)
		buf_append(out, buf_span(&wire.in));
	buf_done(&request);
	wire_close(&wire);
	return r;
}
