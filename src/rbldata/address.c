/* SPDX-License-Identifier: ISC */
#include "rbldata/address.h"

#include <stdio.h>

#include "base/err.h"

enum { OCTETS = 4, IPV4_BITS = 32, IPV6_BITS = 128, IPV6_BYTES = 16 };

int rbl_number_read(struct rbl_cursor *cursor, uint32_t max, uint32_t *ret_number)
{
	uint64_t number = 0;

	if (!ascii_is_digit(rbl_peek(cursor)))
		return E_PARSE;
	while (ascii_is_digit(rbl_peek(cursor))) {
		number = number * 10 + (uint64_t)(*cursor->ptr - '0');
		if (number > max)
			return E_PARSE;
		cursor->ptr++;
	}
	*ret_number = (uint32_t)number;
	return 0;
}

int rbl_octets_read(struct rbl_cursor *cursor, uint32_t *ret_address)
{
	uint32_t address = 0;
	unsigned octet = 0;

	for (int bits = 8;; bits += 8) {
		if (rbl_number_read(cursor, 255, &octet) < 0)
			return E_PARSE;
		address |= (uint32_t)octet << (IPV4_BITS - bits);
		if (bits == IPV4_BITS || rbl_peek(cursor) != '.') {
			*ret_address = address;
			return bits;
		}
		cursor->ptr++;
	}
}

int rbl_aton_read(struct rbl_cursor *cursor, uint8_t ret_a[4])
{
	uint32_t address;
	int bits = rbl_octets_read(cursor, &address);

	if (bits < 0)
		return bits;
	for (int i = 0; i < OCTETS; i++)
		ret_a[i] = (uint8_t)(address >> (24 - 8 * i));
	if (bits >= 8 && bits < IPV4_BITS) {
		uint8_t *last = &ret_a[bits / 8 - 1];

		ret_a[3] = *last;
		*last = 0;
	}
	return bits;
}

int rbl_a_read(struct rbl_cursor *cursor, uint8_t ret_a[4])
{
	int bits = rbl_aton_read(cursor, ret_a);

	if (bits < 0 || (ret_a[0] | ret_a[1] | ret_a[2] | ret_a[3]) == 0)
		return E_PARSE;
	if (bits == 8)
		ret_a[0] = 127;
	return 0;
}

/* The length behind a slash, or `bits` when there is none and that is more than one part. */
static int length_read(struct rbl_cursor *cursor, int bits, int alone, unsigned max)
{
	unsigned length = 0;

	if (rbl_peek(cursor) != '/')
		return bits != alone ? bits : E_PARSE;
	cursor->ptr++;
	return rbl_number_read(cursor, max, &length) < 0 ? E_PARSE : (int)length;
}

int rbl_cidr4_read(struct rbl_cursor *cursor, uint32_t *ret_address)
{
	int bits = rbl_octets_read(cursor, ret_address);

	return bits < 0 ? bits : length_read(cursor, bits, 8, IPV4_BITS);
}

/* "10.2-10.4": the same octets, the others are 0 and 255; or the last one alone, "10.2-4". */
static int range_end_read(struct rbl_cursor *cursor, int bits, uint32_t first, uint32_t *ret_last)
{
	uint32_t last;
	int last_bits = rbl_octets_read(cursor, &last);

	if (last_bits < 0)
		return E_PARSE;
	if (last_bits == 8)
		last = last >> (bits - 8) | (first & rbl_mask4((unsigned)bits - 8));
	else if (last_bits != bits)
		return E_PARSE;
	last |= ~rbl_mask4((unsigned)bits);
	if (first > last)
		return E_PARSE;
	*ret_last = last;
	return IPV4_BITS;
}

int rbl_range4_read(struct rbl_cursor *cursor, uint32_t *ret_first, uint32_t *ret_last)
{
	int bits = rbl_octets_read(cursor, ret_first);

	if (bits < 0)
		return bits;
	if (rbl_peek(cursor) == '-') {
		cursor->ptr++;
		return range_end_read(cursor, bits, *ret_first, ret_last);
	}
	bits = length_read(cursor, bits, 8, IPV4_BITS);
	if (bits >= 0)
		*ret_last = *ret_first | ~rbl_mask4((unsigned)bits);
	return bits;
}

static int group_read(struct rbl_cursor *cursor, unsigned *ret_group)
{
	const uint8_t *start = cursor->ptr;
	unsigned group = 0;

	while (ascii_is_hex(rbl_peek(cursor))) {
		group = group << 4 | ascii_hex_value(*cursor->ptr);
		if (group > 0xffff)
			return E_PARSE;
		cursor->ptr++;
	}
	*ret_group = group;
	return cursor->ptr != start ? 0 : E_PARSE;
}

/* Moves what stands behind the "::" to the end. */
static int gap_fill(struct ip *ip, size_t gap_at, size_t len)
{
	size_t zeros = IPV6_BYTES - len;

	if (zeros == 0)
		return E_PARSE;
	memmove(ip->b + gap_at + zeros, ip->b + gap_at, len - gap_at);
	memset(ip->b + gap_at, 0, zeros);
	return IPV6_BITS;
}

int rbl_groups_read(struct rbl_cursor *cursor, struct ip *ret_ip)
{
	struct ip ip = {{0}};
	size_t len = 0, gap_at = 0;
	bool has_gap = false;
	unsigned group = 0;
	int bits = E_PARSE;

	if (cursor->end - cursor->ptr >= 2 && cursor->ptr[0] == ':' && cursor->ptr[1] == ':') {
		has_gap = true;
		cursor->ptr += 2;
	}
	while (group_read(cursor, &group) == 0) {
		ip.b[len++] = (uint8_t)(group >> 8);
		ip.b[len++] = (uint8_t)group;
		if (rbl_peek(cursor) != ':' || len == IPV6_BYTES) {
			bits = (int)len * 8;
			break;
		}
		cursor->ptr++;
		if (!has_gap && rbl_peek(cursor) == ':') {
			has_gap = true;
			gap_at = len;
			cursor->ptr++;
		}
	}
	if (has_gap)
		bits = gap_fill(&ip, gap_at, len);
	if (bits > 0)
		*ret_ip = ip;
	return bits;
}

int rbl_cidr6_read(struct rbl_cursor *cursor, struct ip *ret_ip)
{
	int bits = rbl_groups_read(cursor, ret_ip);

	return bits < 0 ? bits : length_read(cursor, bits, 16, IPV6_BITS);
}

struct run {
	unsigned first, len;
};

/* The longest run of zero groups, the first of equal ones, two or more (RFC 5952 section 4.2). */
static struct run zeros_find(const uint16_t groups[8])
{
	struct run best = {8, 0};
	unsigned len;

	for (unsigned i = 0; i < 8; i += len + 1) {
		for (len = 0; i + len < 8 && groups[i + len] == 0;)
			len++;
		if (len > 1 && len > best.len)
			best = (struct run){i, len};
	}
	return best;
}

size_t rbl_ip6_print(struct ip ip, char text[RBL_IP6_TEXT_SIZE])
{
	uint16_t groups[8];
	struct run zeros;
	size_t len = 0;

	for (unsigned i = 0; i < 8; i++)
		groups[i] = (uint16_t)(ip.b[2 * i] << 8 | ip.b[2 * i + 1]);
	zeros = zeros_find(groups);
	for (unsigned i = 0; i < 8; i++) {
		if (i == zeros.first) {
			text[len++] = ':';
			text[len++] = ':';
			i += zeros.len - 1;
			continue;
		}
		len += (size_t)snprintf(text + len, RBL_IP6_TEXT_SIZE - len, "%s%x",
			i != 0 && i != zeros.first + zeros.len ? ":" : "", (unsigned)groups[i]);
	}
	text[len] = '\0';
	return len;
}
