/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * The secrets of dns.keys, for the roles that sign and verify. Owner: whoever asked; immutable, so
 * any number of threads may read.
 */
#include "conf/conf.h"
#include "dns/tsig.h"

struct keys {
	size_t len;
	struct tsig_key items[]; /* in the order of conf->keys */
};

/* Of the secrets that conf holds (conf/secrets.h). E_CONFIG with words that name key and file: it
 * holds no secret, or was not read. */
int keys_read(const struct conf *conf, struct keys **ret_keys, struct fault *why);
void keys_free(struct keys **keys);

/* By the name in the configuration; NULL for NULL. */
const struct tsig_key *keys_find(
	const struct keys *keys, const struct conf *conf, const char *name);
