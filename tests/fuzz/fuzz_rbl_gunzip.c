/* SPDX-License-Identifier: ISC */
/* Compressed octets, given whole and byte by byte: the same comes out, and no more than the room
 * for it. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/macro.h"
#include "rbldata/gunzip.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { OUT_MAX = 1 << 16 };

/* step: how much input at a time. The length of what came out, or a negative number. */
static int64_t unpack(struct span input, size_t step, uint8_t out[OUT_MAX])
{
	struct rbl_gunzip *gunzip = rbl_gunzip_new();
	size_t len = 0;
	int64_t got = 0;

	while (input.len != 0 && len < OUT_MAX && got >= 0) {
		struct span part = span_first(input, step);
		size_t given = part.len;

		got = rbl_gunzip_next(gunzip, &part, out + len, OUT_MAX - len);
		ASSERT(got <= (int64_t)(OUT_MAX - len));
		if (got > 0)
			len += (size_t)got;
		input = span_from(input, given - part.len);
		if (got == 0 && given == part.len)
			break;
	}
	rbl_gunzip_is_whole(gunzip);
	rbl_gunzip_free(&gunzip);
	return got < 0 ? got : (int64_t)len;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t whole[OUT_MAX], pieces[OUT_MAX];
	int64_t whole_len = unpack(span_of(data, size), size, whole);
	int64_t pieces_len = unpack(span_of(data, size), 1, pieces);

	if (whole_len >= 0 && pieces_len >= 0)
		ASSERT(whole_len == pieces_len && memcmp(whole, pieces, (size_t)whole_len) == 0);
	return 0;
}
