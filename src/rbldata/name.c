/* SPDX-License-Identifier: ISC */
#include "rbldata/name.h"

#include <string.h>

#include "base/err.h"
#include "base/macro.h"

enum { LABEL_MAX = 63 };

static int escape_read(struct rbl_cursor *cursor, unsigned *ret_byte)
{
	unsigned byte = 0;

	if (!ascii_is_digit(rbl_peek(cursor))) {
		*ret_byte = *cursor->ptr++;
		return 0;
	}
	for (int i = 0; i < 3 && ascii_is_digit(rbl_peek(cursor)); i++)
		byte = byte * 10 + (unsigned)(*cursor->ptr++ - '0');
	*ret_byte = byte;
	return byte <= 255 ? 0 : E_PARSE;
}

/* Ends the label that began behind *label_at; an empty one is none. */
static int label_end(uint8_t *wire, size_t *label_at, size_t *len)
{
	size_t label_len = *len - *label_at - 1;

	if (label_len > LABEL_MAX)
		return E_PARSE;
	wire[*label_at] = (uint8_t)label_len;
	if (label_len != 0) {
		*label_at = *len;
		*len += 1;
	}
	return 0;
}

int rbl_name_read(struct rbl_cursor *cursor, uint8_t wire[RBL_NAME_SIZE])
{
	size_t label_at = 0, len = 1;

	while (cursor->ptr < cursor->end && !rbl_is_blank(*cursor->ptr)) {
		unsigned byte = *cursor->ptr++;

		if (byte == '.') {
			if (label_end(wire, &label_at, &len) < 0)
				return E_PARSE;
			continue;
		}
		if (byte == '\\' && (cursor->ptr == cursor->end || rbl_is_blank(*cursor->ptr)))
			break;
		if (byte == '\\' && escape_read(cursor, &byte) < 0)
			return E_PARSE;
		if (len >= RBL_NAME_SIZE - 1)
			return E_PARSE;
		wire[len++] = (uint8_t)byte;
	}
	if (label_end(wire, &label_at, &len) < 0)
		return E_PARSE;
	wire[label_at] = 0;
	return (int)label_at + 1;
}

int rbl_name_key(struct span wire, uint8_t key[NAME_KEY_SIZE])
{
	uint8_t starts[RBL_NAME_LABELS] = {0};
	size_t labels = 0, len = 0;

	for (size_t at = 0; at < wire.len && wire.ptr[at] != 0; at += 1 + (size_t)wire.ptr[at]) {
		if (labels == COUNTOF(starts))
			return E_PARSE;
		starts[labels++] = (uint8_t)at;
	}
	while (labels-- > 0) {
		const uint8_t *label = wire.ptr + starts[labels];

		if (len != 0)
			key[len++] = '\0';
		for (size_t i = 1; i <= label[0]; i++) {
			if (label[i] == '\0')
				return E_PARSE;
			key[len++] = ascii_lower(label[i]);
		}
	}
	return (int)len;
}

static size_t byte_print(uint8_t byte, char *out)
{
	static const char special[] = "\".;\\@$";

	if (byte <= ' ' || byte >= 0x7f) {
		out[0] = '\\';
		out[1] = (char)('0' + byte / 100);
		out[2] = (char)('0' + byte / 10 % 10);
		out[3] = (char)('0' + byte % 10);
		return 4;
	}
	if (strchr(special, byte) != NULL) {
		out[0] = '\\';
		out[1] = (char)byte;
		return 2;
	}
	out[0] = (char)byte;
	return 1;
}

size_t rbl_key_print(struct span key, char text[RBL_NAME_TEXT_SIZE])
{
	size_t len = 0, end = key.len;

	while (end != 0) {
		size_t start = end;

		while (start != 0 && key.ptr[start - 1] != '\0')
			start--;
		if (len != 0)
			text[len++] = '.';
		for (size_t i = start; i < end; i++)
			len += byte_print(key.ptr[i], text + len);
		end = start != 0 ? start - 1 : 0;
	}
	return len;
}
