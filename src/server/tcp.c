/* SPDX-License-Identifier: ISC */
#include "server/tcp.h"

#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/obj.h"
#include "dns/query.h"
#include "loop/acceptor.h"
#include "loop/loop.h"
#include "loop/stream.h"

/*
 * Connections stand in one ring in the order of their last whole query, so that the first is the
 * next to time out and the first to go when there are too many: whoever holds connections without
 * asking makes room for whoever asks.
 *
 * A reader slower than its questions is held back: no query is taken from the stream while more
 * than OUT_BUSY octets of answers wait.
 *
 * A connection may have several long answers on their way (zone transfers). Their messages and the
 * answers of further queries go out by turns.
 */
enum {
	QUERY_MAX = 4096, /* no question is longer, padding included (RFC 8467) */
	OUT_BUSY = 32768,
	OUT_MAX = OUT_BUSY + 2 * (2 + DNS_ANSWER_TCP_MAX), /* and a message of a long answer */
	MULTIS_MAX = 4, /* answers of many messages at once on a connection */
	PAUSES_MAX = 6, /* times idle_ms: a secondary that has much may think of it for a while */
	V6_CLIENT_BITS = 56,
};

static const struct dns_tcp_limits limits_at_start = {
	.connections = 1000, .per_client = 100, .idle_ms = 10000};

struct dns_connection {
	uint32_t magic;
	struct dns_tcp *tcp;
	struct stream *stream;
	struct dns_connection *next; /* in the ring */
	struct dns_connection *previous;
	int64_t until_ms;
	unsigned pauses; /* how often that came in the middle of such an answer */
	bool ending;     /* the other side sends no more; answers still wait */
	bool last;       /* it ends when what was asked is answered: another process takes over */
	bool done;       /* and it was: nothing is heard any more */
	struct endpoint client;
	size_t multis_len;
	/* answers of many messages; the next to go on is first */
	struct dns_multi *multis[MULTIS_MAX];
	bool held;          /* there is more to do when what waits has been sent */
	bool paused;        /* and queries may be among it, so that no more are read */
	struct timer again; /* for the next turn */
};

struct dns_tcp {
	uint32_t magic;
	_Atomic size_t connections_max;
	_Atomic size_t per_client;
	_Atomic int64_t idle_ms;
	struct loop *loop;
	atomic_bool stop, retired, done_listening;
	_Atomic uint64_t turns;
	pthread_t thread;
	const struct worker_calls *calls;
	void *worker;
	struct timer idle; /* for the first of the ring */
	struct dns_connection ring;
	_Atomic size_t connections;
	size_t acceptors_len;
	struct acceptor **acceptors;
	uint8_t answer[DNS_ANSWER_TCP_MAX];
};

/* ---- connections ---- */

static void ring_remove(struct dns_connection *connection)
{
	connection->previous->next = connection->next;
	connection->next->previous = connection->previous;
}

static void ring_append(struct dns_connection *ring, struct dns_connection *connection)
{
	connection->previous = ring->previous;
	connection->next = ring;
	ring->previous->next = connection;
	ring->previous = connection;
}

static void tcp_arm(struct dns_tcp *tcp)
{
	if (tcp->ring.next == &tcp->ring)
		timer_clear(&tcp->idle);
	else
		timer_set(&tcp->idle, tcp->ring.next->until_ms);
}

static void connection_wait(struct dns_connection *connection)
{
	struct dns_tcp *tcp = connection->tcp;

	ring_remove(connection);
	connection->until_ms =
		loop_now_ms(tcp->loop) + atomic_load_explicit(&tcp->idle_ms, memory_order_relaxed);
	ring_append(&tcp->ring, connection);
	tcp_arm(tcp);
}

/* It was just useful: last in the ring, with all its time again. */
static void connection_touch(struct dns_connection *connection)
{
	connection->pauses = 0;
	connection_wait(connection);
}

static void peer_close(struct dns_connection *connection)
{
	struct dns_tcp *tcp = connection->tcp;

	ring_remove(connection);
	tcp->connections--;
	for (size_t i = 0; i < connection->multis_len; i++)
		connection->multis[i]->calls->free(connection->multis[i]);
	timer_done(&connection->again);
	stream_free(&connection->stream);
	connection->magic = 0;
	mem_free(connection);
	tcp_arm(tcp);
}

static void tcp_on_idle(struct timer *timer, void *arg)
{
	struct dns_tcp *tcp = OBJ(dns_tcp, arg);
	struct dns_connection *first;

	(void)timer;
	while (tcp->ring.next != &tcp->ring && tcp->ring.next->until_ms <= loop_now_ms(tcp->loop)) {
		first = tcp->ring.next;
		if (first->multis_len != 0 && ++first->pauses < PAUSES_MAX)
			connection_wait(first);
		else
			peer_close(first);
	}
	tcp_arm(tcp);
}

/* ---- queries ---- */

static void connection_put(struct dns_connection *connection, size_t len)
{
	struct buf *out = stream_out(connection->stream);

	buf_append_u16(out, (uint16_t)len);
	buf_append(out, span_of(connection->tcp->answer, len));
}

/* One message of the answers that have many, each in its turn: 1; 0: there is none; E_AGAIN: not
 * now. */
static int connection_pump(struct dns_connection *connection)
{
	struct dns_tcp *tcp = connection->tcp;
	struct dns_multi *multi = connection->multis[0];
	int len;

	if (connection->multis_len == 0)
		return 0;
	len = multi->calls->next(multi, tcp->answer, sizeof(tcp->answer));
	if (len < 0 && len != E_AGAIN)
		return len;
	for (size_t i = 1; i < connection->multis_len; i++)
		connection->multis[i - 1] = connection->multis[i];
	connection->multis[connection->multis_len - 1] = multi;
	if (len == E_AGAIN)
		return E_AGAIN;
	if (len > 0) {
		connection_put(connection, (size_t)len);
	} else {
		multi->calls->free(multi);
		connection->multis_len--;
	}
	return 1;
}

/* What a zone is now is asked of whoever takes over, by another connection: a secondary that hears
 * our serial thinks that it is up to date, or mixes our version with the next. */
static bool asks_for_zone(struct span query)
{
	struct dns_query decoded;

	return dns_query_decode(query, &decoded) == DNS_NOERROR &&
	       (decoded.type == DNS_SOA || decoded.type == DNS_IXFR || decoded.type == DNS_AXFR);
}

/* E_PARSE: it gets no answer, which over TCP means that the other side does not speak DNS. */
static int peer_answer(struct dns_connection *connection, struct span query)
{
	struct dns_tcp *tcp = connection->tcp;
	struct dns_request request = {
		.query = query,
		.client = connection->client,
		.transport = DNS_TCP,
		.out = tcp->answer,
	};

	connection->last = atomic_load_explicit(&tcp->retired, memory_order_relaxed);
	if (connection->last && asks_for_zone(query))
		return 0;
	tcp->calls->refresh(tcp->worker);
	tcp->calls->answer(tcp->worker, &request, 1, worker_now());
	if (request.multi != NULL) {
		connection->multis[connection->multis_len++] = request.multi;
		return 0;
	}
	if (request.out_len == 0)
		return E_PARSE;
	connection_put(connection, request.out_len);
	return 0;
}

/* The next query, unless so many long answers are on their way that another might not find a place:
 * 1; 0: none. */
static int connection_take_query(struct dns_connection *connection)
{
	struct buf *in = stream_in(connection->stream);
	struct span query;
	size_t used;
	int r;

	if (connection->multis_len == MULTIS_MAX)
		return 0;
	r = dns_frame_next(buf_span(in), QUERY_MAX, &query, &used);
	if (r <= 0)
		return r;
	r = peer_answer(connection, query);
	if (r < 0)
		return r;
	buf_consume(in, used);
	connection_touch(connection);
	return 1;
}

/* What is left to do once there is room. */
enum left { LEFT_NOTHING, LEFT_MULTIS, LEFT_QUERIES };

/* Queries and long answers by turns, so that neither has to wait for the end of the other (RFC 7766
 * section 6.2.1.1). */
static int connection_take(struct dns_connection *connection)
{
	int took = 1, sent = 1;

	while (took + sent > 0 && buf_len(stream_out(connection->stream)) < OUT_BUSY) {
		took = connection_take_query(connection);
		if (took < 0)
			return took;
		sent = connection_pump(connection);
		if (sent == E_AGAIN) /* others may have the thread meanwhile */
			return took != 0 ? LEFT_QUERIES : LEFT_MULTIS;
		if (sent < 0)
			return sent;
	}
	if (took != 0)
		return LEFT_QUERIES;
	return sent != 0 ? LEFT_MULTIS : LEFT_NOTHING;
}

/* All was sent. */
static void connection_end(struct dns_connection *connection)
{
	if (connection->ending) {
		peer_close(connection);
	} else if (connection->last) {
		connection->done = true;
		stream_finish(connection->stream);
	}
}

static void connection_go_on(struct dns_connection *connection)
{
	struct stream *stream = connection->stream;
	int left = connection_take(connection);

	if (left < 0) {
		peer_close(connection);
		return;
	}
	if (left == LEFT_QUERIES)
		stream_pause(stream);
	else if (connection->paused)
		stream_resume(stream);
	connection->paused = left == LEFT_QUERIES;
	connection->held = left != LEFT_NOTHING;
	stream_send(stream);
	if (buf_len(stream_out(stream)) != 0)
		return;
	if (connection->held) /* all gone: on_drained is not called */
		timer_set(&connection->again, loop_now_ms(connection->tcp->loop));
	else
		connection_end(connection);
}

static void connection_on_again(struct timer *timer, void *arg)
{
	struct dns_connection *connection = OBJ(dns_connection, arg);

	(void)timer;
	connection_touch(connection);
	connection_go_on(connection);
}

static void peer_on_input(struct stream *stream, void *arg)
{
	struct dns_connection *connection = OBJ(dns_connection, arg);

	if (connection->done)
		buf_clear(stream_in(stream));
	else
		connection_go_on(connection);
}

static void peer_on_drained(struct stream *stream, void *arg)
{
	struct dns_connection *connection = OBJ(dns_connection, arg);

	(void)stream;
	if (!connection->held && (connection->ending || connection->last)) {
		connection_end(connection);
		return;
	}
	connection_touch(connection);
	connection_go_on(connection);
}

/* Who has sent all queries and closed that side still gets the answers (RFC 7766 section 6.2.4). */
static void peer_on_closed(struct stream *stream, int error, void *arg)
{
	struct dns_connection *connection = OBJ(dns_connection, arg);

	if (error == E_CLOSED && (connection->held || buf_len(stream_out(stream)) != 0))
		connection->ending = true;
	else
		peer_close(connection);
}

static const struct stream_calls connection_calls = {
	.input = peer_on_input,
	.drained = peer_on_drained,
	.closed = peer_on_closed,
};

static bool is_same_client(struct ip a, struct ip b)
{
	return ip_is_v4(a)
		       ? ip_equal(a, b)
		       : ip_equal(prefix_of(a, V6_CLIENT_BITS).ip, prefix_of(b, V6_CLIENT_BITS).ip);
}

/* Before one more of this client: who holds many connections loses the one of them that is idle for
 * longest, and when there are too many of all, whoever's that is. Accepting costs more than walking
 * the ring. */
static void tcp_make_room(struct dns_tcp *tcp, struct ip client)
{
	struct dns_connection *oldest = NULL;
	size_t count = 0;

	for (struct dns_connection *c = tcp->ring.next; c != &tcp->ring; c = c->next) {
		if (is_same_client(c->client.ip, client)) {
			oldest = oldest != NULL ? oldest : c;
			count++;
		}
	}
	if (oldest != NULL && count >= atomic_load_explicit(&tcp->per_client, memory_order_relaxed))
		peer_close(oldest);
	else if (tcp->connections >=
			 atomic_load_explicit(&tcp->connections_max, memory_order_relaxed) &&
		 tcp->connections != 0)
		peer_close(tcp->ring.next);
}

static void tcp_add(struct dns_tcp *tcp, int fd, struct endpoint client)
{
	static const struct stream_limits limits = {.in = QUERY_MAX + 2, .out = OUT_MAX};
	struct dns_connection *connection = mem_new(dns_connection);
	int on = 1;

	tcp_make_room(tcp, client.ip);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	connection->magic = (uint32_t)MAGIC_dns_connection;
	connection->tcp = tcp;
	connection->client = client;
	timer_init(&connection->again, tcp->loop, connection_on_again, connection);
	connection->stream = stream_new(tcp->loop, fd,
		&(struct stream_settings){
			.calls = &connection_calls, .arg = connection, .limits = limits});
	connection->next = connection->previous = connection;
	tcp->connections++;
	connection_touch(connection);
}

static void tcp_on_connection(int fd, const struct endpoint *peer, void *arg)
{
	if (peer != NULL)
		tcp_add(OBJ(dns_tcp, arg), fd, *peer);
	else
		close(fd);
}

/* ---- the thread ---- */

static void tcp_stop_listening(struct dns_tcp *tcp)
{
	while (tcp->acceptors_len > 0)
		acceptor_close(&tcp->acceptors[--tcp->acceptors_len]);
	atomic_store(&tcp->done_listening, true);
}

static void tcp_on_wake(void *arg)
{
	struct dns_tcp *tcp = OBJ(dns_tcp, arg);
	tcp->calls->refresh(tcp->worker);
	atomic_fetch_add_explicit(&tcp->turns, 1, memory_order_relaxed);
	if (atomic_load_explicit(&tcp->retired, memory_order_relaxed))
		tcp_stop_listening(tcp);
	if (atomic_load_explicit(&tcp->stop, memory_order_relaxed))
		loop_stop(tcp->loop);
}

static void *tcp_thread(void *arg)
{
	struct dns_tcp *tcp = arg;

	loop_run(tcp->loop);
	return NULL;
}

static void tcp_destroy(struct dns_tcp *tcp)
{
	while (tcp->ring.next != &tcp->ring)
		peer_close(tcp->ring.next);
	for (size_t i = 0; i < tcp->acceptors_len; i++)
		acceptor_free(&tcp->acceptors[i]);
	timer_done(&tcp->idle);
	loop_free(&tcp->loop);
	tcp->calls->close(tcp->worker);
	mem_free(tcp->acceptors);
	tcp->magic = 0;
	mem_free(tcp);
}

int dns_tcp_new(const struct dns_sockets *sockets, const struct worker_kind *kind,
	struct dns_tcp **ret_tcp, struct fault *why)
{
	struct dns_tcp *tcp = mem_new(dns_tcp);
	int r;

	tcp->magic = (uint32_t)MAGIC_dns_tcp;
	dns_tcp_limit(tcp, &limits_at_start);
	tcp->loop = loop_new();
	tcp->ring.next = tcp->ring.previous = &tcp->ring;
	tcp->calls = kind->calls;
	tcp->worker = kind->calls->open(kind->arg);
	timer_init(&tcp->idle, tcp->loop, tcp_on_idle, tcp);
	loop_on_wake(tcp->loop, tcp_on_wake, tcp);
	tcp->acceptors = mem_alloc_array(sockets->tcp_len + 1, sizeof(struct acceptor *));
	for (; tcp->acceptors_len < sockets->tcp_len; tcp->acceptors_len++)
		tcp->acceptors[tcp->acceptors_len] = acceptor_new(
			tcp->loop, sockets->tcp[tcp->acceptors_len], tcp_on_connection, tcp);
	r = pthread_create(&tcp->thread, NULL, tcp_thread, tcp);
	if (r != 0) {
		tcp_destroy(tcp);
		return fault_set(why, err_from_errno(r), "cannot start a DNS thread");
	}
	*ret_tcp = tcp;
	return 0;
}

void dns_tcp_limit(struct dns_tcp *tcp, const struct dns_tcp_limits *limits)
{
	atomic_store_explicit(&tcp->connections_max, limits->connections, memory_order_relaxed);
	atomic_store_explicit(&tcp->per_client, limits->per_client, memory_order_relaxed);
	atomic_store_explicit(&tcp->idle_ms, limits->idle_ms, memory_order_relaxed);
}

void dns_tcp_wake(struct dns_tcp *tcp)
{
	loop_wake(tcp->loop);
}

uint64_t dns_tcp_turns(const struct dns_tcp *tcp)
{
	return atomic_load_explicit(&tcp->turns, memory_order_relaxed);
}

void dns_tcp_retire(struct dns_tcp *tcp)
{
	atomic_store_explicit(&tcp->retired, true, memory_order_relaxed);
	loop_wake(tcp->loop);
}

bool dns_tcp_is_done(const struct dns_tcp *tcp)
{
	return atomic_load(&tcp->done_listening) && atomic_load(&tcp->connections) == 0;
}

void dns_tcp_stop(struct dns_tcp *tcp)
{
	atomic_store_explicit(&tcp->stop, true, memory_order_relaxed);
	loop_wake(tcp->loop);
}

void dns_tcp_free(struct dns_tcp **tcp)
{
	if (*tcp == NULL)
		return;
	dns_tcp_stop(*tcp);
	pthread_join((*tcp)->thread, NULL);
	tcp_destroy(*tcp);
	*tcp = NULL;
}
