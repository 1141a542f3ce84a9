/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * The test entries of RFC 5782 (sections 5 and 2.4), which are there whether anything is listed or
 * not: each code of a zone answers for the address that equals it, 127.0.0.2 is always listed,
 * 127.0.0.1 never; TEST always, INVALID never. All in each sublist's own subdomain as well. Their
 * IPv6 forms (::FFFF:7F00:2) are the same addresses. Pure; any thread.
 */
#include "zone/zone.h"

/* The sublists that answer for a test address, of those in within: 0 when it is none. */
uint32_t zone_test_ip(const struct zone *zone, struct ip ip, uint32_t within);
bool zone_test_domain(struct span name);
bool zone_never_ip(struct ip ip);
bool zone_never_domain(struct span name);

/* Whether one of the test addresses lies in net: the names above it exist (RFC 8020). */
bool zone_test_within(const struct zone *zone, struct prefix net, uint32_t within);
