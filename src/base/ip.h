/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * Addresses and prefixes. There is one form: sixteen bytes, IPv4 as ::ffff:a.b.c.d, so that nothing
 * is written twice. A prefix length always counts in that form: 198.51.100.0/24 has bits 120. Pure;
 * any thread.
 */
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/err.h"
#include "base/span.h"

enum { IP_TEXT_SIZE = 46, PREFIX_TEXT_SIZE = 50, ENDPOINT_TEXT_SIZE = 56, IP_V4_BITS = 96 };

struct ip {
	uint8_t b[16];
};

/* Bits behind `bits` are zero: prefix_of and the parsers see to it. */
struct prefix {
	struct ip ip;
	uint8_t bits; /* 0 to 128; an IPv4 prefix has at least 96 */
};

/* An address with a port in host byte order. */
struct endpoint {
	struct ip ip;
	uint16_t port;
};

bool ip_is_v4(struct ip ip);
bool ip_equal(struct ip a, struct ip b);
int ip_compare(struct ip a, struct ip b);
struct ip ip_from_v4(uint32_t host_order);
uint32_t ip_to_v4(struct ip ip); /* host order; only for ip_is_v4 */

/* "192.0.2.1", "2001:db8::1", "::ffff:192.0.2.1"; all of s. No zone index, no port, no leading
 * zeros in IPv4. */
int ip_parse(struct span s, struct ip *ret_ip);
const char *ip_print(struct ip ip, char text[IP_TEXT_SIZE]);

struct prefix prefix_of(struct ip ip, unsigned bits); /* clears the host bits */

/* Who is behind an address. A source is who did something (incidents, evidence, what is known of a
 * client): an IPv4 address, or the /64 of IPv6, of which each host has as many addresses as it
 * likes. A network is whoever shares what is scarce (places, questions, pages): a /24 or a /48,
 * which is what one customer is given at least and at most (RFC 6177). */
struct prefix ip_source_of(struct ip ip);
struct prefix ip_network_of(struct ip ip);
bool prefix_is_v4(
	struct prefix prefix); /* ::/0 and its like are not, although they hold the mapped block */
bool prefix_has(struct prefix prefix, struct ip ip);
bool prefix_covers(struct prefix outer, struct prefix inner);
bool prefix_equal(struct prefix a, struct prefix b);
struct ip prefix_last(struct prefix prefix);

/* "198.51.100.0/24", "2001:db8::/32", or an address alone. E_PARSE; E_RANGE when host bits are set
 * ("10.0.0.1/8"): people who write that mean something else. */
int prefix_parse(struct span s, struct prefix *ret_prefix, struct fault *why);
const char *prefix_print(struct prefix prefix, char text[PREFIX_TEXT_SIZE]);

bool endpoint_equal(struct endpoint a, struct endpoint b);
/* "127.0.0.1:25", "[::1]:25". */
int endpoint_parse(struct span s, struct endpoint *ret_endpoint, struct fault *why);
const char *endpoint_print(struct endpoint endpoint, char text[ENDPOINT_TEXT_SIZE]);
socklen_t endpoint_to_sockaddr(struct endpoint endpoint, struct sockaddr_storage *ret_address);
int endpoint_from_sockaddr(const struct sockaddr *address, struct endpoint *ret_endpoint);

/* 127.0.0.0/8 and ::1: this machine. */
bool ip_is_loopback(struct ip ip);

/* True for nets that no list may hold and no resolver should be asked about (RFC 6890 and its
 * registry: loopback, private, link-local, documentation, multicast, ...). Documentation nets count
 * only when `with_documentation`. */
bool ip_is_special_use(struct ip ip, bool with_documentation);
/* The same for a prefix: it lies in such a net, or holds one. */
bool prefix_is_special_use(struct prefix prefix, bool with_documentation);
