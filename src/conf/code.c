/* SPDX-License-Identifier: ISC */
#include "conf/code.h"

/* ---- sets of octets ---- */

static void octets_add(struct octet_set *set, unsigned low, unsigned high)
{
	for (unsigned value = low; value <= high; value++)
		set->bits[value / 64] |= UINT64_C(1) << value % 64;
}

static bool octets_have(const struct octet_set *set, unsigned value)
{
	return (set->bits[value / 64] >> value % 64 & 1) != 0;
}

static bool octets_are_just(const struct octet_set *set, unsigned value)
{
	struct octet_set just = {{0}};

	octets_add(&just, value, value);
	return memcmp(set, &just, sizeof(just)) == 0;
}

static int number_parse(struct span s, unsigned *ret_number)
{
	uint64_t number;

	if (s.len > 3 || span_parse_u64(s, 255, &number) < 0)
		return E_PARSE;
	*ret_number = (unsigned)number;
	return 0;
}

/* "2", "2-11", or "2..11" */
static int range_parse(struct span s, struct octet_set *set)
{
	size_t dots = span_find_text(s, ".."), hyphen = span_find(s, '-');
	size_t end = dots < hyphen ? dots : hyphen;
	unsigned low, high;

	if (number_parse(span_first(s, end), &low) < 0)
		return E_PARSE;
	high = low;
	if (end < s.len && number_parse(span_from(s, end + (dots < hyphen ? 2 : 1)), &high) < 0)
		return E_PARSE;
	if (high < low)
		return E_PARSE;
	octets_add(set, low, high);
	return 0;
}

/* "0x02", "2": all octets that have one of its bits. */
static int mask_parse(struct span s, struct octet_set *set)
{
	unsigned mask = 0;

	if (span_has_prefix_nocase(s, "0x") && (s.len == 3 || s.len == 4)) {
		for (size_t i = 2; i < s.len; i++) {
			if (!ascii_is_hex(s.ptr[i]))
				return E_PARSE;
			mask = mask << 4 | ascii_hex_value(s.ptr[i]);
		}
	} else if (number_parse(s, &mask) < 0) {
		return E_PARSE;
	}
	for (unsigned value = 0; value <= 255; value++)
		if ((value & mask) != 0)
			octets_add(set, value, value);
	return mask != 0 ? 0 : E_PARSE;
}

/* "4;7;10..12" */
static int members_parse(struct span s, struct octet_set *set)
{
	bool ended = s.len != 0 && s.ptr[s.len - 1] == ';';
	int r = s.len != 0 && !ended ? 0 : E_PARSE;

	while (s.len != 0 && r >= 0)
		r = range_parse(span_split(&s, ';'), set);
	return r;
}

static int octet_parse(struct span s, struct octet_set *set)
{
	if (span_equal_text(s, "*")) {
		octets_add(set, 0, 255);
		return 0;
	}
	if (s.len > 2 && s.ptr[0] == '[' && s.ptr[s.len - 1] == ']')
		return members_parse(span_first(span_from(s, 1), s.len - 2), set);
	if (s.len > 1 && s.ptr[0] == '&')
		return mask_parse(span_from(s, 1), set);
	return range_parse(s, set);
}

/* ---- codes ---- */

/* Cuts an octet off *rest; dots in brackets do not end it. */
static struct span octet_split(struct span *rest)
{
	bool inside = false;
	size_t end = 0;
	struct span octet;

	while (end < rest->len && (inside || rest->ptr[end] != '.')) {
		inside = rest->ptr[end] == '[' || (inside && rest->ptr[end] != ']');
		end++;
	}
	octet = span_first(*rest, end);
	*rest = span_from(*rest, end + 1);
	return octet;
}

static int octets_parse(struct span s, struct conf_code *code)
{
	struct span rest = s;

	if (s.len == 0 || s.ptr[s.len - 1] == '.')
		return E_PARSE;
	if (s.ptr[0] == '&') { /* the last octet alone */
		octets_add(&code->octet[0], 127, 127);
		octets_add(&code->octet[1], 0, 0);
		octets_add(&code->octet[2], 0, 0);
		return octet_parse(s, &code->octet[3]);
	}
	for (int i = 0; i < 4; i++) {
		int r = octet_parse(octet_split(&rest), &code->octet[i]);

		if (r < 0)
			return r;
	}
	return rest.len == 0 ? 0 : E_PARSE;
}

int code_parse(struct span s, struct conf_code *ret_code, struct fault *why)
{
	struct conf_code code = {.octet = {{{0}}}};

	if (octets_parse(s, &code) < 0)
		return fault_set(why, E_PARSE,
			"'%.*s' is not a code (like 127.0.0.2, 127.0.0.2-11, 127.0.*.1-3, 127.0.0.[4;7] or &0x02)",
			(int)s.len, s.ptr);
	if (!octets_are_just(&code.octet[0], 127))
		return fault_set(why, E_RANGE,
			"'%.*s' is outside 127.0.0.0/8, where lists answer (RFC 5782 section 2.1)",
			(int)s.len, s.ptr);
	if (octets_have(&code.octet[1], 255) && octets_have(&code.octet[2], 255))
		return fault_set(why, E_RANGE,
			"'%.*s' includes 127.255.255.0/24, by which lists say that they do not answer you",
			(int)s.len, s.ptr);
	*ret_code = code;
	return 0;
}

bool code_matches(const struct conf_code *code, const uint8_t address[4])
{
	for (int i = 0; i < 4; i++) {
		if (!octets_have(&code->octet[i], address[i]))
			return false;
	}
	return true;
}

bool code_is_just(const struct conf_code *code, const uint8_t address[4])
{
	for (int i = 0; i < 4; i++) {
		if (!octets_are_just(&code->octet[i], address[i]))
			return false;
	}
	return true;
}

/* ---- filters ---- */

/* Where the weight begins; s.len: there is none. An asterisk behind a dot is an octet. */
static size_t weight_find(struct span s)
{
	for (size_t i = s.len; i > 1; i--)
		if (s.ptr[i - 1] == '*' && s.ptr[i - 2] != '.')
			return i - 1;
	return s.len;
}

static int weight_parse(struct span s, int *ret_weight)
{
	bool negative = s.len != 0 && s.ptr[0] == '-';
	uint64_t weight;

	if (span_parse_u64(span_from(s, negative), FILTER_WEIGHT_MAX, &weight) < 0)
		return E_PARSE;
	*ret_weight = negative ? -(int)weight : (int)weight;
	return 0;
}

int filter_parse(struct span s, struct conf_filter *ret_filter, struct fault *why)
{
	size_t at = weight_find(s);
	struct conf_filter filter = {.has_weight = at < s.len};
	int r = code_parse(span_first(s, at), &filter.code, why);

	if (r < 0)
		return r;
	if (filter.has_weight && weight_parse(span_from(s, at + 1), &filter.weight) < 0)
		return fault_set(why, E_PARSE,
			"'%.*s' has no weight from -%d to %d behind its last '*'", (int)s.len,
			s.ptr, FILTER_WEIGHT_MAX, FILTER_WEIGHT_MAX);
	*ret_filter = filter;
	return 0;
}
