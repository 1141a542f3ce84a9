/* SPDX-License-Identifier: ISC */
#include "gate/helo.h"

enum { NAME_MAX_LEN = 255, LABEL_MAX_LEN = 63 };

/* "IPv6:" is the only registered tag (RFC 5321 section 4.1.3); IPv4 goes without, IPv6 never does. */
static enum helo_kind helo_parse_literal(struct span inner, struct ip *ret_ip)
{
	static const char tag[] = "IPv6:";
	bool tagged = span_has_prefix_nocase(inner, tag);
	struct span address = tagged ? span_from(inner, sizeof(tag) - 1) : inner;
	bool is_v6 = span_find(address, ':') < address.len;

	if (tagged != is_v6 || ip_parse(address, ret_ip) < 0)
		return HELO_INVALID;
	return HELO_LITERAL;
}

/* sub-domain = Let-dig [Ldh-str] (RFC 5321 section 4.1.2). */
static bool label_is_valid(struct span label)
{
	if (label.len == 0 || label.len > LABEL_MAX_LEN || label.ptr[0] == '-' ||
		label.ptr[label.len - 1] == '-')
		return false;
	for (size_t i = 0; i < label.len; i++) {
		uint8_t c = label.ptr[i];

		if (!ascii_is_alpha(c) && !ascii_is_digit(c) && c != '-' && c != '_')
			return false;
	}
	return true;
}

/* No top-level domain is a number (RFC 3696 section 2), so "10.0.0.300" is no name either. */
static bool label_is_number(struct span label)
{
	for (size_t i = 0; i < label.len; i++)
		if (!ascii_is_digit(label.ptr[i]))
			return false;
	return true;
}

static enum helo_kind helo_parse_name(struct span name)
{
	struct span rest = name;
	struct span label;
	bool has_dot = span_find(name, '.') < name.len;

	/* span_split cannot tell "a." from "a" */
	if (name.len > NAME_MAX_LEN || name.ptr[name.len - 1] == '.')
		return HELO_INVALID;
	do {
		label = span_split(&rest, '.');
		if (!label_is_valid(label))
			return HELO_INVALID;
	} while (rest.len != 0);
	if (label_is_number(label))
		return HELO_INVALID;
	return has_dot ? HELO_NAME : HELO_SHORT;
}

enum helo_kind helo_parse(struct span helo, struct ip *ret_ip)
{
	if (helo.len == 0)
		return HELO_ABSENT;
	if (helo.ptr[0] == '[' && helo.ptr[helo.len - 1] == ']' && helo.len > 2)
		return helo_parse_literal(span_of(helo.ptr + 1, helo.len - 2), ret_ip);
	if (ip_parse(helo, ret_ip) == 0)
		return HELO_ADDRESS;
	return helo_parse_name(helo);
}
