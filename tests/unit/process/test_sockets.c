/* SPDX-License-Identifier: ISC */
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/macro.h"
#include "loop/socket.h"
#include "process/sockets.h"
#include "unit.h"

static struct endpoint endpoint_of(const char *text)
{
	struct endpoint endpoint;

	assert_int_equal(endpoint_parse(span_text(text), &endpoint, NULL), 0);
	return endpoint;
}

static struct conf conf_of(struct endpoint *listen, size_t len)
{
	return (struct conf){.gate_listen = listen,
		.gate_listen_len = len,
		.dns_listen = listen,
		.dns_listen_len = len,
		.dns_threads = 3,
		.run_path = "/run/stockade"};
}

static bool has_socket(const struct sockets *sockets, const char *name)
{
	for (size_t i = 0; i < sockets->len; i++) {
		if (strcmp(sockets->sock[i].name, name) == 0)
			return true;
	}
	return false;
}

static void test_names_are_those_of_the_contract(void **state)
{
	struct endpoint listen[] = {endpoint_of("127.0.0.1:25"), endpoint_of("[::1]:25")};
	struct conf conf = conf_of(listen, COUNTOF(listen));
	struct sockets sockets;

	(void)state;
	assert_int_equal(sockets_plan(&conf, "gate", &sockets, NULL), 0);
	assert_int_equal(sockets.len, 2);
	assert_true(has_socket(&sockets, "smtp-0") && has_socket(&sockets, "smtp-1"));
	assert_int_equal(sockets_plan(&conf, "dns", &sockets, NULL), 0);
	assert_int_equal(sockets.len, 2 * 3 * 2);
	assert_true(has_socket(&sockets, "dns-udp-0-0") && has_socket(&sockets, "dns-tcp-1-2"));
	assert_int_equal(sockets_plan(&conf, "keeper", &sockets, NULL), 0);
	assert_true(has_socket(&sockets, "control") && has_socket(&sockets, "bus-gate"));
	assert_string_equal(sockets.sock[0].path, "/run/stockade/bus/gate.sock");
	assert_int_equal(sockets_plan(&conf, "web", &sockets, NULL), 0);
	assert_int_equal(sockets.len, 0); /* portal: off */
}

static void test_too_many_and_too_long_are_refused(void **state)
{
	struct endpoint listen[16];
	struct conf conf = conf_of(listen, COUNTOF(listen));
	struct sockets sockets = {.len = 77};
	char folder[SOCKET_PATH_SIZE];
	struct fault why = {""};

	(void)state;
	for (size_t i = 0; i < COUNTOF(listen); i++)
		listen[i] = endpoint_of("127.0.0.1:53");
	conf.dns_threads = 64;
	assert_int_equal(sockets_plan(&conf, "dns", &sockets, &why), E_LIMIT);
	assert_int_equal(sockets.len, 77); /* untouched */
	memset(folder, 'x', sizeof(folder));
	folder[0] = '/';
	folder[sizeof(folder) - 1] = '\0';
	conf.run_path = folder;
	assert_int_equal(sockets_plan(&conf, "keeper", &sockets, &why), E_LIMIT);
	assert_non_null(strstr(why.text, "run.folder"));
}

static void set_number(const char *name, long number)
{
	char text[32];

	snprintf(text, sizeof(text), "%ld", number);
	setenv(name, text, 1);
}

/* In a process of its own: descriptors 3 and 4 as an init system leaves them. Its exit code says
 * what was wrong. */
static int heir(long pid)
{
	struct endpoint listen[] = {endpoint_of("127.0.0.1:25"), endpoint_of("127.0.0.2:25")};
	struct conf conf = conf_of(listen, COUNTOF(listen));
	struct endpoint local = {.ip = ip_from_v4(0x7f000001)};
	struct sockets sockets;
	int fd;

	if (socket_listen_tcp(local, 0, &fd, NULL) < 0 || dup2(fd, 3) < 0 || dup2(fd, 4) < 0)
		return 1;
	fcntl(4, F_SETFL, 0); /* blocking, as systemd's are */
	set_number("LISTEN_PID", pid);
	setenv("LISTEN_FDS", "2", 1);
	setenv("LISTEN_FDNAMES", "stranger:smtp-1", 1);
	if (sockets_plan(&conf, "gate", &sockets, NULL) < 0)
		return 2;
	sockets_inherit(&sockets, -1);
	if (getenv("LISTEN_FDS") != NULL)
		return 3;
	if (pid != (long)getpid())
		return sockets.sock[1].fd == -1 ? 0 : 4;
	if (sockets.sock[0].fd != -1 || sockets.sock[1].fd != 4)
		return 5;
	if (fcntl(3, F_GETFD) != -1)
		return 6; /* of a name that means nothing here: closed */
	return (fcntl(4, F_GETFL) & O_NONBLOCK) != 0 && fcntl(4, F_GETFD) == FD_CLOEXEC ? 0 : 7;
}

static int outcome_of(bool meant_for_us)
{
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(heir(meant_for_us ? (long)getpid() : (long)getppid()));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void test_sockets_are_inherited_by_name(void **state)
{
	(void)state;
	assert_int_equal(outcome_of(true), 0);
	assert_int_equal(outcome_of(false), 0);
}

static void test_sockets_that_stay_move_and_others_do_not(void **state)
{
	struct endpoint before[] = {endpoint_of("127.0.0.1:25"), endpoint_of("127.0.0.2:25")};
	struct endpoint after[] = {endpoint_of("127.0.0.1:25"), endpoint_of("127.0.0.3:25")};
	struct conf old_conf = conf_of(before, 2);
	struct conf new_conf = conf_of(after, 2);
	struct sockets old;
	struct sockets new;

	(void)state;
	assert_int_equal(sockets_plan(&old_conf, "gate", &old, NULL), 0);
	assert_int_equal(sockets_plan(&new_conf, "gate", &new, NULL), 0);
	old.sock[0].fd = 1000;
	old.sock[1].fd = 1001;
	assert_false(sockets_equal(&old, &new));
	sockets_move(&old, &new);
	assert_int_equal(new.sock[0].fd, 1000);
	assert_int_equal(old.sock[0].fd, -1);
	assert_int_equal(new.sock[1].fd, -1);
	assert_int_equal(old.sock[1].fd, 1001);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names_are_those_of_the_contract),
		cmocka_unit_test(test_too_many_and_too_long_are_refused),
		cmocka_unit_test(test_sockets_are_inherited_by_name),
		cmocka_unit_test(test_sockets_that_stay_move_and_others_do_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
