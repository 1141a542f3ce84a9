/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include <errno.h>
#include <semaphore.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/macro.h"
#include "base/mem.h"
#include "loop/socket.h"
#include "server/server.h"

/*
 * The end of a server whose sockets nobody else reads: who was there before gets his answer. The
 * worker gives each query back, and is busy with one that says so until it is let go.
 */
enum { PATIENCE_S = 20, QUERY_SIZE = 12, KICKS = 6 };

struct bench {
	struct endpoint udp_at, tcp_at;
	int udp, tcp;
	struct dns_server *server;
	sem_t busy, go;
};

static void *worker_open(void *arg)
{
	return arg;
}

static void worker_does_nothing(void *worker)
{
	(void)worker;
}

/* A thread of UDP is kicked when it is to end, and else now and then: after some of them it is. */
static void worker_be_busy(struct bench *bench, enum dns_transport transport)
{
	int kicks = 0;

	sem_post(&bench->busy);
	while (sem_wait(&bench->go) < 0 && errno == EINTR && transport == DNS_UDP &&
		++kicks < KICKS)
		continue;
}

static void worker_answer(
	void *worker, struct dns_request *requests, size_t requests_len, struct dns_now now)
{
	(void)now;
	for (size_t i = 0; i < requests_len; i++) {
		struct dns_request *request = &requests[i];

		memcpy(request->out, request->query.ptr, QUERY_SIZE);
		request->out_len = QUERY_SIZE;
		if (request->query.ptr[0] == 'b')
			worker_be_busy(worker, request->transport);
	}
}

static const struct worker_calls calls = {
	.open = worker_open,
	.close = worker_does_nothing,
	.refresh = worker_does_nothing,
	.answer = worker_answer,
};

static int set_up(void **state)
{
	struct bench *bench = mem_new(bench);

	bench->tcp_at.ip = bench->udp_at.ip = ip_from_v4(0x7f000001);
	assert_int_equal(socket_listen_tcp(bench->tcp_at, 0, &bench->tcp, NULL), 0);
	assert_int_equal(socket_local(bench->tcp, &bench->tcp_at), 0);
	assert_int_equal(socket_bind_udp(bench->udp_at, 0, &bench->udp, NULL), 0);
	assert_int_equal(socket_local(bench->udp, &bench->udp_at), 0);
	assert_int_equal(sem_init(&bench->busy, 0, 0), 0);
	assert_int_equal(sem_init(&bench->go, 0, 0), 0);
	assert_int_equal(dns_server_new(&(struct dns_sockets){1, 1, &bench->udp, &bench->tcp},
				 &(struct worker_kind){&calls, bench}, &bench->server, NULL),
		0);
	*state = bench;
	return 0;
}

static int tear_down(void **state)
{
	struct bench *bench = *state;

	dns_server_free(&bench->server);
	sem_destroy(&bench->busy);
	sem_destroy(&bench->go);
	mem_free(bench);
	return 0;
}

static int client_connect(const struct bench *bench, int type)
{
	const struct timeval patience = {.tv_sec = PATIENCE_S};
	struct sockaddr_storage address;
	socklen_t len =
		endpoint_to_sockaddr(type == SOCK_DGRAM ? bench->udp_at : bench->tcp_at, &address);
	int fd = socket(AF_INET, type, 0);

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (connect(fd, (const struct sockaddr *)&address, len) == 0)
		return fd;
	close(fd);
	return -1;
}

static void client_ask(int fd, int type, char kind)
{
	uint8_t query[2 + QUERY_SIZE] = {0, QUERY_SIZE, (uint8_t)kind};
	size_t skip = type == SOCK_DGRAM ? 2 : 0;

	assert_int_equal(
		send(fd, query + skip, sizeof(query) - skip, MSG_NOSIGNAL), sizeof(query) - skip);
}

static void client_expect(int fd, int type, char kind)
{
	uint8_t answer[2 + QUERY_SIZE];
	size_t size = type == SOCK_DGRAM ? QUERY_SIZE : sizeof(answer);

	assert_int_equal(recv(fd, answer, size, MSG_WAITALL), size);
	assert_int_equal(answer[size - QUERY_SIZE], kind);
}

static void datagrams_that_wait_are_answered_at_the_end(void **state)
{
	struct bench *bench = *state;
	int fd = client_connect(bench, SOCK_DGRAM);

	client_ask(fd, SOCK_DGRAM, 'b');
	sem_wait(&bench->busy);
	client_ask(fd, SOCK_DGRAM, '1');
	client_ask(fd, SOCK_DGRAM, '2');
	dns_server_retire(bench->server);
	client_expect(fd, SOCK_DGRAM, 'b');
	client_expect(fd, SOCK_DGRAM, '1');
	client_expect(fd, SOCK_DGRAM, '2');
	/* And then the kernel says that nobody is there, or asks another process. */
	client_ask(fd, SOCK_DGRAM, '3');
	assert_int_equal(recv(fd, &(char){0}, 1, 0), -1);
	assert_int_equal(errno, ECONNREFUSED);
	close(fd);
}

static void wait_until_done(const struct dns_server *server)
{
	for (int i = 0; i < PATIENCE_S * 100 && !dns_server_is_done(server); i++)
		usleep(10 * 1000);
	assert_true(dns_server_is_done(server));
}

static void clients_that_wait_are_served_at_the_end(void **state)
{
	struct bench *bench = *state;
	int busy = client_connect(bench, SOCK_STREAM);
	int waiting;

	client_ask(busy, SOCK_STREAM, 'b');
	sem_wait(&bench->busy);
	dns_server_retire(bench->server);
	assert_false(dns_server_is_done(bench->server));
	waiting = client_connect(bench, SOCK_STREAM); /* as far as the kernel knows */
	client_ask(waiting, SOCK_STREAM, '1');
	sem_post(&bench->go);
	client_expect(busy, SOCK_STREAM, 'b');
	client_expect(waiting, SOCK_STREAM, '1');
	assert_false(dns_server_is_done(bench->server));
	assert_int_equal(client_connect(bench, SOCK_STREAM), -1);
	/* And then its connection ends: the lists of this process grow old. */
	assert_int_equal(recv(waiting, &(char){0}, 1, 0), 0);
	close(busy);
	close(waiting);
	wait_until_done(bench->server);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			datagrams_that_wait_are_answered_at_the_end, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			clients_that_wait_are_served_at_the_end, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
