/* SPDX-License-Identifier: ISC */
#include "xfr/pack.h"

#include <string.h>
#include <zlib.h>

#include "base/macro.h"

/* What is packed is short and much alike: a small window will do, and costs little memory. */
enum { WINDOW_BITS = -13 /* no header */, MEMORY = 5 };

static size_t octets_pack_shorter(struct span plain, uint8_t *out)
{
	z_stream stream = {.next_in = (uint8_t *)plain.ptr,
		.avail_in = (uInt)plain.len,
		.next_out = out,
		.avail_out = (uInt)plain.len - 1};
	int r;

	if (deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, WINDOW_BITS, MEMORY,
		    Z_DEFAULT_STRATEGY) != Z_OK)
		return 0;
	r = deflate(&stream, Z_FINISH);
	deflateEnd(&stream);
	return r == Z_STREAM_END ? (size_t)stream.total_out : 0;
}

size_t octets_pack(struct span plain, uint8_t *out)
{
	size_t len = plain.len > 1 && plain.len <= UINT32_MAX ? octets_pack_shorter(plain, out) : 0;

	if (len != 0)
		return len;
	memcpy(out, plain.ptr, plain.len);
	return plain.len;
}

void octets_unpack(struct span packed, uint8_t *out, size_t plain_len)
{
	z_stream stream = {.next_in = (uint8_t *)packed.ptr,
		.avail_in = (uInt)packed.len,
		.next_out = out,
		.avail_out = (uInt)plain_len};

	if (packed.len == plain_len) {
		memcpy(out, packed.ptr, packed.len);
		return;
	}
	ASSERT(inflateInit2(&stream, WINDOW_BITS) == Z_OK);
	ASSERT(inflate(&stream, Z_FINISH) == Z_STREAM_END && stream.total_out == plain_len);
	inflateEnd(&stream);
}
