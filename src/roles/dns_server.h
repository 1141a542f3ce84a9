/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * All threads of a DNS server: one for each UDP socket, one for TCP. The dns role runs it, and so does the benchmark.
 * Owner: the caller; new, wake and free from one thread.
 */
#include <stddef.h>

#include "base/err.h"
#include "base/shelf.h"

struct dns_server;

/* The descriptors stay the caller's, and the shelves (of struct zone_table, which must hold one, and of struct view). Starts
 * the threads; signals are blocked in them. E_SYSTEM. */
int dns_server_new(const int *udp, size_t udp_len, const int *tcp, size_t tcp_len,
	struct shelf *tables, struct shelf *views, struct dns_server **ret_server,
	struct fault *why);

/* After something newer was put on a shelf: sleeping threads let the old one go. */
void dns_server_wake(struct dns_server *server);

/* Waits for the threads to end. */
void dns_server_free(struct dns_server **server);
