/* SPDX-License-Identifier: ISC */
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/macro.h"
#include "loop/socket.h"
#include "process/sockets_beside.h"
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

/* ---- addresses that overlap with those in service ---- */

static const struct sockets nothing = {.len = 0};

static struct sockets plan_of(
	const char *role, struct endpoint *listen, size_t len, unsigned threads)
{
	struct conf conf = conf_of(listen, len);
	struct sockets sockets;

	conf.dns_threads = threads;
	assert_int_equal(sockets_plan(&conf, role, &sockets, NULL), 0);
	return sockets;
}

static void open_beside(struct sockets *sockets, const struct sockets *leaving, int expected)
{
	const struct sockets *const sets[] = {leaving, &nothing};

	assert_int_equal(sockets_open_beside(sockets, sets, NULL), expected);
}

/* A port that is free for TCP and UDP. */
static uint16_t a_port(void)
{
	struct endpoint at;
	int tcp, udp;

	do {
		at = endpoint_of("[::]:0");
		assert_int_equal(socket_listen_tcp(at, 0, &tcp, NULL), 0);
		assert_int_equal(socket_local(tcp, &at), 0);
		if (socket_bind_udp(at, 0, &udp, NULL) < 0)
			udp = -1;
		else
			close(udp);
		close(tcp);
	} while (udp < 0);
	return at.port;
}

/* Whether somebody who connects to port comes to the listener; which one, else -1. */
static int comes_to(struct endpoint to, const struct sockets *sockets)
{
	int found = -1, client, taken;

	assert_int_equal(socket_connect_tcp(to, &client), 0);
	for (unsigned tries = 0; tries < 2000 && found < 0; tries++) {
		for (size_t i = 0; i < sockets->len && found < 0; i++) {
			taken = accept4(sockets->sock[i].fd, NULL, NULL, SOCK_CLOEXEC);
			if (taken < 0)
				continue;
			close(taken);
			found = (int)i;
		}
		usleep(1000);
	}
	close(client);
	return found;
}

struct exchange {
	const char *before[2], *after[2];
	const char *client;
};

static size_t endpoints_of(const char *const *texts, uint16_t port, struct endpoint *endpoints)
{
	size_t len = 0;

	for (; len < 2 && texts[len] != NULL; len++) {
		endpoints[len] = endpoint_of(texts[len]);
		endpoints[len].port = port;
	}
	return len;
}

/* What a reload does with addresses that the kernel takes for one. */
static void one_exchange(const struct exchange *exchange)
{
	struct endpoint at[2], client = endpoint_of(exchange->client);
	struct sockets before, after, leaving = {.len = 0};
	int fd;

	client.port = a_port();
	before = plan_of("gate", at, endpoints_of(exchange->before, client.port, at), 1);
	after = plan_of("gate", at, endpoints_of(exchange->after, client.port, at), 1);
	assert_int_equal(sockets_open(&before, NULL), 0);
	sockets_move(&before, &after);
	open_beside(&after, &before, 0);
	assert_true(sockets_any_late(&after));
	sockets_leave(&before, &leaving);
	/* Clients come to who is there, and no stranger gets the address, ... */
	assert_true(comes_to(client, &leaving) >= 0);
	assert_int_equal(socket_listen_tcp(client, 0, &fd, NULL), E_EXISTS);
	/* ... until the next is. */
	assert_int_equal(sockets_serve(&after, &leaving, NULL), 0);
	assert_false(sockets_any_late(&after));
	sockets_close(&leaving);
	assert_true(comes_to(client, &after) >= 0);
	assert_int_equal(socket_listen_tcp(client, 0, &fd, NULL), E_EXISTS);
	sockets_close(&after);
}

static void test_an_address_is_exchanged_for_one_that_overlaps(void **state)
{
	static const struct exchange exchanges[] = {
		{{"[::]:0"}, {"0.0.0.0:0", "[::]:0"}, "127.0.0.1:0"},
		{{"[::]:0"}, {"0.0.0.0:0", "[::]:0"}, "[::1]:0"},
		{{"0.0.0.0:0", "[::]:0"}, {"[::]:0"}, "127.0.0.1:0"},
		{{"0.0.0.0:0", "[::]:0"}, {"[::]:0"}, "[::1]:0"},
		{{"0.0.0.0:0"}, {"127.0.0.1:0", "127.0.0.2:0"}, "127.0.0.2:0"},
		{{"127.0.0.1:0", "127.0.0.2:0"}, {"0.0.0.0:0"}, "127.0.0.2:0"},
		{{"127.0.0.1:0"}, {"[::]:0"}, "127.0.0.1:0"},
	};

	(void)state;
	for (size_t i = 0; i < COUNTOF(exchanges); i++)
		one_exchange(&exchanges[i]);
}

static void test_what_is_taken_is_refused_and_nothing_changes(void **state)
{
	uint16_t port = a_port();
	struct endpoint at[] = {{.ip = ip_from_v4(0), .port = port}, endpoint_of("192.0.2.1:9")};
	struct endpoint stranger_at = endpoint_of("127.0.0.1:0");
	struct sockets before = plan_of("gate", at, 1, 1), after;
	int stranger, fd;

	(void)state;
	assert_int_equal(socket_listen_tcp(stranger_at, 0, &stranger, NULL), 0);
	assert_int_equal(socket_local(stranger, &at[1]), 0);
	assert_int_equal(sockets_open(&before, NULL), 0);
	at[0].ip = stranger_at.ip;
	after = plan_of("gate", at, 2, 1);
	open_beside(&after, &before, E_EXISTS);
	sockets_close(&after);
	assert_int_equal(socket_listen_tcp(at[0], 0, &fd, NULL), E_EXISTS);
	assert_int_equal(comes_to(at[0], &before), 0);
	sockets_close(&before);
	close(stranger);
}

/* How many of 64 questions, from a port each, came to the sockets from `first` on. */
static unsigned questions_at(const struct sockets *sockets, size_t first, struct endpoint to)
{
	unsigned count = 0;
	char byte = 'q';

	for (unsigned i = 0; i < 64; i++) {
		int fd;

		assert_int_equal(socket_connect_udp(to, &fd), 0);
		assert_int_equal(send(fd, &byte, 1, 0), 1);
		close(fd);
	}
	for (size_t i = 0; i < sockets->len; i++) {
		while (sockets->sock[i].kind == SOCKET_UDP &&
			recv(sockets->sock[i].fd, &byte, 1, MSG_DONTWAIT) == 1)
			count += i >= first;
	}
	return count;
}

static void test_no_question_comes_to_a_socket_that_nobody_reads_yet(void **state)
{
	struct endpoint at = endpoint_of("127.0.0.1:0");
	struct sockets before, after, again, leaving = {.len = 0};

	(void)state;
	at.port = a_port();
	before = plan_of("dns", &at, 1, 1);
	after = plan_of("dns", &at, 1, 4);
	again = plan_of("dns", &at, 1, 3);
	assert_int_equal(sockets_open(&before, NULL), 0);
	sockets_move(&before, &after);
	open_beside(&after, &before, 0);
	assert_int_equal(questions_at(&after, 2, at), 0);
	/* Another reload before anybody was ready: they wait on, and one goes that was never used.
	 */
	sockets_move(&after, &again);
	open_beside(&again, &after, 0);
	sockets_leave(&after, &leaving);
	assert_int_equal(leaving.len, 0);
	sockets_close(&after);
	assert_int_equal(questions_at(&again, 2, at), 0);
	assert_int_equal(sockets_serve(&again, &leaving, NULL), 0);
	assert_in_range(questions_at(&again, 2, at), 1, 64);
	sockets_close(&again);
}

static void test_a_single_address_takes_questions_from_a_wildcard_when_it_is_read(void **state)
{
	struct endpoint all = {.ip = ip_from_v4(0), .port = a_port()};
	struct endpoint one = {.ip = ip_from_v4(0x7f000001), .port = all.port};
	struct sockets before = plan_of("dns", &all, 1, 1), after = plan_of("dns", &one, 1, 1);

	(void)state;
	assert_int_equal(sockets_open(&before, NULL), 0);
	open_beside(&after, &before, 0);
	assert_int_equal(questions_at(&before, 0, one), 64);
	assert_int_equal(sockets_serve(&after, &before, NULL), 0);
	assert_int_equal(questions_at(&after, 0, one), 64);
	sockets_close(&before);
	sockets_close(&after);
}

/* What came to leave goes back to who still has it. */
static void test_a_reload_that_is_taken_back_finds_what_was_left(void **state)
{
	struct endpoint one = endpoint_of("127.0.0.1:0"), other = endpoint_of("127.0.0.2:0");
	struct sockets first, second, third, leaving = {.len = 0};
	int fd;

	(void)state;
	one.port = other.port = a_port();
	first = plan_of("gate", &one, 1, 1);
	second = plan_of("gate", &other, 1, 1);
	third = plan_of("gate", &one, 1, 1);
	assert_int_equal(sockets_open(&first, NULL), 0);
	fd = first.sock[0].fd;
	open_beside(&second, &first, 0);
	assert_false(sockets_any_late(&second)); /* nobody listens there: who comes may wait */
	sockets_leave(&first, &leaving);
	sockets_move(&leaving, &third);
	assert_int_equal(third.sock[0].fd, fd);
	sockets_close(&second);
	sockets_close(&third);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names_are_those_of_the_contract),
		cmocka_unit_test(test_too_many_and_too_long_are_refused),
		cmocka_unit_test(test_sockets_are_inherited_by_name),
		cmocka_unit_test(test_sockets_that_stay_move_and_others_do_not),
		cmocka_unit_test(test_an_address_is_exchanged_for_one_that_overlaps),
		cmocka_unit_test(test_what_is_taken_is_refused_and_nothing_changes),
		cmocka_unit_test(test_no_question_comes_to_a_socket_that_nobody_reads_yet),
		cmocka_unit_test(
			test_a_single_address_takes_questions_from_a_wildcard_when_it_is_read),
		cmocka_unit_test(test_a_reload_that_is_taken_back_finds_what_was_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
