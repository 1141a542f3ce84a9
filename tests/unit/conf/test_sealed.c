/* SPDX-License-Identifier: ISC */
/* What one process hands another is the configuration that it has, with the secrets meant for it.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/macro.h"
#include "conf/sealed.h"
#include "conf/secrets.h"
#include "unit.h"

static const char text[] = "hostname: mx.example.org\n"
			   "contact: postmaster@example.org\n"
			   "portal-url: https://example.org/why\n"
			   "mode: tag\n";

static struct conf *load(void)
{
	const struct conf_source source = {"here.yaml", span_text(text)};
	struct conf *conf = NULL;
	struct conf_report report;

	assert_int_equal(conf_load_text(&source, 1000, &conf, &report), 0);
	conf_report_done(&report);
	secrets_add(conf,
		&(struct conf_secret){
			.file = "/keys", .text = span_text("asking"), .of = SECRETS_OF_ASKING});
	secrets_add(conf,
		&(struct conf_secret){
			.file = "/tsig", .text = span_text("signing"), .of = SECRETS_OF_KEYS});
	return conf;
}

static int load_sealed(int fd, struct conf **ret_conf)
{
	struct conf_report report;
	int r = conf_load_sealed(fd, 2000, ret_conf, &report);

	conf_report_done(&report);
	return r;
}

static void the_other_side_has_the_same(void **state)
{
	AUTO(conf) *conf = load();
	AUTO(conf) *there = NULL;
	struct buf a, b;
	struct span secret;
	int fd;

	(void)state;
	assert_int_equal(sealed_new(conf, SECRETS_OF_KEYS, &fd, NULL), 0);
	assert_true(write(fd, "x", 1) < 0); /* nobody changes it any more */
	assert_int_equal(load_sealed(fd, &there), 0);
	close(fd);
	buf_init(&a, 0);
	buf_init(&b, 0);
	conf_print(conf, true, &a);
	conf_print(there, true, &b);
	assert_string_equal(buf_cstr(&a), buf_cstr(&b));
	buf_done(&a);
	buf_done(&b);
	assert_string_equal(there->file, "here.yaml");
	assert_int_equal(there->mode_location.line, 4);
	assert_int_equal(there->loaded_s, 2000);
	assert_int_equal(secrets_find(there, "/tsig", &secret, NULL), 0);
	assert_true(span_equal_text(secret, "signing"));
	assert_int_equal(secrets_find(there, "/keys", &secret, NULL), E_CONFIG); /* not for it */
}

static void what_is_damaged_or_may_still_change_is_refused(void **state)
{
	AUTO(conf) *conf = load();
	struct conf *there = NULL;
	uint8_t bytes[4096];
	ssize_t len;
	int fd;

	(void)state;
	assert_int_equal(sealed_new(conf, 0, &fd, NULL), 0);
	len = pread(fd, bytes, sizeof(bytes), 0);
	close(fd);
	assert_true(len > 0);
	for (ssize_t part = 0; part < len; part++) {
		fd = memfd_create("cut short", MFD_CLOEXEC | MFD_ALLOW_SEALING);
		assert_int_equal(write(fd, bytes, (size_t)part), part);
		assert_int_equal(load_sealed(fd, &there), E_CONFIG);
		assert_int_equal(fcntl(fd, F_ADD_SEALS,
					 F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE),
			0);
		assert_int_equal(load_sealed(fd, &there), E_CONFIG);
		close(fd);
	}
	assert_null(there);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_other_side_has_the_same),
		cmocka_unit_test(what_is_damaged_or_may_still_change_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
