/* SPDX-License-Identifier: ISC */
#include "smtp/data.h"

/*
 * Long runs of text go through data_text in one piece; the other states see one byte each. A CR is
 * held back until the next byte tells whether it belongs to a line end, a dot until it is known to
 * be content.
 */

void smtp_data_init(struct smtp_data *data)
{
	*data = (struct smtp_data){.state = DATA_START};
}

static void data_put(struct smtp_data *data, struct span s, struct buf *out)
{
	data->octets += s.len;
	buf_append(out, s);
}

/* The first byte of a line's content: stuffed when it is a dot. */
static void data_begin_line(struct smtp_data *data, uint8_t byte, struct buf *out)
{
	if (byte == '.')
		buf_append_byte(out, '.'); /* not content: not counted */
	data_put(data, span_of(&byte, 1), out);
	data->state = DATA_TEXT;
}

static void data_end_line(struct smtp_data *data, bool bare, struct buf *out)
{
	data_put(data, span_text("\r\n"), out);
	data->state = bare ? DATA_START_BARE : DATA_START;
}

static void data_on_start(struct smtp_data *data, uint8_t byte, struct buf *out)
{
	bool bare = data->state == DATA_START_BARE;

	if (byte == '.')
		data->state = bare ? DATA_DOT_BARE : DATA_DOT;
	else if (byte == '\r')
		data->state = DATA_CR;
	else if (byte == '\n')
		data_end_line(data, true, out);
	else
		data_begin_line(data, byte, out);
}

static void data_on_dot(struct smtp_data *data, uint8_t byte, struct buf *out)
{
	bool bare = data->state == DATA_DOT_BARE;

	if (byte == '\r') {
		data->state = bare ? DATA_DOT_BARE_CR : DATA_DOT_CR;
	} else if (byte == '\n') {
		data_begin_line(data, '.', out);
		data_end_line(data, true, out);
	} else {
		data_begin_line(data, byte, out); /* the dot was stuffing */
	}
}

/* CRs before a LF belong to its line end, as for Postfix; others are a line end of their own. */
static void data_on_cr(struct smtp_data *data, uint8_t byte, struct buf *out)
{
	if (byte == '\r')
		return;
	data_end_line(data, byte != '\n', out);
	if (byte != '\n')
		data_on_start(data, byte, out);
}

static void data_on_dot_cr(struct smtp_data *data, uint8_t byte, struct buf *out)
{
	if (byte == '\n' && data->state == DATA_DOT_CR) {
		data->state = DATA_END;
		return;
	}
	data_begin_line(data, '.', out);
	data->state = DATA_CR;
	data_on_cr(data, byte, out);
}

/* A run within a line, up to and with its CR or LF when there is one. Returns its length. */
static size_t data_text(struct smtp_data *data, struct span input, struct buf *out)
{
	struct span line = span_first(input, span_find(input, '\n'));
	size_t end = span_find(line, '\r');

	data_put(data, span_first(line, end), out);
	if (end < line.len) {
		data->state = DATA_CR;
		return end + 1;
	}
	if (end < input.len)
		data_end_line(data, true, out);
	return end < input.len ? end + 1 : end;
}

static void data_on_byte(struct smtp_data *data, uint8_t byte, struct buf *out)
{
	switch (data->state) {
	case DATA_START:
	case DATA_START_BARE:
		data_on_start(data, byte, out);
		break;
	case DATA_DOT:
	case DATA_DOT_BARE:
		data_on_dot(data, byte, out);
		break;
	case DATA_DOT_CR:
	case DATA_DOT_BARE_CR:
		data_on_dot_cr(data, byte, out);
		break;
	case DATA_CR:
		data_on_cr(data, byte, out);
		break;
	case DATA_TEXT:
	case DATA_END:
		break;
	}
}

int smtp_data_read(struct smtp_data *data, struct span input, struct buf *out, size_t *ret_used)
{
	size_t used = 0;

	while (used < input.len && data->state != DATA_END) {
		if (data->state == DATA_TEXT)
			used += data_text(data, span_from(input, used), out);
		else
			data_on_byte(data, input.ptr[used++], out);
	}
	*ret_used = used;
	return data->state == DATA_END ? 1 : 0;
}

/* A dot at the start of a line is read as if it had been stuffed. */
void smtp_data_read_chunk(struct smtp_data *data, struct span input, struct buf *out)
{
	size_t used = 0;

	while (used < input.len) {
		if (data->state == DATA_TEXT) {
			used += data_text(data, span_from(input, used), out);
			continue;
		}
		if (input.ptr[used] == '.')
			data_on_byte(data, '.', out);
		data_on_byte(data, input.ptr[used++], out);
	}
}

void smtp_data_finish_chunks(struct smtp_data *data, struct buf *out)
{
	if (data->state == DATA_TEXT || data->state == DATA_CR)
		data_end_line(data, false, out);
}

void smtp_data_print_end(struct buf *out)
{
	buf_append_text(out, ".\r\n");
}
