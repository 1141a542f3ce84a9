/* SPDX-License-Identifier: ISC */
#pragma once
/* What a name of a DNSBL zone stands for (RFC 5782 sections 2.1, 2.4, 3.1), from its labels below
 * the apex, the top one first. Pure; any thread. */
#include "base/ip.h"
#include "feed/zone.h"

enum { FEED_LABELS_MAX = 128 };

struct feed_labels {
	unsigned len;
	struct span label[FEED_LABELS_MAX];
};

/* Takes a key apart. *ret_is_wild: the last label was "*" (left out). E_PARSE: "*" elsewhere. */
int feed_labels_of(struct span key, struct feed_labels *ret_labels, bool *ret_is_wild);

/* How many labels the two have in common, from the top. */
unsigned feed_labels_common(const struct feed_labels *a, const struct feed_labels *b);

/* The network of addresses whose names are at or below the first `len` labels: one to four decimal
 * octets; four to 32 hex digits, fewer being too wide to be anything but octets. False: no such
 * network. */
bool feed_net_v4(const struct feed_labels *labels, unsigned len, struct prefix *ret_net);
bool feed_net_v6(const struct feed_labels *labels, unsigned len, struct prefix *ret_net);

/* "bad.example" of {"example", "bad"}; text has DOMAIN_SIZE. False: not a domain to be listed. */
bool feed_domain(const struct feed_labels *labels, unsigned len, char *text);
