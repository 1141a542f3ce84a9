/* SPDX-License-Identifier: ISC */
#include "grey/key.h"

#include <sodium.h>
#include <stdio.h>

#include "base/macro.h"
#include "base/public_suffix.h"
#include "grey/generic_name.h"
#include "grey/mailbox.h"

enum { PARTS_SIZE = GREY_GROUP_SIZE + 2 * GREY_MAILBOX_SIZE + 8 };

_Static_assert(GREY_SECRET_SIZE == crypto_shorthash_siphashx24_KEYBYTES, "secret of SipHash");
_Static_assert(sizeof(struct grey_key) == crypto_shorthash_siphashx24_BYTES, "SipHash-2-4-128");

static bool copy_domain(struct span domain, char text[GREY_GROUP_SIZE])
{
	char folded[DOMAIN_SIZE];
	struct span shown;

	if (!domain_fold(domain, folded, &shown))
		return false;
	snprintf(text, GREY_GROUP_SIZE, "%.*s", (int)shown.len, (const char *)shown.ptr);
	return true;
}

/* False for what has no owner: a public suffix. */
static bool copy_organization(struct span name, char text[GREY_GROUP_SIZE])
{
	char folded[DOMAIN_SIZE];
	struct span shown;

	return domain_fold(name, folded, &shown) && copy_domain(public_suffix_owner(shown), text);
}

static bool client_is_generic(const struct grey_client *client)
{
	return client->name.len != 0 && name_is_generic(client->name, client->ip);
}

enum grey_group_kind grey_group_print(const struct grey_client *client, char text[GREY_GROUP_SIZE])
{
	unsigned bits = ip_is_v4(client->ip) ? 96 + client->v4_bits : client->v6_bits;

	if (client->spf_domain.len != 0 && copy_domain(client->spf_domain, text))
		return GREY_GROUP_SPF;
	if (client->name.len != 0 && !client_is_generic(client) &&
		copy_organization(client->name, text))
		return GREY_GROUP_NAME;
	prefix_print(prefix_of(client->ip, bits), text);
	return GREY_GROUP_NETWORK;
}

bool grey_pool_print(const struct grey_client *client, char text[GREY_GROUP_SIZE])
{
	return client_is_generic(client) && copy_organization(client->name, text);
}

struct grey_key grey_key_of(const struct grey_secret *secret, enum grey_kind kind,
	const struct span *parts, size_t count)
{
	uint8_t bytes[PARTS_SIZE];
	struct grey_key key;
	size_t len = 0;

	bytes[len++] = (uint8_t)kind;
	for (size_t i = 0; i < count && len + 1 < sizeof(bytes); i++) {
		struct span part = span_first(parts[i], sizeof(bytes) - len - 1);

		if (part.len != 0)
			memcpy(bytes + len, part.ptr, part.len);
		len += part.len;
		bytes[len++] = 0;
	}
	crypto_shorthash_siphashx24((uint8_t *)&key, bytes, len, secret->bytes);
	return key;
}
