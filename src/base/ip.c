/* SPDX-License-Identifier: ISC */
#include "base/ip.h"

#include <arpa/inet.h>
#include <stdio.h>

#include "base/macro.h"

static const uint8_t v4_mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

bool ip_is_v4(struct ip ip)
{
	return memcmp(ip.b, v4_mapped, sizeof(v4_mapped)) == 0;
}

bool ip_equal(struct ip a, struct ip b)
{
	return memcmp(a.b, b.b, sizeof(a.b)) == 0;
}

int ip_compare(struct ip a, struct ip b)
{
	return memcmp(a.b, b.b, sizeof(a.b));
}

struct ip ip_from_v4(uint32_t host_order)
{
	struct ip ip;

	memcpy(ip.b, v4_mapped, sizeof(v4_mapped));
	for (int i = 0; i < 4; i++)
		ip.b[12 + i] = (uint8_t)(host_order >> (24 - 8 * i));
	return ip;
}

uint32_t ip_to_v4(struct ip ip)
{
	return octets_u32(ip.b + 12);
}

int ip_parse(struct span s, struct ip *ret_ip)
{
	char text[IP_TEXT_SIZE];
	struct in_addr v4;
	struct in6_addr v6;

	if (s.len == 0 || s.len >= sizeof(text) || span_find(s, '\0') != s.len)
		return E_PARSE;
	memcpy(text, s.ptr, s.len);
	text[s.len] = '\0';
	if (inet_pton(AF_INET, text, &v4) == 1) {
		*ret_ip = ip_from_v4(ntohl(v4.s_addr));
		return 0;
	}
	if (inet_pton(AF_INET6, text, &v6) == 1) {
		memcpy(ret_ip->b, v6.s6_addr, sizeof(ret_ip->b));
		return 0;
	}
	return E_PARSE;
}

/* As RFC 5952 wants it: inet_ntop writes all of ::/96 with an IPv4 address at the end, as if that
 * still meant one (RFC 4291 section 2.5.5.1). */
static void ipv6_print(const uint8_t b[16], char *text, size_t size)
{
	static const uint8_t zero[12];
	unsigned high = (unsigned)b[12] << 8 | b[13], low = (unsigned)b[14] << 8 | b[15];

	if (memcmp(b, zero, sizeof(zero)) != 0 || (high == 0 && low < 2))
		inet_ntop(AF_INET6, b, text, (socklen_t)size);
	else if (high != 0)
		snprintf(text, size, "::%x:%x", high, low);
	else
		snprintf(text, size, "::%x", low);
}

/* Exports print millions, and inet_ntop goes by a format. */
static void dotted_print(const uint8_t octets[4], char *text)
{
	for (unsigned i = 0; i < 4; i++) {
		unsigned octet = octets[i];

		if (octet >= 100)
			*text++ = (char)('0' + octet / 100);
		if (octet >= 10)
			*text++ = (char)('0' + octet / 10 % 10);
		*text++ = (char)('0' + octet % 10);
		*text++ = i < 3 ? '.' : '\0';
	}
}

const char *ip_print(struct ip ip, char text[IP_TEXT_SIZE])
{
	if (ip_is_v4(ip))
		dotted_print(ip.b + 12, text);
	else
		ipv6_print(ip.b, text, IP_TEXT_SIZE);
	return text;
}

struct prefix prefix_of(struct ip ip, unsigned bits)
{
	struct prefix prefix = {ip, (uint8_t)bits};
	unsigned whole = bits / 8;

	ASSERT(bits <= 128);
	if (whole < sizeof(ip.b)) {
		prefix.ip.b[whole] &= (uint8_t)(0xff00 >> bits % 8);
		memset(prefix.ip.b + whole + 1, 0, sizeof(ip.b) - whole - 1);
	}
	return prefix;
}

struct prefix ip_source_of(struct ip ip)
{
	return prefix_of(ip, ip_is_v4(ip) ? 128 : 64);
}

struct prefix ip_network_of(struct ip ip)
{
	return prefix_of(ip, ip_is_v4(ip) ? IP_V4_BITS + 24 : 48);
}

bool prefix_is_v4(struct prefix prefix)
{
	return prefix.bits >= IP_V4_BITS && ip_is_v4(prefix.ip);
}

bool prefix_has(struct prefix prefix, struct ip ip)
{
	return ip_equal(prefix_of(ip, prefix.bits).ip, prefix.ip);
}

bool prefix_covers(struct prefix outer, struct prefix inner)
{
	return outer.bits <= inner.bits && prefix_has(outer, inner.ip);
}

bool prefix_equal(struct prefix a, struct prefix b)
{
	return a.bits == b.bits && ip_equal(a.ip, b.ip);
}

struct ip prefix_last(struct prefix prefix)
{
	struct ip last = prefix.ip;

	for (unsigned i = prefix.bits; i < 128; i++)
		last.b[i / 8] |= (uint8_t)(0x80 >> (i % 8));
	return last;
}

int prefix_parse(struct span s, struct prefix *ret_prefix, struct fault *why)
{
	struct span rest = s, address = span_split(&rest, '/');
	bool has_length = address.len < s.len;
	struct prefix prefix;
	struct ip ip;
	uint64_t bits;

	if (ip_parse(address, &ip) < 0)
		return fault_set(
			why, E_PARSE, "'%.*s' is not an address or a network", (int)s.len, s.ptr);
	bits = ip_is_v4(ip) ? 32 : 128;
	if (has_length && (rest.len > 3 || span_parse_u64(rest, bits, &bits) < 0))
		return fault_set(
			why, E_PARSE, "'%.*s' has no valid prefix length", (int)s.len, s.ptr);
	if (span_find(address, ':') == address.len)
		bits += IP_V4_BITS;
	else if (ip_is_v4(ip) && !has_length)
		bits = 128;
	prefix = prefix_of(ip, (unsigned)bits);
	if (!ip_equal(prefix.ip, ip)) {
		char text[PREFIX_TEXT_SIZE];

		return fault_set(why, E_RANGE,
			"'%.*s' has bits behind the prefix length; the network is %s", (int)s.len,
			s.ptr, prefix_print(prefix, text));
	}
	*ret_prefix = prefix;
	return 0;
}

const char *prefix_print(struct prefix prefix, char text[PREFIX_TEXT_SIZE])
{
	bool v4 = prefix_is_v4(prefix);
	char address[IP_TEXT_SIZE];

	if (v4 || !ip_is_v4(prefix.ip))
		ip_print(prefix.ip, address);
	else
		ipv6_print(prefix.ip.b, address, sizeof(address));
	if (prefix.bits == 128)
		snprintf(text, PREFIX_TEXT_SIZE, "%s", address);
	else
		snprintf(text, PREFIX_TEXT_SIZE, "%s/%d", address,
			v4 ? prefix.bits - IP_V4_BITS : prefix.bits);
	return text;
}

bool endpoint_equal(struct endpoint a, struct endpoint b)
{
	return a.port == b.port && ip_equal(a.ip, b.ip);
}

int endpoint_parse(struct span s, struct endpoint *ret_endpoint, struct fault *why)
{
	size_t colon = s.len;
	struct endpoint endpoint;
	struct span address;
	uint64_t port;

	while (colon > 0 && s.ptr[colon - 1] != ':')
		colon--;
	if (colon == 0)
		return fault_set(why, E_PARSE,
			"'%.*s' has no %s; write ADDRESS:PORT, for example \"[::]:25\"", (int)s.len,
			s.ptr, span_parse_u64(s, UINT16_MAX, &port) == 0 ? "address" : "port");
	address = span_first(s, colon - 1);
	if (address.len >= 2 && address.ptr[0] == '[' && address.ptr[address.len - 1] == ']')
		address = span_of(address.ptr + 1, address.len - 2);
	else if (span_find(address, ':') != address.len)
		return fault_set(why, E_PARSE, "'%.*s': write an IPv6 address in brackets",
			(int)s.len, s.ptr);
	if (ip_parse(address, &endpoint.ip) < 0)
		return fault_set(why, E_PARSE, "'%.*s' has no valid address", (int)s.len, s.ptr);
	if (span_parse_u64(span_from(s, colon), 65535, &port) < 0)
		return fault_set(why, E_PARSE, "'%.*s' has no valid port", (int)s.len, s.ptr);
	endpoint.port = (uint16_t)port;
	*ret_endpoint = endpoint;
	return 0;
}

const char *endpoint_print(struct endpoint endpoint, char text[ENDPOINT_TEXT_SIZE])
{
	char address[IP_TEXT_SIZE];

	ip_print(endpoint.ip, address);
	snprintf(text, ENDPOINT_TEXT_SIZE, ip_is_v4(endpoint.ip) ? "%s:%u" : "[%s]:%u", address,
		(unsigned)endpoint.port);
	return text;
}

socklen_t endpoint_to_sockaddr(struct endpoint endpoint, struct sockaddr_storage *ret_address)
{
	memset(ret_address, 0, sizeof(*ret_address));
	if (ip_is_v4(endpoint.ip)) {
		struct sockaddr_in *in = (struct sockaddr_in *)ret_address;

		in->sin_family = AF_INET;
		in->sin_port = htons(endpoint.port);
		in->sin_addr.s_addr = htonl(ip_to_v4(endpoint.ip));
		return sizeof(*in);
	}
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)ret_address;

	in6->sin6_family = AF_INET6;
	in6->sin6_port = htons(endpoint.port);
	memcpy(in6->sin6_addr.s6_addr, endpoint.ip.b, sizeof(endpoint.ip.b));
	return sizeof(*in6);
}

int endpoint_from_sockaddr(const struct sockaddr *address, struct endpoint *ret_endpoint)
{
	if (address->sa_family == AF_INET) {
		const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)address;

		ret_endpoint->ip = ip_from_v4(ntohl(in->sin_addr.s_addr));
		ret_endpoint->port = ntohs(in->sin_port);
		return 0;
	}
	if (address->sa_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)(const void *)address;

		memcpy(ret_endpoint->ip.b, in6->sin6_addr.s6_addr, sizeof(ret_endpoint->ip.b));
		ret_endpoint->port = ntohs(in6->sin6_port);
		return 0;
	}
	return E_PARSE;
}

struct special_net {
	const char *text;
	bool documentation;
};

/* The special-purpose registries of RFC 6890 as of 2026, and multicast (RFC 5771, RFC 4291 2.7). */
static const struct special_net special_nets[] = {
	{"0.0.0.0/8", false},
	{"10.0.0.0/8", false},
	{"100.64.0.0/10", false},
	{"127.0.0.0/8", false},
	{"169.254.0.0/16", false},
	{"172.16.0.0/12", false},
	{"192.0.0.0/24", false},
	{"192.0.2.0/24", true},
	{"192.88.99.0/24", false},
	{"192.168.0.0/16", false},
	{"198.18.0.0/15", false},
	{"198.51.100.0/24", true},
	{"203.0.113.0/24", true},
	{"224.0.0.0/4", false},
	{"240.0.0.0/4", false},
	{"::/127", false},
	{"64:ff9b:1::/48", false},
	{"100::/64", false},
	{"2001:db8::/32", true},
	{"3fff::/20", true},
	{"5f00::/16", false},
	{"fc00::/7", false},
	{"fe80::/10", false},
	{"ff00::/8", false},
};

/* The same, as prefixes, and those of IPv4 as ranges: they are asked for by the million. */
static struct prefix special_prefixes[COUNTOF(special_nets)];
static struct special_range {
	uint32_t first, last;
	bool documentation;
} special_ranges[COUNTOF(special_nets)];
static size_t special_ranges_len;

static struct special_range range_of_v4(struct prefix prefix)
{
	return (struct special_range){
		.first = ip_to_v4(prefix.ip), .last = ip_to_v4(prefix_last(prefix))};
}

__attribute__((constructor)) static void special_nets_parse(void)
{
	for (size_t i = 0; i < COUNTOF(special_nets); i++) {
		struct special_range *range = &special_ranges[special_ranges_len];

		prefix_parse(span_text(special_nets[i].text), &special_prefixes[i], NULL);
		if (!prefix_is_v4(special_prefixes[i]))
			continue;
		*range = range_of_v4(special_prefixes[i]);
		range->documentation = special_nets[i].documentation;
		special_ranges_len++;
	}
}

static bool v4_is_special_use(struct prefix prefix, bool with_documentation)
{
	struct special_range asked = range_of_v4(prefix);

	for (size_t i = 0; i < special_ranges_len; i++) {
		const struct special_range *range = &special_ranges[i];

		if (asked.first <= range->last && range->first <= asked.last &&
			(with_documentation || !range->documentation))
			return true;
	}
	return false;
}

bool prefix_is_special_use(struct prefix prefix, bool with_documentation)
{
	if (prefix_is_v4(prefix))
		return v4_is_special_use(prefix, with_documentation);
	for (size_t i = 0; i < COUNTOF(special_nets); i++) {
		if (special_nets[i].documentation && !with_documentation)
			continue;
		if (prefix_covers(special_prefixes[i], prefix) ||
			prefix_covers(prefix, special_prefixes[i]))
			return true;
	}
	return false;
}

bool ip_is_loopback(struct ip ip)
{
	static const struct ip loopback = {{[15] = 1}};

	return ip_is_v4(ip) ? ip_to_v4(ip) >> 24 == 127 : ip_equal(ip, loopback);
}

bool ip_is_special_use(struct ip ip, bool with_documentation)
{
	return prefix_is_special_use(prefix_of(ip, 128), with_documentation);
}
