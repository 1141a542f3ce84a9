/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * How bytes are held. A span borrows bytes that somebody else owns; it has no terminator and may
 * hold any byte. Text of strangers is never a C string: C strings are made by arena_string where a
 * library wants one. All functions are pure; any thread.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct span {
	const uint8_t *ptr;
	size_t len;
};

static inline struct span span_of(const void *ptr, size_t len)
{
	return (struct span){ptr, len};
}

/* The bytes of a C string without its NUL. NULL gives the empty span. */
static inline struct span span_text(const char *string)
{
	return (struct span){(const uint8_t *)string, string != NULL ? strlen(string) : 0};
}

static inline bool span_is_empty(struct span s)
{
	return s.len == 0;
}

/* The part from offset on; clamped, so that it never leaves s. */
static inline struct span span_from(struct span s, size_t offset)
{
	if (offset >= s.len)
		return (struct span){s.ptr != NULL ? s.ptr + s.len : NULL, 0};
	return (struct span){s.ptr + offset, s.len - offset};
}

/* The first len bytes; clamped. */
static inline struct span span_first(struct span s, size_t len)
{
	return (struct span){s.ptr, len < s.len ? len : s.len};
}

bool span_equal(struct span a, struct span b);
bool span_equal_text(struct span a, const char *b);

/* ASCII letters compare without case; other bytes exactly. */
bool span_equal_nocase(struct span a, struct span b);
bool span_has_prefix_nocase(struct span s, const char *prefix);
bool span_has_suffix_nocase(struct span s, struct span suffix);

/* <0, 0, >0 like memcmp, the shorter first. */
int span_compare(struct span a, struct span b);

/* The offset of the first byte (or text); s.len when there is none. */
size_t span_find(struct span s, uint8_t byte);
size_t span_find_text(struct span s, const char *text);

/* Whether all bytes are letters, digits or in `others`; below 0x80; no controls but tabs. */
bool span_is_word(struct span s, const char *others);
bool span_is_ascii(struct span s);
bool span_is_clean(struct span s);

/* Without the blanks and tabs at both ends. */
struct span span_trim(struct span s);

/* Cuts *rest at the first separator: the part before it is returned, *rest becomes the part behind
 * it. When there is no separator, all of *rest is returned and *rest becomes empty. */
struct span span_split(struct span *rest, uint8_t separator);

/* The same at a newline; a CR before it, as foreign systems write it, belongs to the line's end. */
struct span span_split_line(struct span *rest);
/* Without the mark (U+FEFF) that some editors write first into a file. */
struct span span_without_mark(struct span s);

/* Decimal digits only, all of s. 0, or E_PARSE, E_RANGE (above max). */
int span_parse_u64(struct span s, uint64_t max, uint64_t *ret_value);

static inline uint8_t ascii_lower(uint8_t byte)
{
	return byte >= 'A' && byte <= 'Z' ? (uint8_t)(byte | 0x20) : byte;
}

static inline bool ascii_is_digit(uint8_t byte)
{
	return byte >= '0' && byte <= '9';
}

static inline bool ascii_is_alpha(uint8_t byte)
{
	byte = ascii_lower(byte);
	return byte >= 'a' && byte <= 'z';
}

static inline bool ascii_is_hex(uint8_t byte)
{
	byte = ascii_lower(byte);
	return ascii_is_digit(byte) || (byte >= 'a' && byte <= 'f');
}

/* Of a digit that ascii_is_hex. */
static inline uint8_t ascii_hex_value(uint8_t digit)
{
	digit = ascii_lower(digit);
	return (uint8_t)(digit <= '9' ? digit - '0' : digit - 'a' + 10);
}

static inline bool ascii_is_print(uint8_t byte)
{
	return byte >= 0x20 && byte <= 0x7e;
}

/* Big-endian, of octets that are there: for the first look at a datagram; otherwise base/reader.h.
 */
static inline uint16_t octets_u16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t octets_u32(const uint8_t *p)
{
	return (uint32_t)octets_u16(p) << 16 | octets_u16(p + 2);
}
