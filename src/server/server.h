/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * All threads of a DNS server: one for each UDP socket, one for TCP. What they answer is none of
 * their business: each opens a worker of its own and has its queries answered there. The dns role
 * runs it, and so does the benchmark. Owner: the caller; new, wake and free from one thread.
 */
#include <stdbool.h>

#include "base/err.h"
#include "server/worker.h"

struct dns_server;

/* Starts the threads; signals are blocked in them. E_SYSTEM. */
int dns_server_new(const struct dns_sockets *sockets, const struct worker_kind *kind,
	struct dns_server **ret_server, struct fault *why);

/* Other limits than those it starts with (1000 connections, 100 of a client, ten seconds). */
void dns_server_limit_tcp(struct dns_server *server, const struct dns_tcp_limits *limits);

/* There is something newer: sleeping threads refresh their workers. */
void dns_server_wake(struct dns_server *server);

/* Whether each thread took a turn since this was asked last, a few seconds ago at least. */
bool dns_server_turns(struct dns_server *server);

/* No new clients: another process answers at the same addresses. Closes the sockets that were given
 * to dns_server_new, each after who waits in it was answered or accepted: it may be one that the
 * other process does not read. A connection ends when it is idle or has had one more answer, and
 * at once when it is asked what a zone is now: what this process knows grows old. */
void dns_server_retire(struct dns_server *server);
bool dns_server_is_done(const struct dns_server *server);

/* Waits for the threads to end. */
void dns_server_free(struct dns_server **server);
