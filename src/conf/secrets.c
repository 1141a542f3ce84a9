/* SPDX-License-Identifier: ISC */
#include "conf/secrets.h"

#include <string.h>

#include "base/macro.h"
#include "base/mem.h"
#include "conf/secret_file.h"

/* A key of dns.keys is shorter than any line; the keys of who may ask are one a line. */
enum { KEY_MAX = 1024, ASKING_MAX = 64 << 20, PEM_MAX = 256 << 10 };

/* The nth file of those whose secrets are of that kind, NULL behind the last. */
static const char *secret_file_of(const struct conf *conf, enum secrets_of of, size_t n)
{
	const char *const tls[] = {conf->tls_key, conf->tls_certificate};

	if (of == SECRETS_OF_KEYS)
		return n < conf->keys_len ? conf->keys[n].file : NULL;
	if (of == SECRETS_OF_TLS)
		return n < COUNTOF(tls) ? tls[n] : NULL;
	if (conf->guard.cookie_secrets != NULL && n-- == 0)
		return conf->guard.cookie_secrets;
	for (size_t i = 0; i < conf->lists_len; i++) {
		if (conf->lists[i].serving.keys != NULL && n-- == 0)
			return conf->lists[i].serving.keys;
	}
	for (size_t i = 0; i < conf->zones_len; i++) {
		if (conf->zones[i].serving.keys != NULL && n-- == 0)
			return conf->zones[i].serving.keys;
	}
	return NULL;
}

static bool is_read(const struct conf *conf, const char *file, enum secrets_of of)
{
	for (size_t i = 0; i < conf->secrets_len; i++) {
		if (conf->secrets[i].of == of && strcmp(conf->secrets[i].file, file) == 0)
			return true;
	}
	return false;
}

void secrets_add(struct conf *conf, const struct conf_secret *secret)
{
	mem_grow(
		&conf->secrets, &conf->secrets_room, conf->secrets_len + 1, sizeof(*conf->secrets));
	conf->secrets[conf->secrets_len++] = *secret;
}

/* A certificate is shown to everybody; one that stands in the file of its key was read with it. */
static bool is_public(const struct conf *conf, const char *file, enum secrets_of of)
{
	return of == SECRETS_OF_TLS && strcmp(file, conf->tls_key) != 0;
}

static size_t length_max(enum secrets_of of)
{
	return of == SECRETS_OF_KEYS ? KEY_MAX : of == SECRETS_OF_TLS ? PEM_MAX : ASKING_MAX;
}

int secrets_fault_of_tls(const struct conf *conf, int error, struct fault *why)
{
	const struct conf_location *at = &conf->tls_location;

	return fault_prefix(
		why, error, "%s:%u:%u: error: gate.tls", at->file, at->line, at->column);
}

static int secret_read(struct conf *conf, const char *file, enum secrets_of of, struct fault *why)
{
	struct conf_secret secret = {.file = file, .of = of};
	int r;

	if (is_read(conf, file, of))
		return 0;
	buf_init(&secret.held, length_max(of));
	r = is_public(conf, file, of) ? public_file_read(file, &secret.held, why)
				      : secret_file_read(file, &secret.held, why);
	secret.text = buf_span(&secret.held);
	if (r == 0)
		secrets_add(conf, &secret);
	else
		secret_done(&secret.held);
	return r < 0 && of == SECRETS_OF_TLS ? secrets_fault_of_tls(conf, r, why) : r;
}

int secrets_read(struct conf *conf, unsigned which, struct fault *why)
{
	static const enum secrets_of kinds[] = {SECRETS_OF_ASKING, SECRETS_OF_KEYS, SECRETS_OF_TLS};
	const char *file;
	int r = 0;

	for (size_t k = 0; k < COUNTOF(kinds); k++) {
		for (size_t n = 0; r == 0 && (which & kinds[k]) != 0 &&
				   (file = secret_file_of(conf, kinds[k], n)) != NULL;
			n++)
			r = secret_read(conf, file, kinds[k], why);
	}
	if (r < 0)
		secrets_done(conf);
	return r;
}

void secrets_done(struct conf *conf)
{
	for (size_t i = 0; i < conf->secrets_len; i++)
		secret_done(&conf->secrets[i].held);
	mem_free(conf->secrets);
	conf->secrets = NULL;
	conf->secrets_len = conf->secrets_room = 0;
}

int secrets_find(
	const struct conf *conf, const char *file, struct span *ret_text, struct fault *why)
{
	for (size_t i = 0; i < conf->secrets_len; i++) {
		if (strcmp(conf->secrets[i].file, file) != 0)
			continue;
		*ret_text = conf->secrets[i].text;
		return 0;
	}
	return fault_set(why, E_CONFIG, "'%s' was not read", file);
}
