/* SPDX-License-Identifier: ISC */
#include "loop/dial.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/obj.h"
#include "loop/rights.h"
#include "loop/socket.h"

/* A dialer never waits, so it answers at once or hangs. Looked at in steps, so that a clock that
 * jumps is one step. */
enum { STEP_MS = 1000, STEPS = 10 };

struct dialer {
	uint32_t magic;
	struct dialer_settings settings;
	struct watch *watch;
	struct timer send; /* at the end of this turn */
	struct timer step;
	unsigned steps;
	int error; /* not 0: it is lost */
	struct dial *first, **last;
	struct dial *under_way[DIALS_PER_REQUEST]; /* NULL: its owner gave it up */
	size_t under_way_len;
};

_Static_assert((int)DIALS_PER_REQUEST <= (int)RIGHTS_MAX, "a reply is one message");

int dial_connect(const struct dial_target *target)
{
	int fd = -1, r;

	if (target->kind == DIAL_UNIX)
		r = socket_connect_unix(target->path, &fd, NULL);
	else if (target->kind == DIAL_UDP)
		r = socket_connect_udp(target->endpoint, &fd);
	else
		r = socket_connect_tcp(target->endpoint, &fd);
	return r < 0 ? r : fd;
}

/* ---- one dial ---- */

static void dial_end(struct dial *dial, int result)
{
	dial->under_way = NULL;
	dial->done(result, dial->arg);
}

static void dial_on_due(struct timer *timer, void *arg)
{
	struct dial *dial = OBJ(dial, arg);
	int result = dial->result;

	(void)timer;
	dial->result = E_CLOSED;
	dial_end(dial, result);
}

static void dial_end_later(struct dial *dial, int result)
{
	dial->result = result;
	timer_set(&dial->due, loop_now_ms(dial->due.loop));
}

void dial_init(struct dial *dial, struct loop *loop, void (*done)(int fd, void *arg), void *arg)
{
	*dial = (struct dial){
		.magic = (uint32_t)MAGIC_dial, .result = E_CLOSED, .done = done, .arg = arg};
	timer_init(&dial->due, loop, dial_on_due, dial);
}

static void dial_queue(struct dial *dial, struct dialer *dialer)
{
	dial->dialer = dialer;
	dial->next = NULL;
	dial->link = dialer->last;
	*dialer->last = dial;
	dialer->last = &dial->next;
	if (dialer->under_way_len == 0)
		timer_set(&dialer->send, loop_now_ms(dialer->settings.loop));
}

static void dial_unqueue(struct dial *dial)
{
	*dial->link = dial->next;
	if (dial->next != NULL)
		dial->next->link = dial->link;
	else
		dial->dialer->last = dial->link;
	dial->link = NULL;
}

void dial_start(struct dial *dial, const struct dial_target *target)
{
	struct dialer *dialer = loop_dialer(dial->due.loop);
	int number;

	if (dialer == NULL) {
		dial_end_later(dial, dial_connect(target));
		return;
	}
	number = dial_targets_find(dialer->settings.targets, target);
	if (number < 0 || dialer->error != 0) {
		dial_end_later(dial, number < 0 ? number : E_AWAY);
		return;
	}
	dial->number = (uint16_t)number;
	dial_queue(dial, dialer);
}

void dial_stop(struct dial *dial)
{
	timer_clear(&dial->due);
	if (dial->result >= 0)
		close(dial->result);
	dial->result = E_CLOSED;
	if (dial->link != NULL)
		dial_unqueue(dial);
	if (dial->under_way != NULL)
		*dial->under_way = NULL;
	dial->under_way = NULL;
}

/* ---- the dialer, as seen from here ---- */

/* In the order in which they were asked for. */
static struct dial *dialer_next(struct dialer *dialer)
{
	struct dial *dial;

	for (size_t i = 0; i < dialer->under_way_len; i++) {
		dial = dialer->under_way[i];
		if (dial == NULL)
			continue;
		*dial->under_way = NULL;
		dial->under_way = NULL;
		return dial;
	}
	dial = dialer->first;
	if (dial != NULL)
		dial_unqueue(dial);
	return dial;
}

static void dialer_lose(struct dialer *dialer, int error)
{
	struct dial *dial;

	if (dialer->error != 0)
		return;
	dialer->error = error;
	watch_free(&dialer->watch);
	timer_clear(&dialer->send);
	timer_clear(&dialer->step);
	while ((dial = dialer_next(dialer)) != NULL)
		dial_end_later(dial, E_AWAY);
	dialer->settings.lost(error, dialer->settings.arg);
}

static void dialer_on_send(struct timer *timer, void *arg)
{
	struct dialer *dialer = OBJ(dialer, arg);
	struct dial_request request = {0};
	uint8_t bytes[DIAL_REQUEST_SIZE];

	while (dialer->first != NULL && request.len < DIALS_PER_REQUEST) {
		struct dial *dial = dialer->first;

		dial_unqueue(dial);
		dial->under_way = &dialer->under_way[request.len];
		*dial->under_way = dial;
		request.numbers[request.len++] = dial->number;
	}
	if (request.len == 0)
		return; /* given up meanwhile */
	dialer->under_way_len = request.len;
	dialer->steps = 0;
	timer_set(&dialer->step, loop_now_ms(timer->loop) + STEP_MS);
	if (send(dialer->settings.fd, bytes, dial_request_print(&request, bytes),
		    MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		dialer_lose(dialer, E_CLOSED);
}

/* Descriptors for which there was no room are missing at the end. */
static void dialer_hand_out(struct dialer *dialer, const uint8_t *reply, struct rights *rights)
{
	size_t taken = 0;

	for (size_t i = 0; i < dialer->under_way_len; i++) {
		struct dial *dial = dialer->under_way[i];
		int result = -(int)reply[i];

		if (result == 0)
			result = taken < rights->len ? rights->fds[taken++] : E_TOO_MANY;
		if (dial != NULL)
			dial_end(dial, result);
		else if (result >= 0)
			close(result);
	}
}

static void dialer_on_reply(struct watch *watch, int ready, void *arg)
{
	struct dialer *dialer = OBJ(dialer, arg);
	uint8_t reply[DIALS_PER_REQUEST];
	struct rights rights;
	int r = rights_receive(watch_fd(watch), reply, sizeof(reply), &rights);

	(void)ready;
	if (r == E_AGAIN)
		return;
	if (r <= 0 || (size_t)r != dialer->under_way_len) {
		if (r >= 0)
			rights_close(&rights);
		dialer_lose(dialer, E_CLOSED);
		return;
	}
	timer_clear(&dialer->step);
	dialer_hand_out(dialer, reply, &rights);
	dialer->under_way_len = 0;
	if (dialer->first != NULL)
		timer_set(&dialer->send, loop_now_ms(dialer->settings.loop));
}

static void dialer_on_step(struct timer *timer, void *arg)
{
	struct dialer *dialer = OBJ(dialer, arg);

	if (++dialer->steps < STEPS)
		timer_set(timer, loop_now_ms(timer->loop) + STEP_MS);
	else
		dialer_lose(dialer, E_TIMEOUT);
}

struct dialer *dialer_new(const struct dialer_settings *settings)
{
	struct dialer *dialer = mem_new(dialer);

	dialer->magic = (uint32_t)MAGIC_dialer;
	dialer->settings = *settings;
	dialer->last = &dialer->first;
	timer_init(&dialer->send, settings->loop, dialer_on_send, dialer);
	timer_init(&dialer->step, settings->loop, dialer_on_step, dialer);
	dialer->watch = watch_new(settings->loop, settings->fd, dialer_on_reply, dialer);
	watch_set(dialer->watch, WATCH_READ);
	loop_set_dialer(settings->loop, dialer);
	return dialer;
}

void dialer_free(struct dialer **dialer)
{
	struct dialer *d = *dialer;

	if (d == NULL)
		return;
	*dialer = NULL;
	if (loop_dialer(d->settings.loop) == d)
		loop_set_dialer(d->settings.loop, NULL);
	timer_done(&d->send);
	timer_done(&d->step);
	watch_free(&d->watch);
	d->magic = 0;
	mem_free(d);
}

void dialer_replace(struct dialer **dialer, const struct dialer_settings *settings)
{
	struct dialer *old = *dialer;
	struct dial *dial;

	*dialer = dialer_new(settings);
	while (old != NULL && (dial = dialer_next(old)) != NULL)
		dial_start(dial, &old->settings.targets->items[dial->number]);
	dialer_free(&old);
}
