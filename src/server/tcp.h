/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * The thread that answers DNS over TCP (RFC 7766): queries one behind the other on a connection;
 * answers in that order, but for zone transfers, between whose messages other queries of the
 * connection are answered. Idle connections are closed, memory is bounded by the number of
 * connections. One thread for all listening sockets: TCP is for the few answers that do not fit a
 * datagram. Owner: the dns server.
 */
#include "base/err.h"
#include "server/worker.h"

struct dns_tcp;

/* Of the sockets those for TCP. The thread runs until dns_tcp_free. E_SYSTEM. */
int dns_tcp_new(const struct dns_sockets *sockets, const struct worker_kind *kind,
	struct dns_tcp **ret_tcp, struct fault *why);

/* From now on; any thread. Connections that are there stay. */
void dns_tcp_limit(struct dns_tcp *tcp, const struct dns_tcp_limits *limits);

/* There is something newer: a sleeping thread refreshes its worker. Any thread. */
void dns_tcp_wake(struct dns_tcp *tcp);

/* How many times it was woken and took its turn. Any thread. */
uint64_t dns_tcp_turns(const struct dns_tcp *tcp);

/* Accepts who waits in the queues and closes the listening sockets; connections end as server.h
 * says, and then it is done. Any thread. */
void dns_tcp_retire(struct dns_tcp *tcp);
bool dns_tcp_is_done(const struct dns_tcp *tcp);

/* Tells the thread to end; dns_tcp_free waits for it. */
void dns_tcp_stop(struct dns_tcp *tcp);
void dns_tcp_free(struct dns_tcp **tcp);
