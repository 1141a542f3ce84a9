/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * The event loop: watch a descriptor, set a deadline, hear a signal, be woken by another thread. A
 * thin door in front of libevent, one loop per thread. Deadlines are kept in base/clock.h's
 * monotonic milliseconds, in a heap of ours, so that a test can move time. Callbacks run in the
 * loop's thread; a callback may free any watch or timer, its own too. Errors: E_SYSTEM when the
 * kernel refuses a descriptor.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct loop;
struct watch;

struct loop *loop_new(void);
/* All watches, timers and signals have to be gone. */
void loop_free(struct loop **loop);

/* Runs until loop_stop. */
void loop_run(struct loop *loop);
/* From a callback of this loop. */
void loop_stop(struct loop *loop);
/* From any thread or a signal handler: the loop takes another turn and calls on_wake. */
void loop_wake(struct loop *loop);
void loop_on_wake(struct loop *loop, void (*call)(void *arg), void *arg);

/* Times of this turn: read after waiting, before whatever has come is told. */
int64_t loop_now_ms(const struct loop *loop); /* monotonic: deadlines */
int64_t loop_now_s(const struct loop *loop);  /* wall: what is stored and shown */

/* Calls once, at the end of this turn, after all callbacks: the place to free an object whose
 * callback is running. */
void loop_later(struct loop *loop, void (*call)(void *arg), void *arg);

/* Who connects for this loop's thread (loop/dial.h); NULL: itself. */
struct dialer;
void loop_set_dialer(struct loop *loop, struct dialer *dialer);
struct dialer *loop_dialer(const struct loop *loop);

/* SIGHUP, SIGTERM ...: one loop of the process hears signals. */
void loop_on_signal(struct loop *loop, int number, void (*call)(int number, void *arg), void *arg);

enum watch_want { WATCH_NOTHING = 0, WATCH_READ = 1, WATCH_WRITE = 2 };

/* Watches fd, which stays the caller's; wants nothing at first. ready: what it is ready for. */
struct watch *watch_new(struct loop *loop, int fd,
	void (*call)(struct watch *watch, int ready, void *arg), void *arg);
void watch_free(struct watch **watch);
int watch_set(struct watch *watch, int want);
int watch_fd(const struct watch *watch);

/* A deadline, embedded in the object that owns it. */
struct timer {
	uint32_t magic;
	struct loop *loop;
	int64_t at_ms;
	uint64_t set; /* which call of timer_set it was */
	size_t place; /* in the heap, counted from 1; 0: not set */
	void (*call)(struct timer *timer, void *arg);
	void *arg;
};

void timer_init(struct timer *timer, struct loop *loop,
	void (*call)(struct timer *timer, void *arg), void *arg);
/* Clears it; the object may be freed then. */
void timer_done(struct timer *timer);
/* One call at at_ms; setting again moves it. Set for now by its call: after the sockets' turn. */
void timer_set(struct timer *timer, int64_t at_ms);
void timer_clear(struct timer *timer);
static inline bool timer_is_set(const struct timer *timer)
{
	return timer->place != 0;
}
