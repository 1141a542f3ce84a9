/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * The secrets of a configuration: what the files hold that it names, and a certificate. They are
 * read together with it, by who may read them (`stockade run`, or a role that is started by itself
 * before its jail closes), and each role gets those of its row in process/jail_rules.c and no
 * others. They live as long as the configuration and are overwritten when it ends.
 */
#include "base/buf.h"
#include "conf/conf.h"

/* Whose they are: flags. */
enum secrets_of {
	SECRETS_OF_ASKING = 1, /* keys of who may ask a list, secrets of cookies */
	SECRETS_OF_KEYS = 2,   /* dns.keys: shared with other name servers */
	SECRETS_OF_TLS = 4,    /* gate.tls: the key, and the certificate beside it */
};

struct conf_secret {
	const char *file;
	struct span text;
	enum secrets_of of;
	struct buf held; /* the text, where it was read from the file */
};

/* Puts before *why where gate.tls is written; returns error. */
int secrets_fault_of_tls(const struct conf *conf, int error, struct fault *why);

/* Reads those files that `which` names (flags of secrets_of) into conf. E_CONFIG with words that
 * name the file; then conf holds none. */
int secrets_read(struct conf *conf, unsigned which, struct fault *why);
/* For who hands them over: one more, whose text and name live as long as conf. */
void secrets_add(struct conf *conf, const struct conf_secret *secret);
void secrets_done(struct conf *conf);

/* What that file held. E_CONFIG: it was not read for this process. */
int secrets_find(
	const struct conf *conf, const char *file, struct span *ret_text, struct fault *why);
