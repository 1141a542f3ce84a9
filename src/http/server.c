/* SPDX-License-Identifier: ISC */
#include "http/server.h"

#include <inttypes.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/macro.h"
#include "base/mem.h"
#include "base/obj.h"
#include "loop/acceptor.h"
#include "loop/stream.h"

/*
 * A connection reads a head, makes a call of it, and reads nothing more until the call is answered:
 *
 *   READING --head--> CALLING --http_reply--> READING (keep-alive)
 *      |                 |
 *      +---- bad head ---+--------- close ---> LINGERING until the client has closed
 *                                              too, or a little while
 *
 * A call can outlive its connection (the client left, the server stops); it then answers into
 * nothing.
 */
enum { CALL_MEMORY = 4 << 20, OUT_MAX = 4 << 20, LINGER_MS = 2000 };

enum connection_state { CONNECTION_READING, CONNECTION_CALLING, CONNECTION_LINGERING };

struct http_connection {
	uint32_t magic;
	struct http_server *server;
	struct http_connection *next, *prev; /* the newest first */
	struct stream *stream;
	struct timer deadline;
	enum connection_state state;
	int64_t since_ms; /* of the state */
	struct ip peer;
	struct ip source, network;    /* of the peer */
	size_t of_source, of_network; /* connections that are there from it */
	struct http_call *call;
	bool keep_alive;
};

struct http_server {
	uint32_t magic;
	struct loop *loop;
	struct acceptor *acceptor;
	struct http_settings settings;
	struct http_connection *connections;
	size_t count;
	struct timer stop_timer;
	void (*stopped)(void *arg);
	void *stopped_arg;
	bool stopping;
};

struct http_call {
	uint32_t magic;
	struct http_connection *connection; /* NULL: nobody waits any more */
	struct arena *arena;
	struct http_request request;
};

struct http_settings http_settings_default(void)
{
	return (struct http_settings){.limits = {.head = 8192, .target = 2048, .fields = 64},
		.connections = 256,
		.head_ms = 10000,
		.reply_ms = 30000};
}

/* ---- connections ---- */

static void server_check_stopped(struct http_server *server);

/* A connection came or went: how many are there now from its source and its network. */
static void server_count_from(struct http_server *server, struct ip source, struct ip network)
{
	size_t of_source = 0, of_network = 0;

	for (struct http_connection *c = server->connections; c != NULL; c = c->next) {
		of_network += ip_equal(c->network, network);
		of_source += ip_equal(c->source, source);
	}
	for (struct http_connection *c = server->connections; c != NULL; c = c->next) {
		if (ip_equal(c->network, network))
			c->of_network = of_network;
		if (ip_equal(c->source, source))
			c->of_source = of_source;
	}
}

static void connection_free(struct http_connection *c)
{
	struct http_server *server = c->server;

	if (c->call != NULL)
		c->call->connection = NULL;
	if (c->prev != NULL)
		c->prev->next = c->next;
	else
		server->connections = c->next;
	if (c->next != NULL)
		c->next->prev = c->prev;
	server->count--;
	server_count_from(server, c->source, c->network);
	timer_done(&c->deadline);
	stream_free(&c->stream);
	c->magic = 0;
	mem_free(c);
	server_check_stopped(server);
}

static void connection_enter(
	struct http_connection *c, enum connection_state state, int64_t allowed_ms)
{
	c->state = state;
	c->since_ms = loop_now_ms(c->server->loop);
	timer_set(&c->deadline, c->since_ms + allowed_ms);
}

/* The head did not come, the answer was not taken, or the client does not close: each ends the same
 * way. A call has no deadline here: whoever answers it has one. */
static void connection_on_deadline(struct timer *timer, void *arg)
{
	(void)timer;
	connection_free(OBJ(http_connection, arg));
}

static const char *status_text(unsigned status)
{
	static const struct {
		unsigned status;
		const char *text;
	} texts[] = {
		{200, "OK"},
		{303, "See Other"},
		{304, "Not Modified"},
		{400, "Bad Request"},
		{404, "Not Found"},
		{405, "Method Not Allowed"},
		{410, "Gone"},
		{413, "Content Too Large"},
		{414, "URI Too Long"},
		{429, "Too Many Requests"},
		{431, "Request Header Fields Too Large"},
		{500, "Internal Server Error"},
		{503, "Service Unavailable"},
		{505, "HTTP Version Not Supported"},
	};

	for (size_t i = 0; i < COUNTOF(texts); i++)
		if (texts[i].status == status)
			return texts[i].text;
	return ""; /* nothing reads it */
}

static const char *const cache_texts[] = {
	[HTTP_CACHE_DAY] = "public, max-age=86400",
	[HTTP_REVALIDATE] = "no-cache",
	[HTTP_NO_STORE] = "no-store",
};

/* Pages are text, one style sheet and one icon of our own; nothing else may load, run, frame them
 * or take their forms. */
static const char security_headers[] =
	"Content-Security-Policy: default-src 'none'; style-src 'self'; img-src 'self'; "
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'\r\n"
	"X-Content-Type-Options: nosniff\r\n"
	"X-Frame-Options: DENY\r\n"
	"Referrer-Policy: no-referrer\r\n"
	"Cross-Origin-Opener-Policy: same-origin\r\n"
	"Cross-Origin-Resource-Policy: same-origin\r\n";

/* It need not withstand anybody, since a client only deceives itself. */
static void etag_print(struct span body, char text[20])
{
	snprintf(text, 20, "\"%016" PRIx64 "\"", hash_bytes(HASH_START, body));
}

/* A list of tags, weak or strong (RFC 9110 section 13.1.2). */
static bool etag_is_among(struct span list, const char *etag)
{
	while (list.len != 0) {
		struct span tag = span_trim(span_split(&list, ','));

		if (span_equal_text(tag, "*"))
			return true;
		if (span_has_prefix_nocase(tag, "w/"))
			tag = span_from(tag, 2);
		if (span_equal_text(tag, etag))
			return true;
	}
	return false;
}

static void reply_head(
	struct buf *out, const struct http_reply *reply, const char *etag, bool keep_alive)
{
	char date[CLOCK_TEXT_SIZE];

	buf_append_format(out, "HTTP/1.1 %u %s\r\nDate: %s\r\n", reply->status,
		status_text(reply->status), clock_print_http(clock_now_s(), date));
	buf_append_text(out, security_headers);
	buf_append_format(out, "Cache-Control: %s\r\n", cache_texts[reply->cache]);
	if (etag != NULL)
		buf_append_format(out, "ETag: %s\r\n", etag);
	if (reply->location.len != 0) {
		buf_append_text(out, "Location: ");
		buf_append(out, reply->location);
		buf_append_text(out, "\r\n");
	}
	if (reply->retry_after_s != 0)
		buf_append_format(out, "Retry-After: %u\r\n", reply->retry_after_s);
	if (reply->allow != NULL)
		buf_append_format(out, "Allow: %s\r\n", reply->allow);
	if (reply->noindex)
		buf_append_text(out, "X-Robots-Tag: noindex\r\n");
	if (reply->status != 304) {
		if (reply->type != NULL)
			buf_append_format(out, "Content-Type: %s\r\n", reply->type);
		buf_append_format(out, "Content-Length: %zu\r\n", reply->body.len);
	}
	buf_append_text(out, keep_alive ? "\r\n" : "Connection: close\r\n\r\n");
}

static void connection_write(struct http_connection *c, const struct http_reply *reply,
	const struct http_request *request)
{
	struct buf *out = stream_out(c->stream);
	struct http_reply sent = *reply;
	bool tagged = reply->status == 200 && reply->cache != HTTP_NO_STORE;
	char etag[20];

	if (tagged) {
		etag_print(reply->body, etag);
		if (etag_is_among(request->if_none_match, etag))
			sent.status = 304;
	}
	reply_head(out, &sent, tagged ? etag : NULL, c->keep_alive);
	if (sent.status != 304 && request->method != HTTP_HEAD)
		buf_append(out, sent.body);
	if (c->keep_alive) {
		connection_enter(c, CONNECTION_READING, c->server->settings.reply_ms);
		stream_send(c->stream);
		stream_resume(c->stream);
		if (buf_len(out) == 0)
			timer_set(&c->deadline, c->since_ms + c->server->settings.head_ms);
	} else {
		stream_finish(c->stream);
		connection_enter(c, CONNECTION_LINGERING,
			buf_len(out) == 0 ? LINGER_MS : c->server->settings.reply_ms);
		stream_resume(c->stream);
	}
}

static void connection_refuse(struct http_connection *c, const struct http_head *head, int error)
{
	const struct http_request request = {.method = head->method, .path = head->path};
	struct http_server *server = c->server;
	AUTO(arena) *arena = arena_new(CALL_MEMORY);
	struct http_reply reply = {.status = http_head_status(error)};

	server->settings.refused(&request, arena, &reply, server->settings.arg);
	c->keep_alive = false;
	connection_write(c, &reply, &request);
}

/* ---- calls ---- */

/* Behind a proxy here every peer is loopback; the proxy writes the client's address at the end. */
static struct ip client_of(struct ip peer, struct span forwarded_for)
{
	struct ip client;

	if (!ip_is_loopback(peer))
		return peer;
	while (forwarded_for.len != 0) {
		struct span last = span_trim(span_split(&forwarded_for, ','));

		if (forwarded_for.len == 0 && ip_parse(last, &client) >= 0)
			return client;
	}
	return peer;
}

/* A path that cannot be decoded is as malformed as any other head: E_PARSE. */
static int call_new(
	struct http_connection *c, const struct http_head *head, struct http_call **ret_call)
{
	AUTO(arena) *arena = arena_new(CALL_MEMORY);
	struct http_call *call;
	struct buf path;
	int r;

	buf_init(&path, head->path.len);
	r = http_path_decode(head->path, &path);
	if (r >= 0) {
		call = mem_new(http_call);
		call->magic = (uint32_t)MAGIC_http_call;
		call->connection = c;
		call->request = (struct http_request){.method = head->method,
			.path = arena_copy(arena, buf_span(&path)),
			.query = arena_copy(arena, head->query),
			.if_none_match = arena_copy(arena, head->if_none_match),
			.client = client_of(c->peer, head->forwarded_for)};
		call->arena = TAKE(arena);
		*ret_call = call;
	}
	buf_done(&path);
	return r;
}

struct arena *http_call_arena(struct http_call *call)
{
	return call->arena;
}

const struct http_request *http_call_request(const struct http_call *call)
{
	return &call->request;
}

void http_reply(struct http_call *call, const struct http_reply *reply)
{
	struct http_connection *c = OBJ(http_call, call)->connection;

	if (c != NULL) {
		c->call = NULL;
		if (c->server->stopping)
			c->keep_alive = false;
		connection_write(c, reply, &call->request);
	}
	arena_free(&call->arena);
	call->magic = 0;
	mem_free(call);
}

/* ---- input ---- */

static void connection_begin_call(struct http_connection *c, const struct http_head *head)
{
	struct http_server *server = c->server;
	int r = call_new(c, head, &c->call);

	if (r < 0) {
		connection_refuse(c, head, r);
		return;
	}
	c->keep_alive = head->keep_alive;
	c->state = CONNECTION_CALLING;
	timer_clear(&c->deadline);
	stream_pause(c->stream);
	server->settings.request(c->call, &c->call->request, server->settings.arg);
}

static void connection_on_input(struct stream *stream, void *arg)
{
	struct http_connection *c = OBJ(http_connection, arg);
	struct buf *in = stream_in(stream);
	struct http_head head;
	size_t used = 0;
	int r;

	if (c->state == CONNECTION_LINGERING) { /* nobody reads what comes behind the last answer */
		buf_consume(in, buf_len(in));
		return;
	}
	if (c->state != CONNECTION_READING || buf_len(stream_out(stream)) != 0)
		return;
	r = http_head_parse(buf_span(in), &c->server->settings.limits, &head, &used);
	if (r > 0) {
		/* head points into the input; a call copies what it keeps, and the next head waits
		 * for the answer. */
		connection_begin_call(c, &head);
		buf_consume(in, used);
	} else if (r < 0) {
		http_head_peek(buf_span(in), &head);
		connection_refuse(c, &head, r);
		buf_consume(in, buf_len(in));
	}
}

static void connection_on_drained(struct stream *stream, void *arg)
{
	struct http_connection *c = OBJ(http_connection, arg);

	if (c->state == CONNECTION_READING)
		connection_enter(c, CONNECTION_READING, c->server->settings.head_ms);
	else if (c->state == CONNECTION_LINGERING)
		connection_enter(c, CONNECTION_LINGERING, LINGER_MS);
	stream_resume(stream); /* a request that came meanwhile */
}

static void connection_on_closed(struct stream *stream, int error, void *arg)
{
	(void)stream;
	(void)error;
	connection_free(OBJ(http_connection, arg));
}

static void connection_new(struct http_server *server, int fd, struct ip peer)
{
	static const struct stream_calls calls = {
		connection_on_input, connection_on_drained, connection_on_closed, NULL};
	struct stream_limits limits = {.in = server->settings.limits.head, .out = OUT_MAX};
	struct http_connection *c = mem_new(http_connection);

	c->magic = (uint32_t)MAGIC_http_connection;
	c->server = server;
	c->peer = peer;
	c->source = ip_source_of(peer).ip;
	c->network = ip_network_of(peer).ip;
	c->next = server->connections;
	if (c->next != NULL)
		c->next->prev = c;
	server->connections = c;
	server->count++;
	server_count_from(server, c->source, c->network);
	timer_init(&c->deadline, server->loop, connection_on_deadline, c);
	c->stream = stream_new(server->loop, fd,
		&(struct stream_settings){.calls = &calls, .arg = c, .limits = limits});
	connection_enter(c, CONNECTION_READING, server->settings.head_ms);
}

/* ---- the server ---- */

static bool goes_before(const struct http_connection *a, const struct http_connection *b)
{
	if (a->of_network != b->of_network)
		return a->of_network > b->of_network;
	if (a->of_source != b->of_source)
		return a->of_source > b->of_source;
	return a->since_ms <= b->since_ms;
}

/* Full: the network that has the most connections gives one of them up, of its source that has the
 * most, and of those the one that has been silent longest. Calls are not touched, they end by
 * themselves. */
static void server_make_room(struct http_server *server)
{
	struct http_connection *first = NULL;

	for (struct http_connection *c = server->connections; c != NULL; c = c->next)
		if (c->state != CONNECTION_CALLING && (first == NULL || goes_before(c, first)))
			first = c;
	if (first != NULL)
		connection_free(first);
}

static void server_on_connection(int fd, const struct endpoint *peer, void *arg)
{
	struct http_server *server = OBJ(http_server, arg);

	if (peer != NULL && server->count >= server->settings.connections)
		server_make_room(server);
	if (peer == NULL || server->count >= server->settings.connections)
		close(fd);
	else
		connection_new(server, fd, peer->ip);
}

static void server_on_stop_timer(struct timer *timer, void *arg)
{
	struct http_server *server = OBJ(http_server, arg);

	(void)timer;
	while (server->connections != NULL)
		connection_free(server->connections);
	server_check_stopped(server);
}

struct http_server *http_server_new(struct loop *loop, int fd, const struct http_settings *settings)
{
	struct http_server *server = mem_new(http_server);

	server->magic = (uint32_t)MAGIC_http_server;
	server->loop = loop;
	server->settings = *settings;
	server->acceptor = acceptor_new(loop, fd, server_on_connection, server);
	timer_init(&server->stop_timer, loop, server_on_stop_timer, server);
	return server;
}

void http_server_free(struct http_server **server)
{
	struct http_server *s = *server;

	if (s == NULL)
		return;
	*server = NULL;
	s->stopped = NULL;
	while (s->connections != NULL)
		connection_free(s->connections);
	acceptor_free(&s->acceptor);
	timer_done(&s->stop_timer);
	s->magic = 0;
	mem_free(s);
}

static void server_check_stopped(struct http_server *server)
{
	void (*done)(void *arg) = server->stopped;

	if (server->count != 0 || done == NULL)
		return;
	server->stopped = NULL;
	timer_clear(&server->stop_timer);
	done(server->stopped_arg);
}

void http_server_stop(
	struct http_server *server, int64_t deadline_ms, void (*done)(void *arg), void *arg)
{
	struct http_connection *next;

	server->stopping = true;
	server->stopped_arg = arg;
	acceptor_free(&server->acceptor);
	for (struct http_connection *c = server->connections; c != NULL; c = next) {
		next = c->next;
		if (c->state == CONNECTION_READING && buf_len(stream_out(c->stream)) == 0)
			connection_free(c);
	}
	server->stopped = done;
	timer_set(&server->stop_timer, deadline_ms);
	server_check_stopped(server);
}

size_t http_server_connections(const struct http_server *server)
{
	return server->count;
}
