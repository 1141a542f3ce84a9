/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * What the threads of a DNS server have in common: who answers, and the sockets. Each thread opens
 * a worker of its own, hands it the queries that came in, and knows nothing of zones. Values;
 * owner: the caller of dns_server_new.
 */
#include <stddef.h>

#include "base/clock.h"
#include "dns/request.h"

/* open and close are called by the thread that calls dns_server_new and _free, the others by the
 * worker's own. */
struct worker_calls {
	void *(*open)(void *arg);
	void (*close)(void *worker);
	/* Takes what is newer and lets go of the old. At the top of every turn, so it has to cost
	 * nothing when nothing changed. */
	void (*refresh)(void *worker);
	void (*answer)(void *worker, struct dns_request *requests, size_t requests_len,
		struct dns_now now);
};

/* Workers of one kind; arg: what open gets. */
struct worker_kind {
	const struct worker_calls *calls;
	void *arg;
};

/* A thread for each UDP socket, one for all TCP sockets. The descriptors stay the caller's, unless
 * the server retires. */
struct dns_sockets {
	size_t udp_len, tcp_len;
	const int *udp, *tcp;
};

static inline struct dns_now worker_now(void)
{
	int64_t wall_ms = clock_now_ms();

	return (struct dns_now){wall_ms / 1000, clock_monotonic_ms(), wall_ms};
}

struct dns_tcp_limits {
	size_t connections; /* beyond it the one idle for longest is closed */
	size_t per_client;  /* the same, among those of one IPv4 address or IPv6 /56 */
	int64_t idle_ms;    /* without a whole query, or without taking its answers */
};
