/* SPDX-License-Identifier: ISC */
#include <stdint.h>

#include "base/macro.h"
#include "base/utf8.h"
#include "smtp/keyword.h"
#include "smtp/reply.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool line_is_text(struct span line)
{
	while (line.len != 0)
		if (!utf8_is_text(span_split(&line, '\t')))
			return false;
	return true;
}

/* What a client is shown: lines of text of at most 512 octets, the last one marked. */
static void check_printed(const struct smtp_reply *reply)
{
	struct smtp_offer offer;
	struct span rest;
	struct buf out;
	size_t lines = 0;

	buf_init(&out, 0);
	smtp_reply_print(reply, &out);
	smtp_offer_parse(reply, &offer);
	rest = buf_span(&out);
	while (rest.len != 0) {
		struct span line = span_split(&rest, '\n');

		ASSERT(line.len >= 5 && line.len <= 511 && line.ptr[line.len - 1] == '\r');
		ASSERT(line_is_text(span_first(line, line.len - 1)));
		ASSERT((line.ptr[3] == ' ') == (rest.len == 0));
		lines++;
	}
	ASSERT(lines >= reply->lines_len);
	buf_done(&out);
}

static int read_all(struct span input, size_t step, unsigned *ret_replies)
{
	struct smtp_reply_parser parser;
	struct smtp_reply reply;
	unsigned replies = 0;
	size_t start = 0;
	size_t end = 0;
	int r;

	smtp_reply_parser_init(&parser, &smtp_limits_default);
	for (;;) {
		size_t used = 0;

		r = smtp_reply_next(
			&parser, span_first(span_from(input, start), end - start), &reply, &used);
		start += used;
		if (r == 1) {
			replies++;
			check_printed(&reply);
		}
		if (r < 0 || (r == 0 && end == input.len))
			break;
		if (r == 0)
			end = end + step < input.len ? end + step : input.len;
	}
	smtp_reply_parser_done(&parser);
	*ret_replies = replies;
	return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned whole;
	unsigned bytes;
	int r = read_all(span_of(data, size), size + 1, &whole);

	ASSERT(read_all(span_of(data, size), 1, &bytes) == r && whole == bytes);
	return 0;
}
