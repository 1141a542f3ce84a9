/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * A growing byte buffer with a limit: output to be sent, input being collected, text being built.
 * Appending past the limit appends nothing and sets `bad`, which stays set until buf_clear: many
 * appends are judged once at the end. Owner: whoever embeds it (init/done); one thread. Spans taken
 * from it die with the next append.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

struct buf {
	uint8_t *ptr;
	size_t start; /* bytes before it were consumed */
	size_t end;
	size_t size, limit;
	bool bad;
};

/* limit: the most unconsumed bytes, 0 for none. No memory is taken before the first append. */
void buf_init(struct buf *buf, size_t limit);

/* Empties it and clears `bad`; done gives the memory back (idle sessions), clear keeps it. */
void buf_done(struct buf *buf);
void buf_clear(struct buf *buf);

static inline struct span buf_span(const struct buf *buf)
{
	return span_of(buf->ptr != NULL ? buf->ptr + buf->start : NULL, buf->end - buf->start);
}

static inline size_t buf_len(const struct buf *buf)
{
	return buf->end - buf->start;
}

/* Drops the first len bytes (at most all). */
void buf_consume(struct buf *buf, size_t len);

/* Back to its first len bytes, clearing `bad`: takes an append back that was wrong or too long. */
void buf_cut(struct buf *buf, size_t len);

void buf_append(struct buf *buf, struct span s);
void buf_append_text(struct buf *buf, const char *text);
void buf_append_byte(struct buf *buf, uint8_t byte);
void buf_append_format(struct buf *buf, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void buf_append_u16(struct buf *buf, uint16_t value); /* big-endian, as all three */
void buf_append_u32(struct buf *buf, uint32_t value);
void buf_append_u64(struct buf *buf, uint64_t value);

/* Room for len bytes that the caller writes, who then calls buf_wrote; NULL when over the limit. */
uint8_t *buf_reserve(struct buf *buf, size_t len);
void buf_wrote(struct buf *buf, size_t len);

/* The content as a C string; valid until the next append. */
const char *buf_cstr(struct buf *buf);
