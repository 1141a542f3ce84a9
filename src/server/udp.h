/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * A thread that answers one UDP socket through a worker of its own. It takes datagrams in batches,
 * as many as wait, and sleeps in the kernel when none do. Owner: the dns server.
 */
#include "base/err.h"
#include "server/worker.h"

struct dns_udp;

/* The descriptor stays the caller's; it is switched to blocking. The thread runs until
 * dns_udp_free. E_SYSTEM. */
int dns_udp_new(
	int fd, const struct worker_kind *kind, struct dns_udp **ret_udp, struct fault *why);

/* How many turns it took, naps too. Any thread. */
uint64_t dns_udp_turns(const struct dns_udp *udp);

/* Ends the thread, which answers what it has already taken. */
void dns_udp_free(struct dns_udp **udp);
/* The same, and closes the socket, after what waits in it was answered: nobody else may read it. */
void dns_udp_close(struct dns_udp **udp);
