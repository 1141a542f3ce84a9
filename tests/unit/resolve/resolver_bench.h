/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * A name server of the test's own in the same loop: it hands each query to `serve`, which sends
 * what it likes. A try ends only when the test moves the clock: a server that is to be waited for
 * in vain moves it itself.
 */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "base/macro.h"
#include "dns/message.h"
#include "loop/socket.h"
#include "loop/stream.h"
#include "moving_clock.h"
#include "resolve/resolver.h"

enum { TIMEOUT_MS = 3600000, QUESTIONS = 200 };

struct bench {
	struct loop *loop;
	struct resolver *resolver;
	int fd;
	struct watch *watch;
	int tcp_fd;
	struct watch *tcp_watch;
	struct stream *connection;
	void (*serve)(struct bench *bench, const struct dns_message *query, struct buf *reply);
	unsigned queries;
	struct sockaddr_storage client;
	socklen_t client_len;
	unsigned answers;
	unsigned found; /* of these */
	struct resolver_answer last;
	unsigned wanted;
	uint64_t dropped; /* datagrams that the resolver dropped, when last looked at */
	uint16_t ports[16];
};

static inline void bench_send(struct bench *bench, const struct buf *reply)
{
	struct span s = buf_span(reply);

	sendto(bench->fd, s.ptr, s.len, 0, (struct sockaddr *)&bench->client, bench->client_len);
}

static inline void bench_on_query(struct watch *watch, int ready, void *arg)
{
	struct bench *bench = arg;
	uint8_t bytes[2000];
	struct dns_message query;
	struct endpoint from;
	struct buf reply;
	ssize_t n;

	(void)watch;
	(void)ready;
	bench->client_len = sizeof(bench->client);
	n = recvfrom(bench->fd, bytes, sizeof(bytes), 0, (struct sockaddr *)&bench->client,
		&bench->client_len);
	if (n < 0)
		return;
	assert_int_equal(dns_message_decode(span_of(bytes, (size_t)n), &query), 0);
	assert_int_equal(endpoint_from_sockaddr((struct sockaddr *)&bench->client, &from), 0);
	bench->ports[bench->queries++ % COUNTOF(bench->ports)] = from.port;
	buf_init(&reply, 65535);
	bench->serve(bench, &query, &reply);
	if (buf_len(&reply) != 0)
		bench_send(bench, &reply);
	buf_done(&reply);
}

static inline void bench_on_tcp_query(struct stream *stream, void *arg)
{
	struct bench *bench = arg;
	struct span bytes = buf_span(stream_in(stream));
	struct dns_message query;
	struct buf reply;

	if (bytes.len < 2 || dns_message_decode(span_from(bytes, 2), &query) < 0)
		return; /* not all of it yet */
	buf_init(&reply, 65535);
	bench->serve(bench, &query, &reply);
	buf_append_u16(stream_out(stream), (uint16_t)buf_len(&reply));
	buf_append(stream_out(stream), buf_span(&reply));
	buf_done(&reply);
	buf_consume(stream_in(stream), bytes.len);
	stream_send(stream);
}

static inline void bench_on_tcp_closed(struct stream *stream, int error, void *arg)
{
	(void)stream;
	(void)error;
	(void)arg;
}

/* One connection: enough for a resolver that asks once. */
static inline void bench_on_connection(struct watch *watch, int ready, void *arg)
{
	static const struct stream_limits limits = {65537, 65537};
	static const struct stream_calls calls = {
		.input = bench_on_tcp_query, .closed = bench_on_tcp_closed};
	struct bench *bench = arg;
	int fd = accept4(bench->tcp_fd, NULL, NULL, SOCK_NONBLOCK);

	(void)watch;
	(void)ready;
	assert_true(fd >= 0);
	assert_null(bench->connection);
	bench->connection = stream_new(bench->loop, fd,
		&(struct stream_settings){.calls = &calls, .arg = bench, .limits = limits});
}

/* One port for UDP and TCP. One that is free for UDP may be taken for TCP by whoever else runs on
 * this machine. */
static inline void bench_bind(struct bench *bench, struct endpoint *bound)
{
	struct endpoint any = *bound;
	int r;

	do {
		assert_int_equal(socket_bind_udp(any, 0, &bench->fd, NULL), 0);
		assert_int_equal(socket_local(bench->fd, bound), 0);
		r = socket_listen_tcp(*bound, 0, &bench->tcp_fd, NULL);
		if (r < 0)
			close(bench->fd);
	} while (r == E_EXISTS);
	assert_int_equal(r, 0);
}

static inline void bench_init(struct bench *bench,
	void (*serve)(struct bench *bench, const struct dns_message *query, struct buf *reply))
{
	struct endpoint bound = {.ip = ip_from_v4(0x7f000001)};
	struct resolver_settings settings;

	memset(bench, 0, sizeof(*bench));
	bench->serve = serve;
	bench->wanted = 1;
	bench->loop = loop_new();
	bench_bind(bench, &bound);
	bench->watch = watch_new(bench->loop, bench->fd, bench_on_query, bench);
	watch_set(bench->watch, WATCH_READ);
	bench->tcp_watch = watch_new(bench->loop, bench->tcp_fd, bench_on_connection, bench);
	watch_set(bench->tcp_watch, WATCH_READ);
	settings = (struct resolver_settings){.server = bound,
		.timeout_ms = TIMEOUT_MS,
		.tries = 3,
		.cache_entries = 100,
		.questions = QUESTIONS};
	bench->resolver = resolver_new(bench->loop, &settings);
}

static inline void bench_done(struct bench *bench)
{
	resolver_free(&bench->resolver);
	watch_free(&bench->watch);
	watch_free(&bench->tcp_watch);
	stream_free(&bench->connection);
	close(bench->fd);
	close(bench->tcp_fd);
	loop_free(&bench->loop);
}

static inline void on_answer(const struct resolver_answer *answer, void *arg)
{
	struct bench *bench = arg;

	bench->last = *answer;
	bench->found += answer->status == RESOLVER_FOUND;
	if (++bench->answers == bench->wanted)
		loop_stop(bench->loop);
}

static inline struct dns_name name_of(const char *text)
{
	struct dns_name name;

	assert_int_equal(dns_name_parse(span_text(text), &name), 0);
	return name;
}

static inline struct resolver_query *ask(struct bench *bench, const char *text, uint16_t type)
{
	struct dns_name name = name_of(text);

	return resolver_ask(bench->resolver,
		&(struct resolver_question){.name = &name, .type = type}, on_answer, bench);
}

static inline void run(struct bench *bench)
{
	bench->answers = 0;
	loop_run(bench->loop);
}

/* ---- building answers ---- */

static inline void reply_header(const struct dns_message *query, uint16_t flags, uint16_t answers,
	uint16_t authority, struct buf *reply)
{
	buf_append_u16(reply, query->id);
	buf_append_u16(reply, DNS_FLAG_QR | DNS_FLAG_RD | DNS_FLAG_RA | flags);
	buf_append_u16(reply, 1);
	buf_append_u16(reply, answers);
	buf_append_u16(reply, authority);
	buf_append_u16(reply, 0);
	buf_append(reply, dns_name_span(&query->name));
	buf_append_u16(reply, query->type);
	buf_append_u16(reply, DNS_IN);
}

static inline void reply_record(struct buf *reply, const struct dns_name *name, uint16_t type,
	uint32_t ttl_s, struct span rdata)
{
	buf_append(reply, dns_name_span(name));
	buf_append_u16(reply, type);
	buf_append_u16(reply, DNS_IN);
	buf_append_u32(reply, ttl_s);
	buf_append_u16(reply, (uint16_t)rdata.len);
	buf_append(reply, rdata);
}

static const uint8_t listed[4] = {127, 0, 0, 2};

static inline void serve_listed(
	struct bench *bench, const struct dns_message *query, struct buf *reply)
{
	(void)bench;
	reply_header(query, 0, 1, 0, reply);
	reply_record(reply, &query->name, DNS_A, 300, span_of(listed, 4));
}

static inline void serve_nothing(
	struct bench *bench, const struct dns_message *query, struct buf *reply)
{
	(void)bench;
	(void)query;
	(void)reply;
	moving_clock_add(TIMEOUT_MS);
}

static inline void serve_soa(const struct dns_message *query, uint16_t flags, uint32_t ttl_s,
	uint32_t minimum_s, struct buf *reply)
{
	struct dns_name zone = name_of("test");
	struct buf soa;

	buf_init(&soa, 600);
	buf_append(&soa, dns_name_span(&zone));
	buf_append(&soa, dns_name_span(&zone));
	for (unsigned i = 0; i < 4; i++)
		buf_append_u32(&soa, 1);
	buf_append_u32(&soa, minimum_s);
	reply_header(query, flags, 0, 1, reply);
	reply_record(reply, &zone, DNS_SOA, ttl_s, buf_span(&soa));
	buf_done(&soa);
}

static inline void serve_nxdomain(
	struct bench *bench, const struct dns_message *query, struct buf *reply)
{
	(void)bench;
	serve_soa(query, DNS_NXDOMAIN, 86400, 900, reply);
}

static inline void serve_nxdomain_for_a_day(
	struct bench *bench, const struct dns_message *query, struct buf *reply)
{
	(void)bench;
	serve_soa(query, DNS_NXDOMAIN, 86400, 86400, reply);
}

static inline void serve_servfail(
	struct bench *bench, const struct dns_message *query, struct buf *reply)
{
	(void)bench;
	reply_header(query, DNS_SERVFAIL, 0, 0, reply);
}

static inline void serve_referral(
	struct bench *bench, const struct dns_message *query, struct buf *reply)
{
	struct dns_name server = name_of("ns.elsewhere.test");

	(void)bench;
	reply_header(query, 0, 0, 1, reply);
	reply_record(reply, &query->name, DNS_NS, 300, dns_name_span(&server));
}
