/* SPDX-License-Identifier: ISC */
#include "base/reader.h"

struct span reader_bytes(struct reader *reader, size_t len)
{
	struct span part = span_first(reader->rest, len);

	if (reader->bad || len > reader->rest.len) {
		reader->bad = true;
		return (struct span){NULL, 0};
	}
	reader->rest = span_from(reader->rest, len);
	return part;
}

static uint64_t reader_number(struct reader *reader, size_t len)
{
	struct span bytes = reader_bytes(reader, len);
	uint64_t value = 0;

	for (size_t i = 0; i < bytes.len; i++)
		value = value << 8 | bytes.ptr[i];
	return value;
}

uint8_t reader_u8(struct reader *reader)
{
	return (uint8_t)reader_number(reader, 1);
}

uint16_t reader_u16(struct reader *reader)
{
	return (uint16_t)reader_number(reader, 2);
}

uint32_t reader_u32(struct reader *reader)
{
	return (uint32_t)reader_number(reader, 4);
}

uint64_t reader_u64(struct reader *reader)
{
	return reader_number(reader, 8);
}
