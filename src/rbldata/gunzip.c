/* SPDX-License-Identifier: ISC */
#include "rbldata/gunzip.h"

#include <limits.h>
#include <zlib.h>

#include "base/macro.h"
#include "base/mem.h"

enum {
	GZIP_ONLY = 16, /* added to the window bits: zlib then reads header and checksum itself */
	MAGIC_LEN = 2,  /* octets that zlib has taken when what is there is no member */
};

struct rbl_gunzip {
	z_stream stream;
	bool has_member; /* at least one, whole */
};

struct rbl_gunzip *rbl_gunzip_new(void)
{
	struct rbl_gunzip *gunzip = mem_new(rbl_gunzip);

	ASSERT(inflateInit2(&gunzip->stream, MAX_WBITS + GZIP_ONLY) == Z_OK);
	return gunzip;
}

void rbl_gunzip_free(struct rbl_gunzip **gunzip)
{
	if (*gunzip != NULL)
		inflateEnd(&(*gunzip)->stream);
	mem_free(*gunzip);
	*gunzip = NULL;
}

/* What follows a member is another (RFC 1952 section 2.2), or, as gzip(1) has it, when it does not
 * begin like one, nothing: zeros of a block copy, or what a longer file left there. */
static int gunzip_step(struct rbl_gunzip *gunzip)
{
	int r = inflate(&gunzip->stream, Z_NO_FLUSH);

	if (r == Z_STREAM_END) {
		gunzip->has_member = true;
		return inflateReset(&gunzip->stream);
	}
	if (r != Z_DATA_ERROR || !rbl_gunzip_is_whole(gunzip))
		return r;
	gunzip->stream.avail_in = 0;
	return Z_OK;
}

int64_t rbl_gunzip_next(struct rbl_gunzip *gunzip, struct span *input, uint8_t *out, size_t size)
{
	z_stream *stream = &gunzip->stream;
	size_t room = size < INT_MAX ? size : INT_MAX;
	size_t given = input->len < INT_MAX ? input->len : INT_MAX;
	int r = Z_OK;

	stream->next_in = (Bytef *)(uintptr_t)input->ptr; /* zlib reads only */
	stream->avail_in = (uInt)given;
	stream->next_out = out;
	stream->avail_out = (uInt)room;
	while (stream->avail_in != 0 && stream->avail_out != 0 && r == Z_OK)
		r = gunzip_step(gunzip);
	*input = span_from(*input, given - stream->avail_in);
	if (r != Z_OK && r != Z_BUF_ERROR)
		return E_CORRUPT;
	return (int64_t)(room - stream->avail_out);
}

bool rbl_gunzip_is_whole(const struct rbl_gunzip *gunzip)
{
	return gunzip->has_member && gunzip->stream.total_in <= MAGIC_LEN;
}
