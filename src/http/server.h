/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * A small HTTP/1.1 server for pages and answers that fit into memory: GET and HEAD, keep-alive, one
 * answer at a time on a connection. http/head.h says what it takes for a request; everything else
 * gets a 4xx and the connection ends.
 *
 * Bounds, each tested: connections (of the network with the most of them, the one that has dawdled
 * longest over its request makes room for a new one: who takes many takes them from himself), bytes
 * and lines of a head, time for a head from its first chance on (not per byte: dripping does not
 * help), time for taking the answer. Each answer, errors included, carries the security headers of
 * the site; the server sets no cookie.
 *
 * Owner: the role; one loop, one thread.
 */
#include <stdbool.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/ip.h"
#include "base/span.h"
#include "http/head.h"
#include "loop/loop.h"

struct http_server;
struct http_call; /* one request that waits for its answer */

/* Spans live until the call is answered. */
struct http_request {
	enum http_method method;
	struct span path; /* decoded */
	struct span query, if_none_match;
	/* Whom X-Forwarded-For names when a proxy on this machine asks, else the peer. */
	struct ip client;
};

enum http_cache { HTTP_NO_STORE, HTTP_REVALIDATE, HTTP_CACHE_DAY };

struct http_reply {
	unsigned status;
	const char *type; /* "text/html; charset=utf-8" */
	struct span body;
	enum http_cache cache;
	struct span location;   /* of a redirect; ASCII, from our own code */
	unsigned retry_after_s; /* 0: no such header */
	const char *allow;      /* of a 405 */
	bool noindex;           /* search engines shall not keep it */
};

struct http_settings {
	struct http_limits limits;
	size_t connections;
	int64_t head_ms;  /* from the connection or the answer before to the end of a head */
	int64_t reply_ms; /* for the client to take an answer */
	/* Called for each good request; the answer may come later, from any callback. */
	void (*request)(struct http_call *call, const struct http_request *request, void *arg);
	/* Fills the body for what never became a request; its status is 400, 413, 414, 431 or 505.
	 * Of the request only the method and the path are there, as http_head_peek saw them. */
	void (*refused)(const struct http_request *request, struct arena *arena,
		struct http_reply *reply, void *arg);
	void *arg;
};

/* What the reference asks for; callbacks are to be filled in. */
struct http_settings http_settings_default(void);

/* fd is a listening socket; the caller keeps it and closes it after the server. */
struct http_server *http_server_new(
	struct loop *loop, int fd, const struct http_settings *settings);
/* Ends all connections; calls that are still open may be answered afterwards, into nothing. */
void http_server_free(struct http_server **server);
/* No new connections; `done` once the last answer is out or deadline_ms has come. */
void http_server_stop(
	struct http_server *server, int64_t deadline_ms, void (*done)(void *arg), void *arg);
size_t http_server_connections(const struct http_server *server);

/* Lives as long as the call: for what the answer needs. */
struct arena *http_call_arena(struct http_call *call);
const struct http_request *http_call_request(const struct http_call *call);

/* Answers and ends the call: exactly once for each. With HTTP_REVALIDATE and HTTP_CACHE_DAY an ETag
 * is made from the body, and a client that has it gets a 304. */
void http_reply(struct http_call *call, const struct http_reply *reply);
