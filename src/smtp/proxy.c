/* SPDX-License-Identifier: ISC */
#include "smtp/proxy.h"

#include <stdio.h>

#include "base/reader.h"

static const uint8_t signature[12] = {
	'\r', '\n', '\r', '\n', 0, '\r', '\n', 'Q', 'U', 'I', 'T', '\n'};

enum {
	V2_LOCAL = 0x20,
	V2_PROXY = 0x21,
	V2_TCP4 = 0x11,
	V2_TCP6 = 0x21,
	V2_TCP4_LENGTH = 12,
	V2_TCP6_LENGTH = 36,
};

static bool starts_like(struct span input, const void *start, size_t len)
{
	size_t common = input.len < len ? input.len : len;

	return memcmp(input.ptr, start, common) == 0;
}

/* ---- version 1: "PROXY TCP4 192.0.2.1 192.0.2.2 1025 25" CRLF ---- */

/* TCP6 with mapped addresses is what a balancer with one socket for both families sends. */
static int v1_address(struct span *rest, bool v4_only, struct ip *ret_ip)
{
	int r = ip_parse(span_split(rest, ' '), ret_ip);

	if (r < 0)
		return r;
	return ip_is_v4(*ret_ip) || !v4_only ? 0 : E_PARSE;
}

static int v1_port(struct span word, uint16_t *ret_port)
{
	uint64_t port;
	int r = span_parse_u64(word, UINT16_MAX, &port);

	if (r == 0)
		*ret_port = (uint16_t)port;
	return r;
}

static int v1_parse(struct span line, struct proxy_header *ret_header)
{
	struct proxy_header header = {0};
	struct span rest = line, word = span_split(&rest, ' '), family = span_split(&rest, ' ');
	bool v4 = span_equal_text(family, "TCP4");

	if (!span_equal_text(word, "PROXY"))
		return E_PARSE;
	if (span_equal_text(family, "UNKNOWN")) {
		header.client = PROXY_CLIENT_UNNAMED; /* what follows is not to be looked at */
	} else if (!v4 && !span_equal_text(family, "TCP6")) {
		return E_PARSE;
	} else if (v1_address(&rest, v4, &header.source.ip) < 0 ||
		   v1_address(&rest, v4, &header.destination.ip) < 0 ||
		   v1_port(span_split(&rest, ' '), &header.source.port) < 0 ||
		   v1_port(rest, &header.destination.port) < 0) {
		return E_PARSE;
	}
	*ret_header = header;
	return 0;
}

static int v1_read(struct span input, struct proxy_header *ret_header, size_t *ret_used)
{
	struct span line = span_first(input, PROXY_V1_MAX);
	size_t end = span_find(line, '\n');
	int r;

	if (end == line.len)
		return line.len == PROXY_V1_MAX ? E_LIMIT : 0;
	if (end == 0 || line.ptr[end - 1] != '\r')
		return E_PARSE;
	r = v1_parse(span_first(line, end - 1), ret_header);
	if (r < 0)
		return r;
	*ret_used = end + 1;
	return 1;
}

/* ---- version 2 ---- */

static struct endpoint v2_endpoint_ip(struct reader *reader, bool v4)
{
	struct endpoint endpoint = {0};
	struct span bytes;

	if (v4) {
		endpoint.ip = ip_from_v4(reader_u32(reader));
		return endpoint;
	}
	bytes = reader_bytes(reader, sizeof(endpoint.ip.b));
	if (bytes.len == sizeof(endpoint.ip.b))
		memcpy(endpoint.ip.b, bytes.ptr, bytes.len);
	return endpoint;
}

/* An IPv6 header with a mapped address gives the IPv4 address: struct ip has one form for both. */
static int v2_parse(
	uint8_t command, uint8_t family, struct span addresses, struct proxy_header *ret_header)
{
	struct proxy_header header = {0};
	struct reader reader = reader_of(addresses);

	if (command != V2_LOCAL && command != V2_PROXY)
		return E_PARSE;
	if (command == V2_LOCAL) {
		header.client = PROXY_CLIENT_NONE;
	} else if (family != V2_TCP4 && family != V2_TCP6) {
		header.client = PROXY_CLIENT_UNNAMED;
	} else {
		header.source = v2_endpoint_ip(&reader, family == V2_TCP4);
		header.destination = v2_endpoint_ip(&reader, family == V2_TCP4);
		header.source.port = reader_u16(&reader);
		header.destination.port = reader_u16(&reader);
		if (reader.bad)
			return E_PARSE;
	}
	*ret_header = header;
	return 0;
}

static int v2_read(struct span input, struct proxy_header *ret_header, size_t *ret_used)
{
	struct reader reader = reader_of(span_from(input, sizeof(signature)));
	uint8_t command = reader_u8(&reader), family = reader_u8(&reader);
	uint16_t len = reader_u16(&reader);
	size_t head = sizeof(signature) + 4;
	int r;

	if (reader.bad)
		return 0;
	if (head + len > PROXY_V2_MAX)
		return E_LIMIT;
	if (input.len < head + len)
		return 0;
	r = v2_parse(command, family, reader_bytes(&reader, len), ret_header);
	if (r < 0)
		return r;
	*ret_used = head + len;
	return 1;
}

int proxy_header_read(struct span input, struct proxy_header *ret_header, size_t *ret_used)
{
	if (input.len == 0)
		return 0;
	if (starts_like(input, signature, sizeof(signature)))
		return input.len < sizeof(signature) ? 0 : v2_read(input, ret_header, ret_used);
	if (starts_like(input, "PROXY ", 6))
		return v1_read(input, ret_header, ret_used);
	return E_PARSE;
}

/* ---- writers ---- */

/* Of two families the IPv4 address is written as a mapped one, as version 2 does. Never UNKNOWN:
 * the server would take our own address for the client's, and us for its own network. */
static const char *v1_mapping(struct ip ip, bool v4)
{
	return !v4 && ip_is_v4(ip) ? "::ffff:" : "";
}

void proxy_v1_print(struct endpoint source, struct endpoint destination, struct buf *out)
{
	char from[IP_TEXT_SIZE], to[IP_TEXT_SIZE];
	bool v4 = ip_is_v4(source.ip) && ip_is_v4(destination.ip);

	buf_append_format(out, "PROXY %s %s%s %s%s %u %u\r\n", v4 ? "TCP4" : "TCP6",
		v1_mapping(source.ip, v4), ip_print(source.ip, from),
		v1_mapping(destination.ip, v4), ip_print(destination.ip, to), (unsigned)source.port,
		(unsigned)destination.port);
}

static void v2_print_ip(struct ip ip, bool v4, struct buf *out)
{
	if (v4)
		buf_append_u32(out, ip_to_v4(ip));
	else
		buf_append(out, span_of(ip.b, sizeof(ip.b)));
}

void proxy_v2_print(struct endpoint source, struct endpoint destination, struct buf *out)
{
	bool v4 = ip_is_v4(source.ip) && ip_is_v4(destination.ip);

	buf_append(out, span_of(signature, sizeof(signature)));
	buf_append_byte(out, V2_PROXY);
	buf_append_byte(out, v4 ? V2_TCP4 : V2_TCP6);
	buf_append_u16(out, v4 ? V2_TCP4_LENGTH : V2_TCP6_LENGTH);
	v2_print_ip(source.ip, v4, out);
	v2_print_ip(destination.ip, v4, out);
	buf_append_u16(out, source.port);
	buf_append_u16(out, destination.port);
}
