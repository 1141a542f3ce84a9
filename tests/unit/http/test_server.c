/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/macro.h"
#include "base/mem.h"
#include "http/server.h"
#include "loop/socket.h"
#include "moving_clock.h"

/* A server and its clients in one thread: the loop turns until a condition holds. A turn is asked
 * for every few milliseconds by a timer, so that a client socket can be looked at in between; what
 * fails to come ends the test. The server's patience ends only when a test moves the clock. */
enum { TURN_MS = 2, TURNS_MAX = 5000, PATIENCE_MS = 3600000 };

struct bench {
	struct loop *loop;
	struct timer turn;
	int listen_fd;
	struct endpoint endpoint;
	struct http_server *server;
	struct http_call *held; /* a call for "/hold", answered by the test */
	char client[IP_TEXT_SIZE];
	bool stopped;
};

static void on_turn(struct timer *timer, void *arg)
{
	(void)timer;
	loop_stop(((struct bench *)arg)->loop);
}

static void turn(struct bench *bench)
{
	timer_set(&bench->turn, loop_now_ms(bench->loop) + TURN_MS);
	loop_run(bench->loop);
}

static void on_request(struct http_call *call, const struct http_request *request, void *arg)
{
	struct bench *bench = arg;
	struct http_reply reply = {.status = 200,
		.type = "text/plain",
		.body = request->path,
		.cache = HTTP_REVALIDATE};

	ip_print(request->client, bench->client);
	if (span_equal_text(request->path, "/gone"))
		reply.status = 410;
	if (span_equal_text(request->path, "/hold"))
		bench->held = call;
	else
		http_reply(call, &reply);
}

static void on_refused(const struct http_request *request, struct arena *arena,
	struct http_reply *reply, void *arg)
{
	(void)request;
	(void)arg;
	reply->type = "text/plain";
	reply->body = span_text(arena_format(arena, "no: %u", reply->status));
}

static int bench_setup(void **state)
{
	static struct bench bench;
	struct http_settings settings = http_settings_default();
	struct endpoint any = {.ip = ip_from_v4(0x7f000001), .port = 0};

	bench = (struct bench){.loop = loop_new()};
	timer_init(&bench.turn, bench.loop, on_turn, &bench);
	assert_int_equal(socket_listen_tcp(any, 0, &bench.listen_fd, NULL), 0);
	assert_int_equal(socket_local(bench.listen_fd, &bench.endpoint), 0);
	settings.connections = 4;
	settings.head_ms = PATIENCE_MS;
	settings.reply_ms = PATIENCE_MS;
	settings.request = on_request;
	settings.refused = on_refused;
	settings.arg = &bench;
	bench.server = http_server_new(bench.loop, bench.listen_fd, &settings);
	*state = &bench;
	return 0;
}

static int bench_teardown(void **state)
{
	struct bench *bench = *state;
	static const struct http_reply late = {.status = 503};

	http_server_free(&bench->server);
	if (bench->held != NULL)
		http_reply(bench->held, &late);
	close(bench->listen_fd);
	timer_done(&bench->turn);
	loop_free(&bench->loop);
	return 0;
}

static int client_new(struct bench *bench)
{
	int fd = -1;

	assert_int_equal(socket_connect_tcp(bench->endpoint, &fd), 0);
	turn(bench);
	return fd;
}

/* From another address of this machine, and one clock tick behind whoever came before. */
static int client_from(struct bench *bench, uint32_t address)
{
	struct sockaddr_storage local, server;
	socklen_t len = endpoint_to_sockaddr((struct endpoint){ip_from_v4(address), 0}, &local);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	moving_clock_add(1);
	assert_int_equal(bind(fd, (struct sockaddr *)&local, len), 0);
	len = endpoint_to_sockaddr(bench->endpoint, &server);
	assert_int_equal(connect(fd, (struct sockaddr *)&server, len), 0);
	assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	turn(bench);
	return fd;
}

static bool client_is_there(struct bench *bench, int fd)
{
	char byte;

	turn(bench);
	return recv(fd, &byte, 1, 0) < 0 && errno == EAGAIN;
}

static void client_send(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

/* What the client hears until `wanted` is in it, or until the server closes when wanted is NULL. */
static void client_hear(struct bench *bench, int fd, const char *wanted, char *text, size_t size)
{
	size_t len = 0;

	text[0] = '\0';
	for (int turns = 0; turns < TURNS_MAX; turns++) {
		ssize_t n = recv(fd, text + len, size - len - 1, 0);

		if (n > 0) {
			len += (size_t)n;
			text[len] = '\0';
		}
		if (wanted != NULL && strstr(text, wanted) != NULL)
			return;
		if (n == 0) {
			assert_null(wanted);
			return;
		}
		turn(bench);
	}
	fail_msg("'%s' did not come, but '%s'", wanted != NULL ? wanted : "the end", text);
}

#define GET(path) "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"

static void requests_are_answered_one_after_the_other(void **state)
{
	struct bench *bench = *state;
	int fd = client_new(bench);
	char text[8192];

	client_send(fd, GET("/one") GET("/two") GET("/three"));
	client_hear(bench, fd, "/three", text, sizeof(text));
	assert_true(strstr(text, "/one") < strstr(text, "/two"));
	client_send(fd, "GET /four HTTP/1.1\r\nHo");
	turn(bench);
	client_send(fd, "st: a\r\nConnection: close\r\n\r\n");
	client_hear(bench, fd, NULL, text, sizeof(text));
	assert_non_null(strstr(text, "/four"));
	assert_non_null(strstr(text, "Connection: close\r\n"));
	close(fd);
}

static void every_answer_has_the_security_headers(void **state)
{
	static const char *const requests[] = {GET("/ok"), "rubbish\r\n\r\n"};
	struct bench *bench = *state;

	for (size_t i = 0; i < COUNTOF(requests); i++) {
		int fd = client_new(bench);
		char text[8192];

		client_send(fd, requests[i]);
		client_hear(bench, fd, "\r\n\r\n", text, sizeof(text));
		assert_non_null(strstr(text, "Content-Security-Policy: default-src 'none';"));
		assert_non_null(strstr(text, "frame-ancestors 'none'"));
		assert_non_null(strstr(text, "X-Content-Type-Options: nosniff"));
		assert_non_null(strstr(text, "Referrer-Policy: no-referrer"));
		assert_non_null(strstr(text, "Cache-Control: "));
		assert_null(strstr(text, "Set-Cookie"));
		close(fd);
	}
}

static void a_status_has_its_own_words(void **state)
{
	struct bench *bench = *state;
	int fd = client_new(bench);
	char text[8192];

	client_send(fd, GET("/gone"));
	client_hear(bench, fd, "/gone", text, sizeof(text));
	assert_non_null(strstr(text, "HTTP/1.1 410 Gone\r\n"));
	close(fd);
}

static void head_has_no_body_and_etags_save_one(void **state)
{
	struct bench *bench = *state;
	int fd = client_new(bench);
	char text[8192];
	char etag[32] = "";
	char again[256];
	char *at;

	client_send(fd, "HEAD /page HTTP/1.1\r\nHost: a\r\n\r\n");
	client_hear(bench, fd, "\r\n\r\n", text, sizeof(text));
	assert_non_null(strstr(text, "Content-Length: 5\r\n"));
	assert_null(strstr(text, "/page"));
	at = strstr(text, "ETag: ");
	assert_non_null(at);
	memcpy(etag, at + 6, 18);
	snprintf(again, sizeof(again),
		"GET /page HTTP/1.1\r\nHost: a\r\nIf-None-Match: \"x\", W/%s\r\n\r\n", etag);
	client_send(fd, again);
	client_hear(bench, fd, "\r\n\r\n", text, sizeof(text));
	assert_non_null(strstr(text, "304 Not Modified"));
	assert_null(strstr(text, "/page"));
	close(fd);
}

static void a_bad_head_is_told_and_ends_the_connection(void **state)
{
	struct bench *bench = *state;
	int fd = client_new(bench);
	char text[8192];

	client_send(fd, "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n" GET("/next"));
	client_hear(bench, fd, NULL, text, sizeof(text));
	assert_non_null(strstr(text, "HTTP/1.1 400 Bad Request"));
	assert_non_null(strstr(text, "no: 400"));
	assert_null(strstr(text, "/next"));
	close(fd);
}

static void dripping_does_not_keep_a_connection(void **state)
{
	struct bench *bench = *state;
	int fd = client_new(bench);
	char text[256];
	ssize_t n = -1;

	client_send(fd, "GET / HTTP/1.1\r\nA: ");
	for (int turns = 0; n != 0 && turns < TURNS_MAX; turns++) {
		(void)!send(fd, "x", 1, MSG_NOSIGNAL);
		turn(bench);
		moving_clock_add(PATIENCE_MS / 20);
		n = recv(fd, text, sizeof(text), 0);
		if (n < 0 && http_server_connections(bench->server) == 0)
			n = 0; /* reset, since it went on sending */
	}
	assert_int_equal(http_server_connections(bench->server), 0);
	close(fd);
}

static void newcomers_take_the_place_of_the_silent(void **state)
{
	struct bench *bench = *state;
	int silent[8];
	char text[8192];
	int fd;

	for (size_t i = 0; i < COUNTOF(silent); i++)
		silent[i] = client_new(bench);
	assert_true(http_server_connections(bench->server) <= 4);
	fd = client_new(bench);
	client_send(fd, GET("/served"));
	client_hear(bench, fd, "/served", text, sizeof(text));
	for (size_t i = 0; i < COUNTOF(silent); i++)
		close(silent[i]);
	close(fd);
}

static void whoever_holds_most_makes_room(void **state)
{
	static const uint32_t addresses[] = {0x7f000101, 0x7f000202, 0x7f000201,
		0x7f000201, /* the places that there are */
		0x7f000301, 0x7f000201, 0x7f000401};
	struct bench *bench = *state;
	int fds[COUNTOF(addresses)];

	for (size_t i = 0; i < COUNTOF(addresses); i++)
		fds[i] = client_from(bench, addresses[i]);
	assert_int_equal(http_server_connections(bench->server), 4);
	/* The network of three, its source of two, of those the first; then the other; then, with
	 * two that have one each, the one that was silent longest. */
	assert_true(client_is_there(bench, fds[0]));
	assert_false(client_is_there(bench, fds[2]));
	assert_false(client_is_there(bench, fds[3]));
	assert_false(client_is_there(bench, fds[1]));
	assert_true(client_is_there(bench, fds[4]));
	assert_true(client_is_there(bench, fds[5]));
	assert_true(client_is_there(bench, fds[6]));
	for (size_t i = 0; i < COUNTOF(addresses); i++)
		close(fds[i]);
}

static void a_refused_head_request_gets_no_content(void **state)
{
	static const char *const requests[] = {"HEAD /%zz HTTP/1.1\r\nHost: a\r\n\r\n",
		"\r\nHEAD / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"};
	struct bench *bench = *state;

	for (size_t i = 0; i < COUNTOF(requests); i++) {
		int fd = client_new(bench);
		char text[8192];

		client_send(fd, requests[i]);
		client_hear(bench, fd, NULL, text, sizeof(text));
		assert_non_null(strstr(text, "HTTP/1.1 400 Bad Request\r\n"));
		assert_non_null(strstr(text, "Content-Length: 7\r\n"));
		assert_string_equal(strstr(text, "\r\n\r\n"), "\r\n\r\n");
		close(fd);
	}
}

static void a_late_answer_finds_its_client_or_nobody(void **state)
{
	static const struct http_reply reply = {
		.status = 200, .body = {(const uint8_t *)"late", 4}};
	struct bench *bench = *state;
	int fd = client_new(bench);
	char text[8192];

	client_send(fd, GET("/hold") GET("/after"));
	while (bench->held == NULL)
		turn(bench);
	http_reply(TAKE(bench->held), &reply);
	client_hear(bench, fd, "/after", text, sizeof(text));
	assert_true(strstr(text, "late") < strstr(text, "/after"));
	client_send(fd, GET("/hold"));
	while (bench->held == NULL)
		turn(bench);
	http_server_free(&bench->server); /* the teardown answers it */
	close(fd);
}

static void only_a_proxy_on_this_machine_may_name_the_client(void **state)
{
	struct bench *bench = *state;
	int fd = client_new(bench);
	char text[8192];

	client_send(fd,
		"GET /a HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 10.1.1.1, 198.51.100.9\r\n\r\n");
	client_hear(bench, fd, "/a", text, sizeof(text));
	assert_string_equal(bench->client, "198.51.100.9");
	client_send(fd, "GET /b HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: rubbish\r\n\r\n");
	client_hear(bench, fd, "/b", text, sizeof(text));
	assert_string_equal(bench->client, "127.0.0.1");
	close(fd);
}

static void on_stopped(void *arg)
{
	((struct bench *)arg)->stopped = true;
}

static void stopping_waits_for_answers_that_are_due(void **state)
{
	static const struct http_reply reply = {
		.status = 200, .body = {(const uint8_t *)"last", 4}};
	struct bench *bench = *state;
	int idle = client_new(bench);
	int fd = client_new(bench);
	char text[8192];

	client_send(fd, GET("/hold"));
	while (bench->held == NULL)
		turn(bench);
	http_server_stop(bench->server, loop_now_ms(bench->loop) + 60000, on_stopped, bench);
	assert_int_equal(http_server_connections(bench->server), 1);
	assert_false(bench->stopped);
	http_reply(TAKE(bench->held), &reply);
	client_hear(bench, fd, NULL, text, sizeof(text));
	assert_non_null(strstr(text, "last"));
	close(fd);
	for (int turns = 0; !bench->stopped && turns < TURNS_MAX; turns++)
		turn(bench);
	assert_true(bench->stopped);
	close(idle);
}

#define http_test(name) cmocka_unit_test_setup_teardown(name, bench_setup, bench_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		http_test(requests_are_answered_one_after_the_other),
		http_test(every_answer_has_the_security_headers),
		http_test(a_status_has_its_own_words),
		http_test(head_has_no_body_and_etags_save_one),
		http_test(a_bad_head_is_told_and_ends_the_connection),
		http_test(dripping_does_not_keep_a_connection),
		http_test(newcomers_take_the_place_of_the_silent),
		http_test(whoever_holds_most_makes_room),
		http_test(a_refused_head_request_gets_no_content),
		http_test(a_late_answer_finds_its_client_or_nobody),
		http_test(only_a_proxy_on_this_machine_may_name_the_client),
		http_test(stopping_waits_for_answers_that_are_due),
	};

	moving_clock_start();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
