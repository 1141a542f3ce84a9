/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * Of the secrets that a configuration holds (conf/secrets.h) those of who asks: the keys of a list
 * or zone, and the secrets of cookies. E_CONFIG with "file:line:column: error: ..." in *why. Owner:
 * whoever asked.
 */
#include "conf/conf.h"
#include "dns/access_keys.h"
#include "dns/cookie.h"

int asking_keys_read(const struct conf *conf, const char *file, struct access_keys **ret_keys,
	struct fault *why);
int cookie_secrets_read(
	const struct conf *conf, struct dns_cookie_secrets *ret_secrets, struct fault *why);

/* Whether all of them can be read. */
int asking_check(const struct conf *conf, struct fault *why);
