/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * The PROXY protocol, versions 1 and 2: the first bytes of a connection say whom it is made for.
 * The header is not authenticated, so the session asks for it from listed peers only, and demands
 * it from them. Pure; any thread. Source: proxy-protocol.txt of HAProxy, sections 2.1 and 2.2.
 */
#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/ip.h"
#include "base/span.h"

/* Version 1 is at most 107 bytes by its definition. Version 2 may carry more than we need: this
 * much is read and dropped. */
enum { PROXY_V1_MAX = 107, PROXY_V2_MAX = 16 + 2048 };

enum proxy_client {
	PROXY_CLIENT_NAMED,  /* it is the source */
	PROXY_CLIENT_NONE,   /* LOCAL: the balancer looks whether we live */
	PROXY_CLIENT_UNNAMED /* UNKNOWN, UNSPEC, not TCP over IP: somebody, and we are not told who
			      */
};

/* A client that is not named must not be taken for the balancer, which may be one of us. */
struct proxy_header {
	enum proxy_client client;
	struct endpoint source, destination; /* of a named one */
};

/* 1: *ret_header is filled by *ret_used bytes; 0: more input is needed; E_PARSE, E_LIMIT: close. */
int proxy_header_read(struct span input, struct proxy_header *ret_header, size_t *ret_used);

/* Endpoints of two families are both written as IPv6. */
void proxy_v1_print(struct endpoint source, struct endpoint destination, struct buf *out);
void proxy_v2_print(struct endpoint source, struct endpoint destination, struct buf *out);
