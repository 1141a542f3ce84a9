/* SPDX-License-Identifier: ISC */
#include "dns/name.h"

#include "base/reader.h"

/* Appends one label in wire form, keeping a byte for the root label. */
static int name_add_label(struct dns_name *name, struct span label)
{
	if (label.len == 0)
		return E_PARSE;
	if (label.len > DNS_LABEL_MAX || (size_t)name->len + 1 + label.len + 1 > DNS_NAME_MAX)
		return E_LIMIT;
	name->wire[name->len] = (uint8_t)label.len;
	memcpy(name->wire + name->len + 1, label.ptr, label.len);
	name->len = (uint8_t)(name->len + 1 + label.len);
	return 0;
}

static void name_add_root(struct dns_name *name)
{
	name->wire[name->len] = 0;
	name->len++;
}

/* The byte behind a backslash: "\DDD" or the character itself (RFC 1035 section 5.1). */
static int name_unescape(struct span *rest, uint8_t *ret_byte)
{
	uint64_t value;
	int r;

	if (rest->len == 0)
		return E_PARSE;
	if (!ascii_is_digit(rest->ptr[0])) {
		*ret_byte = rest->ptr[0];
		*rest = span_from(*rest, 1);
		return 0;
	}
	if (rest->len < 3)
		return E_PARSE;
	r = span_parse_u64(span_first(*rest, 3), 255, &value);
	if (r < 0)
		return E_PARSE;
	*ret_byte = (uint8_t)value;
	*rest = span_from(*rest, 3);
	return 0;
}

/* Reads up to the next dot, which it drops. */
static int name_parse_label(struct span *rest, uint8_t label[DNS_LABEL_MAX], size_t *ret_len)
{
	size_t len = 0;

	while (rest->len != 0) {
		uint8_t byte = rest->ptr[0];

		*rest = span_from(*rest, 1);
		if (byte == '.')
			break;
		if (byte == '\\' && name_unescape(rest, &byte) < 0)
			return E_PARSE;
		if (len == DNS_LABEL_MAX)
			return E_LIMIT;
		label[len] = byte;
		len++;
	}
	*ret_len = len;
	return 0;
}

int dns_name_parse(struct span text, struct dns_name *ret_name)
{
	struct dns_name name = {.len = 0};
	struct span rest = text;

	if (text.len == 0)
		return E_PARSE;
	if (span_equal_text(text, "."))
		rest = span_from(rest, 1);
	while (rest.len != 0) {
		uint8_t label[DNS_LABEL_MAX];
		size_t len = 0;
		int r;

		r = name_parse_label(&rest, label, &len);
		if (r == 0)
			r = name_add_label(&name, span_of(label, len));
		if (r < 0)
			return r;
	}
	name_add_root(&name);
	*ret_name = name;
	return 0;
}

static char *name_print_byte(char *text, uint8_t byte)
{
	if (byte == '.' || byte == '\\') {
		*text++ = '\\';
		*text++ = (char)byte;
	} else if (byte == ' ' || !ascii_is_print(byte)) {
		*text++ = '\\';
		*text++ = (char)('0' + byte / 100);
		*text++ = (char)('0' + byte / 10 % 10);
		*text++ = (char)('0' + byte % 10);
	} else {
		*text++ = (char)byte;
	}
	return text;
}

const char *dns_name_print(const struct dns_name *name, char text[DNS_NAME_TEXT_SIZE])
{
	char *end = text;

	for (size_t at = 0; at < name->len && name->wire[at] != 0;
		at += 1 + (size_t)name->wire[at]) {
		if (at != 0)
			*end++ = '.';
		for (size_t i = 1; i <= name->wire[at]; i++)
			end = name_print_byte(end, name->wire[at + i]);
	}
	if (end == text)
		*end++ = '.';
	*end = '\0';
	return text;
}

/* Length bytes are below 64 and letters above, so folding the whole wire form folds letters
 * only. */
bool dns_name_equal(const struct dns_name *a, const struct dns_name *b)
{
	return span_equal_nocase(dns_name_span(a), dns_name_span(b));
}

bool dns_name_is_below(const struct dns_name *name, const struct dns_name *zone)
{
	size_t at = 0;

	while ((size_t)name->len - at > zone->len)
		at += 1 + (size_t)name->wire[at];
	return span_equal_nocase(span_from(dns_name_span(name), at), dns_name_span(zone));
}

unsigned dns_name_label_count(const struct dns_name *name)
{
	unsigned count = 0;

	for (size_t at = 0; name->wire[at] != 0; at += 1 + (size_t)name->wire[at])
		count++;
	return count;
}

int dns_name_join(
	const struct dns_name *prefix, const struct dns_name *suffix, struct dns_name *ret_name)
{
	struct dns_name name;
	size_t kept = (size_t)prefix->len - 1; /* without its root label */

	if (kept + suffix->len > DNS_NAME_MAX)
		return E_LIMIT;
	memcpy(name.wire, prefix->wire, kept);
	memcpy(name.wire + kept, suffix->wire, suffix->len);
	name.len = (uint8_t)(kept + suffix->len);
	*ret_name = name;
	return 0;
}

static void name_add_octet(struct dns_name *name, uint8_t octet)
{
	uint8_t digits[3];
	size_t len = 0;

	if (octet >= 100)
		digits[len++] = (uint8_t)('0' + octet / 100);
	if (octet >= 10)
		digits[len++] = (uint8_t)('0' + octet / 10 % 10);
	digits[len++] = (uint8_t)('0' + octet % 10);
	name_add_label(name, span_of(digits, len));
}

static void name_add_nibble(struct dns_name *name, uint8_t nibble)
{
	name_add_label(name, span_of(&"0123456789abcdef"[nibble], 1));
}

int dns_name_reverse(struct ip ip, const struct dns_name *suffix, struct dns_name *ret_name)
{
	struct dns_name reversed = {.len = 0};

	if (ip_is_v4(ip)) {
		for (int i = 15; i >= 12; i--)
			name_add_octet(&reversed, ip.b[i]);
	} else {
		for (int i = 15; i >= 0; i--) {
			name_add_nibble(&reversed, ip.b[i] & 0x0f);
			name_add_nibble(&reversed, ip.b[i] >> 4);
		}
	}
	name_add_root(&reversed);
	return dns_name_join(&reversed, suffix, ret_name);
}

void dns_name_mix_case(struct dns_name *name, const uint8_t random_bits[DNS_MIX_SIZE])
{
	for (size_t i = 0; i < name->len; i++) {
		if (ascii_is_alpha(name->wire[i]) && (random_bits[i / 8] >> (i % 8) & 1) != 0)
			name->wire[i] ^= 0x20;
	}
}

/* Lengths of labels are below letters. */
void dns_name_lower(struct dns_name *name)
{
	for (size_t i = 0; i < name->len; i++)
		name->wire[i] = ascii_lower(name->wire[i]);
}

/*
 * A pointer has to point before the label run it ends, and each jump before the run that jumped:
 * offsets fall strictly, so there are no loops. Chains of bare pointers are cut at JUMPS_MAX, which
 * no honest encoder comes near, because a message of 64 KB could otherwise make each of its
 * thousand names expensive.
 */
enum { JUMPS_MAX = 32 };

int dns_name_decode(struct span message, size_t *at, struct dns_name *ret_name)
{
	struct dns_name name = {.len = 0};
	size_t here = *at;
	size_t run_start = here;
	size_t behind = 0; /* where the record goes on; set by the first jump */
	unsigned jumps = 0;

	for (;;) {
		struct reader reader = reader_of(span_from(message, here));
		uint8_t head = reader_u8(&reader);
		int r;

		if ((head & 0xc0) == 0xc0) {
			size_t target = (size_t)(head & 0x3f) << 8 | reader_u8(&reader);

			if (reader.bad || target >= run_start || jumps == JUMPS_MAX)
				return E_PARSE;
			if (jumps == 0)
				behind = here + 2;
			jumps++;
			here = target;
			run_start = target;
			continue;
		}
		if (reader.bad || head > DNS_LABEL_MAX)
			return E_PARSE;
		if (head == 0)
			break;
		r = name_add_label(&name, reader_bytes(&reader, head));
		if (r < 0)
			return r;
		here += 1 + (size_t)head;
	}
	name_add_root(&name);
	*at = jumps != 0 ? behind : here + 1;
	*ret_name = name;
	return 0;
}
