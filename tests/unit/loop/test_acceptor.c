/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/err.h"
#include "base/macro.h"
#include "loop/acceptor.h"
#include "loop/socket.h"

enum { CLIENTS = 8, WATCHED_MS = 300 };

struct bench {
	struct loop *loop;
	int fd;
	struct endpoint address;
	struct acceptor *acceptor;
	int clients[CLIENTS], taken[CLIENTS];
	size_t clients_len, taken_len;
	struct timer timer;
	struct rlimit files;
};

static void on_connection(int fd, const struct endpoint *peer, void *arg)
{
	struct bench *bench = arg;

	assert_non_null(peer);
	assert_true(ip_equal(peer->ip, bench->address.ip));
	bench->taken[bench->taken_len++] = fd;
}

static void on_time(struct timer *timer, void *arg)
{
	(void)arg;
	loop_stop(timer->loop);
}

static void bench_init(struct bench *bench)
{
	*bench = (struct bench){.address.ip = ip_from_v4(0x7f000001), .loop = loop_new()};
	assert_int_equal(socket_listen_tcp(bench->address, false, &bench->fd, NULL), 0);
	assert_int_equal(socket_local(bench->fd, &bench->address), 0);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &bench->files), 0);
	bench->acceptor = acceptor_new(bench->loop, bench->fd, on_connection, bench);
	timer_init(&bench->timer, bench->loop, on_time, NULL);
}

static void bench_done(struct bench *bench)
{
	for (size_t i = 0; i < bench->clients_len; i++)
		close(bench->clients[i]);
	for (size_t i = 0; i < bench->taken_len; i++)
		close(bench->taken[i]);
	timer_done(&bench->timer);
	acceptor_free(&bench->acceptor);
	close(bench->fd);
	loop_free(&bench->loop);
}

static void bench_connect(struct bench *bench)
{
	assert_int_equal(
		socket_connect_tcp(bench->address, &bench->clients[bench->clients_len++]), 0);
}

/* No descriptor more than there are now. */
static void bench_run_out_of_descriptors(const struct bench *bench)
{
	int next = dup(bench->fd);
	const struct rlimit none = {(rlim_t)next, bench->files.rlim_max};

	close(next);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
}

static void bench_run(struct bench *bench, int64_t ms)
{
	timer_set(&bench->timer, loop_now_ms(bench->loop) + ms);
	loop_run(bench->loop);
}

static unsigned tries;

/* In the place of the library's: how often it is tried. */
int accept4(int fd, struct sockaddr *restrict address, socklen_t *restrict len, int flags)
{
	tries++;
	return (int)syscall(SYS_accept4, fd, address, len, flags);
}

static void clients_come_with_their_address(void **state)
{
	struct bench bench;

	(void)state;
	bench_init(&bench);
	for (int i = 0; i < 3; i++)
		bench_connect(&bench);
	bench_run(&bench, 20);
	assert_int_equal(bench.taken_len, 3);
	bench_done(&bench);
}

static void without_descriptors_clients_wait_and_nothing_spins(void **state)
{
	struct bench bench;

	(void)state;
	bench_init(&bench);
	bench_connect(&bench);
	bench_run_out_of_descriptors(&bench);
	tries = 0;
	bench_run(&bench, WATCHED_MS);
	assert_int_equal(bench.taken_len, 0);
	assert_in_range(tries, 1, WATCHED_MS / 50);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &bench.files), 0);
	bench_run(&bench, WATCHED_MS); /* by itself */
	assert_int_equal(bench.taken_len, 1);
	bench_done(&bench);
}

static void a_pause_ends_when_there_is_room(void **state)
{
	struct bench bench;

	(void)state;
	bench_init(&bench);
	bench_connect(&bench);
	bench_run_out_of_descriptors(&bench);
	bench_run(&bench, 10);
	assert_int_equal(bench.taken_len, 0);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &bench.files), 0);
	acceptor_go_on(bench.acceptor);
	bench_run(&bench, 10);
	assert_int_equal(bench.taken_len, 1);
	bench_done(&bench);
}

static void one_that_was_stopped_takes_nobody(void **state)
{
	struct bench bench;

	(void)state;
	bench_init(&bench);
	acceptor_stop(bench.acceptor);
	bench_connect(&bench);
	acceptor_go_on(bench.acceptor);
	bench_run(&bench, 20);
	assert_int_equal(bench.taken_len, 0);
	bench_done(&bench);
}

/* A socket of a reload: the kernel says each moment that it wants attention. */
static void on_a_socket_that_does_not_listen_yet_nothing_spins(void **state)
{
	struct bench bench;
	struct acceptor *early;
	struct endpoint at = {.ip = ip_from_v4(0x7f000001)};
	int fd;

	(void)state;
	bench_init(&bench);
	assert_int_equal(socket_bind_tcp(at, 0, &fd, NULL), 0);
	assert_int_equal(socket_local(fd, &bench.address), 0);
	tries = 0;
	early = acceptor_new(bench.loop, fd, on_connection, &bench);
	bench_run(&bench, WATCHED_MS);
	assert_in_range(tries, 1, WATCHED_MS / 50);
	assert_int_equal(socket_listen(fd, at, NULL), 0);
	bench_connect(&bench);
	bench_run(&bench, WATCHED_MS);
	assert_int_equal(bench.taken_len, 1);
	acceptor_close(&early);
	bench_done(&bench);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(clients_come_with_their_address),
		cmocka_unit_test(without_descriptors_clients_wait_and_nothing_spins),
		cmocka_unit_test(on_a_socket_that_does_not_listen_yet_nothing_spins),
		cmocka_unit_test(a_pause_ends_when_there_is_room),
		cmocka_unit_test(one_that_was_stopped_takes_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
