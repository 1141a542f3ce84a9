/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/macro.h"
#include "base/mem.h"
#include "loop/socket.h"
#include "rbldnsd/loader.h"
#include "rbldnsd/worker.h"
#include "server/server.h"

/*
 * Workers over real sockets while data are read again and again: every answer is wholly old or
 * wholly new, none is missing, and what was counted and logged adds up. The run with the thread
 * sanitizer is what this file is for.
 */
enum { WORKERS = 2, CHANGES = 40, PATIENCE_S = 20 };

struct bench {
	char folder[32];
	char path[64];
	char log_path[64];
	struct rbl_plan *plan;
	struct shelf *shelf;
	struct rbldnsd_loader *loader;
	struct query_log log;
	struct rbldnsd_workers workers;
	struct dns_server *server;
	int udp[WORKERS];
	struct endpoint endpoint;
};

static void write_data(const struct bench *bench, unsigned code)
{
	char next[80];
	FILE *file;

	snprintf(next, sizeof(next), "%s.new", bench->path);
	file = fopen(next, "w");
	assert_non_null(file);
	fprintf(file, ":%u:code %u\n192.0.2.1\n", code, code);
	for (unsigned i = 0; i < 2000; i++)
		fprintf(file, "10.0.%u.%u\n", i / 250, i % 250);
	fclose(file);
	assert_int_equal(rename(next, bench->path), 0);
}

static void on_loaded(void *arg)
{
	(void)arg; /* workers look often enough here */
}

static atomic_uint released;

static void on_release(void *object)
{
	atomic_fetch_add(&released, 1);
	rbldnsd_loader_release(object);
}

static void start_loader(struct bench *bench)
{
	static const struct rbl_options options = {0};
	struct rbldnsd_loader_settings settings = {
		.plan = bench->plan, .options = &options, .loaded = on_loaded};

	bench->shelf = shelf_new(on_release);
	settings.shelf = bench->shelf;
	assert_int_equal(rbldnsd_loader_new(&settings, &bench->loader, NULL), 0);
	rbldnsd_loader_check(bench->loader);
	assert_true(rbldnsd_loader_wait(bench->loader));
}

static void start_server(struct bench *bench)
{
	bench->log.path = bench->log_path;
	atomic_init(&bench->log.fd, -1);
	assert_int_equal(query_log_open(&bench->log, NULL), 0);
	bench->workers = (struct rbldnsd_workers){
		.shelf = bench->shelf, .zones_len = bench->plan->zones_len, .log = &bench->log};
	bench->endpoint.ip = ip_from_v4(0x7f000001);
	for (size_t i = 0; i < WORKERS; i++) {
		assert_int_equal(
			socket_bind_udp(bench->endpoint, SOCKET_SHARED, &bench->udp[i], NULL), 0);
		assert_int_equal(socket_local(bench->udp[i], &bench->endpoint), 0);
	}
	assert_int_equal(
		dns_server_new(&(struct dns_sockets){.udp_len = WORKERS, .udp = bench->udp},
			&(struct worker_kind){&rbldnsd_worker_calls, &bench->workers},
			&bench->server, NULL),
		0);
}

static int set_up(void **state)
{
	struct bench *bench = mem_new(bench);
	char spec[96];
	const char *specs[] = {spec};

	snprintf(bench->folder, sizeof(bench->folder), "/tmp/stk-rbl-XXXXXX");
	assert_non_null(mkdtemp(bench->folder));
	snprintf(bench->path, sizeof(bench->path), "%s/list", bench->folder);
	snprintf(bench->log_path, sizeof(bench->log_path), "%s/log", bench->folder);
	snprintf(spec, sizeof(spec), "bl.test:ip4set:%s", bench->path);
	write_data(bench, 2);
	assert_int_equal(rbl_plan_new(specs, 1, &bench->plan, NULL), 0);
	start_loader(bench);
	start_server(bench);
	*state = bench;
	return 0;
}

static int tear_down(void **state)
{
	struct bench *bench = *state;

	dns_server_free(&bench->server);
	assert_true(rbldnsd_loader_stop(bench->loader));
	shelf_free(&bench->shelf);
	rbldnsd_loader_free(&bench->loader);
	rbldnsd_workers_done(&bench->workers);
	query_log_close(&bench->log);
	for (size_t i = 0; i < WORKERS; i++)
		close(bench->udp[i]);
	rbl_plan_free(&bench->plan);
	unlink(bench->path);
	unlink(bench->log_path);
	rmdir(bench->folder);
	mem_free(bench);
	return 0;
}

/* A client of its own, so that the kernel spreads questions over the workers. */
static int client_new(const struct bench *bench)
{
	struct timeval patience = {.tv_sec = PATIENCE_S};
	int fd;

	assert_int_equal(socket_connect_udp(bench->endpoint, &fd), 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), 0);
	return fd;
}

/* The code that 192.0.2.1 is answered with; 0: none. */
static unsigned ask(const struct bench *bench)
{
	static const char query[] = "\0\7\0\0\0\1\0\0\0\0\0\0\1"
				    "1\1"
				    "2\1"
				    "0\3"
				    "192\2bl\4test\0\0\1\0\1";
	uint8_t answer[512];
	int fd = client_new(bench);
	ssize_t len;

	assert_int_equal(send(fd, query, sizeof(query) - 1, 0), sizeof(query) - 1);
	do
		len = recv(fd, answer, sizeof(answer), MSG_WAITALL);
	while (len < 0 && errno == EAGAIN);
	close(fd);
	assert_true(len > 12);
	return answer[7] == 1 ? answer[len - 1] : 0;
}

static void answers_go_on_while_data_are_read(void **state)
{
	struct bench *bench = *state;
	unsigned asked = 0, code = 2;
	struct rbl_counts counts;

	for (unsigned change = 0; change < CHANGES; change++) {
		unsigned next = code == 2 ? 3 : 2, seen;

		write_data(bench, next);
		rbldnsd_loader_check(bench->loader);
		do {
			seen = ask(bench);
			asked++;
			assert_true(seen == code || seen == next);
		} while (seen != next);
		code = next;
	}
	dns_server_free(&bench->server);
	counts = rbldnsd_workers_count(&bench->workers, 0);
	assert_int_equal(counts.results[RBL_OK], asked);
	assert_int_equal(counts.results[RBL_NXDOMAIN], 0);
	assert_int_equal(rbldnsd_workers_count(&bench->workers, -1).in, 0);
}

static unsigned lines_of(const char *path)
{
	FILE *file = fopen(path, "r");
	unsigned lines = 0;
	int c;

	assert_non_null(file);
	while ((c = fgetc(file)) != EOF)
		lines += c == '\n';
	fclose(file);
	return lines;
}

/* Renamed and opened anew under load: each line is in one of both files, whole. */
static void the_query_log_changes_files_without_losing_a_line(void **state)
{
	struct bench *bench = *state;
	char old[80];
	unsigned asked = 0;

	snprintf(old, sizeof(old), "%s.old", bench->log_path);
	bench->log.at_once = true;
	for (; asked < 50; asked++)
		ask(bench);
	assert_int_equal(rename(bench->log_path, old), 0);
	assert_int_equal(query_log_open(&bench->log, NULL), 0);
	for (; asked < 100; asked++)
		ask(bench);
	dns_server_free(&bench->server);
	assert_int_equal(lines_of(old) + lines_of(bench->log_path), asked);
	assert_true(lines_of(bench->log_path) >= 50);
	unlink(old);
}

static void data_that_vanish_leave_the_old_ones(void **state)
{
	struct bench *bench = *state;

	unlink(bench->path);
	rbldnsd_loader_check(bench->loader);
	assert_true(rbldnsd_loader_wait(bench->loader));
	assert_int_equal(ask(bench), 2);
	write_data(bench, 3);
	rbldnsd_loader_check(bench->loader);
	assert_true(rbldnsd_loader_wait(bench->loader));
	while (ask(bench) != 3)
		;
}

/* Ten million entries that nobody asks any more are gone soon, not when the file changes the next
 * time. */
static void what_workers_let_go_is_freed_without_another_reload(void **state)
{
	struct bench *bench = *state;
	int64_t deadline_ms = clock_monotonic_ms() + PATIENCE_S * 1000;
	unsigned before = atomic_load(&released);
	struct shelf_item *held = NULL;

	assert_int_equal(shelf_refresh(bench->shelf, &held), 1); /* a worker that is slow to look */
	write_data(bench, 3);
	rbldnsd_loader_check(bench->loader);
	assert_true(rbldnsd_loader_wait(bench->loader));
	while (ask(bench) != 3)
		;
	assert_int_equal(atomic_load(&released), before);
	shelf_release(bench->shelf, &held);
	while (atomic_load(&released) == before && clock_monotonic_ms() < deadline_ms)
		poll(NULL, 0, 1);
	assert_int_equal(atomic_load(&released), before + 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			answers_go_on_while_data_are_read, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			the_query_log_changes_files_without_losing_a_line, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			data_that_vanish_leave_the_old_ones, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			what_workers_let_go_is_freed_without_another_reload, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
