/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * The TXT string of a listing: "Listed: 3 trap hits; https://mail.example.org/why/198.51.100.9". Pure; any thread.
 */
#include "base/ip.h"
#include "base/span.h"

enum { ZONE_TEXT_MAX = 255 };

/* At most ZONE_TEXT_MAX octets, printable ASCII only. The reason is cut before the address of the page is; ip is NULL for
 * a domain. What a stranger put into the domain is percent-encoded. */
size_t zone_text(struct span portal_url, struct span reason, const struct ip *ip,
	struct span domain, uint8_t out[ZONE_TEXT_MAX]);
