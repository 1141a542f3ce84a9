/* SPDX-License-Identifier: ISC */
/* An HTTP head, its path and its query: what came out points into the input, and the path holds no
 * way up. */
#include "base/macro.h"
#include "base/utf8.h"
#include "http/escape.h"
#include "http/head.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct http_limits limits = {.head = 4096, .target = 512, .fields = 32};
	struct http_head head;
	size_t used = 0;
	struct buf out;

	if (http_head_parse(span_of(data, size), &limits, &head, &used) <= 0)
		return 0;
	ASSERT(used <= size && used <= limits.head);
	ASSERT(head.path.len != 0 && head.path.ptr[0] == '/' && head.path.len <= limits.target);
	buf_init(&out, 0);
	if (http_path_decode(head.path, &out) == 0) {
		ASSERT(utf8_is_text(buf_span(&out)));
		ASSERT(span_find_text(buf_span(&out), "/../") == buf_len(&out));
	}
	buf_clear(&out);
	if (http_query_get(head.query, "q", &out) == 0)
		ASSERT(utf8_is_text(buf_span(&out)));
	buf_done(&out);
	return 0;
}
