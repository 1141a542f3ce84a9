/* SPDX-License-Identifier: ISC */
/* The dialer itself, in its own jail, asked as a role that was taken over would ask it. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "base/macro.h"
#include "loop/rights.h"
#include "loop/socket.h"
#include "process/dialer.h"
#include "unit.h"

/* Numbers of the gate's targets. */
enum { BUS, RESOLVER_UDP, RESOLVER_TCP, BACKEND, TARGETS };

static char folder[64];
static struct conf conf;
static int bus, backend, resolver_udp, resolver_tcp;

static int listen_tcp(struct endpoint *endpoint)
{
	int fd;

	endpoint->ip = ip_from_v4(0x7f000001);
	assert_int_equal(socket_listen_tcp(*endpoint, 0, &fd, NULL), 0);
	assert_int_equal(socket_local(fd, endpoint), 0);
	return fd;
}

/* One port for both: of UDP it may be another program's. */
static void listen_as_resolver(void)
{
	int r;

	do {
		conf.resolver.port = 0;
		resolver_tcp = listen_tcp(&conf.resolver);
		r = socket_bind_udp(conf.resolver, 0, &resolver_udp, NULL);
		if (r < 0)
			close(resolver_tcp);
	} while (r < 0);
}

static int set_up(void **state)
{
	char path[108];

	(void)state;
	snprintf(folder, sizeof(folder), "/tmp/stk-dialer-XXXXXX");
	assert_non_null(mkdtemp(folder));
	conf = (struct conf){.run_path = folder, .lists_path = folder, .state_path = folder};
	snprintf(path, sizeof(path), "mkdir %s/bus", folder);
	assert_int_equal(system(path), 0);
	snprintf(path, sizeof(path), "%s/bus/gate.sock", folder);
	assert_int_equal(socket_listen_unix(path, 0666, &bus, NULL), 0);
	assert_int_equal(chmod(folder, 0755), 0); /* started by root it is the role's user */
	backend = listen_tcp(&conf.backend);
	listen_as_resolver();
	return 0;
}

static int tear_down(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf '%s'", folder);
	return system(command);
}

static int start(const char *role)
{
	AUTO(dial_targets) *targets = dialer_targets(role, &conf);
	int fd = -1;

	assert_int_equal(dialer_start(&(struct dialer_plan){role, &conf, targets}, &fd, NULL), 1);
	return fd;
}

static void await(int fd)
{
	assert_int_equal(poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, 60000), 1);
}

static void ask(int fd, const void *bytes, size_t len)
{
	assert_int_equal(send(fd, bytes, len, MSG_NOSIGNAL), len);
}

/* One target; its descriptor. */
static int dial(int fd, uint8_t number)
{
	struct rights rights;
	uint8_t reply[2];

	ask(fd, (uint8_t[]){0, number}, 2);
	await(fd);
	assert_int_equal(rights_receive(fd, reply, sizeof(reply), &rights), 1);
	assert_int_equal(reply[0], 0);
	assert_int_equal(rights.len, 1);
	return rights.fds[0];
}

/* It ended, which is what its end of the pair shows, and is waited for. */
static void assert_ended(int fd)
{
	struct rights rights;
	uint8_t reply[2];

	await(fd);
	assert_int_equal(rights_receive(fd, reply, sizeof(reply), &rights), 0);
	assert_true(wait(NULL) > 0);
	close(fd);
}

static void accept_from(int listener, int fd)
{
	char octet;
	int other;

	await(listener);
	other = accept(listener, NULL, NULL);
	assert_true(other >= 0);
	assert_int_equal(send(other, "x", 1, 0), 1);
	await(fd);
	assert_int_equal(recv(fd, &octet, 1, 0), 1);
	close(other);
	close(fd);
}

static void test_each_target_is_reached_by_its_number(void **state)
{
	int fd = start("gate"), datagrams;

	(void)state;
	accept_from(bus, dial(fd, BUS));
	accept_from(resolver_tcp, dial(fd, RESOLVER_TCP));
	accept_from(backend, dial(fd, BACKEND));
	datagrams = dial(fd, RESOLVER_UDP);
	assert_int_equal(send(datagrams, "x", 1, 0), 1);
	await(resolver_udp);
	close(datagrams);
	close(fd);
	assert_true(wait(NULL) > 0); /* it ends with its role */
}

static void test_several_come_in_one_reply(void **state)
{
	static const uint8_t request[] = {0, BACKEND, 0, RESOLVER_UDP, 0, BACKEND};
	struct rights rights;
	uint8_t reply[DIALS_PER_REQUEST];
	int fd = start("gate");

	(void)state;
	ask(fd, request, sizeof(request));
	await(fd);
	assert_int_equal(rights_receive(fd, reply, sizeof(reply), &rights), 3);
	assert_int_equal(rights.len, 3);
	rights_close(&rights);
	close(fd);
	assert_true(wait(NULL) > 0);
}

static void test_what_cannot_be_reached_is_an_error(void **state)
{
	struct rights rights;
	uint8_t reply[2];
	int fd;

	(void)state;
	conf.run_path = "/nowhere";
	fd = start("web");
	conf.run_path = folder;
	ask(fd, (uint8_t[]){0, BUS}, 2);
	await(fd);
	assert_int_equal(rights_receive(fd, reply, sizeof(reply), &rights), 1);
	assert_int_equal(rights.len, 0);
	assert_int_equal(-reply[0], E_ABSENT);
	close(fd);
	assert_true(wait(NULL) > 0);
}

static void test_nonsense_ends_it(void **state)
{
	static const struct {
		uint8_t bytes[DIAL_REQUEST_SIZE + 8];
		size_t len;
	} cases[] = {
		{{0, TARGETS}, 2},
		{{0xff, 0xff}, 2},
		{{0}, 1},
		{{0, BUS, 0}, 3},
		{{0}, DIAL_REQUEST_SIZE + 2},
		{{127, 0, 0, 1, 0, 25}, 6},
	};

	(void)state;
	for (size_t i = 0; i < COUNTOF(cases); i++) {
		int fd = start("gate");

		ask(fd, cases[i].bytes, cases[i].len);
		assert_ended(fd);
	}
}

/* Replies are not read: it does not wait for that. */
static void test_who_does_not_read_does_not_hold_it(void **state)
{
	int fd = start("gate");

	(void)state;
	while (send(fd, (uint8_t[]){0, RESOLVER_UDP}, 2, MSG_NOSIGNAL) == 2 || errno == EAGAIN)
		;
	assert_true(errno == EPIPE || errno == ECONNRESET);
	assert_true(wait(NULL) > 0);
	close(fd);
}

static void test_roles_dial_what_their_rows_say(void **state)
{
	struct conf_feed feeds[2] = {{.server = {ip_from_v4(0xc0000201), 53}},
		{.server = {ip_from_v4(0xc0000202), 5353}}};
	AUTO(dial_targets) *dns = dialer_targets("dns", &conf);
	AUTO(dial_targets) *web = dialer_targets("web", &conf);
	AUTO(dial_targets) *courier = NULL;

	(void)state;
	assert_int_equal(dns->len, 0);
	assert_int_equal(web->len, 1);
	assert_int_equal(web->items[0].kind, DIAL_UNIX);
	conf.feeds = feeds;
	conf.feeds_len = 2;
	courier = dialer_targets("courier", &conf);
	conf.feeds_len = 0;
	assert_int_equal(courier->len, 3);
	assert_int_equal(courier->items[2].kind, DIAL_TCP);
	assert_int_equal(courier->items[2].endpoint.port, 5353);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_target_is_reached_by_its_number),
		cmocka_unit_test(test_several_come_in_one_reply),
		cmocka_unit_test(test_what_cannot_be_reached_is_an_error),
		cmocka_unit_test(test_nonsense_ends_it),
		cmocka_unit_test(test_who_does_not_read_does_not_hold_it),
		cmocka_unit_test(test_roles_dial_what_their_rows_say),
	};

	log_open("test", LOG_ERROR);
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
