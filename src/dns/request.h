/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * A query on its way through a server: what came from whom, and room for the answer. A worker hands
 * its requests over in batches. Who answers (zone/ for our lists, rbldnsd/ for rbldnsd's files)
 * knows no sockets; who moves octets (server/) knows no zones. A request belongs to its worker; one
 * thread.
 */
#include "base/ip.h"
#include "dns/message.h"

enum dns_transport { DNS_UDP, DNS_TCP };

/* Room for the answer. Over TCP any response fits (32 TXT records of 255 octets, and the rest), and
 * compression pointers, which have 14 bits, reach every octet. */
enum { DNS_ANSWER_UDP_MAX = DNS_UDP_SAFE, DNS_ANSWER_TCP_MAX = 16384 };

struct dns_now {
	int64_t s;       /* since 1970; may jump */
	int64_t ms;      /* of a clock that never goes back */
	int64_t wall_ms; /* as s, for what people read */
};

/* An answer of many messages: a zone transfer. */
struct dns_multi;

struct dns_multi_calls {
	/* Writes the next message; its length, 0: that was all; E_AGAIN: it worked for a while, and
	 * is to be called again when others had their turn; another E_...: the connection has to be
	 * closed. */
	int (*next)(struct dns_multi *multi, uint8_t *out, size_t size);
	void (*free)(struct dns_multi *multi);
};

struct dns_multi {
	const struct dns_multi_calls *calls;
};

struct dns_request {
	struct span query;
	struct endpoint client;
	enum dns_transport transport;
	/* DNS_ANSWER_UDP_MAX or DNS_ANSWER_TCP_MAX octets; never overlaps the query */
	uint8_t *out;
	size_t out_len; /* of the answer; 0: none is due, and over TCP the connection is closed */
	/* Over TCP, instead of out: the worker takes it over, and frees it when done. */
	struct dns_multi *multi;
};
