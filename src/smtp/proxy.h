/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * The PROXY protocol, versions 1 and 2: the first bytes of a connection say whom it is made for.
 * The header is not authenticated, so the session asks for it from listed peers only, and demands
 * it from them. Pure; any thread.
 */
#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/ip.h"
#include "base/span.h"

/* Version 1 is at most 107 bytes by its definition. Version 2 may carry more than we need: this
 * much is read and dropped. */
enum { PROXY_V1_MAX = 107, PROXY_V2_MAX = 16 + 2048 };

struct proxy_header {
	bool is_local; /* LOCAL, UNKNOWN, not TCP: a health check; the real endpoints count */
	struct endpoint source, destination;
};

/* 1: *ret_header is filled by *ret_used bytes; 0: more input is needed; E_PARSE, E_LIMIT: close. */
int proxy_header_read(struct span input, struct proxy_header *ret_header, size_t *ret_used);

/* Both endpoints have to be of one family, or they are sent as UNKNOWN (version 1) or as IPv6
 * (version 2). */
void proxy_v1_print(struct endpoint source, struct endpoint destination, struct buf *out);
void proxy_v2_print(struct endpoint source, struct endpoint destination, struct buf *out);
