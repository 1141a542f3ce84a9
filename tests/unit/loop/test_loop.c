/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/macro.h"
#include "loop/loop.h"
#include "loop/stream.h"

enum { TIMERS = 200 };

static int order[TIMERS];
static int fired;

struct numbered {
	struct timer timer;
	int number;
};

static void on_timer(struct timer *timer, void *arg)
{
	struct numbered *n = arg;

	order[fired++] = n->number;
	if (n->number == TIMERS - 1)
		loop_stop(timer->loop);
}

static void timers_fire_in_order_whatever_the_order_of_setting(void **state)
{
	AUTO(loop) *loop = loop_new();
	struct numbered timers[TIMERS];
	int64_t now_ms = loop_now_ms(loop);

	(void)state;
	fired = 0;
	for (int i = 0; i < TIMERS; i++) {
		int number = (i * 77) % TIMERS; /* 77 and 200 share no divisor: each number once */

		timers[i].number = number;
		timer_init(&timers[i].timer, loop, on_timer, &timers[i]);
		timer_set(&timers[i].timer, now_ms + 1000 + number);
	}
	for (int i = 0; i < TIMERS;
		i++) /* moving is allowed, and takes away from the middle of the heap */
		timer_set(&timers[i].timer, now_ms - TIMERS + timers[i].number);
	loop_run(loop);
	assert_int_equal(fired, TIMERS);
	for (int i = 0; i < TIMERS; i++)
		assert_int_equal(order[i], i);
	for (int i = 0; i < TIMERS; i++)
		timer_done(&timers[i].timer);
}

struct busy {
	struct timer timer;
	unsigned calls;
};

static void on_busy(struct timer *timer, void *arg)
{
	struct busy *busy = arg;

	if (++busy->calls == 1000)
		loop_stop(timer->loop);
	else
		timer_set(timer, loop_now_ms(timer->loop));
}

static void on_ready(struct watch *watch, int ready, void *arg)
{
	(void)watch;
	assert_true((ready & WATCH_READ) != 0);
	loop_stop(arg);
}

/* Whoever works on and on, a piece in each turn, does not keep the loop from its sockets. */
static void a_timer_set_for_now_leaves_sockets_their_turn(void **state)
{
	AUTO(loop) *loop = loop_new();
	struct busy busy = {.calls = 0};
	struct watch *watch;
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(write(fds[1], "x", 1), 1);
	watch = watch_new(loop, fds[0], on_ready, loop);
	watch_set(watch, WATCH_READ);
	timer_init(&busy.timer, loop, on_busy, &busy);
	timer_set(&busy.timer, loop_now_ms(loop));
	loop_run(loop);
	assert_in_range(busy.calls, 1, 10);
	timer_done(&busy.timer);
	watch_free(&watch);
	close(fds[0]);
	close(fds[1]);
}

static void count_and_stop(void *arg)
{
	loop_stop(arg);
	fired++;
}

/* Long enough that a time from before is another one. */
static int64_t time_passes(const struct loop *loop)
{
	int64_t before_ms = loop_now_ms(loop);

	while (clock_monotonic_ms() <= before_ms)
		;
	return before_ms;
}

struct told {
	struct loop *loop;
	int64_t at_ms;
};

static void on_told(void *arg)
{
	struct told *told = arg;

	told->at_ms = loop_now_ms(told->loop);
	loop_stop(told->loop);
}

static void on_told_by_signal(int number, void *arg)
{
	(void)number;
	on_told(arg);
}

/* After a long silence a deadline of some seconds would be over at once otherwise: SIGTERM, and all
 * roles were killed. */
static void signals_and_wakes_come_with_the_time_of_now(void **state)
{
	AUTO(loop) *loop = loop_new();
	struct told told = {.loop = loop};
	int64_t before_ms;

	(void)state;
	loop_on_wake(loop, on_told, &told);
	loop_on_signal(loop, SIGUSR1, on_told_by_signal, &told);
	before_ms = time_passes(loop);
	loop_wake(loop);
	loop_run(loop);
	assert_true(told.at_ms > before_ms);
	before_ms = time_passes(loop);
	raise(SIGUSR1);
	loop_run(loop);
	assert_true(told.at_ms > before_ms);
}

static void later_runs_although_nothing_else_happens(void **state)
{
	AUTO(loop) *loop = loop_new();

	(void)state;
	fired = 0;
	loop_later(loop, count_and_stop, loop);
	loop_run(loop);
	assert_int_equal(fired, 1);
}

/* ---- a stream that sends much to a slow reader, and hears the end ---- */

struct pair {
	struct loop *loop;
	struct stream *sender;
	struct stream *receiver;
	size_t received;
	int closed;
	bool drained;
};

enum { MUCH = 3 << 20 };

static void on_input(struct stream *stream, void *arg)
{
	struct pair *pair = arg;

	pair->received += buf_len(stream_in(stream));
	buf_consume(stream_in(stream), buf_len(stream_in(stream)));
}

static void on_drained(struct stream *stream, void *arg)
{
	struct pair *pair = arg;

	pair->drained = true;
	stream_finish(stream);
}

static void on_closed(struct stream *stream, int error, void *arg)
{
	struct pair *pair = arg;

	(void)stream;
	pair->closed = error;
	stream_free(&pair->receiver); /* from its own callback */
	loop_stop(pair->loop);
}

static void a_stream_delivers_everything_then_the_end(void **state)
{
	static const struct stream_limits limits = {.in = 65536, .out = MUCH};
	static const struct stream_calls calls = {
		.input = on_input, .drained = on_drained, .closed = on_closed};
	AUTO(loop) *loop = loop_new();
	struct pair pair = {.loop = loop};
	uint8_t *bytes = calloc(1, MUCH);
	int fds[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	pair.sender = stream_new(loop, fds[0],
		&(struct stream_settings){.calls = &calls, .arg = &pair, .limits = limits});
	pair.receiver = stream_new(loop, fds[1],
		&(struct stream_settings){.calls = &calls, .arg = &pair, .limits = limits});
	buf_append(stream_out(pair.sender), span_of(bytes, MUCH));
	stream_send(pair.sender);
	loop_run(loop);
	assert_true(pair.drained);
	assert_int_equal(pair.received, MUCH);
	assert_int_equal(pair.closed, E_CLOSED);
	stream_free(&pair.sender);
	free(bytes);
}

/* ---- what waited for room, and went without the socket's turn ---- */

struct slow_reader {
	struct loop *loop;
	int fd;
	bool drained;
};

static void read_all(int fd)
{
	uint8_t bytes[65536];

	while (read(fd, bytes, sizeof(bytes)) > 0)
		;
}

/* The reader makes room while its words are told: nothing of it shows in what the loop is ready
 * for. */
static void on_words_of_a_slow_reader(struct stream *stream, void *arg)
{
	struct slow_reader *reader = arg;

	buf_consume(stream_in(stream), buf_len(stream_in(stream)));
	for (int i = 0; i < 1000 && buf_len(stream_out(stream)) != 0; i++) {
		read_all(reader->fd);
		stream_send(stream);
	}
}

static void on_slow_drained(struct stream *stream, void *arg)
{
	struct slow_reader *reader = arg;

	(void)stream;
	reader->drained = true;
	loop_stop(reader->loop);
}

static void on_give_up(struct timer *timer, void *arg)
{
	(void)timer;
	loop_stop(arg);
}

static void drained_is_told_whoever_emptied_the_output(void **state)
{
	static const struct stream_limits limits = {.in = 100, .out = MUCH};
	static const struct stream_calls calls = {
		.input = on_words_of_a_slow_reader, .drained = on_slow_drained};
	AUTO(loop) *loop = loop_new();
	struct slow_reader reader = {.loop = loop};
	uint8_t *bytes = calloc(1, MUCH);
	struct stream *stream;
	struct timer give_up;
	int fds[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	reader.fd = fds[1];
	stream = stream_new(loop, fds[0],
		&(struct stream_settings){.calls = &calls, .arg = &reader, .limits = limits});
	buf_append(stream_out(stream), span_of(bytes, MUCH));
	stream_send(stream);
	assert_int_equal(write(fds[1], "x", 1), 1);
	timer_init(&give_up, loop, on_give_up, loop);
	timer_set(&give_up, loop_now_ms(loop) + 5000);
	loop_run(loop);
	assert_true(reader.drained);
	timer_done(&give_up);
	stream_free(&stream);
	close(fds[1]);
	free(bytes);
}

/* ---- the last words of who closes the door ---- */

struct last_words {
	struct loop *loop;
	size_t heard;
	int closed;
};

static void on_last_words(struct stream *stream, void *arg)
{
	struct last_words *words = arg;

	words->heard += buf_len(stream_in(stream));
	buf_consume(stream_in(stream), buf_len(stream_in(stream)));
}

static void on_door(struct stream *stream, int error, void *arg)
{
	struct last_words *words = arg;

	(void)stream;
	words->closed = error;
	loop_stop(words->loop);
}

static void what_was_said_before_sending_failed_is_heard(void **state)
{
	static const struct stream_limits limits = {.in = 100, .out = 100};
	static const struct stream_calls calls = {.input = on_last_words, .closed = on_door};
	AUTO(loop) *loop = loop_new();
	struct last_words words = {.loop = loop};
	struct stream *stream;
	int fds[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	stream = stream_new(loop, fds[0],
		&(struct stream_settings){.calls = &calls, .arg = &words, .limits = limits});
	assert_int_equal(write(fds[1], "552 no", 6), 6);
	close(fds[1]);
	buf_append_text(stream_out(stream), "more");
	stream_send(stream);
	assert_true(stream_is_broken(stream));
	loop_run(loop);
	assert_int_equal(words.heard, 6);
	assert_true(words.closed < 0);
	stream_free(&stream);
}

struct ends {
	struct loop *loop;
	int told;
};

static void on_each_end(struct stream *stream, int error, void *arg)
{
	struct ends *ends = arg;

	assert_int_equal(error, E_CLOSED);
	if (++ends->told == 1)
		stream_finish(stream);
	else
		loop_stop(ends->loop);
}

static void on_patience(struct timer *timer, void *arg)
{
	(void)arg;
	loop_stop(timer->loop);
}

/* The other side closed first: the owner that finishes then hears of the end at once, not by a
 * deadline of its own. */
static void a_stream_that_finishes_last_hears_the_end(void **state)
{
	static const struct stream_limits limits = {.in = 100, .out = 100};
	static const struct stream_calls calls = {.input = on_input, .closed = on_each_end};
	AUTO(loop) *loop = loop_new();
	struct ends ends = {.loop = loop};
	struct stream *stream;
	struct timer patience;
	int fds[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	stream = stream_new(loop, fds[0],
		&(struct stream_settings){.calls = &calls, .arg = &ends, .limits = limits});
	timer_init(&patience, loop, on_patience, NULL);
	timer_set(&patience, loop_now_ms(loop) + 10000);
	assert_int_equal(shutdown(fds[1], SHUT_WR), 0);
	loop_run(loop);
	assert_int_equal(ends.told, 2);
	timer_done(&patience);
	stream_free(&stream);
	close(fds[1]);
}

static void on_overflow(struct stream *stream, int error, void *arg)
{
	struct pair *pair = arg;

	(void)stream;
	pair->closed = error;
	loop_stop(pair->loop);
}

static void output_beyond_the_limit_ends_the_stream(void **state)
{
	static const struct stream_limits limits = {.in = 100, .out = 1000};
	static const struct stream_calls calls = {.input = on_input, .closed = on_overflow};
	AUTO(loop) *loop = loop_new();
	struct pair pair = {.loop = loop};
	uint8_t bytes[1001] = {0};
	int fds[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	pair.sender = stream_new(loop, fds[0],
		&(struct stream_settings){.calls = &calls, .arg = &pair, .limits = limits});
	buf_append(stream_out(pair.sender), span_of(bytes, sizeof(bytes)));
	stream_send(pair.sender);
	loop_run(loop);
	assert_int_equal(pair.closed, E_LIMIT);
	stream_free(&pair.sender);
	close(fds[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(timers_fire_in_order_whatever_the_order_of_setting),
		cmocka_unit_test(a_timer_set_for_now_leaves_sockets_their_turn),
		cmocka_unit_test(signals_and_wakes_come_with_the_time_of_now),
		cmocka_unit_test(later_runs_although_nothing_else_happens),
		cmocka_unit_test(a_stream_delivers_everything_then_the_end),
		cmocka_unit_test(drained_is_told_whoever_emptied_the_output),
		cmocka_unit_test(what_was_said_before_sending_failed_is_heard),
		cmocka_unit_test(a_stream_that_finishes_last_hears_the_end),
		cmocka_unit_test(output_beyond_the_limit_ends_the_stream),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
