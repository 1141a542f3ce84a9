/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * A byte stream over a connected socket: reads into `in`, sends `out`, tells its owner. Buffers
 * take memory only while they hold something. The owner of the stream frees it; from a callback of
 * the stream too (it ends after the callback). One loop, one thread.
 */
#include <stdbool.h>

#include "base/buf.h"
#include "loop/loop.h"
#include "loop/tls.h"

struct stream;

struct stream_calls {
	/* New bytes stand behind what stream_in held; consume with buf_consume. NULL: never
	 * reads. */
	void (*input)(struct stream *stream, void *arg);
	/* `out` became empty after stream_send had to wait, whatever emptied it; never from inside
	 * stream_send. May be NULL. */
	void (*drained)(struct stream *stream, void *arg);
	/* The other side closed (E_CLOSED; it may still read) or the connection failed (E_...; also
	 * after E_CLOSED, when the owner kept the stream to write to it). What it sent before was
	 * reported. */
	void (*closed)(struct stream *stream, int error, void *arg);
	/* A connection started by stream_connect stands. May be NULL. */
	void (*connected)(struct stream *stream, void *arg);
	/* The handshake of stream_start_tls is over. May be NULL. */
	void (*secured)(struct stream *stream, void *arg);
};

struct stream_limits {
	size_t in;  /* reading pauses when this much is unconsumed */
	size_t out; /* more than this unsent marks the stream bad: it closes with E_LIMIT */
};

struct stream_settings {
	const struct stream_calls *calls;
	void *arg;
	struct stream_limits limits;
	bool connecting; /* connect(2) has been started, and `connected` will be called */
};

/* Takes the descriptor over. */
struct stream *stream_new(struct loop *loop, int fd, const struct stream_settings *settings);
void stream_free(struct stream **stream);

struct buf *stream_in(struct stream *stream);
/* Append here, then stream_send. */
struct buf *stream_out(struct stream *stream);
/* Writes what it can now and the rest when the socket takes it. */
void stream_send(struct stream *stream);
/* Whether the connection has failed, which `closed` tells in the next turn: nothing more gets
 * through. */
bool stream_is_broken(const struct stream *stream);

/* Stops and starts reading (a pause is how a slow receiver holds a fast sender back). Starting
 * again reports bytes that are there already in the next turn; call it too after consuming outside
 * of `input`, when the buffer had been full. */
void stream_pause(struct stream *stream);
void stream_resume(struct stream *stream);

/* Sends the rest of `out`, then shuts the writing side; `closed` comes when the other side has too,
 * be it for the second time: an owner that finishes may leave the rest to it. */
void stream_finish(struct stream *stream);
int stream_fd(const struct stream *stream);

/* What stands in `out` goes in plain text; then the handshake starts, and all after it is TLS, of
 * context, which says on which side we are. What stands in `in` is thrown away: it came in plain
 * text, from whoever could write on that line (CVE-2011-0411). Nothing is to be sent before
 * `secured`. When the handshake fails, `closed` gets E_TLS, or what happened to the connection. */
void stream_start_tls(struct stream *stream, struct tls_context *context);
/* False, and *ret_facts untouched: it is not secured. */
bool stream_tls_facts(const struct stream *stream, struct tls_facts *ret_facts);
/* After E_TLS: what is wrong with the other side's TLS, for people. */
const char *stream_tls_why(const struct stream *stream);
