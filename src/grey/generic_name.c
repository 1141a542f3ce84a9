/* SPDX-License-Identifier: ISC */
#include "grey/generic_name.h"

#include <stdio.h>

#include "base/macro.h"

enum { NUMBERS_MAX = 16, OCTETS_NEEDED = 3 };

/* The labels of a name that its owner chose are the last ones; what a pool says stands before. */
static struct span without_owner(struct span name)
{
	size_t dots = 0;

	for (size_t at = name.len; at > 0; at--)
		if (name.ptr[at - 1] == '.' && ++dots == 2)
			return span_first(name, at - 1);
	return span_first(name, 0);
}

/* Three octets of the address, each a number of its own, in the order of the address or against it:
 * "203-0-113-7", "7.113.0.203", "203x0x113". */
static bool has_octets(struct span name, struct ip client)
{
	uint32_t v4 = ip_to_v4(client);
	const unsigned octets[] = {v4 >> 24, v4 >> 16 & 255, v4 >> 8 & 255, v4 & 255};
	unsigned numbers[NUMBERS_MAX];
	size_t count = 0;

	for (size_t at = 0; at < name.len && count < NUMBERS_MAX;) {
		uint64_t value = 0;
		size_t len = 0;

		while (at + len < name.len && ascii_is_digit(name.ptr[at + len]) && len < 4)
			value = value * 10 + (uint64_t)(name.ptr[at + len++] - '0');
		if (len != 0)
			numbers[count++] = (unsigned)value;
		at += len != 0 ? len : 1;
	}
	for (size_t i = 0; i + OCTETS_NEEDED <= count; i++)
		for (size_t k = 0; k + OCTETS_NEEDED <= COUNTOF(octets); k++) {
			const unsigned *n = numbers + i, *o = octets + k;

			if ((n[0] == o[0] && n[1] == o[1] && n[2] == o[2]) ||
				(n[0] == o[2] && n[1] == o[1] && n[2] == o[0]))
				return true;
		}
	return false;
}

/* The last eight hexadecimal digits, or all of an IPv4 address: "cb007107". */
static bool has_hex(struct span name, struct ip client)
{
	char text[9];

	snprintf(text, sizeof(text), "%02x%02x%02x%02x", client.b[12], client.b[13], client.b[14],
		client.b[15]);
	for (size_t at = 0; at < name.len; at++)
		if (span_has_prefix_nocase(span_from(name, at), text))
			return true;
	return false;
}

static bool is_pool_word(struct span word)
{
	static const char *const words[] = {"adsl", "broadband", "cable", "client", "clients",
		"customer", "customers", "cust", "dhcp", "dial", "dialin", "dialup", "dsl", "dyn",
		"dynamic", "dynip", "fiber", "ftth", "host", "ip", "ippool", "nat", "pool", "pools",
		"ppp", "pppoe", "residential", "user", "users", "vdsl", "wireless"};

	for (size_t i = 0; i < COUNTOF(words); i++)
		if (span_equal_nocase(word, span_text(words[i])))
			return true;
	return false;
}

/* A word between dots, hyphens and digits: "dyn-12.", "adsl3.". */
static bool has_pool_word(struct span name)
{
	size_t from = 0;

	for (size_t at = 0; at <= name.len; at++) {
		if (at < name.len && ascii_is_alpha(name.ptr[at]))
			continue;
		if (is_pool_word(span_first(span_from(name, from), at - from)))
			return true;
		from = at + 1;
	}
	return false;
}

bool name_is_generic(struct span name, struct ip client)
{
	struct span pool = without_owner(name);

	return (ip_is_v4(client) && has_octets(pool, client)) || has_hex(pool, client) ||
	       has_pool_word(pool);
}
