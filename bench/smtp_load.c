/* SPDX-License-Identifier: ISC */
/*
 * A load of SMTP sessions for the bench: a fixed number at once until a total is reached, each with
 * a PROXY header that names the next source address when asked for. It judges nothing; it prints
 * how many sessions ended with which reply and how long they took. The server's CPU is read from
 * /proc by whoever runs this.
 *
 *   smtp_load --to 127.0.0.1:2525 --sessions 10000 --at-once 50 [--proxy 198.18.0.0] [--sources
 *   254] [--size 4096]
 *             [--tls yes] --rcpt user@example.net
 *
 * With --tls each session says STARTTLS, and resumes the TLS session of one before.
 * Without --size the session stops after RCPT; with it, a message of that many octets follows.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/macro.h"
#include "base/mem.h"
#include "loop/socket.h"
#include "loop/stream.h"

enum step {
	STEP_GREETING,
	STEP_EHLO,
	STEP_STARTTLS,
	STEP_MAIL,
	STEP_RCPT,
	STEP_DATA,
	STEP_BODY,
	STEP_QUIT,
	STEP_COUNT
};

struct load {
	struct loop *loop;
	struct endpoint server;
	struct endpoint own; /* the destination that a PROXY header names */
	bool has_proxy;
	uint32_t first_source;
	uint32_t sources;
	const char *rcpt;
	struct buf message; /* with the final dot */
	bool has_message;
	struct tls_context *tls; /* NULL: plain text */
	size_t sessions;
	size_t at_once;
	size_t started;
	size_t ended;
	size_t codes[600]; /* by the reply that decided */
	size_t failed;
	int64_t *latencies_us;
};

struct session {
	struct load *load;
	struct stream *stream;
	enum step step;
	int64_t started_us;
};

static void session_start(struct load *load);

static void session_end(struct session *session)
{
	struct load *load = session->load;

	load->latencies_us[load->ended++] = clock_monotonic_us() - session->started_us;
	stream_free(&session->stream);
	mem_free(session);
	if (load->ended == load->sessions)
		loop_stop(load->loop);
	else if (load->started < load->sessions)
		session_start(load);
}

static void session_say(struct session *session, enum step next)
{
	struct load *load = session->load;
	struct buf *out = stream_out(session->stream);

	session->step = next;
	switch (next) {
	case STEP_EHLO:
		buf_append_text(out, "EHLO client.bench.test\r\n");
		break;
	case STEP_STARTTLS:
		buf_append_text(out, "STARTTLS\r\n");
		break;
	case STEP_MAIL:
		buf_append_text(out, "MAIL FROM:<sender@bench.test>\r\n");
		break;
	case STEP_RCPT:
		buf_append_format(out, "RCPT TO:<%s>\r\n", load->rcpt);
		break;
	case STEP_DATA:
		buf_append_text(out, "DATA\r\n");
		break;
	case STEP_BODY:
		buf_append(out, buf_span(&load->message));
		break;
	case STEP_QUIT:
		buf_append_text(out, "QUIT\r\n");
		break;
	case STEP_GREETING:
	case STEP_COUNT:
		break;
	}
	stream_send(session->stream);
}

static void session_on_reply(struct session *session, unsigned code)
{
	struct load *load = session->load;
	bool positive = code < 400;
	bool is_settled = load->tls == NULL || stream_tls_facts(session->stream, NULL);

	if (session->step == STEP_QUIT) {
		session_end(session);
		return;
	}
	if (!positive || session->step == STEP_BODY ||
		(session->step == STEP_RCPT && !load->has_message)) {
		load->codes[code < COUNTOF(load->codes) ? code : 0]++;
		session_say(session, STEP_QUIT);
		return;
	}
	if (session->step == STEP_STARTTLS)
		stream_start_tls(session->stream, load->tls);
	else if (session->step == STEP_EHLO && is_settled)
		session_say(session, STEP_MAIL);
	else
		session_say(session, session->step + 1);
}

static void on_secured(struct stream *stream, void *arg)
{
	(void)stream;
	session_say(arg, STEP_EHLO);
}

/* One whole reply at the front of the input: its length, or 0. Bench servers are ours and Debian's:
 * well-behaved. */
static size_t reply_len(struct span in, unsigned *ret_code)
{
	size_t start = 0;

	for (;;) {
		struct span line = span_from(in, start);
		size_t end = span_find(line, '\n');
		uint64_t code;

		if (end == line.len || end < 4)
			return 0;
		if (line.ptr[3] == '-') {
			start += end + 1;
			continue;
		}
		*ret_code =
			span_parse_u64(span_first(line, 3), 599, &code) == 0 ? (unsigned)code : 0;
		return start + end + 1;
	}
}

static void on_input(struct stream *stream, void *arg)
{
	struct session *session = arg;
	unsigned code = 0;
	size_t len = reply_len(buf_span(stream_in(stream)), &code);

	if (len == 0)
		return;
	buf_consume(stream_in(stream), len);
	session_on_reply(session, code);
}

static void on_closed(struct stream *stream, int error, void *arg)
{
	struct session *session = arg;

	(void)stream;
	(void)error;
	if (session->step != STEP_QUIT)
		session->load->failed++;
	session_end(session);
}

static void session_start(struct load *load)
{
	static const struct stream_limits limits = {.in = 65536, .out = 64 << 20};
	static const struct stream_calls calls = {
		.input = on_input, .closed = on_closed, .secured = on_secured};
	struct session *session;
	int fd;

	if (socket_connect_tcp(load->server, &fd) < 0) {
		fprintf(stderr, "cannot connect\n");
		exit(1);
	}
	session = mem_new(session);
	session->load = load;
	session->started_us = clock_monotonic_us();
	session->stream = stream_new(load->loop, fd,
		&(struct stream_settings){
			.calls = &calls, .arg = session, .limits = limits, .connecting = true});
	if (load->has_proxy) {
		struct ip source =
			ip_from_v4(load->first_source + (uint32_t)load->started % load->sources);
		char source_text[IP_TEXT_SIZE];
		char own_text[IP_TEXT_SIZE];

		buf_append_format(stream_out(session->stream), "PROXY TCP4 %s %s 40000 %u\r\n",
			ip_print(source, source_text), ip_print(load->own.ip, own_text),
			load->own.port);
	}
	load->started++;
}

static int compare_i64(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a;
	int64_t y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static void load_print(struct load *load, int64_t took_us)
{
	qsort(load->latencies_us, load->ended, sizeof(int64_t), compare_i64);
	printf("sessions %zu\nfailed %zu\nrate %.0f per_s\n", load->ended, load->failed,
		(double)load->ended * 1e6 / (double)took_us);
	printf("latency_p50 %.2f ms\nlatency_p99 %.2f ms\n",
		(double)load->latencies_us[load->ended / 2] / 1e3,
		(double)load->latencies_us[load->ended * 99 / 100] / 1e3);
	for (size_t i = 0; i < COUNTOF(load->codes); i++) {
		if (load->codes[i] != 0)
			printf("reply_%zu %zu\n", i, load->codes[i]);
	}
}

static void message_make(struct buf *message, size_t size)
{
	buf_init(message, 0);
	buf_append_text(message,
		"From: <sender@bench.test>\r\nTo: <user@bench.test>\r\nSubject: bench\r\n\r\n");
	while (buf_len(message) + 72 < size)
		buf_append_text(message,
			"The quick brown fox jumps over the lazy dog and then rests a while...\r\n");
	buf_append_text(message, ".\r\n");
}

static uint64_t number(const char *text)
{
	uint64_t value = 0;

	if (text == NULL || span_parse_u64(span_text(text), UINT32_MAX, &value) < 0) {
		fprintf(stderr, "smtp_load: not a number: %s\n", text != NULL ? text : "nothing");
		exit(64);
	}
	return value;
}

static void load_option(struct load *load, const char *name, const char *value)
{
	struct fault why = {""};
	struct ip ip;

	if (strcmp(name, "--to") == 0) {
		if (endpoint_parse(span_text(value), &load->server, &why) < 0) {
			fprintf(stderr, "smtp_load: %s\n", why.text);
			exit(64);
		}
		load->own = load->server;
	} else if (strcmp(name, "--sessions") == 0) {
		load->sessions = number(value);
	} else if (strcmp(name, "--at-once") == 0) {
		load->at_once = number(value);
	} else if (strcmp(name, "--sources") == 0) {
		load->sources = (uint32_t)number(value);
	} else if (strcmp(name, "--size") == 0) {
		message_make(&load->message, number(value));
		load->has_message = true;
	} else if (strcmp(name, "--tls") == 0) {
		load->tls = tls_client_new();
	} else if (strcmp(name, "--rcpt") == 0) {
		load->rcpt = value;
	} else if (strcmp(name, "--proxy") == 0 && ip_parse(span_text(value), &ip) == 0) {
		load->has_proxy = true;
		load->first_source = ip_to_v4(ip);
	} else {
		fprintf(stderr, "smtp_load: %s is not an option\n", name);
		exit(64);
	}
}

int main(int argc, char **argv)
{
	struct load load = {
		.sessions = 1000, .at_once = 50, .sources = 254, .rcpt = "user@bench.test"};
	int64_t started_us;

	for (int i = 1; i + 1 < argc; i += 2)
		load_option(&load, argv[i], argv[i + 1]);
	if (load.server.port == 0 || load.sessions == 0 || load.sources == 0) {
		fprintf(stderr,
			"usage: smtp_load --to ADDRESS:PORT --sessions N --at-once N [--proxy FIRST] [--sources N] "
			"[--size N] [--tls yes] [--rcpt R]\n");
		return 64;
	}
	load.loop = loop_new();
	load.latencies_us = mem_alloc_array(load.sessions, sizeof(int64_t));
	started_us = clock_monotonic_us();
	for (size_t i = 0; i < load.at_once && load.started < load.sessions; i++)
		session_start(&load);
	loop_run(load.loop);
	load_print(&load, clock_monotonic_us() - started_us);
	mem_free(load.latencies_us);
	buf_done(&load.message);
	loop_free(&load.loop);
	tls_context_free(&load.tls);
	return load.failed == 0 ? 0 : 1;
}
