/* SPDX-License-Identifier: ISC */
#include "base/span.h"

#include "base/err.h"

bool span_equal(struct span a, struct span b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

bool span_equal_text(struct span a, const char *b)
{
	return span_equal(a, span_text(b));
}

bool span_equal_nocase(struct span a, struct span b)
{
	if (a.len != b.len)
		return false;
	for (size_t i = 0; i < a.len; i++)
		if (ascii_lower(a.ptr[i]) != ascii_lower(b.ptr[i]))
			return false;
	return true;
}

bool span_has_prefix_nocase(struct span s, const char *prefix)
{
	struct span p = span_text(prefix);

	return s.len >= p.len && span_equal_nocase(span_first(s, p.len), p);
}

bool span_has_suffix_nocase(struct span s, struct span suffix)
{
	return s.len >= suffix.len && span_equal_nocase(span_from(s, s.len - suffix.len), suffix);
}

int span_compare(struct span a, struct span b)
{
	size_t common = a.len < b.len ? a.len : b.len;
	int order = common != 0 ? memcmp(a.ptr, b.ptr, common) : 0;

	if (order != 0)
		return order;
	return (a.len > b.len) - (a.len < b.len);
}

size_t span_find(struct span s, uint8_t byte)
{
	const uint8_t *found = s.len != 0 ? memchr(s.ptr, byte, s.len) : NULL;

	return found != NULL ? (size_t)(found - s.ptr) : s.len;
}

size_t span_find_text(struct span s, const char *text)
{
	struct span t = span_text(text);
	const uint8_t *found = NULL;

	if (s.len != 0 && t.len != 0)
		found = memmem(s.ptr, s.len, t.ptr, t.len);
	return found != NULL ? (size_t)(found - s.ptr) : s.len;
}

bool span_is_word(struct span s, const char *others)
{
	for (size_t i = 0; i < s.len; i++)
		if (!ascii_is_alpha(s.ptr[i]) && !ascii_is_digit(s.ptr[i]) &&
			(s.ptr[i] == 0 || strchr(others, s.ptr[i]) == NULL))
			return false;
	return true;
}

bool span_is_ascii(struct span s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.ptr[i] >= 0x80)
			return false;
	return true;
}

bool span_is_clean(struct span s)
{
	for (size_t i = 0; i < s.len; i++)
		if ((s.ptr[i] < 0x20 && s.ptr[i] != '\t') || s.ptr[i] == 0x7f)
			return false;
	return true;
}

static bool span_is_blank(uint8_t byte)
{
	return byte == ' ' || byte == '\t';
}

struct span span_trim(struct span s)
{
	while (s.len != 0 && span_is_blank(s.ptr[0]))
		s = span_from(s, 1);
	while (s.len != 0 && span_is_blank(s.ptr[s.len - 1]))
		s.len--;
	return s;
}

struct span span_split(struct span *rest, uint8_t separator)
{
	size_t at = span_find(*rest, separator);
	struct span part = span_first(*rest, at);

	*rest = span_from(*rest, at + 1);
	return part;
}

struct span span_split_line(struct span *rest)
{
	struct span line = span_split(rest, '\n');

	return span_first(line, line.len - (line.len != 0 && line.ptr[line.len - 1] == '\r'));
}

struct span span_without_mark(struct span s)
{
	static const char mark[] = "\xef\xbb\xbf";
	size_t len = sizeof(mark) - 1;

	return span_equal_text(span_first(s, len), mark) ? span_from(s, len) : s;
}

int span_parse_u64(struct span s, uint64_t max, uint64_t *ret_value)
{
	uint64_t value = 0;

	if (s.len == 0)
		return E_PARSE;
	for (size_t i = 0; i < s.len; i++) {
		uint64_t digit;

		if (!ascii_is_digit(s.ptr[i]))
			return E_PARSE;
		digit = (uint64_t)(s.ptr[i] - '0');
		if (value > (UINT64_MAX - digit) / 10)
			return E_RANGE;
		value = value * 10 + digit;
	}
	if (value > max)
		return E_RANGE;
	*ret_value = value;
	return 0;
}
