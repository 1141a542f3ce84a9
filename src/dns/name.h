/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * A domain name in uncompressed wire form: labels with their lengths, the empty root label last
 * (RFC 1035 section 3.1). A value type of 256 bytes; pure; any thread.
 */
#include "base/buf.h"
#include "base/err.h"
#include "base/ip.h"
#include "base/span.h"

enum { DNS_NAME_MAX = 255, DNS_LABEL_MAX = 63, DNS_NAME_TEXT_SIZE = 1024, DNS_MIX_SIZE = 32 };

struct dns_name {
	uint8_t len; /* with the root label: 1 to 255 */
	uint8_t wire[DNS_NAME_MAX];
};

static inline struct span dns_name_span(const struct dns_name *name)
{
	return span_of(name->wire, name->len);
}

/* From text with or without a dot at the end; "\." and "\DDD" escape. E_PARSE, E_LIMIT. */
int dns_name_parse(struct span text, struct dns_name *ret_name);
/* Presentation form without the dot at the end ("." for the root), bytes beyond printable ASCII as
 * \DDD. */
const char *dns_name_print(const struct dns_name *name, char text[DNS_NAME_TEXT_SIZE]);

bool dns_name_equal(
	const struct dns_name *a, const struct dns_name *b); /* ASCII case does not matter */
bool dns_name_is_below(const struct dns_name *name, const struct dns_name *zone); /* or equal */
unsigned dns_name_label_count(const struct dns_name *name); /* without the root */

/* prefix + "." + suffix. E_LIMIT. */
int dns_name_join(
	const struct dns_name *prefix, const struct dns_name *suffix, struct dns_name *ret_name);

/* 192.0.2.99 -> 99.2.0.192.<suffix>; IPv6: 32 nibbles (RFC 5782 sections 2.1, 2.4; RFC 1035
 * section 3.5). */
int dns_name_reverse(struct ip ip, const struct dns_name *suffix, struct dns_name *ret_name);

/* Flips the case of letters by random bits, so that an answer has to repeat what a forger cannot
 * see ("0x20"). */
void dns_name_mix_case(struct dns_name *name, const uint8_t random_bits[DNS_MIX_SIZE]);
void dns_name_lower(struct dns_name *name);

/* Reads a name at offset *at of a message, following compression pointers (RFC 1035 section 4.1.4),
 * which may only point backwards; *at moves behind it. E_PARSE: cut short, a bad pointer or label
 * type; E_LIMIT: over 255 octets. */
int dns_name_decode(struct span message, size_t *at, struct dns_name *ret_name);
