/* SPDX-License-Identifier: ISC */
#include <stdint.h>

#include "base/macro.h"
#include "smtp/data.h"
#include "smtp/header.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int read_all(struct span input, size_t step, struct buf *out, size_t *ret_used)
{
	struct smtp_data data;
	size_t total = 0;
	int r = 0;

	smtp_data_init(&data);
	while (total < input.len && r == 0) {
		size_t used;

		r = smtp_data_read(&data, span_first(span_from(input, total), step), out, &used);
		total += used;
	}
	*ret_used = total;
	return r;
}

/*
 * The oracle: whatever the input, the output holds no bare LF, no bare CR and no line that any
 * server could take for the end.
 */
static void assert_canonical(struct span s)
{
	size_t start = 0;

	for (size_t i = 0; i < s.len; i++) {
		ASSERT(s.ptr[i] != '\r' || i + 1 == s.len || s.ptr[i + 1] == '\n');
		if (s.ptr[i] != '\n')
			continue;
		ASSERT(i != 0 && s.ptr[i - 1] == '\r');
		ASSERT(!span_equal_text(span_of(s.ptr + start, i - 1 - start), "."));
		start = i + 1;
	}
}

/* Where a strict server sees the end: the input as sent, and what we write with our end behind
 * it. */
static size_t find_end(struct span s)
{
	if (s.len >= 3 && memcmp(s.ptr, ".\r\n", 3) == 0)
		return 3;
	for (size_t i = 0; i + 5 <= s.len; i++) {
		if (memcmp(s.ptr + i, "\r\n.\r\n", 5) == 0)
			return i + 5;
	}
	return 0;
}

static void check_filter(struct span canonical)
{
	struct smtp_header_filter filter;
	struct buf whole;
	struct buf bytes;

	buf_init(&whole, 0);
	buf_init(&bytes, 0);
	smtp_header_filter_init(&filter, "X-Stockade", "mx1.example.org");
	smtp_header_filter_read(&filter, canonical, &whole);
	smtp_header_filter_finish(&filter, &whole);
	smtp_header_filter_init(&filter, "X-Stockade", "mx1.example.org");
	for (size_t i = 0; i < canonical.len; i++)
		smtp_header_filter_read(&filter, span_of(canonical.ptr + i, 1), &bytes);
	smtp_header_filter_finish(&filter, &bytes);
	ASSERT(span_equal(buf_span(&whole), buf_span(&bytes)));
	assert_canonical(buf_span(&whole));
	buf_done(&whole);
	buf_done(&bytes);
}

/* The same oracle for octets that the client counts, cut anywhere. */
static void check_chunks(struct span input)
{
	struct smtp_data data;
	struct buf whole, bytes;

	buf_init(&whole, 0);
	buf_init(&bytes, 0);
	smtp_data_init(&data);
	smtp_data_read_chunk(&data, input, &whole);
	smtp_data_finish_chunks(&data, &whole);
	assert_canonical(buf_span(&whole));
	ASSERT(data.state == DATA_START || data.state == DATA_START_BARE);
	smtp_data_init(&data);
	for (size_t i = 0; i < input.len; i++)
		smtp_data_read_chunk(&data, span_of(input.ptr + i, 1), &bytes);
	smtp_data_finish_chunks(&data, &bytes);
	ASSERT(span_equal(buf_span(&whole), buf_span(&bytes)));
	buf_done(&whole);
	buf_done(&bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span input = span_of(data, size);
	struct buf whole;
	struct buf bytes;
	size_t used_bytes;
	size_t used;
	int r;

	buf_init(&whole, 0);
	buf_init(&bytes, 0);
	r = read_all(input, size + 1, &whole, &used);
	ASSERT(read_all(input, 1, &bytes, &used_bytes) == r && used == used_bytes);
	ASSERT(span_equal(buf_span(&whole), buf_span(&bytes)));
	ASSERT(find_end(input) == (r == 1 ? used : 0));
	assert_canonical(buf_span(&whole));
	check_filter(buf_span(&whole));
	if (r == 1) {
		smtp_data_print_end(&whole);
		ASSERT(find_end(buf_span(&whole)) == buf_len(&whole));
	}
	buf_done(&whole);
	buf_done(&bytes);
	check_chunks(span_of(data, size));
	return 0;
}
