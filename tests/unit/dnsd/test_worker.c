/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/shelf.h"
#include "dnsd/rules.h"
#include "dnsd/worker.h"
#include "loop/socket.h"
#include "server/server.h"
#include "server/tcp.h"
#include "zone/fixture.h"

/*
 * The threads of the dns role over real sockets on loopback. What they answer is tested in zone/;
 * here it is how: batches, streams taken apart anywhere, slow and silent clients, and views that
 * change under load (the run with the thread sanitizer is what this file is for).
 */
enum { PATIENCE_MS = 20000, CHANGES = 200 };

static const struct fixture_entry listed[] = {
	{"main", 0, "198.51.100.9", 0, "even", false},
	{"main", 1, "198.51.100.9", 0, "even", false},
};

struct bench {
	struct dns_shelves shelves;
	struct dnsd_workers workers;
	struct endpoint endpoint;
	int udp;
	int tcp;
};

static struct dns_rules *new_rules(void)
{
	struct dns_rules *rules = mem_new(dns_rules);

	rules->table = fixture_table();
	return rules;
}

static int set_up(void **state)
{
	struct endpoint any = {.ip = ip_from_v4(0x7f000001)};
	struct bench *bench = mem_new(bench);

	dns_shelves_init(&bench->shelves);
	bench->workers.shelves = &bench->shelves;
	shelf_put(bench->shelves.rules, new_rules());
	shelf_put(bench->shelves.views, fixture_view(listed, COUNTOF(listed)));
	assert_int_equal(socket_listen_tcp(any, 0, &bench->tcp, NULL), 0);
	assert_int_equal(socket_local(bench->tcp, &bench->endpoint), 0);
	assert_int_equal(socket_bind_udp(any, 0, &bench->udp, NULL), 0);
	*state = bench;
	return 0;
}

static int tear_down(void **state)
{
	struct bench *bench = *state;

	dns_shelves_done(&bench->shelves);
	close(bench->udp);
	close(bench->tcp);
	mem_free(bench);
	return 0;
}

static int connect_to(struct endpoint endpoint, int type)
{
	struct sockaddr_storage address;
	socklen_t len = endpoint_to_sockaddr(endpoint, &address);
	struct timeval patience = {.tv_sec = PATIENCE_MS / 1000};
	int fd = socket(AF_INET, type, 0);

	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, len), 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	return fd;
}

static void append_query(struct buf *out, const char *text, uint16_t id, uint16_t type)
{
	struct dns_name name;

	assert_int_equal(dns_name_parse(span_text(text), &name), 0);
	dns_query_encode(out, id, &name, type, 0);
}

static void append_framed(struct buf *out, const char *text, uint16_t id)
{
	struct buf query;

	buf_init(&query, 0);
	append_query(&query, text, id, DNS_A);
	buf_append_u16(out, (uint16_t)buf_len(&query));
	buf_append(out, buf_span(&query));
	buf_done(&query);
}

static void ask_framed(int fd, uint16_t id, uint16_t type)
{
	struct buf out;

	buf_init(&out, 0);
	append_query(&out, "bl.example.org", id, type);
	assert_int_equal(
		send(fd, (uint8_t[]){0, (uint8_t)buf_len(&out)}, 2, MSG_MORE | MSG_NOSIGNAL), 2);
	assert_int_equal(send(fd, buf_span(&out).ptr, buf_len(&out), MSG_NOSIGNAL), buf_len(&out));
	buf_done(&out);
}

/* Reads one framed answer; its id, or -1 at the end of the stream. */
static int read_framed(int fd, struct dns_message *ret_message, uint8_t answer[DNS_ANSWER_TCP_MAX])
{
	uint8_t head[2];
	size_t len;

	if (recv(fd, head, 2, MSG_WAITALL) != 2)
		return -1;
	len = (size_t)head[0] << 8 | head[1];
	assert_true(len <= DNS_ANSWER_TCP_MAX);
	assert_int_equal(recv(fd, answer, len, MSG_WAITALL), len);
	assert_int_equal(dns_message_decode(span_of(answer, len), ret_message), 0);
	return ret_message->id;
}

static bool is_closed_by_server(int fd)
{
	uint8_t byte;

	return recv(fd, &byte, 1, 0) <= 0 && errno != EAGAIN;
}

/* ---- TCP ---- */

static struct dns_tcp *start_tcp_of(
	struct bench *bench, const struct worker_kind *kind, const struct dns_tcp_limits *limits)
{
	struct dns_sockets sockets = {.tcp_len = 1, .tcp = &bench->tcp};
	struct dns_tcp *tcp = NULL;

	assert_int_equal(dns_tcp_new(&sockets, kind, &tcp, NULL), 0);
	dns_tcp_limit(tcp, limits);
	return tcp;
}

static struct dns_tcp *start_tcp(struct bench *bench, size_t connections, int64_t idle_ms)
{
	struct dns_tcp_limits limits = {
		.connections = connections, .per_client = connections, .idle_ms = idle_ms};

	return start_tcp_of(
		bench, &(struct worker_kind){&dnsd_worker_calls, &bench->workers}, &limits);
}

static void queries_in_one_stream_are_answered_in_order(void **state)
{
	struct bench *bench = *state;
	struct dns_tcp *tcp = start_tcp(bench, 10, PATIENCE_MS);
	int fd = connect_to(bench->endpoint, SOCK_STREAM);
	uint8_t answer[DNS_ANSWER_TCP_MAX];
	struct dns_message message;
	struct buf out;

	buf_init(&out, 0);
	append_framed(&out, "9.100.51.198.bl.example.org", 1);
	append_framed(&out, "8.100.51.198.bl.example.org", 2);
	append_framed(&out, "bl.example.org", 3);
	for (size_t i = 0; i < buf_len(&out); i++) /* octet by octet */
		assert_int_equal(send(fd, buf_span(&out).ptr + i, 1, 0), 1);
	shutdown(fd, SHUT_WR);
	assert_int_equal(read_framed(fd, &message, answer), 1);
	assert_int_equal(message.counts[DNS_ANSWER], 2);
	assert_int_equal(read_framed(fd, &message, answer), 2);
	assert_int_equal(message.rcode, DNS_NXDOMAIN);
	assert_int_equal(read_framed(fd, &message, answer), 3);
	assert_true(is_closed_by_server(fd));
	close(fd);
	buf_done(&out);
	dns_tcp_free(&tcp);
}

/* Answers every query with MULTI_MESSAGES messages of the largest size, whose ids count. */
enum { MULTI_MESSAGES = 300 };

struct counting_multi {
	struct dns_multi multi;
	unsigned sent;
};

static atomic_int multis_freed;

static int multi_next(struct dns_multi *multi, uint8_t *out, size_t size)
{
	struct counting_multi *counting = (struct counting_multi *)(void *)multi;

	if (counting->sent == MULTI_MESSAGES)
		return 0;
	memset(out, 0, size);
	out[0] = (uint8_t)(counting->sent >> 8);
	out[1] = (uint8_t)counting->sent;
	counting->sent++;
	return (int)size;
}

static void multi_free(struct dns_multi *multi)
{
	atomic_fetch_add(&multis_freed, 1);
	mem_free(multi);
}

static void *multi_worker_open(void *arg)
{
	return arg;
}

static void multi_worker_nothing(void *worker)
{
	(void)worker;
}

/* Queries with an even id get a long answer, the others their own header, of 256 on as the largest
 * answer there is. */
static void multi_worker_answer(
	void *worker, struct dns_request *requests, size_t requests_len, struct dns_now now)
{
	static const struct dns_multi_calls calls = {multi_next, multi_free};

	(void)worker;
	(void)now;
	for (size_t i = 0; i < requests_len; i++) {
		struct counting_multi *counting;

		if (requests[i].query.ptr[1] % 2 == 1) {
			requests[i].out_len = requests[i].query.ptr[0] != 0 ? DNS_ANSWER_TCP_MAX
									    : DNS_HEADER_SIZE;
			memset(requests[i].out, 0, requests[i].out_len);
			memcpy(requests[i].out, requests[i].query.ptr, DNS_HEADER_SIZE);
			continue;
		}
		counting = mem_new(counting_multi);
		counting->multi.calls = &calls;
		requests[i].multi = &counting->multi;
	}
}

static const struct worker_calls multi_worker_calls = {
	.open = multi_worker_open,
	.close = multi_worker_nothing,
	.refresh = multi_worker_nothing,
	.answer = multi_worker_answer,
};

/* More long answers than have a place at once, one after the other in one stream. */
static void long_answers_are_sent_whole(void **state)
{
	enum { MULTIS = 9 };
	struct bench *bench = *state;
	struct dns_tcp_limits limits = {
		.connections = 10, .per_client = 10, .idle_ms = PATIENCE_MS};
	static uint8_t message[2 + DNS_ANSWER_TCP_MAX];
	unsigned seen[MULTI_MESSAGES] = {0};
	struct dns_tcp *tcp = NULL;
	struct buf out;
	int fd;

	tcp = start_tcp_of(bench, &(struct worker_kind){&multi_worker_calls, bench}, &limits);
	fd = connect_to(bench->endpoint, SOCK_STREAM);
	buf_init(&out, 0);
	for (uint16_t i = 0; i < MULTIS; i++)
		append_framed(&out, "bl.example.org", (uint16_t)(2 * i));
	atomic_store(&multis_freed, 0);
	assert_int_equal(send(fd, buf_span(&out).ptr, buf_len(&out), 0), buf_len(&out));
	shutdown(fd, SHUT_WR);
	for (unsigned i = 0; i < MULTIS * MULTI_MESSAGES; i++) {
		assert_int_equal(recv(fd, message, sizeof(message), MSG_WAITALL), sizeof(message));
		seen[message[2] << 8 | message[3]]++;
	}
	for (unsigned i = 0; i < MULTI_MESSAGES; i++)
		assert_int_equal(seen[i], MULTIS);
	assert_true(is_closed_by_server(fd));
	assert_int_equal(atomic_load(&multis_freed), MULTIS);
	close(fd);
	buf_done(&out);
	dns_tcp_free(&tcp);
}

/* A transfer of any size lets the queries behind it pass. */
static void queries_overtake_a_long_answer(void **state)
{
	struct bench *bench = *state;
	struct dns_tcp_limits limits = {
		.connections = 10, .per_client = 10, .idle_ms = PATIENCE_MS};
	static uint8_t message[DNS_ANSWER_TCP_MAX];
	unsigned multi_messages = 0, overtaken = 0;
	struct dns_tcp *tcp = NULL;
	struct buf out;
	int fd;

	tcp = start_tcp_of(bench, &(struct worker_kind){&multi_worker_calls, bench}, &limits);
	fd = connect_to(bench->endpoint, SOCK_STREAM);
	buf_init(&out, 0);
	append_framed(&out, "bl.example.org", 2);
	append_framed(&out, "bl.example.org", 1);
	append_framed(&out, "bl.example.org", 3);
	assert_int_equal(send(fd, buf_span(&out).ptr, buf_len(&out), 0), buf_len(&out));
	shutdown(fd, SHUT_WR);
	for (unsigned i = 0; i < MULTI_MESSAGES + 2; i++) {
		uint8_t head[2];
		size_t len;

		assert_int_equal(recv(fd, head, 2, MSG_WAITALL), 2);
		len = (size_t)head[0] << 8 | head[1];
		assert_int_equal(recv(fd, message, len, MSG_WAITALL), len);
		if (len == DNS_HEADER_SIZE)
			overtaken += multi_messages < MULTI_MESSAGES / 2;
		else
			assert_int_equal(message[0] << 8 | message[1], multi_messages++);
	}
	assert_int_equal(multi_messages, MULTI_MESSAGES);
	assert_int_equal(overtaken, 2);
	close(fd);
	buf_done(&out);
	dns_tcp_free(&tcp);
}

/* So do those that are sent when it is under way. */
static void later_queries_overtake_a_long_answer(void **state)
{
	enum { BEFORE = 20, SMALL = 64 << 10 };
	struct bench *bench = *state;
	struct dns_tcp_limits limits = {
		.connections = 10, .per_client = 10, .idle_ms = PATIENCE_MS};
	static uint8_t message[DNS_ANSWER_TCP_MAX];
	unsigned multi_messages = 0, before = 0, size = SMALL;
	struct dns_tcp *tcp = NULL;
	struct buf out;
	int fd;

	setsockopt(bench->tcp, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	setsockopt(bench->tcp, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	tcp = start_tcp_of(bench, &(struct worker_kind){&multi_worker_calls, bench}, &limits);
	fd = connect_to(bench->endpoint, SOCK_STREAM);
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	buf_init(&out, 0);
	append_framed(&out, "bl.example.org", 2);
	assert_int_equal(send(fd, buf_span(&out).ptr, buf_len(&out), 0), buf_len(&out));
	for (unsigned i = 0; i < MULTI_MESSAGES + 1; i++) {
		uint8_t head[2];
		size_t len;

		if (i == BEFORE) {
			buf_clear(&out);
			append_framed(&out, "bl.example.org", 1);
			assert_int_equal(
				send(fd, buf_span(&out).ptr, buf_len(&out), 0), buf_len(&out));
		}
		assert_int_equal(recv(fd, head, 2, MSG_WAITALL), 2);
		len = (size_t)head[0] << 8 | head[1];
		assert_int_equal(recv(fd, message, len, MSG_WAITALL), len);
		if (len == DNS_HEADER_SIZE)
			before = multi_messages;
		else
			assert_int_equal(message[0] << 8 | message[1], multi_messages++);
	}
	assert_in_range(before, BEFORE, MULTI_MESSAGES - 1);
	close(fd);
	buf_done(&out);
	dns_tcp_free(&tcp);
}

/* Once another process answers at the same sockets: a long answer is sent to its end, a question
 * that was under way is answered, and what a zone is now is to be asked by another connection. */
static void a_server_that_retires_ends_what_it_began(void **state)
{
	enum { SHORT = 2 + DNS_HEADER_SIZE };
	struct bench *bench = *state;
	struct dns_tcp_limits limits = {
		.connections = 10, .per_client = 10, .idle_ms = PATIENCE_MS};
	uint8_t answer[DNS_ANSWER_TCP_MAX];
	struct dns_tcp *tcp =
		start_tcp_of(bench, &(struct worker_kind){&multi_worker_calls, bench}, &limits);
	int transfer = connect_to(bench->endpoint, SOCK_STREAM);
	int other = connect_to(bench->endpoint, SOCK_STREAM);
	int late = connect_to(bench->endpoint, SOCK_STREAM);

	ask_framed(transfer, 2, DNS_AXFR);
	assert_int_equal(recv(transfer, answer, 1, 0), 1); /* it is under way */
	ask_framed(other, 1, DNS_A);
	assert_int_equal(recv(other, answer, SHORT, MSG_WAITALL), SHORT);
	ask_framed(late, 1, DNS_A);
	assert_int_equal(recv(late, answer, SHORT, MSG_WAITALL), SHORT);
	dns_tcp_retire(tcp);
	ask_framed(transfer, 4, DNS_IXFR);
	for (unsigned left = MULTI_MESSAGES * (2 + DNS_ANSWER_TCP_MAX) - 1; left != 0;) {
		ssize_t len = recv(transfer, answer, sizeof(answer), 0);

		assert_true(len > 0 && (size_t)len <= left);
		left -= (unsigned)len;
	}
	assert_true(is_closed_by_server(transfer));
	ask_framed(other, 3, DNS_A);
	assert_int_equal(recv(other, answer, SHORT, MSG_WAITALL), SHORT);
	assert_true(is_closed_by_server(other));
	ask_framed(late, 5, DNS_SOA);
	assert_true(is_closed_by_server(late));
	close(transfer);
	close(other);
	close(late);
	dns_tcp_free(&tcp);
}

/* The largest answers beside the messages of a long one: all of them find room. */
static void large_answers_beside_a_long_one(void **state)
{
	enum { QUERIES = 50 };
	struct bench *bench = *state;
	struct dns_tcp_limits limits = {
		.connections = 10, .per_client = 10, .idle_ms = PATIENCE_MS};
	static uint8_t message[2 + DNS_ANSWER_TCP_MAX];
	struct dns_tcp *tcp = NULL;
	struct buf out;
	int fd;

	tcp = start_tcp_of(bench, &(struct worker_kind){&multi_worker_calls, bench}, &limits);
	fd = connect_to(bench->endpoint, SOCK_STREAM);
	buf_init(&out, 0);
	append_framed(&out, "bl.example.org", 2);
	for (uint16_t i = 0; i < QUERIES; i++)
		append_framed(&out, "bl.example.org", (uint16_t)(257 + 2 * i));
	assert_int_equal(send(fd, buf_span(&out).ptr, buf_len(&out), 0), buf_len(&out));
	shutdown(fd, SHUT_WR);
	for (unsigned i = 0; i < MULTI_MESSAGES + QUERIES; i++)
		assert_int_equal(recv(fd, message, sizeof(message), MSG_WAITALL), sizeof(message));
	assert_true(is_closed_by_server(fd));
	close(fd);
	buf_done(&out);
	dns_tcp_free(&tcp);
}

/* One client may not take the places of all. */
static void a_client_with_many_connections_loses_its_own(void **state)
{
	enum { MINE = 3 };
	struct bench *bench = *state;
	struct dns_tcp_limits limits = {
		.connections = 100, .per_client = MINE, .idle_ms = PATIENCE_MS};
	struct endpoint other = {.ip = ip_from_v4(0x7f000005)};
	struct sockaddr_storage address;
	struct dns_tcp *tcp = NULL;
	uint8_t answer[DNS_ANSWER_TCP_MAX];
	struct dns_message message;
	int fds[MINE + 1], stranger;
	struct buf out;

	tcp = start_tcp_of(
		bench, &(struct worker_kind){&dnsd_worker_calls, &bench->workers}, &limits);
	buf_init(&out, 0);
	append_framed(&out, "bl.example.org", 7);
	stranger = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(
		bind(stranger, (struct sockaddr *)&address, endpoint_to_sockaddr(other, &address)),
		0);
	assert_int_equal(connect(stranger, (struct sockaddr *)&address,
				 endpoint_to_sockaddr(bench->endpoint, &address)),
		0);
	for (size_t i = 0; i < COUNTOF(fds); i++) {
		fds[i] = connect_to(bench->endpoint, SOCK_STREAM);
		assert_int_equal(send(fds[i], buf_span(&out).ptr, buf_len(&out), 0), buf_len(&out));
		assert_int_equal(read_framed(fds[i], &message, answer), 7);
	}
	assert_true(is_closed_by_server(fds[0]));
	assert_int_equal(send(stranger, buf_span(&out).ptr, buf_len(&out), 0), buf_len(&out));
	assert_int_equal(read_framed(stranger, &message, answer), 7);
	for (size_t i = 0; i < COUNTOF(fds); i++)
		close(fds[i]);
	close(stranger);
	buf_done(&out);
	dns_tcp_free(&tcp);
}

/* Whoever leaves in the middle of a long answer takes nothing along, and neither does the end of
 * the server. */
static void a_long_answer_that_is_left_is_freed(void **state)
{
	struct bench *bench = *state;
	struct dns_tcp_limits limits = {
		.connections = 10, .per_client = 10, .idle_ms = PATIENCE_MS};
	struct dns_tcp *tcp = NULL;
	struct buf out;
	int fd;

	tcp = start_tcp_of(bench, &(struct worker_kind){&multi_worker_calls, bench}, &limits);
	buf_init(&out, 0);
	append_framed(&out, "bl.example.org", 2);
	atomic_store(&multis_freed, 0);
	for (int i = 0; i < 2; i++) {
		uint8_t byte;

		fd = connect_to(bench->endpoint, SOCK_STREAM);
		assert_int_equal(send(fd, buf_span(&out).ptr, buf_len(&out), 0), buf_len(&out));
		assert_int_equal(recv(fd, &byte, 1, 0), 1);
		if (i == 0)
			close(fd);
	}
	dns_tcp_free(&tcp);
	assert_int_equal(atomic_load(&multis_freed), 2);
	close(fd);
	buf_done(&out);
}

static void what_is_no_dns_is_closed(void **state)
{
	static const struct span cases[] = {
		{(const uint8_t *)"\0\0", 2},                /* a message of no octets */
		{(const uint8_t *)"\0\3abc", 5},             /* less than a header */
		{(const uint8_t *)"\xff\xff", 2},            /* more than anybody asks */
		{(const uint8_t *)"GET / HTTP/1.0\r\n", 16}, /* 18245 octets, says "GE" */
		{(const uint8_t *)"\0\x0c\0\1\x80\0\0\0\0\0\0\0\0\0", 14}, /* a response */
	};
	struct bench *bench = *state;
	struct dns_tcp *tcp = start_tcp(bench, 10, PATIENCE_MS);

	for (size_t i = 0; i < COUNTOF(cases); i++) {
		int fd = connect_to(bench->endpoint, SOCK_STREAM);

		assert_int_equal(send(fd, cases[i].ptr, cases[i].len, 0), cases[i].len);
		assert_true(is_closed_by_server(fd));
		close(fd);
	}
	dns_tcp_free(&tcp);
}

static void silent_connections_are_closed(void **state)
{
	struct bench *bench = *state;
	struct dns_tcp *tcp = start_tcp(bench, 10, 30);
	int silent = connect_to(bench->endpoint, SOCK_STREAM);
	int half = connect_to(bench->endpoint, SOCK_STREAM);

	assert_int_equal(send(half, "\0\40ab", 4, 0), 4);
	assert_true(is_closed_by_server(silent));
	assert_true(is_closed_by_server(half));
	close(silent);
	close(half);
	dns_tcp_free(&tcp);
}

static void too_many_connections_cost_the_idle_one(void **state)
{
	struct bench *bench = *state;
	struct dns_tcp *tcp = start_tcp(bench, 2, PATIENCE_MS);
	int first = connect_to(bench->endpoint, SOCK_STREAM);
	int second = connect_to(bench->endpoint, SOCK_STREAM);
	uint8_t answer[DNS_ANSWER_TCP_MAX];
	struct dns_message message;
	struct buf out;
	int third;

	buf_init(&out, 0);
	append_framed(&out, "bl.example.org", 7);
	assert_int_equal(send(second, buf_span(&out).ptr, buf_len(&out), 0), buf_len(&out));
	assert_int_equal(read_framed(second, &message, answer), 7);
	assert_int_equal(send(first, buf_span(&out).ptr, buf_len(&out), 0), buf_len(&out));
	assert_int_equal(read_framed(first, &message, answer), 7);
	third = connect_to(bench->endpoint, SOCK_STREAM);
	assert_true(is_closed_by_server(second)); /* its last query is the oldest */
	assert_int_equal(send(third, buf_span(&out).ptr, buf_len(&out), 0), buf_len(&out));
	assert_int_equal(read_framed(third, &message, answer), 7);
	assert_int_equal(send(first, buf_span(&out).ptr, buf_len(&out), 0), buf_len(&out));
	assert_int_equal(read_framed(first, &message, answer), 7);
	close(first);
	close(second);
	close(third);
	buf_done(&out);
	dns_tcp_free(&tcp);
}

/* It asks and asks and reads nothing: the server stops taking questions, so that sending stalls,
 * and loses none of them. */
static void a_slow_reader_is_held_back(void **state)
{
	enum { TOO_MANY = 1000000 };
	struct bench *bench = *state;
	struct dns_tcp *tcp = start_tcp(bench, 10, PATIENCE_MS);
	int fd = connect_to(bench->endpoint, SOCK_STREAM);
	struct pollfd poll_fd = {.fd = fd, .events = POLLOUT};
	uint8_t answer[DNS_ANSWER_TCP_MAX];
	struct dns_message message;
	size_t sent = 0;
	struct buf out;

	buf_init(&out, 0);
	append_framed(&out, "bl.example.org", 9);
	while (sent < TOO_MANY && poll(&poll_fd, 1, 300) == 1) {
		assert_int_equal(send(fd, buf_span(&out).ptr, buf_len(&out), 0), buf_len(&out));
		sent++;
	}
	assert_true(sent < TOO_MANY);
	shutdown(fd, SHUT_WR);
	for (size_t i = 0; i < sent; i++)
		assert_int_equal(read_framed(fd, &message, answer), 9);
	assert_true(is_closed_by_server(fd));
	close(fd);
	buf_done(&out);
	dns_tcp_free(&tcp);
}

/* ---- views that change under load ---- */

struct asker {
	struct bench *bench;
	atomic_bool stop;
	atomic_uint answered;
	unsigned torn; /* answers that are neither wholly old nor wholly new */
	pthread_t thread;
};

static void *ask_on(void *arg)
{
	struct asker *asker = arg;
	struct endpoint endpoint;
	uint8_t answer[DNS_ANSWER_UDP_MAX];
	struct dns_message message;
	struct buf query;
	int fd;

	if (socket_local(asker->bench->udp, &endpoint) < 0)
		return NULL;
	fd = connect_to(endpoint, SOCK_DGRAM);
	buf_init(&query, 0);
	append_query(&query, "9.100.51.198.bl.example.org", 5, DNS_A);
	while (!atomic_load(&asker->stop)) {
		ssize_t len;

		for (unsigned i = 0; i < 8; i++) /* a batch */
			send(fd, buf_span(&query).ptr, buf_len(&query), 0);
		for (unsigned i = 0; i < 8; i++) {
			len = recv(fd, answer, sizeof(answer), 0);
			if (len <= 0 ||
				dns_message_decode(span_of(answer, (size_t)len), &message) < 0 ||
				message.counts[DNS_ANSWER] == 1)
				asker->torn++;
			atomic_fetch_add(&asker->answered, 1);
		}
	}
	buf_done(&query);
	close(fd);
	return NULL;
}

static struct dns_server *start_server(struct bench *bench)
{
	struct dns_sockets sockets = {1, 1, &bench->udp, &bench->tcp};
	struct dns_server *server = NULL;

	assert_int_equal(
		dns_server_new(&sockets, &(struct worker_kind){&dnsd_worker_calls, &bench->workers},
			&server, NULL),
		0);
	return server;
}

/* Whatever ICMP says about the path. */
static void answers_are_never_fragmented(void **state)
{
	struct bench *bench = *state;
	struct dns_server *server = NULL;
	int discovery = 0;
	socklen_t len = sizeof(discovery);

	server = start_server(bench);
	assert_int_equal(getsockopt(bench->udp, IPPROTO_IP, IP_MTU_DISCOVER, &discovery, &len), 0);
	assert_int_equal(discovery, IP_PMTUDISC_PROBE);
	dns_server_free(&server);
}

static void views_and_tables_change_under_load(void **state)
{
	struct bench *bench = *state;
	struct asker asker = {.bench = bench};
	struct dns_server *server = NULL;

	server = start_server(bench);
	assert_int_equal(pthread_create(&asker.thread, NULL, ask_on, &asker), 0);
	for (size_t i = 0; i < CHANGES; i++) {
		unsigned before = atomic_load(&asker.answered);

		shelf_put(bench->shelves.views,
			fixture_view(listed, i % 2 == 0 ? 0 : COUNTOF(listed)));
		if (i % 10 == 0)
			shelf_put(bench->shelves.rules, new_rules());
		dns_server_wake(server);
		for (int64_t until_ms = clock_monotonic_ms() + PATIENCE_MS;
			atomic_load(&asker.answered) == before && clock_monotonic_ms() < until_ms;)
			sched_yield();
		assert_int_not_equal(atomic_load(&asker.answered), before);
	}
	atomic_store(&asker.stop, true);
	pthread_join(asker.thread, NULL);
	assert_int_equal(asker.torn, 0);
	dns_server_free(&server);
}

/* Not after the quarter of a second that a thread sleeps at most. The best of a few tries, so that
 * a busy machine may be slow in the others. */
static void an_idle_server_ends_at_once(void **state)
{
	struct bench *bench = *state;
	int64_t best_ms = INT64_MAX;

	for (unsigned i = 0; i < 5; i++) {
		struct dns_server *server = start_server(bench);
		int64_t from_ms;

		usleep(20 * 1000); /* its thread sleeps now */
		from_ms = clock_monotonic_ms();
		dns_server_free(&server);
		if (clock_monotonic_ms() - from_ms < best_ms)
			best_ms = clock_monotonic_ms() - from_ms;
	}
	assert_true(best_ms < 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			queries_in_one_stream_are_answered_in_order, set_up, tear_down),
		cmocka_unit_test_setup_teardown(long_answers_are_sent_whole, set_up, tear_down),
		cmocka_unit_test_setup_teardown(queries_overtake_a_long_answer, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			later_queries_overtake_a_long_answer, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			a_server_that_retires_ends_what_it_began, set_up, tear_down),
		cmocka_unit_test_setup_teardown(large_answers_beside_a_long_one, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			a_client_with_many_connections_loses_its_own, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			a_long_answer_that_is_left_is_freed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_is_no_dns_is_closed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(silent_connections_are_closed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			too_many_connections_cost_the_idle_one, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_slow_reader_is_held_back, set_up, tear_down),
		cmocka_unit_test_setup_teardown(answers_are_never_fragmented, set_up, tear_down),
		cmocka_unit_test_setup_teardown(an_idle_server_ends_at_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			views_and_tables_change_under_load, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
