/* SPDX-License-Identifier: ISC */
#pragma once
/* The content of a gzip file (RFC 1952), member after member, without what follows them. Owner: the
 * caller; one thread. */
#include "base/err.h"
#include "base/span.h"

struct rbl_gunzip;

static inline bool rbl_is_gzip(struct span start)
{
	return start.len >= 2 && start.ptr[0] == 0x1f && start.ptr[1] == 0x8b;
}

struct rbl_gunzip *rbl_gunzip_new(void);
void rbl_gunzip_free(struct rbl_gunzip **gunzip);

/* From *input into out: the octets written, or E_CORRUPT. 0 and an empty *input: give more. */
int64_t rbl_gunzip_next(struct rbl_gunzip *gunzip, struct span *input, uint8_t *out, size_t size);

/* Whether a member is whole and no other has begun: input may end here. */
bool rbl_gunzip_is_whole(const struct rbl_gunzip *gunzip);
