/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * Who sends: an IPv4 or IPv6 prefix, or a domain. A value type; pure; any thread.
 */
#include "base/ip.h"
#include "base/span.h"

enum { DOMAIN_SIZE = 256, SOURCE_TEXT_SIZE = 264 };

enum source_kind { SOURCE_NET = 1, SOURCE_DOMAIN = 2 };

struct source {
	enum source_kind kind;
	struct prefix net; /* SOURCE_NET */
	/* SOURCE_DOMAIN: lower case, A-labels, no dot at the end; ".x" means x and all below */
	char domain[DOMAIN_SIZE];
};

/* "198.51.100.9", "198.51.100.0/24", "2001:db8::/64", "bad.example", ".bad.example",
 * "bücher.example" (to A-labels). E_PARSE, E_RANGE with words in *why. An IPv6 address alone stays
 * /128: widening to /64 is a policy's business. */
int source_parse(struct span s, struct source *ret_source, struct fault *why);
const char *source_print(const struct source *source, char text[SOURCE_TEXT_SIZE]);
bool source_equal(const struct source *a, const struct source *b);
/* What strangers may ask about: an address, a domain below a public suffix, a network up to /24 or
 * /48 (ip_network_of). To tell them of more costs as much as there is. */
bool source_is_narrow(const struct source *source);
/* A domain as lists hold it: lower case, A-labels, no dot at the end; in text, or pointing to it.
 * False: nothing that a list could hold (empty, a literal, too long). */
bool domain_fold(struct span domain, char text[DOMAIN_SIZE], struct span *ret_folded);
