/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/file.h"
#include "base/macro.h"

static const int ways[] = {O_RDONLY, O_RDWR, O_WRONLY, O_WRONLY | O_CREAT | O_TRUNC};

static char folder[] = "/tmp/file.XXXXXX";

static const char *path_of(const char *name)
{
	static char path[sizeof(folder) + 16];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

static void socket_make(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	strcpy(address.sun_path, path);
	assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	close(fd);
}

static int make_all(void **state)
{
	(void)state;
	assert_non_null(mkdtemp(folder));
	assert_int_equal(mkfifo(path_of("pipe"), 0600), 0);
	assert_int_equal(mkdir(path_of("folder"), 0700), 0);
	assert_int_equal(symlink("/dev/null", path_of("device")), 0);
	socket_make(path_of("socket"));
	return 0;
}

static int remove_all(void **state)
{
	(void)state;
	unlink(path_of("pipe"));
	unlink(path_of("socket"));
	unlink(path_of("device"));
	unlink(path_of("file"));
	rmdir(path_of("folder"));
	return rmdir(folder);
}

/* A pipe without anybody at its other end would hold us up for ever, a socket could not be opened.
 */
static void what_is_no_file_is_refused_at_once(void **state)
{
	static const char *const others[] = {"pipe", "folder", "device", "socket"};
	struct fault why;

	(void)state;
	for (size_t i = 0; i < COUNTOF(others); i++) {
		assert_true(file_is_other(path_of(others[i])));
		for (size_t way = 0; way < COUNTOF(ways); way++) {
			assert_int_equal(
				file_open(path_of(others[i]), ways[way], 0600, &why), E_IO);
			assert_non_null(strstr(why.text, "is not a regular file"));
		}
	}
}

static void files_are_opened(void **state)
{
	struct fault why;

	(void)state;
	assert_false(file_is_other(path_of("file")));
	assert_int_equal(file_open(path_of("file"), O_RDONLY, 0, &why), E_ABSENT);
	assert_non_null(strstr(why.text, "/file': No such file or directory"));
	for (size_t way = COUNTOF(ways); way-- > 0;) {
		int fd = file_open(path_of("file"), ways[way], 0600, &why);

		assert_true(fd >= 0);
		assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
		close(fd);
	}
	assert_false(file_is_other(path_of("file")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_no_file_is_refused_at_once),
		cmocka_unit_test(files_are_opened),
	};

	return cmocka_run_group_tests(tests, make_all, remove_all);
}
