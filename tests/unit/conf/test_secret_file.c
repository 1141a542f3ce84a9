/* SPDX-License-Identifier: ISC */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/macro.h"
#include "conf/secret_file.h"
#include "unit.h"

enum { LONGEST = 20 };

static void a_file_is_read_when_only_we_may(void **state)
{
	static const struct {
		const char *text;
		mode_t mode;
		const char *why;  /* "": it is read */
		const char *read; /* NULL: the text */
	} cases[] = {
		{"\xef\xbb\xbfsecret\n", 0600, "", "secret\n"},
		{"secret\n", 0600, ""},
		{"secret\n", 0640, ""},
		{"", 0600, ""},
		{"exactly twenty bytes", 0600, ""},
		{"just one byte too long", 0600, "is too long"},
		{"secret\n", 0644, "everybody may read or change it: chmod o= '/tmp/"},
		{"secret\n", 0602, "everybody may read or change it: chmod o= '/tmp/"},
	};

	(void)state;
	for (size_t i = 0; i < COUNTOF(cases); i++) {
		char path[] = "/tmp/stockade-secret-XXXXXX";
		struct fault why = {""};
		struct buf text;
		int fd = mkstemp(path), r;

		assert_int_equal(
			write(fd, cases[i].text, strlen(cases[i].text)), strlen(cases[i].text));
		assert_int_equal(fchmod(fd, cases[i].mode), 0);
		close(fd);
		buf_init(&text, LONGEST);
		r = secret_file_read(path, &text, &why);
		assert_int_equal(r, cases[i].why[0] == '\0' ? 0 : E_CONFIG);
		assert_non_null(strstr(why.text, cases[i].why));
		assert_string_equal(buf_cstr(&text), r < 0                   ? ""
						     : cases[i].read != NULL ? cases[i].read
									     : cases[i].text);
		secret_done(&text);
		unlink(path);
	}
}

static void what_is_not_there_or_not_a_file_is_told(void **state)
{
	struct fault why;
	struct buf text;

	(void)state;
	buf_init(&text, LONGEST);
	assert_int_equal(secret_file_read("/tmp/no/such/file", &text, &why), E_CONFIG);
	assert_string_equal(why.text, "cannot read '/tmp/no/such/file': not found");
	assert_int_equal(secret_file_read("/tmp", &text, &why), E_CONFIG);
	assert_string_equal(why.text, "'/tmp' is not a file");
	secret_done(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_is_read_when_only_we_may),
		cmocka_unit_test(what_is_not_there_or_not_a_file_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
