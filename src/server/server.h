/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * All threads of a DNS server: one for each UDP socket, one for TCP. What they answer is none of their business: each
 * opens a worker of its own and has its queries answered there. The dns role runs it, and so does the benchmark.
 * Owner: the caller; new, wake and free from one thread.
 */
#include <stddef.h>

#include "base/err.h"
#include "dns/request.h"

struct dns_server;

/* What a worker answers from. open is called by the thread that calls dns_server_new, the others by the worker. */
struct worker_calls {
	void *(*open)(void *arg);
	void (*close)(void *worker);
	/* Takes what is newer and lets go of the old. At the top of every turn, so it has to cost nothing when nothing changed. */
	void (*refresh)(void *worker);
	void (*answer)(void *worker, struct dns_request *requests, size_t requests_len,
		struct dns_now now);
};

struct dns_tcp_limits {
	size_t connections; /* beyond it the one idle for longest is closed */
	size_t per_client;  /* the same, among those of one IPv4 address or IPv6 /56 */
	int64_t idle_ms;    /* without a whole query, or without taking its answers */
};

/* The descriptors stay the caller's. Starts the threads; signals are blocked in them. E_SYSTEM. */
int dns_server_new(const int *udp, size_t udp_len, const int *tcp, size_t tcp_len,
	const struct worker_calls *calls, void *arg, struct dns_server **ret_server,
	struct fault *why);

/* Other limits than those it starts with (1000 connections, 100 of a client, ten seconds). */
void dns_server_limit_tcp(struct dns_server *server, const struct dns_tcp_limits *limits);

/* There is something newer: sleeping threads refresh their workers. */
void dns_server_wake(struct dns_server *server);

/* Waits for the threads to end. */
void dns_server_free(struct dns_server **server);
