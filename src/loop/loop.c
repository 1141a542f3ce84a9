/* SPDX-License-Identifier: ISC */
#include "loop/loop.h"

#include <event2/event.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/macro.h"
#include "base/mem.h"
#include "base/obj.h"

/*
 * libevent waits for descriptors; deadlines wait in our heap, and libevent is armed for the
 * earliest. With a test clock (base/clock.h) time may jump while we wait, so that the wait is cut
 * into short pieces.
 */
enum { TEST_CLOCK_STEP_MS = 5, SIGNALS_MAX = 8 };

struct later {
	void (*call)(void *arg);
	void *arg;
};

struct loop {
	uint32_t magic;
	struct event_base *base;
	struct event *deadline;
	int64_t deadline_ms; /* what libevent is armed for; INT64_MAX: nothing */
	int64_t now_ms, now_s;
	struct timer **heap; /* heap[0] is the earliest */
	size_t heap_len, heap_size;
	uint64_t sets; /* calls of timer_set */
	struct later *later;
	size_t later_len, later_size;
	struct event *signals[SIGNALS_MAX];
	size_t signals_len;
	int wake_fd;
	struct event *wake;
	struct later on_wake;
	struct dialer *dialer;
	bool test_clock, stop;
};

struct watch {
	uint32_t magic;
	struct loop *loop;
	struct event *event;
	int fd, want;
	void (*call)(struct watch *watch, int ready, void *arg);
	void *arg;
};

static void loop_read_clock(struct loop *loop)
{
	loop->now_ms = clock_monotonic_ms();
	loop->now_s = clock_now_s();
}

static void loop_wake_event(evutil_socket_t fd, short what, void *arg)
{
	struct loop *loop = OBJ(loop, arg);
	uint64_t count;

	(void)what;
	loop_read_clock(loop);
	if (read(fd, &count, sizeof(count)) > 0 && loop->on_wake.call != NULL)
		loop->on_wake.call(loop->on_wake.arg);
}

static void loop_deadline_event(evutil_socket_t fd, short what, void *arg)
{
	struct loop *loop = OBJ(loop, arg);

	(void)fd;
	(void)what;
	loop->deadline_ms = INT64_MAX;
}

struct loop *loop_new(void)
{
	struct loop *loop = mem_new(loop);
	struct event_config *config = event_config_new();

	loop->magic = (uint32_t)MAGIC_loop;
	event_config_set_flag(
		config, EVENT_BASE_FLAG_NOLOCK | EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST);
	loop->base = event_base_new_with_config(config);
	event_config_free(config);
	ASSERT(loop->base != NULL);
	loop->deadline = event_new(loop->base, -1, 0, loop_deadline_event, loop);
	loop->deadline_ms = INT64_MAX;
	loop->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	ASSERT(loop->wake_fd >= 0);
	loop->wake =
		event_new(loop->base, loop->wake_fd, EV_READ | EV_PERSIST, loop_wake_event, loop);
	event_add(loop->wake, NULL);
	loop->test_clock = getenv("STOCKADE_TEST_CLOCK") != NULL;
	loop_read_clock(loop);
	return loop;
}

void loop_set_dialer(struct loop *loop, struct dialer *dialer)
{
	loop->dialer = dialer;
}

struct dialer *loop_dialer(const struct loop *loop)
{
	return loop->dialer;
}

static void loop_run_later(struct loop *loop)
{
	for (size_t i = 0; i < loop->later_len; i++) /* the list may grow while it is walked */
		loop->later[i].call(loop->later[i].arg);
	loop->later_len = 0;
}

void loop_free(struct loop **loop)
{
	struct loop *l = *loop;

	if (l == NULL)
		return;
	loop_run_later(l);
	ASSERT(l->heap_len == 0);
	for (size_t i = 0; i < l->signals_len; i++)
		event_free(l->signals[i]);
	event_free(l->deadline);
	event_free(l->wake);
	close(l->wake_fd);
	event_base_free(l->base);
	mem_free(l->heap);
	mem_free(l->later);
	mem_free(l);
	*loop = NULL;
}

int64_t loop_now_ms(const struct loop *loop)
{
	return loop->now_ms;
}

int64_t loop_now_s(const struct loop *loop)
{
	return loop->now_s;
}

void loop_stop(struct loop *loop)
{
	loop->stop = true;
}

void loop_wake(struct loop *loop)
{
	uint64_t one = 1;

	if (write(loop->wake_fd, &one, sizeof(one)) < 0)
		return; /* the counter is full: a wake-up is pending anyway */
}

void loop_on_wake(struct loop *loop, void (*call)(void *arg), void *arg)
{
	loop->on_wake = (struct later){call, arg};
}

void loop_later(struct loop *loop, void (*call)(void *arg), void *arg)
{
	mem_grow(&loop->later, &loop->later_size, loop->later_len + 1, sizeof(*loop->later));
	loop->later[loop->later_len++] = (struct later){call, arg};
}

/* ---- deadlines: a binary heap of timers, each of which knows its place ---- */

static void heap_put(struct loop *loop, size_t index, struct timer *timer)
{
	loop->heap[index] = timer;
	timer->place = index + 1;
}

static void heap_up(struct loop *loop, size_t index)
{
	struct timer *timer = loop->heap[index];

	while (index > 0 && loop->heap[(index - 1) / 2]->at_ms > timer->at_ms) {
		heap_put(loop, index, loop->heap[(index - 1) / 2]);
		index = (index - 1) / 2;
	}
	heap_put(loop, index, timer);
}

static void heap_down(struct loop *loop, size_t index)
{
	struct timer *timer = loop->heap[index];
	size_t child;

	while ((child = index * 2 + 1) < loop->heap_len) {
		if (child + 1 < loop->heap_len &&
			loop->heap[child + 1]->at_ms < loop->heap[child]->at_ms)
			child++;
		if (loop->heap[child]->at_ms >= timer->at_ms)
			break;
		heap_put(loop, index, loop->heap[child]);
		index = child;
	}
	heap_put(loop, index, timer);
}

void timer_init(struct timer *timer, struct loop *loop,
	void (*call)(struct timer *timer, void *arg), void *arg)
{
	*timer = (struct timer){
		.magic = (uint32_t)MAGIC_timer, .loop = loop, .call = call, .arg = arg};
}

void timer_clear(struct timer *timer)
{
	struct loop *loop = timer->loop;
	struct timer *last;
	size_t index;

	if (timer->place == 0)
		return;
	index = timer->place - 1;
	timer->place = 0;
	last = loop->heap[--loop->heap_len];
	if (last == timer)
		return;
	heap_put(loop, index, last);
	heap_up(loop, index);
	heap_down(loop, last->place - 1);
}

void timer_done(struct timer *timer)
{
	if (timer->magic != (uint32_t)MAGIC_timer)
		return; /* never initialised: half-built objects may be freed */
	timer_clear(timer);
	timer->magic = 0;
}

void timer_set(struct timer *timer, int64_t at_ms)
{
	struct loop *loop = timer->loop;

	timer_clear(timer);
	timer->at_ms = at_ms;
	timer->set = loop->sets++;
	mem_grow(&loop->heap, &loop->heap_size, loop->heap_len + 1, sizeof(*loop->heap));
	loop->heap[loop->heap_len++] = timer;
	heap_up(loop, loop->heap_len - 1);
}

/* Not those that are set meanwhile: whoever sets its timer again and again for now has every other
 * turn, and sockets theirs. */
static void loop_run_timers(struct loop *loop)
{
	uint64_t sets = loop->sets;

	while (loop->heap_len != 0 && loop->heap[0]->at_ms <= loop->now_ms &&
		loop->heap[0]->set < sets) {
		struct timer *timer = OBJ(timer, loop->heap[0]);

		timer_clear(timer);
		timer->call(timer, timer->arg);
	}
}

static void loop_arm(struct loop *loop)
{
	int64_t at_ms = loop->heap_len != 0 ? loop->heap[0]->at_ms : INT64_MAX;
	int64_t wait_ms;

	if (loop->test_clock && at_ms > loop->now_ms + TEST_CLOCK_STEP_MS)
		at_ms = loop->now_ms + TEST_CLOCK_STEP_MS;
	if (at_ms == loop->deadline_ms)
		return;
	loop->deadline_ms = at_ms;
	if (at_ms == INT64_MAX) {
		event_del(loop->deadline);
		return;
	}
	wait_ms = at_ms > loop->now_ms ? at_ms - loop->now_ms : 0;
	event_add(loop->deadline, &(struct timeval){wait_ms / 1000, wait_ms % 1000 * 1000});
}

void loop_run(struct loop *loop)
{
	loop->stop = false;
	while (!loop->stop) {
		loop_arm(loop);
		event_base_loop(loop->base, loop->later_len != 0 ? EVLOOP_NONBLOCK : EVLOOP_ONCE);
		loop_read_clock(loop);
		loop_run_timers(loop);
		loop_run_later(loop);
	}
}

/* ---- signals ---- */

struct signal_call {
	struct loop *loop;
	void (*call)(int number, void *arg);
	void *arg;
};

static void loop_signal_event(evutil_socket_t number, short what, void *arg)
{
	struct signal_call *c = arg;

	(void)what;
	loop_read_clock(c->loop); /* what it sets is counted from now, not from before the wait */
	c->call((int)number, c->arg);
}

void loop_on_signal(struct loop *loop, int number, void (*call)(int number, void *arg), void *arg)
{
	static struct signal_call calls[SIGNALS_MAX]; /* of the process, not of a loop */
	struct signal_call *c = &calls[loop->signals_len];

	ASSERT(loop->signals_len < SIGNALS_MAX);
	*c = (struct signal_call){loop, call, arg};
	loop->signals[loop->signals_len] =
		event_new(loop->base, number, EV_SIGNAL | EV_PERSIST, loop_signal_event, c);
	event_add(loop->signals[loop->signals_len], NULL);
	loop->signals_len++;
}

/* ---- descriptors ---- */

static void watch_event(evutil_socket_t fd, short what, void *arg)
{
	struct watch *watch = OBJ(watch, arg);
	int ready = ((what & EV_READ) != 0 ? WATCH_READ : 0) |
		    ((what & EV_WRITE) != 0 ? WATCH_WRITE : 0);

	(void)fd;
	loop_read_clock(watch->loop);
	watch->call(watch, ready, watch->arg);
}

struct watch *watch_new(struct loop *loop, int fd,
	void (*call)(struct watch *watch, int ready, void *arg), void *arg)
{
	struct watch *watch = mem_new(watch);

	watch->magic = (uint32_t)MAGIC_watch;
	watch->loop = loop;
	watch->fd = fd;
	watch->call = call;
	watch->arg = arg;
	watch->event = event_new(loop->base, fd, EV_READ | EV_PERSIST, watch_event, watch);
	return watch;
}

void watch_free(struct watch **watch)
{
	if (*watch == NULL)
		return;
	event_free((*watch)->event);
	(*watch)->magic = 0;
	mem_free(*watch);
	*watch = NULL;
}

int watch_set(struct watch *watch, int want)
{
	short what = (short)(EV_PERSIST | ((want & WATCH_READ) != 0 ? EV_READ : 0) |
			     ((want & WATCH_WRITE) != 0 ? EV_WRITE : 0));

	if (want == watch->want)
		return 0;
	if (watch->want != WATCH_NOTHING)
		event_del(watch->event);
	watch->want = want;
	if (want == WATCH_NOTHING)
		return 0;
	event_assign(watch->event, watch->loop->base, watch->fd, what, watch_event, watch);
	return event_add(watch->event, NULL) == 0 ? 0 : E_SYSTEM;
}

int watch_fd(const struct watch *watch)
{
	return watch->fd;
}
