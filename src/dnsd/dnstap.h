/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * Hands DNS messages over to a dnstap receiver: protobuf messages in Frame Streams, over a unix
 * socket. It connects, and connects again after the receiver was away; what comes meanwhile, or
 * faster than the receiver reads, is dropped and counted. One loop, one thread.
 *
 * libfstrm would bring a thread of its own that blocks in writev; inside the jail, where threads
 * have to be there before it closes, a stream of our loop does the same in fewer lines.
 */
#include "base/ip.h"
#include "base/log.h"
#include "loop/loop.h"

struct tap;

struct tap_message {
	bool is_answer;
	bool is_tcp;
	struct endpoint client;
	int64_t time_ms; /* wall clock */
	struct span bytes;
};

/* identity: of this server (dnstap shows it); log: EV_DNSTAP_AWAY, EV_DNSTAP_BACK, or NULL. */
struct tap *tap_new(struct loop *loop, const char *socket_path, const char *identity,
	void (*log)(enum log_event_id id, const struct log_field *fields));
void tap_free(struct tap **tap);

/* Queued; tap_send hands what is queued to the socket, as far as it takes it. */
void tap_put(struct tap *tap, const struct tap_message *message);
void tap_send(struct tap *tap);
uint64_t tap_dropped(const struct tap *tap);
