/* SPDX-License-Identifier: ISC */
#include "http/escape.h"

#include "base/err.h"
#include "base/macro.h"
#include "base/utf8.h"

enum { DELETE = 0x7f, C1_END = 0xa0 };

/* Characters that show nothing or rearrange their neighbours (Unicode: Cf, Zl, Zp and others). */
static bool is_invisible(uint32_t value)
{
	static const struct {
		uint32_t first, last;
	} ranges[] = {{0x00ad, 0x00ad}, {0x034f, 0x034f}, {0x0600, 0x0605}, {0x061c, 0x061c},
		{0x115f, 0x1160}, {0x17b4, 0x17b5}, {0x180b, 0x180f}, {0x200b, 0x200f},
		{0x2028, 0x202e}, {0x2060, 0x206f}, {0x3164, 0x3164}, {0xfe00, 0xfe0f},
		{0xfeff, 0xfeff}, {0xffa0, 0xffa0}, {0xfff0, 0xfffb}, {0x1d173, 0x1d17a},
		{0xe0000, 0xe0fff}};

	for (size_t i = 0; i < COUNTOF(ranges); i++)
		if (value >= ranges[i].first && value <= ranges[i].last)
			return true;
	return false;
}

static const char *entity(uint32_t value)
{
	static const char *const names[] = {
		['&'] = "&amp;",
		['<'] = "&lt;",
		['>'] = "&gt;",
		['"'] = "&quot;",
		['\''] = "&#39;",
	};

	return value < COUNTOF(names) ? names[value] : NULL;
}

static void escape(struct span s, bool html, struct buf *out)
{
	while (s.len != 0) {
		size_t len;
		uint32_t value = utf8_first(s, &len);
		const char *name = html ? entity(value) : NULL;

		if (value == UTF8_NONE)
			buf_append_format(out, "\\x%02x", (unsigned)s.ptr[0]);
		else if (value < 0x20 || (value >= DELETE && value < C1_END))
			buf_append_format(out, "\\x%02x", (unsigned)value);
		else if (is_invisible(value))
			buf_append_format(out, "\\u{%04x}", (unsigned)value);
		else if (name != NULL)
			buf_append_text(out, name);
		else
			buf_append(out, span_first(s, len));
		s = span_from(s, len);
	}
}

void escape_visible(struct span s, struct buf *out)
{
	escape(s, false, out);
}

void escape_html(struct span s, struct buf *out)
{
	escape(s, true, out);
}

void escape_url(struct span s, struct buf *out)
{
	for (size_t i = 0; i < s.len; i++) {
		uint8_t byte = s.ptr[i];

		if (ascii_is_alpha(byte) || ascii_is_digit(byte) || byte == '-' || byte == '.' ||
			byte == '_' || byte == '~')
			buf_append_byte(out, byte);
		else
			buf_append_format(out, "%%%02X", (unsigned)byte);
	}
}

int unescape_url(struct span s, bool form, struct buf *out)
{
	for (size_t i = 0; i < s.len; i++) {
		uint8_t byte = s.ptr[i];

		if (byte == '%') {
			if (s.len - i < 3 || !ascii_is_hex(s.ptr[i + 1]) ||
				!ascii_is_hex(s.ptr[i + 2]))
				return E_PARSE;
			byte = (uint8_t)(ascii_hex_value(s.ptr[i + 1]) << 4 |
					 ascii_hex_value(s.ptr[i + 2]));
			i += 2;
		} else if (form && byte == '+') {
			byte = ' ';
		}
		buf_append_byte(out, byte);
	}
	return 0;
}
