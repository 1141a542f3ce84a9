/* SPDX-License-Identifier: ISC */
#include "dns/cookie.h"

#include <sodium.h>

/*
 *   client cookie 8 | version 1 | reserved 3 | made at, seconds 4 | hash 8
 *
 * The hash is SipHash-2-4 over all before it and the client's address (RFC 9018 section 4.4). Times
 * are compared in a circle of 32 bits (section 4.3), so that 2106 is a year like others.
 */
enum {
	VERSION_AT = 8,
	TIME_AT = 12,
	HASH_AT = 16,
	VERSION = 1,
	OLDEST_S = 3600,
	NEWEST_S = 300, /* the clocks of servers that share a secret may differ by so much */
	RENEW_S = 1800,
};

/* IPv4 takes part with 4 octets, IPv6 with 16. */
static void cookie_hash(const uint8_t secret[DNS_COOKIE_SECRET_SIZE], const uint8_t *cookie,
	struct ip client, uint8_t ret_hash[crypto_shorthash_BYTES])
{
	uint8_t input[HASH_AT + sizeof(client.b)];
	size_t skip = ip_is_v4(client) ? sizeof(client.b) - 4 : 0;

	memcpy(input, cookie, HASH_AT);
	memcpy(input + HASH_AT, client.b + skip, sizeof(client.b) - skip);
	crypto_shorthash(ret_hash, input, sizeof(input) - skip, secret);
}

/* Which secret made it, or -1. */
static int cookie_maker(
	const struct dns_cookie_secrets *secrets, struct span cookie, struct ip client)
{
	uint8_t hash[crypto_shorthash_BYTES];

	for (size_t i = 0; i < secrets->len; i++) {
		cookie_hash(secrets->secrets[i], cookie.ptr, client, hash);
		if (sodium_memcmp(hash, cookie.ptr + HASH_AT, sizeof(hash)) == 0)
			return (int)i;
	}
	return -1;
}

static void cookie_make(const struct dns_cookie_secrets *secrets,
	const struct dns_cookie_asked *asked, uint8_t ret_cookie[DNS_COOKIE_SIZE])
{
	uint32_t now = (uint32_t)asked->now_s;

	memcpy(ret_cookie, asked->cookie.ptr, DNS_COOKIE_CLIENT_SIZE);
	ret_cookie[VERSION_AT] = VERSION;
	memset(ret_cookie + VERSION_AT + 1, 0, TIME_AT - VERSION_AT - 1);
	for (size_t i = 0; i < 4; i++)
		ret_cookie[TIME_AT + i] = (uint8_t)(now >> (24 - 8 * i));
	cookie_hash(secrets->secrets[0], ret_cookie, asked->client, ret_cookie + HASH_AT);
}

bool dns_cookie_renew(const struct dns_cookie_secrets *secrets,
	const struct dns_cookie_asked *asked, uint8_t ret_cookie[DNS_COOKIE_SIZE])
{
	struct span cookie = asked->cookie;
	uint32_t now = (uint32_t)asked->now_s;
	int32_t age_s = OLDEST_S;
	int maker = -1;

	if (cookie.len == DNS_COOKIE_SIZE && cookie.ptr[VERSION_AT] == VERSION) {
		age_s = (int32_t)(now - octets_u32(cookie.ptr + TIME_AT));
		if (age_s <= OLDEST_S && age_s >= -NEWEST_S)
			maker = cookie_maker(secrets, cookie, asked->client);
	}
	if (maker == 0 && age_s < RENEW_S)
		memcpy(ret_cookie, cookie.ptr, DNS_COOKIE_SIZE);
	else
		cookie_make(secrets, asked, ret_cookie);
	return maker >= 0;
}

void dns_cookie_secrets_random(struct dns_cookie_secrets *ret_secrets)
{
	*ret_secrets = (struct dns_cookie_secrets){.len = 1};
	randombytes_buf(ret_secrets->secrets[0], DNS_COOKIE_SECRET_SIZE);
}

static int secret_parse(struct span line, unsigned number, uint8_t *ret_secret, struct fault *why)
{
	size_t wrong = 0;

	while (wrong < line.len && ascii_is_hex(line.ptr[wrong]))
		wrong++;
	if (wrong < line.len)
		return fault_set(why, E_PARSE, "%u:%zu: a secret consists of hex digits only",
			number, wrong + 1);
	if (line.len != 2 * (size_t)DNS_COOKIE_SECRET_SIZE)
		return fault_set(why, E_PARSE, "%u:1: a secret has 32 hex digits, this one %zu",
			number, line.len);
	return sodium_hex2bin(ret_secret, DNS_COOKIE_SECRET_SIZE, (const char *)line.ptr, line.len,
		       NULL, NULL, NULL) == 0
		       ? 0
		       : E_BUG;
}

int dns_cookie_secrets_parse(
	struct span text, struct dns_cookie_secrets *ret_secrets, struct fault *why)
{
	struct dns_cookie_secrets secrets = {.len = 0};

	for (unsigned number = 1; text.len != 0; number++) {
		struct span line = span_split_line(&text);
		int r;

		while (line.len != 0 && line.ptr[line.len - 1] == ' ')
			line.len--;
		if (line.len == 0 || line.ptr[0] == '#')
			continue;
		if (secrets.len == DNS_COOKIE_SECRETS_MAX)
			return fault_set(why, E_LIMIT, "%u:1: more than %d secrets", number,
				DNS_COOKIE_SECRETS_MAX);
		r = secret_parse(line, number, secrets.secrets[secrets.len], why);
		if (r < 0)
			return r;
		secrets.len++;
	}
	if (secrets.len == 0)
		return fault_set(why, E_PARSE, "1:1: there is no secret");
	*ret_secrets = secrets;
	return 0;
}
