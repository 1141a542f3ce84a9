/* SPDX-License-Identifier: ISC */
#pragma once
/* Between the two halves of TLS: what connections share (tls.c) and one of them (tls_connection.c).
 */
#include <openssl/ssl.h>

#include "loop/tls.h"

/* A new connection of that context, on whose side of the handshake it stands; the caller frees it.
 */
SSL *tls_context_open(struct tls_context *context, int64_t now_ms);
