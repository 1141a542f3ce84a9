/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * DNS cookies (RFC 7873) in the form that servers of different makers share behind one address (RFC
 * 9018): who sends back the cookie that we gave to its address is no forger of that address.
 * Nothing is remembered of a client; the cookie is a keyed hash of what it says. Pure: the time is
 * an argument. Any thread.
 */
#include "base/err.h"
#include "base/ip.h"

enum {
	DNS_COOKIE_CLIENT_SIZE = 8,
	DNS_COOKIE_SIZE = 24, /* the client's, then ours */
	DNS_COOKIE_LONGEST = 40,
	DNS_COOKIE_SECRET_SIZE = 16,
	DNS_COOKIE_SECRETS_MAX = 4,
};

/* The first makes cookies, all of them are accepted: so a secret is rolled over (RFC 9018
 * section 5) by adding the new one behind the old on all servers, then moving it to the front on
 * all, then taking the old one out. */
struct dns_cookie_secrets {
	size_t len;
	uint8_t secrets[DNS_COOKIE_SECRETS_MAX][DNS_COOKIE_SECRET_SIZE];
};

/* Whether an option of this length can be a cookie (RFC 7873 section 5.2.2). */
static inline bool dns_cookie_fits(size_t len)
{
	return len == DNS_COOKIE_CLIENT_SIZE || (len >= 16 && len <= DNS_COOKIE_LONGEST);
}

/* The content of an option, from whom, and when. */
struct dns_cookie_asked {
	struct span cookie;
	struct ip client;
	int64_t now_s;
};

/* What to send back for the option's content, which fits, from this address: a whole cookie, the
 * same one when it is younger than half an hour and was made with the first secret. True: the
 * client brought a good one. */
bool dns_cookie_renew(const struct dns_cookie_secrets *secrets,
	const struct dns_cookie_asked *asked, uint8_t ret_cookie[DNS_COOKIE_SIZE]);

/* A secret of random octets. */
void dns_cookie_secrets_random(struct dns_cookie_secrets *ret_secrets);

/* A file of secrets: one a line, 32 hex digits; empty lines and lines that begin with "#" count for
 * nothing. E_PARSE, E_LIMIT with "line:column: ..." in *why, which never quotes the text. */
int dns_cookie_secrets_parse(
	struct span text, struct dns_cookie_secrets *ret_secrets, struct fault *why);
