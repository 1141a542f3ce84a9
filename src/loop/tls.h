/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * TLS for streams (stream_start_tls of loop/stream.h), and the door to OpenSSL. A context holds
 * what connections share: the certificate and key of a server, or what a client needs that takes
 * any certificate (RFC 7435: encryption against who only listens). TLS 1.2 and 1.3; no
 * renegotiation, no compression, no early data; sessions are resumed by tickets, so that a server
 * remembers nothing. What the system's openssl.cnf says does not count: in a jail it could not be
 * read. Counted references: a connection keeps the context it began with. One loop, one thread.
 */
#include <stdint.h>

#include "base/err.h"
#include "base/span.h"
#include "base/tls_facts.h"

struct tls_context;

/* In PEM form: the certificate with those that sign it behind it, and its key without a passphrase.
 * The names are those of their files, for words. */
struct tls_identity {
	struct span certificate, key;
	const char *certificate_name, *key_name;
};

/* E_CONFIG, with words: one of them is none, or they do not belong to each other. */
int tls_server_new(
	const struct tls_identity *identity, struct tls_context **ret_context, struct fault *why);
struct tls_context *tls_client_new(void);
struct tls_context *tls_context_ref(struct tls_context *context);
void tls_context_free(struct tls_context **context);

/* When the certificate of a server ends; 0: of a client. */
int64_t tls_context_expires_s(const struct tls_context *context);
