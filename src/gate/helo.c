/* SPDX-License-Identifier: ISC */
#include "gate/helo.h"

#include "base/hostname.h"

/* "IPv6:" is the only registered tag (RFC 5321 section 4.1.3): IPv4 goes without, IPv6 with it. */
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

static enum helo_kind helo_parse_name(struct span name)
{
	switch (hostname_labels(name)) {
	case 0:
		return HELO_INVALID;
	case 1:
		return HELO_SHORT;
	default:
		return HELO_NAME;
	}
}

enum helo_kind helo_parse(struct span helo, struct ip *ret_ip)
{
	if (helo.len == 0)
		return HELO_ABSENT;
	if (helo.ptr[0] == '[' && helo.ptr[helo.len - 1] == ']' && helo.len > 2)
		return helo_parse_literal(span_of(helo.ptr + 1, helo.len - 2), ret_ip);
	if (ip_parse(helo, ret_ip) == 0)
		return HELO_ADDRESS;
	return helo_parse_name(hostname_without_dot(helo));
}

/* Behind NAT a machine knows no other address than its private one, and mail must not be refused
 * because HELO does not fit the client's address (RFC 5321 section 4.1.4). */
static bool literal_fits(struct ip literal, struct ip client)
{
	return ip_equal(literal, client) || ip_is_special_use(literal, false);
}

const char *helo_complaint(struct span helo, struct ip client, enum helo_kind *ret_kind)
{
	struct ip literal = {0};

	*ret_kind = helo_parse(helo, &literal);
	switch (*ret_kind) {
	case HELO_SHORT:
		return " has no domain";
	case HELO_ADDRESS:
		return " is an address without brackets";
	case HELO_INVALID:
		return " is not a host name";
	case HELO_LITERAL:
		return literal_fits(literal, client) ? NULL : " is not the client's address";
	case HELO_ABSENT:
	case HELO_NAME:
		break;
	}
	return NULL;
}
