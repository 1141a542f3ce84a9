/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/secrets.h"
#include "conf/tsig_keys.h"

static char path[] = "/tmp/stockade-key-XXXXXX";

static void write_key(const char *text, mode_t mode)
{
	int fd;

	unlink(path);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

/* What the reader says of a key file; "" when it is good. */
static const char *read_key(struct keys **ret_keys)
{
	static struct fault why;
	const struct conf_key key = {.name = "sec1", .algorithm = TSIG_HMAC_SHA512, .file = path};
	struct conf conf = {.keys_len = 1, .keys = &key};

	why = (struct fault){""};
	if (secrets_read(&conf, SECRETS_OF_KEYS, &why) < 0 || keys_read(&conf, ret_keys, &why) < 0)
		assert_null(strstr(why.text, "AAECAwQF"));
	secrets_done(&conf);
	return why.text;
}

static int begin(void **state)
{
	int fd = mkstemp(path);

	(void)state;
	return fd < 0 ? -1 : close(fd);
}

static int end(void **state)
{
	(void)state;
	return unlink(path);
}

static void a_key_is_read(void **state)
{
	const struct conf_key key = {.name = "sec1", .file = path};
	struct conf conf = {.keys_len = 1, .keys = &key};
	struct keys *keys = NULL;

	(void)state;
	write_key("AAECAwQFBgcICQoLDA0ODw==\n", 0640);
	assert_string_equal(read_key(&keys), "");
	assert_int_equal(keys->items[0].algorithm, TSIG_HMAC_SHA512);
	assert_int_equal(keys->items[0].secret_len, 16);
	assert_ptr_equal(keys_find(keys, &conf, "sec1"), &keys->items[0]);
	assert_null(keys_find(keys, &conf, "sec2"));
	assert_null(keys_find(keys, &conf, NULL));
	keys_free(&keys);
}

static void a_secret_is_nobody_elses(void **state)
{
	struct keys *keys = NULL;

	(void)state;
	write_key("AAECAwQFBgcICQoLDA0ODw==\n", 0644);
	assert_non_null(strstr(read_key(&keys), "'/tmp/stockade-key-"));
	assert_non_null(strstr(read_key(&keys), "everybody may read or change it"));
	assert_non_null(strstr(read_key(&keys), "chmod o="));
	assert_null(keys);
}

static void what_is_not_a_key_is_told(void **state)
{
	char big[2000] = "";
	struct keys *keys = NULL;

	(void)state;
	write_key("AAECAwQFBgcICQoLDA0ODw=! not base64\n", 0600);
	assert_non_null(strstr(read_key(&keys), "not a secret in base64"));
	write_key("AAECAwQF\n", 0600);
	assert_non_null(strstr(read_key(&keys), "can be guessed"));
	memset(big, 'A', sizeof(big) - 1);
	write_key(big, 0600);
	assert_non_null(strstr(read_key(&keys), "too long"));
	unlink(path);
	assert_non_null(strstr(read_key(&keys), "not found"));
	write_key("", 0600);
	assert_non_null(strstr(read_key(&keys), "not a secret"));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_key_is_read),
		cmocka_unit_test(a_secret_is_nobody_elses),
		cmocka_unit_test(what_is_not_a_key_is_told),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
