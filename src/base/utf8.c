/* SPDX-License-Identifier: ISC */
#include "base/utf8.h"

uint32_t utf8_first(struct span s, size_t *ret_len)
{
	static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
	uint8_t lead = s.ptr[0];
	size_t len = lead < 0x80             ? 1
		     : (lead & 0xe0) == 0xc0 ? 2
		     : (lead & 0xf0) == 0xe0 ? 3
		     : (lead & 0xf8) == 0xf0 ? 4
					     : 0;
	uint32_t value;

	*ret_len = 1;
	if (len == 1)
		return lead;
	if (len == 0 || len > s.len)
		return UTF8_NONE;
	value = lead & (0x7fu >> len);
	for (size_t i = 1; i < len; i++) {
		if ((s.ptr[i] & 0xc0) != 0x80)
			return UTF8_NONE;
		value = value << 6 | (s.ptr[i] & 0x3fu);
	}
	if (value < smallest[len] || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff))
		return UTF8_NONE;
	*ret_len = len;
	return value;
}

size_t utf8_length(struct span s)
{
	size_t len;

	return utf8_first(s, &len) != UTF8_NONE ? len : 0;
}

bool utf8_is_valid(struct span s)
{
	for (size_t len; s.len != 0; s = span_from(s, len)) {
		if (utf8_first(s, &len) == UTF8_NONE)
			return false;
	}
	return true;
}

bool utf8_is_text(struct span s)
{
	for (size_t len; s.len != 0; s = span_from(s, len)) {
		uint32_t value = utf8_first(s, &len);

		if (value == UTF8_NONE || value < 0x20 || (value >= 0x7f && value < 0xa0))
			return false;
	}
	return true;
}

struct span utf8_cut(struct span s, size_t most)
{
	size_t len = 0, next;

	while (len < s.len && (next = utf8_length(span_from(s, len))) != 0 && len + next <= most)
		len += next;
	return span_first(s, len);
}
