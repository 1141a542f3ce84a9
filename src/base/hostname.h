/* SPDX-License-Identifier: ISC */
#pragma once
/* What may be the name of a host or domain, as text. Pure; any thread. */
#include "base/span.h"

enum {
	HOSTNAME_MAX = 253,
	HOSTNAME_LABEL_MAX = 63
}; /* RFC 1035 section 2.3.4: 255 octets on the wire */

/*
 * How many labels name has, 0 when it is none: letters, digits, hyphens inside (RFC 5321
 * section 4.1.2, RFC 5890 section 2.3.1), and the underscore of service names, which many a server
 * has in its name. No dot at the end. A last label of digits only would be an address with a typing
 * error: no top-level domain is a number (RFC 3696 section 2).
 */
unsigned hostname_labels(struct span name);

/* Is name pattern, in any case of letters, or below it where pattern is written ".example.org"? */
bool hostname_covers(const char *pattern, struct span name);

/* Without the dot that ends a full name of DNS. */
struct span hostname_without_dot(struct span name);
