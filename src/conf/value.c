/* SPDX-License-Identifier: ISC */
#include "conf/value.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/hostname.h"
#include "base/macro.h"

enum { LOCAL_PART_MAX = 64, OWN_NAME_MAX = 32 };

struct unit {
	const char *name;
	int64_t factor;
};

/* From large to small, so that the first that divides gives the shortest text; w and y are read,
 * and y written only for whole years. */
static const struct unit durations[] = {
	{"y", INT64_C(365) * 86400000},
	{"d", INT64_C(86400000)},
	{"h", INT64_C(3600000)},
	{"m", INT64_C(60000)},
	{"s", INT64_C(1000)},
	{"ms", INT64_C(1)},
	{"w", INT64_C(7) * 86400000},
};
static const struct unit sizes[] = {
	{"G", INT64_C(1) << 30},
	{"M", INT64_C(1) << 20},
	{"K", INT64_C(1) << 10},
	{"", 1},
};

/* Digits, then a unit of the table. 0 or E_PARSE, E_RANGE. */
static int quantity_parse(struct span s, const struct unit *units, size_t count, int64_t *ret_value)
{
	size_t digits = 0;
	uint64_t number;
	int r;

	while (digits < s.len && ascii_is_digit(s.ptr[digits]))
		digits++;
	r = span_parse_u64(span_first(s, digits), INT64_MAX, &number);
	if (r < 0)
		return r;
	for (size_t i = 0; i < count; i++) {
		if (!span_equal_text(span_from(s, digits), units[i].name))
			continue;
		if (number > (uint64_t)(INT64_MAX / units[i].factor))
			return E_RANGE;
		*ret_value = (int64_t)number * units[i].factor;
		return 0;
	}
	return E_PARSE;
}

int duration_parse(struct span s, int64_t *ret_ms, struct fault *why)
{
	int64_t ms = 0;
	int r = 0;

	if (!span_equal_text(s, "0"))
		r = quantity_parse(s, durations, COUNTOF(durations), &ms);
	/* A century is more than anybody means, and keeps sums of times far from overflow. */
	if (r == E_RANGE || ms > 100 * durations[0].factor)
		return fault_set(why, E_RANGE, "'%.*s' is too long", (int)s.len, s.ptr);
	if (r < 0)
		return fault_set(why, E_PARSE,
			"'%.*s' is not a duration (a number with s, m, h, d or y, like 5m)",
			(int)s.len, s.ptr);
	*ret_ms = ms;
	return 0;
}

const char *duration_print(int64_t ms, char text[DURATION_TEXT_SIZE])
{
	size_t i = 0;

	if (ms == 0)
		return strcpy(text, "0");
	while (ms % durations[i].factor != 0)
		i++;
	snprintf(text, DURATION_TEXT_SIZE, "%" PRId64 "%s", ms / durations[i].factor,
		durations[i].name);
	return text;
}

int size_parse(struct span s, uint64_t *ret_size, struct fault *why)
{
	int64_t size;
	int r = quantity_parse(s, sizes, COUNTOF(sizes), &size);

	if (r == E_RANGE)
		return fault_set(why, E_RANGE, "'%.*s' is too large", (int)s.len, s.ptr);
	if (r < 0)
		return fault_set(why, E_PARSE,
			"'%.*s' is not a size (a number, or one with K, M or G)", (int)s.len,
			s.ptr);
	*ret_size = (uint64_t)size;
	return 0;
}

const char *size_print(uint64_t size, char text[DURATION_TEXT_SIZE])
{
	size_t i = 0;

	while (size == 0 ? sizes[i].factor != 1 : size % (uint64_t)sizes[i].factor != 0)
		i++;
	snprintf(text, DURATION_TEXT_SIZE, "%" PRIu64 "%s", size / (uint64_t)sizes[i].factor,
		sizes[i].name);
	return text;
}

int sample_parse(struct span s, unsigned *ret_each, struct fault *why)
{
	uint64_t each = 0;

	if (span_equal_text(s, "all"))
		each = 1;
	else if (!span_equal_text(s, "off") &&
		 (!span_has_prefix_nocase(s, "1/") ||
			 span_parse_u64(span_from(s, 2), INT32_MAX, &each) < 0 || each == 0))
		return fault_set(why, E_PARSE, "'%.*s' is not a sample (off, all, or like 1/1000)",
			(int)s.len, s.ptr);
	*ret_each = (unsigned)each;
	return 0;
}

const char *sample_print(unsigned each, char text[DURATION_TEXT_SIZE])
{
	if (each < 2)
		return each == 0 ? "off" : "all";
	snprintf(text, DURATION_TEXT_SIZE, "1/%u", each);
	return text;
}

bool label_is_of_address(const char *label)
{
	return label[strspn(label, "0123456789")] == '\0' || label[1] == '\0';
}

bool text_is_ascii(const char *text)
{
	for (; *text != '\0'; text++) {
		if (!ascii_is_print((uint8_t)*text))
			return false;
	}
	return true;
}

int domain_check(struct span s, struct fault *why)
{
	if (hostname_labels(s) < 2)
		return fault_set(why, E_PARSE, "'%.*s' is not a full DNS name", (int)s.len, s.ptr);
	return 0;
}

/* RFC 5321 section 4.1.2: Dot-string. */
static bool is_local_part(struct span s)
{
	if (s.len == 0 || s.len > LOCAL_PART_MAX || s.ptr[0] == '.' || s.ptr[s.len - 1] == '.')
		return false;
	for (size_t i = 0; i < s.len; i++) {
		uint8_t byte = s.ptr[i];

		if (!ascii_is_alpha(byte) && !ascii_is_digit(byte) &&
			strchr("!#$%&'*+-/=?^_`{|}~.", byte) == NULL)
			return false;
		if (byte == '.' && s.ptr[i + 1] == '.')
			return false;
	}
	return true;
}

int mailbox_check(struct span s, struct fault *why)
{
	struct span domain = s, local = span_split(&domain, '@');

	if (local.len == s.len || !is_local_part(local) || domain_check(domain, NULL) < 0)
		return fault_set(why, E_PARSE, "'%.*s' is not a mailbox (name@example.org)",
			(int)s.len, s.ptr);
	return 0;
}

int url_check(struct span s, struct fault *why)
{
	struct span rest = s;
	bool good = true;

	if (span_has_prefix_nocase(s, "https://"))
		rest = span_from(s, 8);
	else if (span_has_prefix_nocase(s, "http://"))
		rest = span_from(s, 7);
	else
		good = false;
	good = good && rest.len != 0 && rest.ptr[0] != '/';
	for (size_t i = 0; i < s.len; i++)
		good = good && s.ptr[i] > 0x20 && s.ptr[i] < 0x7f &&
		       strchr("\"<>\\^`{|}", s.ptr[i]) == NULL;
	if (!good)
		return fault_set(why, E_PARSE,
			"'%.*s' is not a URL that begins with https:// or http://", (int)s.len,
			s.ptr);
	return 0;
}

int name_check(struct span s, struct fault *why)
{
	bool good =
		s.len != 0 && s.len <= OWN_NAME_MAX && s.ptr[0] != '-' && s.ptr[s.len - 1] != '-';

	for (size_t i = 0; good && i < s.len; i++)
		good = ascii_is_digit(s.ptr[i]) || (s.ptr[i] >= 'a' && s.ptr[i] <= 'z') ||
		       s.ptr[i] == '-';
	if (!good)
		return fault_set(why, E_PARSE,
			"'%.*s' is not a name (a-z, 0-9 and '-', at most %d)", (int)s.len, s.ptr,
			OWN_NAME_MAX);
	return 0;
}
