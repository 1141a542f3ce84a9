/* SPDX-License-Identifier: ISC */
/* A dialer of the test's own, at the other end of the pair: it answers when the test wants it to.
 */
#include "unit.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "base/macro.h"
#include "loop/dial.h"
#include "loop/rights.h"
#include "loop/socket.h"
#include "moving_clock.h"

enum { DIALS = 40, STEP_MS = 1000 };

struct told {
	struct dial dial;
	struct bench *bench;
	int result;
	unsigned times;
};

struct bench {
	struct loop *loop;
	struct dialer *dialer;
	int ours, theirs;
	struct dial_target items[2];
	struct dial_targets targets;
	struct told told[DIALS];
	unsigned wanted, lost;
	int lost_error;
	struct timer quiet;
};

static void on_told(int fd, void *arg)
{
	struct told *told = arg;

	told->result = fd;
	told->times++;
	if (--told->bench->wanted == 0)
		loop_stop(told->bench->loop);
}

static void on_lost(int error, void *arg)
{
	struct bench *bench = arg;

	bench->lost++;
	bench->lost_error = error;
}

static void on_quiet(struct timer *timer, void *arg)
{
	(void)arg;
	loop_stop(timer->loop);
}

/* One turn, or two, of a loop that nothing else ends. */
static void turn(struct bench *bench)
{
	timer_set(&bench->quiet, loop_now_ms(bench->loop) + 1);
	loop_run(bench->loop);
}

static struct dialer_settings settings_of(struct bench *bench, int fd)
{
	return (struct dialer_settings){.loop = bench->loop,
		.fd = fd,
		.targets = &bench->targets,
		.lost = on_lost,
		.arg = bench};
}

static void bench_init(struct bench *bench)
{
	int ends[2];
	struct dialer_settings settings;

	memset(bench, 0, sizeof(*bench));
	assert_int_equal(rights_pair(ends), 0);
	bench->theirs = ends[0];
	bench->ours = ends[1];
	bench->loop = loop_new();
	bench->items[0] =
		(struct dial_target){.kind = DIAL_TCP, .endpoint = {ip_from_v4(0x7f000001), 25}};
	bench->items[1] = (struct dial_target){.kind = DIAL_UNIX, .path = "/run/bus"};
	bench->targets = (struct dial_targets){COUNTOF(bench->items), bench->items};
	settings = settings_of(bench, bench->ours);
	bench->dialer = dialer_new(&settings);
	timer_init(&bench->quiet, bench->loop, on_quiet, bench);
	for (size_t i = 0; i < DIALS; i++) {
		bench->told[i].bench = bench;
		dial_init(&bench->told[i].dial, bench->loop, on_told, &bench->told[i]);
	}
}

static void bench_done(struct bench *bench)
{
	for (size_t i = 0; i < DIALS; i++) {
		dial_stop(&bench->told[i].dial);
		if (bench->told[i].times != 0 && bench->told[i].result >= 0)
			close(bench->told[i].result);
	}
	dialer_free(&bench->dialer);
	timer_done(&bench->quiet);
	close(bench->ours);
	if (bench->theirs >= 0)
		close(bench->theirs);
	loop_free(&bench->loop);
}

static size_t request(const struct bench *bench, struct dial_request *ret_request)
{
	uint8_t bytes[DIAL_REQUEST_SIZE + 1];
	ssize_t n = recv(bench->theirs, bytes, sizeof(bytes), MSG_DONTWAIT);

	if (n < 0)
		return 0;
	assert_int_equal(dial_request_read(span_of(bytes, (size_t)n), 2, ret_request), 0);
	return ret_request->len;
}

/* Pipes tell one descriptor from another: what is written at the end kept is read at the other. */
static void reply(const struct bench *bench, const char *kinds)
{
	uint8_t bytes[DIALS_PER_REQUEST];
	struct rights rights = {.len = 0};
	size_t len = strlen(kinds);

	for (size_t i = 0; i < len; i++) {
		int ends[2];

		bytes[i] = (uint8_t)(kinds[i] == '+' ? 0 : -E_AWAY);
		if (kinds[i] != '+')
			continue;
		assert_int_equal(pipe(ends), 0);
		assert_int_equal(write(ends[1], &i, sizeof(i)), sizeof(i));
		close(ends[1]);
		rights.fds[rights.len++] = ends[0];
	}
	assert_int_equal(rights_send(bench->theirs, span_of(bytes, len), &rights), 0);
	rights_close(&rights);
}

static size_t number_of(const struct told *told)
{
	size_t number = 1000;

	assert_int_equal(told->times, 1);
	assert_true(told->result >= 0);
	assert_int_equal(read(told->result, &number, sizeof(number)), sizeof(number));
	return number;
}

static void test_a_turn_is_one_request_and_results_come_in_order(void **state)
{
	struct dial_request asked;
	struct bench bench;

	(void)state;
	bench_init(&bench);
	dial_start(&bench.told[0].dial, &bench.items[0]);
	dial_start(&bench.told[1].dial, &bench.items[1]);
	dial_start(&bench.told[2].dial, &bench.items[0]);
	turn(&bench);
	assert_int_equal(request(&bench, &asked), 3);
	assert_int_equal(asked.numbers[0], 0);
	assert_int_equal(asked.numbers[1], 1);
	assert_int_equal(asked.numbers[2], 0);
	reply(&bench, "+-+");
	bench.wanted = 3;
	loop_run(bench.loop);
	assert_int_equal(number_of(&bench.told[0]), 0);
	assert_int_equal(bench.told[1].result, E_AWAY);
	assert_int_equal(number_of(&bench.told[2]), 2);
	bench_done(&bench);
}

/* One request at a time: what came meanwhile goes out together, as much as one may hold. */
static void test_others_wait_for_the_reply(void **state)
{
	struct dial_request asked;
	struct bench bench;

	(void)state;
	bench_init(&bench);
	dial_start(&bench.told[0].dial, &bench.items[0]);
	turn(&bench);
	for (size_t i = 1; i < DIALS; i++)
		dial_start(&bench.told[i].dial, &bench.items[0]);
	turn(&bench);
	assert_int_equal(request(&bench, &asked), 1);
	assert_int_equal(request(&bench, &asked), 0);
	reply(&bench, "+");
	turn(&bench);
	turn(&bench);
	assert_int_equal(request(&bench, &asked), DIALS_PER_REQUEST);
	assert_int_equal(request(&bench, &asked), 0);
	assert_int_equal(bench.lost, 0);
	bench_done(&bench);
}

static void test_who_gives_up_is_told_nothing_and_no_descriptor_stays(void **state)
{
	struct dial_request asked;
	struct bench bench;
	int before, after;

	(void)state;
	bench_init(&bench);
	dial_start(&bench.told[0].dial, &bench.items[0]);
	dial_start(&bench.told[1].dial, &bench.items[0]);
	turn(&bench);
	dial_start(&bench.told[2].dial, &bench.items[0]);
	dial_stop(&bench.told[2].dial); /* not sent yet */
	assert_int_equal(request(&bench, &asked), 2);
	dial_stop(&bench.told[0].dial);
	before = dup(0);
	close(before);
	reply(&bench, "++");
	bench.wanted = 1;
	loop_run(bench.loop);
	assert_int_equal(number_of(&bench.told[1]), 1);
	close(bench.told[1].result);
	bench.told[1].result = -1;
	after = dup(0);
	close(after);
	assert_int_equal(after, before);
	turn(&bench);
	assert_int_equal(request(&bench, &asked), 0);
	assert_int_equal(bench.told[0].times + bench.told[2].times, 0);
	bench_done(&bench);
}

static void test_what_is_no_target_is_not_asked_for(void **state)
{
	struct dial_target other = {.kind = DIAL_TCP, .endpoint = {ip_from_v4(0x7f000001), 26}};
	struct dial_request asked;
	struct bench bench;

	(void)state;
	bench_init(&bench);
	dial_start(&bench.told[0].dial, &other);
	other = (struct dial_target){.kind = DIAL_UDP, .endpoint = bench.items[0].endpoint};
	dial_start(&bench.told[1].dial, &other);
	assert_int_equal(bench.told[0].times, 0); /* never from inside */
	bench.wanted = 2;
	loop_run(bench.loop);
	assert_int_equal(bench.told[0].result, E_DENIED);
	assert_int_equal(bench.told[1].result, E_DENIED);
	assert_int_equal(request(&bench, &asked), 0);
	bench_done(&bench);
}

static void test_descriptors_without_room_are_told_as_such(void **state)
{
	struct dial_request asked;
	struct rlimit files, few;
	struct bench bench;
	int next;

	(void)state;
	bench_init(&bench);
	dial_start(&bench.told[0].dial, &bench.items[0]);
	dial_start(&bench.told[1].dial, &bench.items[0]);
	turn(&bench);
	assert_int_equal(request(&bench, &asked), 2);
	reply(&bench, "++");
	next = dup(0);
	close(next);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &files), 0);
	few = (struct rlimit){(rlim_t)next + 1, files.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	bench.wanted = 2;
	loop_run(bench.loop);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &files), 0);
	assert_int_equal(number_of(&bench.told[0]), 0);
	assert_int_equal(bench.told[1].result, E_TOO_MANY);
	bench_done(&bench);
}

static void assert_all_are_told_of_the_loss(struct bench *bench, int error)
{
	while (bench->told[0].times + bench->told[1].times + bench->told[2].times < 3)
		turn(bench);
	assert_int_equal(bench->lost, 1);
	assert_int_equal(bench->lost_error, error);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(bench->told[i].result, E_AWAY);
	dial_start(&bench->told[3].dial, &bench->items[0]); /* nor does it come back */
	bench->wanted = 1;
	loop_run(bench->loop);
	assert_int_equal(bench->told[3].result, E_AWAY);
	assert_int_equal(bench->lost, 1);
}

static void test_a_dialer_that_ended_is_told_to_all_who_wait(void **state)
{
	struct bench bench;

	(void)state;
	bench_init(&bench);
	dial_start(&bench.told[0].dial, &bench.items[0]);
	dial_start(&bench.told[1].dial, &bench.items[0]);
	turn(&bench);
	dial_start(&bench.told[2].dial, &bench.items[0]);
	close(bench.theirs);
	bench.theirs = -1;
	assert_all_are_told_of_the_loss(&bench, E_CLOSED);
	bench_done(&bench);
}

/* A clock that jumps once is no ten seconds of silence. */
static void test_a_dialer_that_hangs_is_told_in_time(void **state)
{
	struct bench bench;

	(void)state;
	bench_init(&bench);
	dial_start(&bench.told[0].dial, &bench.items[0]);
	dial_start(&bench.told[1].dial, &bench.items[0]);
	turn(&bench);
	dial_start(&bench.told[2].dial, &bench.items[0]);
	moving_clock_add(3600000);
	turn(&bench);
	assert_int_equal(bench.lost, 0);
	for (size_t i = 0; bench.lost == 0 && i < 20; i++) {
		moving_clock_add(STEP_MS);
		turn(&bench);
	}
	assert_all_are_told_of_the_loss(&bench, E_TIMEOUT);
	bench_done(&bench);
}

static void test_a_reply_of_another_length_is_none(void **state)
{
	struct bench bench;

	(void)state;
	bench_init(&bench);
	for (size_t i = 0; i < 3; i++)
		dial_start(&bench.told[i].dial, &bench.items[0]);
	turn(&bench);
	reply(&bench, "++");
	assert_all_are_told_of_the_loss(&bench, E_CLOSED);
	bench_done(&bench);
}

/* A reload: what the old one still owes is asked of the new one, by its own numbers. */
static void test_another_dialer_takes_over_what_is_under_way(void **state)
{
	struct dial_target items[] = {{.kind = DIAL_UDP}, {.kind = DIAL_UNIX, .path = "/run/bus"}};
	const struct dial_targets targets = {COUNTOF(items), items};
	struct dialer_settings settings;
	struct dial_request asked;
	struct bench bench;
	int ends[2];

	(void)state;
	bench_init(&bench);
	dial_start(&bench.told[0].dial, &bench.items[0]);
	turn(&bench);
	dial_start(&bench.told[1].dial, &bench.items[1]);
	assert_int_equal(rights_pair(ends), 0);
	settings = settings_of(&bench, ends[1]);
	settings.targets = &targets;
	dialer_replace(&bench.dialer, &settings);
	close(bench.ours);
	close(bench.theirs);
	bench.theirs = ends[0];
	bench.ours = ends[1];
	turn(&bench);
	assert_int_equal(bench.told[0].result, E_DENIED); /* its address is no target any more */
	assert_int_equal(request(&bench, &asked), 1);
	assert_int_equal(asked.numbers[0], 1);
	reply(&bench, "+");
	bench.wanted = 1;
	loop_run(bench.loop);
	assert_int_equal(number_of(&bench.told[1]), 0);
	assert_int_equal(bench.lost, 0);
	bench_done(&bench);
}

/* To close them may take as long as who sent them likes. */
static void test_a_unix_socket_takes_no_descriptors(void **state)
{
	char path[64];
	int listener, client, refuses = -1;
	socklen_t len = sizeof(refuses);
	struct rights rights = {.len = 1};

	(void)state;
	snprintf(path, sizeof(path), "/tmp/stockade-rights-%d.sock", (int)getpid());
	assert_int_equal(socket_listen_unix(path, 0600, &listener, NULL), 0);
	assert_int_equal(socket_connect_unix(path, &client, NULL), 0);
	rights.fds[0] = listener;
	assert_int_equal(rights_send(client, span_text("x"), &(struct rights){.len = 0}), 0);
	if (getsockopt(listener, SOL_SOCKET, 83 /* SO_PASSRIGHTS */, &refuses, &len) == 0) {
		assert_int_equal(refuses, 0);
		assert_int_equal(rights_send(client, span_text("x"), &rights), E_CLOSED);
	}
	close(client);
	close(listener);
	unlink(path);
}

static void test_without_a_dialer_the_loop_connects_by_itself(void **state)
{
	struct bench bench;
	struct dial_target target = {.kind = DIAL_TCP, .endpoint = {ip_from_v4(0x7f000001), 0}};
	struct endpoint peer;
	int fd;

	(void)state;
	bench_init(&bench);
	dialer_free(&bench.dialer);
	assert_int_equal(socket_listen_tcp(target.endpoint, 0, &fd, NULL), 0);
	assert_int_equal(socket_local(fd, &target.endpoint), 0);
	dial_start(&bench.told[0].dial, &target);
	target.kind = DIAL_UDP;
	dial_start(&bench.told[1].dial, &target);
	target = (struct dial_target){.kind = DIAL_UNIX, .path = "/nowhere/bus.sock"};
	dial_start(&bench.told[2].dial, &target);
	dial_start(&bench.told[3].dial, &bench.items[1]);
	dial_stop(&bench.told[3].dial);
	assert_int_equal(bench.told[0].times, 0);
	bench.wanted = 3;
	loop_run(bench.loop);
	assert_true(bench.told[0].result >= 0 && bench.told[1].result >= 0);
	assert_int_equal(socket_local(bench.told[1].result, &peer), 0);
	assert_int_equal(bench.told[2].result, E_ABSENT);
	close(fd);
	bench_done(&bench);
}

static void test_requests_are_read_or_refused_as_a_whole(void **state)
{
	static const uint8_t two[] = {0, 0, 0, 1};
	static const uint8_t none_such[] = {0, 0, 0, 2};
	static const uint8_t large[] = {1, 0};
	static const uint8_t many[DIAL_REQUEST_SIZE + DIAL_NUMBER_SIZE];
	struct dial_request request;
	uint8_t bytes[DIAL_REQUEST_SIZE];

	(void)state;
	assert_int_equal(dial_request_read(span_of(two, 4), 2, &request), 0);
	assert_int_equal(request.len, 2);
	assert_int_equal(request.numbers[1], 1);
	assert_int_equal(dial_request_print(&request, bytes), 4);
	assert_memory_equal(bytes, two, 4);
	assert_int_equal(dial_request_read(span_of(two, 3), 2, &request), E_PARSE);
	assert_int_equal(dial_request_read(span_of(two, 0), 2, &request), E_PARSE);
	assert_int_equal(dial_request_read(span_of(none_such, 4), 2, &request), E_PARSE);
	assert_int_equal(dial_request_read(span_of(large, 2), 2, &request), E_PARSE);
	assert_int_equal(dial_request_read(span_of(many, sizeof(many)), 2, &request), E_PARSE);
	assert_int_equal(dial_request_read(span_of(many, DIAL_REQUEST_SIZE), 2, &request), 0);
	assert_int_equal(request.len, DIALS_PER_REQUEST);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_turn_is_one_request_and_results_come_in_order),
		cmocka_unit_test(test_others_wait_for_the_reply),
		cmocka_unit_test(test_who_gives_up_is_told_nothing_and_no_descriptor_stays),
		cmocka_unit_test(test_what_is_no_target_is_not_asked_for),
		cmocka_unit_test(test_descriptors_without_room_are_told_as_such),
		cmocka_unit_test(test_a_dialer_that_ended_is_told_to_all_who_wait),
		cmocka_unit_test(test_a_dialer_that_hangs_is_told_in_time),
		cmocka_unit_test(test_a_reply_of_another_length_is_none),
		cmocka_unit_test(test_another_dialer_takes_over_what_is_under_way),
		cmocka_unit_test(test_a_unix_socket_takes_no_descriptors),
		cmocka_unit_test(test_without_a_dialer_the_loop_connects_by_itself),
		cmocka_unit_test(test_requests_are_read_or_refused_as_a_whole),
	};

	moving_clock_start();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
