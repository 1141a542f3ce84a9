/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * How a loop's thread gets a connected socket: it connects by itself, or, where its jail leaves it
 * no connect(2), a dialer does, a process that gets requests by number (loop/dial_wire.h,
 * process/dialer.h) and hands descriptors back. Who dials sees no difference. What is dialed in one
 * turn goes out in one request, and what is dialed while that is under way in the next.
 *
 * TCP sockets may still be connecting, UDP sockets are connected to their target. Errors are told
 * like results: E_DENIED: the dialer does not know the target; E_AWAY: there is no dialer any
 * more; E_TOO_MANY, and others of connect(2). One loop, one thread.
 */
#include "loop/dial_wire.h"
#include "loop/loop.h"

/* What is dialed, embedded in the object that owns it. */
struct dial {
	uint32_t magic;
	struct timer due; /* for a result that is there already */
	int result;
	uint16_t number;
	struct dialer *dialer;     /* while it waits for one */
	struct dial *next, **link; /* among those that wait; NULL: it does not */
	struct dial **under_way;   /* its place in the request; NULL: it has none */
	void (*done)(int fd, void *arg);
	void *arg;
};

/* done: a descriptor, which is the owner's, or E_...; never from inside dial_start. */
void dial_init(struct dial *dial, struct loop *loop, void (*done)(int fd, void *arg), void *arg);
/* One at a time. */
void dial_start(struct dial *dial, const struct dial_target *target);
/* Nothing is told any more; also when nothing was dialed. The object may be freed then. */
void dial_stop(struct dial *dial);

/* connect(2), without waiting. A descriptor, or E_.... Any thread. */
int dial_connect(const struct dial_target *target);

/* The process at the other end of fd (which stays the caller's) connects for this loop from now on.
 * The targets have to live as long. lost, once: it ended, or does not answer; everything that is
 * dialed from then on fails with E_AWAY. */
struct dialer_settings {
	struct loop *loop;
	int fd;
	const struct dial_targets *targets;
	void (*lost)(int error, void *arg);
	void *arg;
};

struct dialer *dialer_new(const struct dialer_settings *settings);
/* Another process, with targets of its own, which is asked for what the old one still owes; none
 * was there: as dialer_new. The old one's targets are needed no more. */
void dialer_replace(struct dialer **dialer, const struct dialer_settings *settings);
/* Nothing that it was asked for is waited for any more. */
void dialer_free(struct dialer **dialer);
