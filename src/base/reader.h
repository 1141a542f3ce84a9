/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * A checked cursor over bytes of strangers. Reading past the end sets `bad`, yields 0 or an empty
 * span, and stays bad, so that a record is decoded as straight lines and judged once at the end.
 * Numbers are big-endian. Pure; any thread.
 */
#include "base/span.h"

struct reader {
	struct span rest;
	bool bad;
};

static inline struct reader reader_of(struct span s)
{
	return (struct reader){s, false};
}

uint8_t reader_u8(struct reader *reader);
uint16_t reader_u16(struct reader *reader);
uint32_t reader_u32(struct reader *reader);
uint64_t reader_u64(struct reader *reader);
struct span reader_bytes(struct reader *reader, size_t len);
