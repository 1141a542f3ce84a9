/* SPDX-License-Identifier: ISC */
#include "zone/test_entries.h"

enum { TEST_LISTED = 0x7f000002, TEST_NEVER = 0x7f000001 };

bool zone_never_ip(struct ip ip)
{
	return ip_is_v4(ip) && ip_to_v4(ip) == TEST_NEVER;
}

uint32_t zone_test_ip(const struct zone *zone, struct ip ip, uint32_t within)
{
	uint32_t mask = 0;

	if (ip.b[12] != 127 || !ip_is_v4(ip) || ip_to_v4(ip) == TEST_NEVER)
		return 0;
	for (size_t i = 0; i < zone->sublists_len; i++) {
		if (ip_equal(zone->sublists[i].code, ip))
			mask |= 1U << i;
	}
	mask &= within;
	if (mask == 0 && ip_to_v4(ip) == TEST_LISTED)
		mask = within & -within; /* no code is 127.0.0.2: the first sublist asked */
	return mask;
}

bool zone_test_within(const struct zone *zone, struct prefix net, uint32_t within)
{
	if (within != 0 && prefix_has(net, ip_from_v4(TEST_LISTED)))
		return true;
	for (size_t i = 0; i < zone->sublists_len; i++) {
		struct ip code = zone->sublists[i].code;

		if ((within >> i & 1) != 0 && prefix_has(net, code) &&
			zone_test_ip(zone, code, within) != 0)
			return true;
	}
	return false;
}

bool zone_test_domain(struct span name)
{
	return span_equal_text(name, "test");
}

bool zone_never_domain(struct span name)
{
	return span_equal_text(name, "invalid") ||
	       span_has_suffix_nocase(name, span_text(".invalid"));
}
