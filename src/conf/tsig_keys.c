/* SPDX-License-Identifier: ISC */
#include "conf/tsig_keys.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/macro.h"
#include "base/mem.h"

/* More than any secret in base64 with its line ends. */
enum { FILE_MAX = 1024 };

static int key_fault(const struct conf_key *key, const char *what, struct fault *why)
{
	return fault_set(
		why, E_CONFIG, "key '%s': cannot read '%s': %s", key->name, key->file, what);
}

static int key_check(const struct conf_key *key, int fd, struct fault *why)
{
	struct stat status;

	if (fstat(fd, &status) < 0)
		return key_fault(key, strerror(errno), why);
	if (!S_ISREG(status.st_mode))
		return key_fault(key, "it is no file", why);
	if ((status.st_mode & S_IRWXO) != 0)
		return fault_set(why, E_CONFIG,
			"key '%s': everybody may use '%s', so it is no secret: chmod o= '%s'",
			key->name, key->file, key->file);
	return status.st_size <= FILE_MAX ? 0 : key_fault(key, "it is too long for a key", why);
}

static int key_read(const struct conf_key *key, struct tsig_key *ret_key, struct fault *why)
{
	char text[FILE_MAX];
	struct fault reason = {""};
	ssize_t len = 0;
	int fd = open(key->file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	int r;

	if (fd < 0 && errno == EACCES)
		return key_fault(key,
			"the role may not read it; its owner should be root, its group _stockade, "
			"its mode 0640",
			why);
	if (fd < 0)
		return key_fault(key, strerror(errno), why);
	r = key_check(key, fd, why);
	if (r == 0) {
		len = read(fd, text, sizeof(text));
		r = len < 0 ? key_fault(key, strerror(errno), why) : 0;
	}
	close(fd);
	if (r == 0 &&
		tsig_key_init(ret_key, span_text(key->name), (enum tsig_algorithm)key->algorithm,
			span_of(text, (size_t)len), &reason) < 0)
		r = fault_set(
			why, E_CONFIG, "key '%s': '%s': %s", key->name, key->file, reason.text);
	explicit_bzero(text, sizeof(text));
	return r;
}

int keys_read(const struct conf *conf, struct keys **ret_keys, struct fault *why)
{
	AUTO(keys) *keys = mem_alloc(sizeof(*keys) + conf->keys_len * sizeof(keys->items[0]));

	for (; keys->len < conf->keys_len; keys->len++) {
		int r = key_read(&conf->keys[keys->len], &keys->items[keys->len], why);

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
