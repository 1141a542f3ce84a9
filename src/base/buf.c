/* SPDX-License-Identifier: ISC */
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/macro.h"
#include "base/mem.h"

enum { SMALLEST = 256 };

void buf_init(struct buf *buf, size_t limit)
{
	*buf = (struct buf){.limit = limit};
}

void buf_done(struct buf *buf)
{
	mem_free(buf->ptr);
	*buf = (struct buf){.limit = buf->limit};
}

void buf_clear(struct buf *buf)
{
	buf->start = buf->end = 0;
	buf->bad = false;
}

void buf_consume(struct buf *buf, size_t len)
{
	buf->start += len < buf_len(buf) ? len : buf_len(buf);
	if (buf->start == buf->end)
		buf->start = buf->end = 0;
}

uint8_t *buf_reserve(struct buf *buf, size_t len)
{
	size_t held = buf_len(buf), size = buf->size;

	if (buf->bad || len > SIZE_MAX / 4 || (buf->limit != 0 && held + len > buf->limit)) {
		buf->bad = true;
		return NULL;
	}
	if (buf->ptr != NULL && len <= buf->size - buf->end)
		return buf->ptr + buf->end;
	if (buf->start != 0 && held + len <= buf->size / 2) {
		memmove(buf->ptr, buf->ptr + buf->start, held);
	} else {
		uint8_t *bytes;

		while (size < held + len + 1)
			size = size != 0 ? size * 2 : SMALLEST;
		bytes = mem_alloc(size);
		if (held != 0)
			memcpy(bytes, buf->ptr + buf->start, held);
		mem_free(buf->ptr);
		buf->ptr = bytes;
		buf->size = size;
	}
	buf->start = 0;
	buf->end = held;
	return buf->ptr + buf->end;
}

void buf_wrote(struct buf *buf, size_t len)
{
	ASSERT(len <= buf->size - buf->end);
	buf->end += len;
}

void buf_cut(struct buf *buf, size_t len)
{
	if (len < buf_len(buf))
		buf->end = buf->start + len;
	buf->bad = false;
}

void buf_append(struct buf *buf, struct span s)
{
	uint8_t *room = s.len != 0 ? buf_reserve(buf, s.len) : NULL;

	if (room == NULL)
		return;
	memcpy(room, s.ptr, s.len);
	buf_wrote(buf, s.len);
}

void buf_append_text(struct buf *buf, const char *text)
{
	buf_append(buf, span_text(text));
}

void buf_append_byte(struct buf *buf, uint8_t byte)
{
	buf_append(buf, span_of(&byte, 1));
}

void buf_append_u16(struct buf *buf, uint16_t value)
{
	uint8_t bytes[2] = {(uint8_t)(value >> 8), (uint8_t)value};

	buf_append(buf, span_of(bytes, sizeof(bytes)));
}

void buf_append_u32(struct buf *buf, uint32_t value)
{
	buf_append_u16(buf, (uint16_t)(value >> 16));
	buf_append_u16(buf, (uint16_t)value);
}

void buf_append_u64(struct buf *buf, uint64_t value)
{
	buf_append_u32(buf, (uint32_t)(value >> 32));
	buf_append_u32(buf, (uint32_t)value);
}

void buf_append_format(struct buf *buf, const char *format, ...)
{
	va_list args, again;
	uint8_t *room;
	int n;

	va_start(args, format);
	va_copy(again, args);
	n = vsnprintf(NULL, 0, format, args);
	va_end(args);
	ASSERT(n >= 0);
	room = buf_reserve(buf, (size_t)n + 1);
	if (room != NULL) {
		vsnprintf((char *)room, (size_t)n + 1, format, again);
		buf_wrote(buf, (size_t)n);
	}
	va_end(again);
}

const char *buf_cstr(struct buf *buf)
{
	uint8_t *room = buf_reserve(buf, 1);

	if (room == NULL) /* full to the limit: there is a spare byte behind, see buf_reserve */
		room = buf->ptr + buf->end;
	*room = '\0';
	return (const char *)buf->ptr + buf->start;
}
