/* SPDX-License-Identifier: ISC */
#include "conf/tsig_keys.h"

#include <string.h>

#include "base/macro.h"
#include "base/mem.h"
#include "conf/secrets.h"

static int key_read(const struct conf *conf, const struct conf_key *key, struct tsig_key *ret_key,
	struct fault *why)
{
	struct fault reason = {""};
	struct span text;
	int r = secrets_find(conf, key->file, &text, &reason);

	if (r == 0 && tsig_key_init(ret_key,
			      &(struct tsig_key_text){span_text(key->name),
				      (enum tsig_algorithm)key->algorithm, text},
			      &reason) < 0)
		r = fault_prefix(&reason, E_CONFIG, "'%s'", key->file);
	return r < 0 ? fault_set(why, r, "key '%s': %s", key->name, reason.text) : 0;
}

int keys_read(const struct conf *conf, struct keys **ret_keys, struct fault *why)
{
	AUTO(keys) *keys = mem_alloc(sizeof(*keys) + conf->keys_len * sizeof(keys->items[0]));

	for (; keys->len < conf->keys_len; keys->len++) {
		int r = key_read(conf, &conf->keys[keys->len], &keys->items[keys->len], why);

		if (r < 0)
			return r;
	}
	*ret_keys = TAKE(keys);
	return 0;
}

void keys_free(struct keys **keys)
{
	struct keys *k = *keys;

	*keys = NULL;
	if (k == NULL)
		return;
	for (size_t i = 0; i < k->len; i++)
		tsig_key_done(&k->items[i]);
	mem_free(k);
}

const struct tsig_key *keys_find(const struct keys *keys, const struct conf *conf, const char *name)
{
	for (size_t i = 0; name != NULL && i < keys->len && i < conf->keys_len; i++) {
		if (strcmp(conf->keys[i].name, name) == 0)
			return &keys->items[i];
	}
	return NULL;
}
