/* SPDX-License-Identifier: ISC */
#include "unit.h"

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
#include "resolve/cache.h"
#include "resolve/resolver.h"

/*
 * A name server of the test's own in the same loop: it hands each query to `serve`, which sends
 * what it likes. A try ends only when the test moves the clock: a server that is to be waited for
 * in vain moves it itself.
 */
enum { TIMEOUT_MS = 3600000 };

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

static void bench_send(struct bench *bench, const struct buf *reply)
{
	struct span s = buf_span(reply);

	sendto(bench->fd, s.ptr, s.len, 0, (struct sockaddr *)&bench->client, bench->client_len);
}

static void bench_on_query(struct watch *watch, int ready, void *arg)
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

static void bench_on_tcp_query(struct stream *stream, void *arg)
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

static void bench_on_tcp_closed(struct stream *stream, int error, void *arg)
{
	(void)stream;
	(void)error;
	(void)arg;
}

/* One connection: enough for a resolver that asks once. */
static void bench_on_connection(struct watch *watch, int ready, void *arg)
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
static void bench_bind(struct bench *bench, struct endpoint *bound)
{
	struct endpoint any = *bound;
	int r;

	do {
		assert_int_equal(socket_bind_udp(any, false, &bench->fd, NULL), 0);
		assert_int_equal(socket_local(bench->fd, bound), 0);
		r = socket_listen_tcp(*bound, false, &bench->tcp_fd, NULL);
		if (r < 0)
			close(bench->fd);
	} while (r == E_EXISTS);
	assert_int_equal(r, 0);
}

static void bench_init(struct bench *bench,
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
	settings = (struct resolver_settings){
		.server = bound, .timeout_ms = TIMEOUT_MS, .tries = 3, .cache_entries = 100};
	bench->resolver = resolver_new(bench->loop, &settings);
}

static void bench_done(struct bench *bench)
{
	resolver_free(&bench->resolver);
	watch_free(&bench->watch);
	watch_free(&bench->tcp_watch);
	stream_free(&bench->connection);
	close(bench->fd);
	close(bench->tcp_fd);
	loop_free(&bench->loop);
}

static void on_answer(const struct resolver_answer *answer, void *arg)
{
	struct bench *bench = arg;

	bench->last = *answer;
	bench->found += answer->status == RESOLVER_FOUND;
	if (++bench->answers == bench->wanted)
		loop_stop(bench->loop);
}

static struct dns_name name_of(const char *text)
{
	struct dns_name name;

	assert_int_equal(dns_name_parse(span_text(text), &name), 0);
	return name;
}

static struct resolver_query *ask(struct bench *bench, const char *text, uint16_t type)
{
	struct dns_name name = name_of(text);

	return resolver_ask(
		bench->resolver, &(struct resolver_question){&name, type}, on_answer, bench);
}

static void run(struct bench *bench)
{
	bench->answers = 0;
	loop_run(bench->loop);
}

/* ---- building answers ---- */

static void reply_header(const struct dns_message *query, uint16_t flags, uint16_t answers,
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

static void reply_record(struct buf *reply, const struct dns_name *name, uint16_t type,
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

static void serve_listed(struct bench *bench, const struct dns_message *query, struct buf *reply)
{
	(void)bench;
	reply_header(query, 0, 1, 0, reply);
	reply_record(reply, &query->name, DNS_A, 300, span_of(listed, 4));
}

static void serve_nothing(struct bench *bench, const struct dns_message *query, struct buf *reply)
{
	(void)bench;
	(void)query;
	(void)reply;
	moving_clock_add(TIMEOUT_MS);
}

static void serve_soa(const struct dns_message *query, uint16_t flags, uint32_t ttl_s,
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

static void serve_nxdomain(struct bench *bench, const struct dns_message *query, struct buf *reply)
{
	(void)bench;
	serve_soa(query, DNS_NXDOMAIN, 86400, 900, reply);
}

static void serve_nxdomain_for_a_day(
	struct bench *bench, const struct dns_message *query, struct buf *reply)
{
	(void)bench;
	serve_soa(query, DNS_NXDOMAIN, 86400, 86400, reply);
}

static void serve_servfail(struct bench *bench, const struct dns_message *query, struct buf *reply)
{
	(void)bench;
	reply_header(query, DNS_SERVFAIL, 0, 0, reply);
}

static void serve_referral(struct bench *bench, const struct dns_message *query, struct buf *reply)
{
	struct dns_name server = name_of("ns.elsewhere.test");

	(void)bench;
	reply_header(query, 0, 0, 1, reply);
	reply_record(reply, &query->name, DNS_NS, 300, dns_name_span(&server));
}

/* ---- what is asked is answered, and kept as long as it holds ---- */

static void an_answer_comes_once_and_then_from_the_cache(void **state)
{
	struct bench bench;

	(void)state;
	bench_init(&bench, serve_listed);
	ask(&bench, "7.2.0.192.bl.test", DNS_A);
	assert_int_equal(bench.answers, 0); /* never from inside */
	run(&bench);
	assert_int_equal(bench.last.status, RESOLVER_FOUND);
	assert_int_equal(bench.last.count, 1);
	assert_int_equal(ip_to_v4(bench.last.addresses[0]), 0x7f000002);
	assert_int_equal(bench.last.ttl_s, 300);
	ask(&bench, "7.2.0.192.BL.test", DNS_A);
	assert_int_equal(bench.answers, 1);
	run(&bench);
	assert_int_equal(bench.last.status, RESOLVER_FOUND);
	assert_int_equal(bench.queries, 1);
	assert_int_equal(resolver_stats(bench.resolver).cached, 1);
	bench_done(&bench);
}

static void equal_questions_under_way_are_one(void **state)
{
	struct bench bench;
	struct resolver_query *cancelled;

	(void)state;
	bench_init(&bench, serve_listed);
	bench.wanted = 3;
	ask(&bench, "a.test", DNS_A);
	cancelled = ask(&bench, "a.test", DNS_A);
	ask(&bench, "A.test", DNS_A);
	ask(&bench, "a.test", DNS_AAAA);
	resolver_cancel(&cancelled);
	assert_null(cancelled);
	run(&bench);
	assert_int_equal(bench.answers, 3);
	assert_int_equal(bench.queries, 2);
	bench_done(&bench);
}

static void a_cancelled_question_still_fills_the_cache(void **state)
{
	struct bench bench;
	struct resolver_query *query;

	(void)state;
	bench_init(&bench, serve_listed);
	query = ask(&bench, "a.test", DNS_A);
	resolver_cancel(&query);
	ask(&bench, "b.test", DNS_A); /* asked later, answered later */
	run(&bench);
	assert_int_equal(bench.answers, 1);
	ask(&bench, "a.test", DNS_A);
	run(&bench);
	assert_int_equal(bench.queries, 2);
	assert_int_equal(resolver_stats(bench.resolver).cached, 1);
	bench_done(&bench);
}

static void asking_anew_passes_by_the_cache(void **state)
{
	struct bench bench;
	struct dns_name name = name_of("a.test");

	(void)state;
	bench_init(&bench, serve_listed);
	ask(&bench, "a.test", DNS_A);
	run(&bench);
	resolver_ask_anew(
		bench.resolver, &(struct resolver_question){&name, DNS_A}, on_answer, &bench);
	run(&bench);
	assert_int_equal(bench.queries, 2);
	bench_done(&bench);
}

static void no_is_kept_by_the_soa_for_an_hour_at_most(void **state)
{
	struct bench bench;

	(void)state;
	bench_init(&bench, serve_nxdomain);
	ask(&bench, "a.test", DNS_A);
	run(&bench);
	assert_int_equal(bench.last.status, RESOLVER_NXDOMAIN);
	assert_int_equal(bench.last.ttl_s, 900);
	bench.serve = serve_nxdomain_for_a_day;
	ask(&bench, "b.test", DNS_A);
	run(&bench);
	assert_int_equal(bench.last.ttl_s, 3600);
	bench_done(&bench);
}

static void a_resolver_that_does_not_resolve_is_an_error(void **state)
{
	struct bench bench;

	(void)state;
	bench_init(&bench, serve_servfail);
	ask(&bench, "a.test", DNS_A);
	run(&bench);
	assert_int_equal(bench.last.status, RESOLVER_FAILED);
	bench.serve = serve_referral;
	ask(&bench, "b.test", DNS_A);
	run(&bench);
	assert_int_equal(bench.last.status, RESOLVER_FAILED);
	assert_int_equal(resolver_stats(bench.resolver).failed, 2);
	bench_done(&bench);
}

static void serve_aliases(struct bench *bench, const struct dns_message *query, struct buf *reply)
{
	struct dns_name middle = name_of("middle.test");
	struct dns_name end = name_of("end.test");

	(void)bench;
	reply_header(query, 0, 3, 0, reply); /* in no order */
	reply_record(reply, &end, DNS_A, 7200, span_of(listed, 4));
	reply_record(reply, &middle, DNS_CNAME, 70, dns_name_span(&end));
	reply_record(reply, &query->name, DNS_CNAME, 7200, dns_name_span(&middle));
}

static void serve_circle(struct bench *bench, const struct dns_message *query, struct buf *reply)
{
	struct dns_name other = name_of("other.test");

	(void)bench;
	reply_header(query, 0, 2, 0, reply);
	reply_record(reply, &query->name, DNS_CNAME, 300, dns_name_span(&other));
	reply_record(reply, &other, DNS_CNAME, 300, dns_name_span(&query->name));
}

static void aliases_are_followed_and_circles_are_errors(void **state)
{
	struct bench bench;

	(void)state;
	bench_init(&bench, serve_aliases);
	ask(&bench, "a.test", DNS_A);
	run(&bench);
	assert_int_equal(bench.last.status, RESOLVER_FOUND);
	assert_int_equal(bench.last.ttl_s, 70);
	bench.serve = serve_circle;
	ask(&bench, "b.test", DNS_A);
	run(&bench);
	assert_int_equal(bench.last.status, RESOLVER_FAILED);
	bench_done(&bench);
}

/* D3: many records, TTL 0 and TTL 2^31. */
static void serve_many(struct bench *bench, const struct dns_message *query, struct buf *reply)
{
	(void)bench;
	reply_header(query, 0, 40, 0, reply);
	for (unsigned i = 0; i < 40; i++)
		reply_record(reply, &query->name, DNS_A, i % 2 != 0 ? 0 : 0x80000000,
			span_of(listed, i == 3 ? 3 : 4));
}

static void too_many_records_are_cut_and_times_are_bounded(void **state)
{
	struct bench bench;

	(void)state;
	bench_init(&bench, serve_many);
	ask(&bench, "a.test", DNS_A);
	run(&bench);
	assert_int_equal(bench.last.count, RESOLVER_RECORDS_MAX);
	assert_int_equal(bench.last.ttl_s, 60);
	bench_done(&bench);
}

/* ---- hostile and broken servers ---- */

static unsigned step;

/* D1, D5: everything that is not the answer is dropped, and the wait goes on. */
static void serve_forgeries_then_the_answer(
	struct bench *bench, const struct dns_message *query, struct buf *reply)
{
	static const uint8_t forged[4] = {127, 0, 0, 99};
	struct dns_message other = *query;

	other.id ^= 1; /* a wrong id */
	reply_header(&other, 0, 1, 0, reply);
	reply_record(reply, &other.name, DNS_A, 300, span_of(forged, 4));
	bench_send(bench, reply);

	buf_clear(reply); /* another question */
	other = *query;
	other.name = name_of("b.test");
	reply_header(&other, 0, 1, 0, reply);
	reply_record(reply, &other.name, DNS_A, 300, span_of(forged, 4));
	bench_send(bench, reply);

	buf_clear(reply); /* a name whose case was guessed */
	other = *query;
	for (size_t i = 0; i < other.name.len; i++)
		if (ascii_is_alpha(other.name.wire[i]))
			other.name.wire[i] ^= 0x20;
	reply_header(&other, 0, 1, 0, reply);
	reply_record(reply, &other.name, DNS_A, 300, span_of(forged, 4));
	bench_send(bench, reply);

	buf_clear(reply); /* a query, not a response */
	dns_query_encode(reply, query->id, &query->name, query->type, 0);
	bench_send(bench, reply);

	buf_clear(reply); /* cut short */
	reply_header(query, 0, 1, 0, reply);
	bench_send(bench, reply);

	buf_clear(reply);
	bench_send(bench, reply); /* nothing at all */
	serve_listed(bench, query, reply);
}

static void forgeries_are_dropped_without_ending_the_wait(void **state)
{
	struct bench bench;

	(void)state;
	bench_init(&bench, serve_forgeries_then_the_answer);
	ask(&bench, "long-enough-to-mix.test", DNS_A);
	run(&bench);
	assert_int_equal(bench.last.status, RESOLVER_FOUND);
	assert_int_equal(ip_to_v4(bench.last.addresses[0]), 0x7f000002);
	assert_int_equal(resolver_stats(bench.resolver).dropped, 6);
	assert_int_equal(bench.queries, 1);
	bench_done(&bench);
}

/* An answer from another address is not even seen. */
static void serve_from_elsewhere_first(
	struct bench *bench, const struct dns_message *query, struct buf *reply)
{
	static const uint8_t forged[4] = {127, 0, 0, 99};
	struct endpoint elsewhere = {.port = 0};
	int fd;

	assert_int_equal(ip_parse(span_text("127.0.0.2"), &elsewhere.ip), 0);
	assert_int_equal(socket_bind_udp(elsewhere, false, &fd, NULL), 0);
	reply_header(query, 0, 1, 0, reply);
	reply_record(reply, &query->name, DNS_A, 300, span_of(forged, 4));
	sendto(fd, buf_span(reply).ptr, buf_len(reply), 0, (struct sockaddr *)&bench->client,
		bench->client_len);
	close(fd);
	buf_clear(reply);
	serve_listed(bench, query, reply);
}

static void answers_from_elsewhere_do_not_count(void **state)
{
	struct bench bench;

	(void)state;
	bench_init(&bench, serve_from_elsewhere_first);
	ask(&bench, "a.test", DNS_A);
	run(&bench);
	assert_int_equal(ip_to_v4(bench.last.addresses[0]), 0x7f000002);
	bench_done(&bench);
}

static void serve_the_third(struct bench *bench, const struct dns_message *query, struct buf *reply)
{
	if (++step == 3)
		serve_listed(bench, query, reply);
	else
		serve_nothing(bench, query, reply);
}

static void silence_is_asked_again_from_other_ports(void **state)
{
	struct bench bench;

	(void)state;
	step = 0;
	bench_init(&bench, serve_the_third);
	ask(&bench, "a.test", DNS_A);
	run(&bench);
	assert_int_equal(bench.last.status, RESOLVER_FOUND);
	assert_int_equal(bench.queries, 3);
	assert_int_equal(resolver_stats(bench.resolver).timeouts, 2);
	assert_true(bench.ports[0] != bench.ports[1] || bench.ports[1] != bench.ports[2]);
	bench_done(&bench);
}

static void serve_lower_case(
	struct bench *bench, const struct dns_message *query, struct buf *reply)
{
	struct dns_message lower = *query;

	for (size_t i = 0; i < lower.name.len; i++)
		lower.name.wire[i] = ascii_lower(lower.name.wire[i]);
	serve_listed(bench, &lower, reply);
}

/* The try whose answer was dropped waits on; now it ends. */
static void move_on_when_dropped(struct timer *timer, void *arg)
{
	struct bench *bench = arg;
	uint64_t dropped = resolver_stats(bench->resolver).dropped;

	if (dropped > bench->dropped)
		moving_clock_add(TIMEOUT_MS);
	bench->dropped = dropped;
	timer_set(timer, loop_now_ms(bench->loop) + 1);
}

static void a_server_that_loses_the_case_is_understood_in_the_end(void **state)
{
	struct bench bench;
	struct timer timer;

	(void)state;
	bench_init(&bench, serve_lower_case);
	timer_init(&timer, bench.loop, move_on_when_dropped, &bench);
	timer_set(&timer, 0);
	ask(&bench, "a-name-with-very-many-letters-in-it.test", DNS_A);
	run(&bench);
	assert_int_equal(bench.last.status, RESOLVER_FOUND);
	assert_true(bench.queries > 1);
	timer_done(&timer);
	bench_done(&bench);
}

static void serve_without_edns(
	struct bench *bench, const struct dns_message *query, struct buf *reply)
{
	if (query->edns.present)
		reply_header(query, DNS_FORMERR, 0, 0, reply);
	else
		serve_listed(bench, query, reply);
}

static void a_server_that_dislikes_edns_is_asked_without(void **state)
{
	struct bench bench;

	(void)state;
	bench_init(&bench, serve_without_edns);
	ask(&bench, "a.test", DNS_A);
	run(&bench);
	assert_int_equal(bench.last.status, RESOLVER_FOUND);
	assert_int_equal(resolver_stats(bench.resolver).timeouts, 0);
	bench_done(&bench);
}

static void serve_truncated_then_all(
	struct bench *bench, const struct dns_message *query, struct buf *reply)
{
	uint8_t text[256];

	if (++step == 1) {
		reply_header(query, DNS_FLAG_TC, 0, 0, reply);
		return;
	}
	(void)bench;
	text[0] = 255;
	memset(text + 1, 'x', 255);
	reply_header(query, 0, 30, 0, reply);
	for (unsigned i = 0; i < 30; i++)
		reply_record(reply, &query->name, DNS_TXT, 300, span_of(text, sizeof(text)));
}

static void what_does_not_fit_comes_by_tcp(void **state)
{
	struct bench bench;

	(void)state;
	step = 0;
	bench_init(&bench, serve_truncated_then_all);
	ask(&bench, "a.test", DNS_TXT);
	run(&bench);
	assert_int_equal(bench.last.status, RESOLVER_FOUND);
	assert_int_equal(bench.last.count, 30);
	assert_int_equal(bench.queries, 1); /* by UDP */
	bench_done(&bench);
}

static void serve_truncated_always(
	struct bench *bench, const struct dns_message *query, struct buf *reply)
{
	(void)bench;
	reply_header(query, DNS_FLAG_TC, 0, 0, reply);
}

static void what_is_cut_by_tcp_too_is_an_error(void **state)
{
	struct bench bench;

	(void)state;
	bench_init(&bench, serve_truncated_always);
	ask(&bench, "a.test", DNS_PTR);
	run(&bench);
	assert_int_equal(bench.last.status, RESOLVER_FAILED);
	assert_false(resolver_is_down(bench.resolver));
	bench_done(&bench);
}

/* ---- a resolver that is away ---- */

static void when_the_resolver_is_down_only_one_question_tries(void **state)
{
	struct bench bench;
	char name[16];
	uint64_t sent;

	(void)state;
	bench_init(&bench, serve_nothing);
	bench.wanted = RESOLVER_DOWN_AFTER;
	for (unsigned i = 0; i < RESOLVER_DOWN_AFTER; i++) {
		snprintf(name, sizeof(name), "n%u.test", i);
		ask(&bench, name, DNS_A);
	}
	run(&bench);
	assert_int_equal(bench.last.status, RESOLVER_FAILED);
	/* the names' servers may be the silent ones: the resolver is asked for a name of its own
	 * first */
	assert_false(resolver_is_down(bench.resolver));
	while (!resolver_is_down(bench.resolver)) {
		bench.wanted = 1;
		ask(&bench, "one-more.test", DNS_A);
		run(&bench);
	}

	sent = resolver_stats(bench.resolver).sent;
	bench.wanted = 10;
	bench.serve = serve_listed;
	for (unsigned i = 0; i < 10; i++) {
		snprintf(name, sizeof(name), "m%u.test", i);
		ask(&bench, name, DNS_A);
	}
	run(&bench);
	assert_int_equal(resolver_stats(bench.resolver).sent - sent, 1);
	assert_int_equal(bench.found, 1); /* the one that tried */
	assert_false(resolver_is_down(bench.resolver));
	bench_done(&bench);
}

/* What a stranger's dead zones look like: the resolver waits for them for longer than we do. */
static void serve_what_it_knows(
	struct bench *bench, const struct dns_message *query, struct buf *reply)
{
	char text[DNS_NAME_TEXT_SIZE];

	if (strcasestr(dns_name_print(&query->name, text), ".dead.test") == NULL)
		serve_listed(bench, query, reply);
	else
		serve_nothing(bench, query, reply);
}

/* What is still on its way from the dead ones passes without time passing. */
static void serve_what_it_knows_at_once(
	struct bench *bench, const struct dns_message *query, struct buf *reply)
{
	char text[DNS_NAME_TEXT_SIZE];

	if (strcasestr(dns_name_print(&query->name, text), ".dead.test") == NULL)
		serve_listed(bench, query, reply);
}

static void dead_zones_of_strangers_do_not_switch_dns_off(void **state)
{
	struct bench bench;
	char name[24];

	(void)state;
	bench_init(&bench, serve_what_it_knows);
	for (unsigned round = 0; round < 3; round++) {
		bench.serve = serve_what_it_knows;
		bench.wanted = RESOLVER_DOWN_AFTER * 2;
		for (unsigned i = 0; i < RESOLVER_DOWN_AFTER * 2; i++) {
			snprintf(name, sizeof(name), "n%u-%u.dead.test", round, i);
			ask(&bench, name, DNS_A);
		}
		run(&bench);
		assert_int_equal(bench.last.status, RESOLVER_FAILED);
		assert_false(resolver_is_down(bench.resolver));
		bench.serve = serve_what_it_knows_at_once;
		bench.wanted = 2; /* questions of others go out as ever, side by side */
		snprintf(name, sizeof(name), "m%u.list.test", round);
		ask(&bench, name, DNS_A);
		snprintf(name, sizeof(name), "n%u.list.test", round);
		ask(&bench, name, DNS_A);
		run(&bench);
		assert_int_equal(bench.found, 2 * (round + 1));
		assert_false(resolver_is_down(bench.resolver));
	}
	bench_done(&bench);
}

/* Whoever asks for names in dead zones holds the one place there is while the resolver is down. */
static void dead_zones_do_not_keep_dns_switched_off(void **state)
{
	struct bench bench;
	char name[24];

	(void)state;
	bench_init(&bench, serve_nothing);
	for (unsigned i = 0; !resolver_is_down(bench.resolver); i++) {
		bench.wanted = 1;
		snprintf(name, sizeof(name), "n%u.test", i);
		ask(&bench, name, DNS_A);
		run(&bench);
	}
	bench.serve = serve_what_it_knows;
	for (unsigned i = 0; i < 1000 && resolver_is_down(bench.resolver); i++) {
		bench.wanted = 1; /* the first one is asked for, the others hear what it came to */
		ask(&bench, "m.dead.test", DNS_A);
		run(&bench);
		assert_int_equal(bench.last.status, RESOLVER_FAILED);
	}
	assert_false(resolver_is_down(bench.resolver));
	bench_done(&bench);
}

static void time_passes(struct timer *timer, void *arg)
{
	(void)arg;
	moving_clock_add(TIMEOUT_MS);
	timer_set(timer, loop_now_ms(timer->loop) + TIMEOUT_MS + 1);
}

static void a_resolver_that_is_not_running_is_down_after_one_question(void **state)
{
	struct bench bench;
	struct timer timer;

	(void)state;
	bench_init(&bench, serve_listed);
	watch_free(&bench.watch);
	close(bench.fd);
	ask(&bench, "a.test", DNS_A);
	timer_init(&timer, bench.loop, time_passes, NULL);
	timer_set(&timer, loop_now_ms(bench.loop) + 1);
	run(&bench);
	timer_done(&timer);
	assert_int_equal(bench.last.status, RESOLVER_FAILED);
	assert_true(resolver_is_down(bench.resolver));
	bench.fd = dup(bench.tcp_fd); /* for bench_done */
	bench_done(&bench);
}

static void cancel_the_other(const struct resolver_answer *answer, void *arg)
{
	struct resolver_query **other = arg;

	(void)answer;
	resolver_cancel(other);
}

static void a_callback_may_cancel_its_neighbour(void **state)
{
	struct bench bench;
	struct dns_name name = name_of("a.test");
	struct resolver_query *first;
	struct resolver_query *second;

	(void)state;
	bench_init(&bench, serve_listed);
	bench.wanted = 1;
	first = resolver_ask(
		bench.resolver, &(struct resolver_question){&name, DNS_A}, on_answer, &bench);
	second = resolver_ask(bench.resolver, &(struct resolver_question){&name, DNS_A},
		cancel_the_other, &first);
	ask(&bench, "b.test", DNS_A);
	run(&bench);
	assert_null(first);
	assert_non_null(second);
	assert_int_equal(bench.answers, 1);
	bench_done(&bench);
}

static void freeing_the_resolver_forgets_what_is_under_way(void **state)
{
	struct bench bench;

	(void)state;
	bench_init(&bench, serve_listed);
	ask(&bench, "a.test", DNS_A);
	run(&bench);
	ask(&bench, "a.test", DNS_A); /* ready, not called back yet */
	ask(&bench, "b.test", DNS_A); /* under way */
	bench.answers = 0;
	bench_done(&bench);
	assert_int_equal(bench.answers, 0);
}

/* ---- the cache alone ---- */

static struct dns_answer *answer_of(uint32_t ttl_s)
{
	struct dns_answer *answer = dns_answer_new_failed();

	answer->ttl_s = ttl_s;
	return answer;
}

static void the_cache_keeps_the_latest_and_forgets_in_time(void **state)
{
	struct cache *cache = cache_new(3);
	struct dns_name names[4];
	uint32_t ttl_s = 0;

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		char text[16];
		struct dns_answer *answer = answer_of(10);

		snprintf(text, sizeof(text), "n%u.test", i);
		names[i] = name_of(text);
		cache_put(cache, &(struct resolver_question){&names[i], DNS_A}, answer, 1000);
		dns_answer_free(&answer);
		if (i == 2) /* used again: the second is the oldest now */
			assert_non_null(cache_get(cache,
				&(struct resolver_question){&names[0], DNS_A}, 1000, &ttl_s));
	}
	assert_int_equal(cache_count(cache), 3);
	assert_null(cache_get(cache, &(struct resolver_question){&names[1], DNS_A}, 1000, &ttl_s));
	assert_non_null(
		cache_get(cache, &(struct resolver_question){&names[0], DNS_A}, 10999, &ttl_s));
	assert_int_equal(ttl_s, 1);
	assert_null(
		cache_get(cache, &(struct resolver_question){&names[0], DNS_AAAA}, 1000, &ttl_s));
	assert_null(cache_get(cache, &(struct resolver_question){&names[0], DNS_A}, 11000, &ttl_s));
	assert_int_equal(cache_count(cache), 2);
	cache_free(&cache);
}

/* "5" and "u", "a" and "c" cancel each other out in a hash that multiplies eight octets at a time,
 * whatever its key: each pair doubles the names that share one. */
static void names_that_a_stranger_chooses_do_not_share_a_hash(void **state)
{
	enum { PAIRS = 6, NAMES = 1 << PAIRS };
	uint8_t key[QUESTION_KEY];
	uint64_t hashes[NAMES];

	(void)state;
	question_key_draw(key);
	for (unsigned i = 0; i < NAMES; i++) {
		char text[PAIRS * 16 + sizeof("test")];
		struct dns_name name;

		for (unsigned pair = 0; pair < PAIRS; pair++) {
			bool other = (i >> pair & 1) != 0;

			memcpy(text + (size_t)pair * 16,
				other ? "xxxxxxu.xxxxxxc." : "xxxxxx5.xxxxxxa.", 16);
		}
		memcpy(text + (size_t)PAIRS * 16, "test", sizeof("test"));
		name = name_of(text);
		hashes[i] = question_hash(key, &(struct resolver_question){&name, DNS_A});
		for (unsigned j = 0; j < i; j++)
			assert_true(hashes[i] != hashes[j]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_that_a_stranger_chooses_do_not_share_a_hash),
		cmocka_unit_test(an_answer_comes_once_and_then_from_the_cache),
		cmocka_unit_test(equal_questions_under_way_are_one),
		cmocka_unit_test(a_cancelled_question_still_fills_the_cache),
		cmocka_unit_test(asking_anew_passes_by_the_cache),
		cmocka_unit_test(no_is_kept_by_the_soa_for_an_hour_at_most),
		cmocka_unit_test(a_resolver_that_does_not_resolve_is_an_error),
		cmocka_unit_test(aliases_are_followed_and_circles_are_errors),
		cmocka_unit_test(too_many_records_are_cut_and_times_are_bounded),
		cmocka_unit_test(forgeries_are_dropped_without_ending_the_wait),
		cmocka_unit_test(answers_from_elsewhere_do_not_count),
		cmocka_unit_test(silence_is_asked_again_from_other_ports),
		cmocka_unit_test(a_server_that_loses_the_case_is_understood_in_the_end),
		cmocka_unit_test(a_server_that_dislikes_edns_is_asked_without),
		cmocka_unit_test(what_does_not_fit_comes_by_tcp),
		cmocka_unit_test(what_is_cut_by_tcp_too_is_an_error),
		cmocka_unit_test(when_the_resolver_is_down_only_one_question_tries),
		cmocka_unit_test(dead_zones_of_strangers_do_not_switch_dns_off),
		cmocka_unit_test(dead_zones_do_not_keep_dns_switched_off),
		cmocka_unit_test(a_resolver_that_is_not_running_is_down_after_one_question),
		cmocka_unit_test(a_callback_may_cancel_its_neighbour),
		cmocka_unit_test(freeing_the_resolver_forgets_what_is_under_way),
		cmocka_unit_test(the_cache_keeps_the_latest_and_forgets_in_time),
	};

	moving_clock_start();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
