/* SPDX-License-Identifier: ISC */
#include "conf/asking_keys.h"

#include <string.h>

#include "conf/secrets.h"

/* "line:column: words" becomes "file:line:column: error: words". */
static int fault_in_file(const char *path, const struct fault *inner, struct fault *why)
{
	const char *words = strstr(inner->text, ": ");

	return fault_set(why, E_CONFIG, "%s:%.*s: error: %s", path, (int)(words - inner->text),
		inner->text, words + 2);
}

int asking_keys_read(
	const struct conf *conf, const char *file, struct access_keys **ret_keys, struct fault *why)
{
	struct fault inner;
	struct span text;
	int r = secrets_find(conf, file, &text, why);

	if (r < 0)
		return r;
	r = access_keys_parse(text, ret_keys, &inner);
	return r < 0 ? fault_in_file(file, &inner, why) : 0;
}

int cookie_secrets_read(
	const struct conf *conf, struct dns_cookie_secrets *ret_secrets, struct fault *why)
{
	const char *file = conf->guard.cookie_secrets;
	struct fault inner;
	struct span text;
	int r = secrets_find(conf, file, &text, why);

	if (r < 0)
		return r;
	r = dns_cookie_secrets_parse(text, ret_secrets, &inner);
	return r < 0 ? fault_in_file(file, &inner, why) : 0;
}

static int serving_check(
	const struct conf *conf, const struct conf_serving *serving, struct fault *why)
{
	struct access_keys *keys = NULL;
	int r = serving->keys != NULL ? asking_keys_read(conf, serving->keys, &keys, why) : 0;

	access_keys_free(&keys);
	return r;
}

int asking_check(const struct conf *conf, struct fault *why)
{
	struct dns_cookie_secrets secrets;
	int r = conf->guard.cookie_secrets != NULL ? cookie_secrets_read(conf, &secrets, why) : 0;

	explicit_bzero(&secrets, sizeof(secrets));
	for (size_t i = 0; r == 0 && i < conf->lists_len; i++)
		r = serving_check(conf, &conf->lists[i].serving, why);
	for (size_t i = 0; r == 0 && i < conf->zones_len; i++)
		r = serving_check(conf, &conf->zones[i].serving, why);
	return r;
}
