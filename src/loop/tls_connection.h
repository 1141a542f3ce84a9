/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * TLS over one socket, for the stream that owns it: what was received goes in, plain text comes
 * out, and the other way; what is to be sent goes to the socket at once. Never waits. A part of
 * loop/stream.h. E_TLS: the other side does not speak it as we do (tls_connection_why); E_...: the
 * socket failed. Both hold from then on. One loop, one thread.
 */
#include "base/buf.h"
#include "loop/tls.h"

struct tls_connection;

/* More plain text than the octets that were handed in, at most: what OpenSSL had of a record. */
enum { TLS_RECORD_SIZE = 16384 };

/* fd stays the stream's. */
struct tls_connection *tls_connection_new(struct tls_context *context, int fd, int64_t now_ms);
/* Tells the other side that this is the end, as far as the socket takes it. */
void tls_connection_free(struct tls_connection **connection);

/* Goes on with the handshake, then appends plain text to *plain. No octets: only goes on. 0;
 * E_CLOSED: the other side said that it sends no more. */
int tls_connection_read(struct tls_connection *connection, struct span octets, struct buf *plain);
/* How many octets of plain text have been taken; 0: none for now. */
int tls_connection_write(struct tls_connection *connection, struct span plain);
/* Says that we send no more; E_AGAIN: when the socket takes it. */
int tls_connection_finish(struct tls_connection *connection);

/* The handshake is over, and *ret_facts filled, which may be NULL. */
bool tls_connection_is_secured(
	const struct tls_connection *connection, struct tls_facts *ret_facts);
/* The socket did not take all; to be called again when it does: read, write or finish. */
bool tls_connection_wants_write(const struct tls_connection *connection);
/* It has octets that it could not work on for that, and wants no more before. */
bool tls_connection_is_held(const struct tls_connection *connection);
/* After E_TLS: what is wrong, for people. */
const char *tls_connection_why(const struct tls_connection *connection);
