/* SPDX-License-Identifier: ISC */
#pragma once
/* Addresses as rbldnsd's files write them: whole, as a beginning ("10.2", "2001:db8"), with a
 * length, or from one to another. Reading stops behind the address; what follows is the caller's to
 * judge. Pure; any thread. */
#include "base/ip.h"
#include "base/span.h"

/* A place in a line. */
struct rbl_cursor {
	const uint8_t *ptr, *end;
};

static inline struct rbl_cursor rbl_cursor_of(struct span s)
{
	return (struct rbl_cursor){s.ptr, s.ptr + s.len};
}

/* The byte at the cursor; 0 at the end (lines hold no NUL). */
static inline uint8_t rbl_peek(const struct rbl_cursor *cursor)
{
	return cursor->ptr < cursor->end ? *cursor->ptr : 0;
}

static inline bool rbl_is_blank(uint8_t byte)
{
	return byte == ' ' || byte == '\t';
}

static inline bool rbl_is_comment(uint8_t byte)
{
	return byte == '#' || byte == ';';
}

static inline void rbl_skip_blanks(struct rbl_cursor *cursor)
{
	while (rbl_is_blank(rbl_peek(cursor)))
		cursor->ptr++;
}

static inline struct span rbl_rest(const struct rbl_cursor *cursor)
{
	return span_of(cursor->ptr, (size_t)(cursor->end - cursor->ptr));
}

/* The leading bits of IPv4 as a mask; bits 0 to 32. */
static inline uint32_t rbl_mask4(unsigned bits)
{
	return bits == 0 ? 0 : UINT32_MAX << (32 - bits);
}

/* A decimal number up to max. E_PARSE. */
int rbl_number_read(struct rbl_cursor *cursor, uint32_t max, uint32_t *ret_number);

/* Octets with dots between: their bits (8 to 32), or E_PARSE with the cursor at the offence. */
int rbl_octets_read(struct rbl_cursor *cursor, uint32_t *ret_address);

/* "2" is 0.0.0.2, "1.2" is 1.0.0.2, "1.2.3" is 1.2.0.3, as inet_aton had it, but without its other
 * bases. How many bits were given, or E_PARSE. */
int rbl_aton_read(struct rbl_cursor *cursor, uint8_t ret_a[4]);

/* The A of an entry: the same, but "2" is 127.0.0.2, and 0.0.0.0 is none. E_PARSE. */
int rbl_a_read(struct rbl_cursor *cursor, uint8_t ret_a[4]);

/* "10.2", "10.2.0.0/16", "10/8", 0 to 32 bits; not "10". *ret_address may have host bits. E_PARSE.
 */
int rbl_cidr4_read(struct rbl_cursor *cursor, uint32_t *ret_address);

/* The same, and "10.2-10.4", "10.2.0.1-9": whole, 32 bits. First and last of the range; E_PARSE,
 * also when it is inverted. */
int rbl_range4_read(struct rbl_cursor *cursor, uint32_t *ret_first, uint32_t *ret_last);

/* Groups of four digits: 16 bits for each, 128 with "::". E_PARSE. */
int rbl_groups_read(struct rbl_cursor *cursor, struct ip *ret_ip);

/* The same, or with "/length"; one group is not an address. E_PARSE. *ret_ip may have host bits. */
int rbl_cidr6_read(struct rbl_cursor *cursor, struct ip *ret_ip);

/* As RFC 5952 has it, but with groups alone: "::ffff:102:304". Its length. */
enum { RBL_IP6_TEXT_SIZE = 40 };
size_t rbl_ip6_print(struct ip ip, char text[RBL_IP6_TEXT_SIZE]);
