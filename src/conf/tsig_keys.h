/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * The secrets of dns.keys, read from their files. The roles that sign and verify read them
 * themselves, from inside their jails, at start and at each reload; nobody else may read such a
 * file. Owner: whoever asked; immutable, so any number of threads may read.
 */
#include "conf/conf.h"
#include "dns/tsig.h"

struct keys {
	size_t len;
	struct tsig_key items[]; /* in the order of conf->keys */
};

/* E_CONFIG with words that name key and file: it is missing, may be read by everybody, holds no
 * secret. */
int keys_read(const struct conf *conf, struct keys **ret_keys, struct fault *why);
void keys_free(struct keys **keys);

/* By the name in the configuration; NULL for NULL. */
const struct tsig_key *keys_find(
	const struct keys *keys, const struct conf *conf, const char *name);
