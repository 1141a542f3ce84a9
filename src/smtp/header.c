/* SPDX-License-Identifier: ISC */
#include "smtp/header.h"

#include "base/macro.h"

void smtp_header_filter_init(struct smtp_header_filter *filter, const char *prefix)
{
	*filter = (struct smtp_header_filter){.prefix = prefix, .state = HEADER_FIRST};
	ASSERT(prefix == NULL || strlen(prefix) < HEADER_PREFIX_MAX);
}

static void filter_release(struct smtp_header_filter *filter, struct buf *out)
{
	buf_append(out, span_of(filter->held, filter->held_len));
	filter->held_len = 0;
}

/* A byte while the line may still be one of ours. False: it is what follows that takes it. */
static bool filter_match(struct smtp_header_filter *filter, uint8_t byte, struct buf *out)
{
	if (ascii_lower(byte) != ascii_lower((uint8_t)filter->prefix[filter->held_len])) {
		filter_release(filter, out);
		filter->state = HEADER_KEEP;
		filter->dropping = false;
		return false;
	}
	filter->held[filter->held_len++] = byte;
	if (filter->prefix[filter->held_len] == '\0') {
		filter->held_len = 0;
		filter->state = HEADER_DROP;
		filter->dropping = true;
		filter->dropped++;
	}
	return true;
}

/* The first byte of the message. */
static void filter_begin(struct smtp_header_filter *filter, uint8_t byte, struct buf *out)
{
	bool continues = byte == ' ' || byte == '\t';

	if (continues)
		buf_append_text(out, "\r\n");
	filter->state = continues || filter->prefix == NULL ? HEADER_DONE : HEADER_START;
}

static void filter_begin_line(struct smtp_header_filter *filter, uint8_t byte)
{
	if (byte == ' ' || byte == '\t')
		filter->state = filter->dropping ? HEADER_DROP : HEADER_KEEP;
	else if (byte == '\r')
		filter->state = HEADER_CR;
	else
		filter->state = HEADER_MATCH;
}

/* The rest of a line. Returns the bytes used. */
static size_t filter_line(struct smtp_header_filter *filter, struct span input, struct buf *out)
{
	size_t end = span_find(input, '\n'), len = end < input.len ? end + 1 : end;

	if (filter->state == HEADER_KEEP)
		buf_append(out, span_first(input, len));
	if (end < input.len)
		filter->state = HEADER_START;
	return len;
}

void smtp_header_filter_read(struct smtp_header_filter *filter, struct span input, struct buf *out)
{
	while (input.len != 0) {
		switch (filter->state) {
		case HEADER_FIRST:
			filter_begin(filter, input.ptr[0], out);
			break;
		case HEADER_START:
			filter_begin_line(filter, input.ptr[0]);
			if (filter->state == HEADER_CR) {
				buf_append(out, span_first(input, 1));
				input = span_from(input, 1);
			}
			break;
		case HEADER_MATCH:
			if (filter_match(filter, input.ptr[0], out))
				input = span_from(input, 1);
			break;
		case HEADER_CR:
			/* The empty line if LF follows, otherwise a line that is not ours. */
			filter->state = input.ptr[0] == '\n' ? HEADER_DONE : HEADER_KEEP;
			filter->dropping = false;
			buf_append(out, span_first(input, 1));
			input = span_from(input, 1);
			break;
		case HEADER_KEEP:
		case HEADER_DROP:
			input = span_from(input, filter_line(filter, input, out));
			break;
		case HEADER_DONE:
			buf_append(out, input);
			return;
		}
	}
}

void smtp_header_filter_finish(struct smtp_header_filter *filter, struct buf *out)
{
	filter_release(filter, out);
}
