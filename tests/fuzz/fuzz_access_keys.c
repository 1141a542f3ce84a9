/* SPDX-License-Identifier: ISC */
#include <stdint.h>

#include "base/macro.h"
#include "dns/access_keys.h"
#include "dns/cookie.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* An error has a place, and what was written is in no error. */
static void check_words(const struct fault *why)
{
	const char *at = why->text;

	ASSERT(*at >= '1' && *at <= '9');
	while (ascii_is_digit((uint8_t)*at))
		at++;
	ASSERT(*at++ == ':' && ascii_is_digit((uint8_t)*at));
}

/* Files of secrets: keys of clients, and those of cookies. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span text = span_of(data, size);
	struct access_keys *keys = NULL;
	struct dns_cookie_secrets secrets;
	struct fault why = {""};

	if (access_keys_parse(text, &keys, &why) < 0) {
		ASSERT(keys == NULL);
		check_words(&why);
	} else {
		/* Each word of the file that is found is a key of its full length. */
		for (size_t at = 0; at + ACCESS_KEY_MIN <= size; at++) {
			const struct access_key *key =
				access_keys_find(keys, span_of(data + at, ACCESS_KEY_MIN));

			ASSERT(key == NULL ||
				(key->key_len == ACCESS_KEY_MIN && key->name_len != 0 &&
					key->name_len <= ACCESS_NAME_MAX));
		}
		ASSERT(access_keys_count(keys) <= size / ACCESS_KEY_MIN);
	}
	access_keys_free(&keys);
	if (dns_cookie_secrets_parse(text, &secrets, &why) < 0)
		check_words(&why);
	else
		ASSERT(secrets.len >= 1 && secrets.len <= DNS_COOKIE_SECRETS_MAX);
	return 0;
}
