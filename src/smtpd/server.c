/* SPDX-License-Identifier: ISC */
#include "smtpd/server_priv.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/macro.h"
#include "base/mem.h"
#include "base/obj.h"
#include "gate/place.h"
#include "smtpd/session.h"

enum {
	ACCEPTS_IN_A_TURN = 64,
	ACCEPT_AGAIN_MS = 100, /* sooner when a session ends */
	PASSED_ENTRIES = 65536,
	INCIDENT_ENTRIES = 16384,
};

static void front_probe(struct front *front);

/* ---- accepting ---- */

static void front_accept_from(struct front *front, bool on)
{
	for (size_t i = 0; i < front->listeners_len; i++)
		watch_set(front->listeners[i], on ? WATCH_READ : WATCH_NOTHING);
}

/* Out of descriptors or memory: waiting clients stay in the kernel's queue instead of waking us for nothing. */
static void front_pause_accepting(struct front *front)
{
	front_accept_from(front, false);
	timer_set(&front->accept_again, loop_now_ms(front->loop) + ACCEPT_AGAIN_MS);
}

static void front_resume_accepting(struct front *front)
{
	if (!timer_is_set(&front->accept_again))
		return;
	timer_clear(&front->accept_again);
	if (!front->stopping)
		front_accept_from(front, true);
}

static void front_on_accept_again(struct timer *timer, void *arg)
{
	struct front *front = OBJ(front, arg);

	(void)timer;
	if (!front->stopping)
		front_accept_from(front, true);
}

static bool front_accept_errno_is_fatal(int number)
{
	return number == EMFILE || number == ENFILE || number == ENOBUFS || number == ENOMEM;
}

static void front_take(struct front *front, int fd, const struct sockaddr_storage *address)
{
	struct endpoint peer;

	if (endpoint_from_sockaddr((const struct sockaddr *)address, &peer) < 0)
		close(fd); /* neither IPv4 nor IPv6 */
	else
		session_start(front, fd, peer);
}

static void front_on_listener(struct watch *watch, int ready, void *arg)
{
	struct front *front = OBJ(front, arg);
	int listener = watch_fd(watch);

	(void)ready;
	for (int i = 0; i < ACCEPTS_IN_A_TURN && !front->stopping; i++) {
		struct sockaddr_storage address;
		socklen_t len = sizeof(address);
		int fd = accept4(
			listener, (struct sockaddr *)&address, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd >= 0)
			front_take(front, fd, &address);
		else if (front_accept_errno_is_fatal(errno))
			front_pause_accepting(front);
		if (fd < 0 && errno != ECONNABORTED && errno != EINTR)
			return;
	}
}

void front_listen(struct front *front, int fd)
{
	struct watch *watch;
	int on = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)); /* clients' sockets inherit it */
	ASSERT(front->listeners_len < LISTENERS_MAX);
	watch = watch_new(front->loop, fd, front_on_listener, front);
	front->listeners[front->listeners_len++] = watch;
	watch_set(watch, WATCH_READ);
}

/* ---- the backend ---- */

static void front_log_relays(const struct front *front, const char *reply)
{
	log_event(EV_BACKEND_RELAYS,
		LOG_FIELDS(log_endpoint("backend", front->conf->backend), log_text("reply", reply),
			log_number("line", front->conf->backend_place.line),
			log_text("fix", probe_advice(front->conf->pass_client))));
}

static void front_on_probed(
	enum probe_result result, const struct smtp_offer *offer, const char *reply, void *arg)
{
	struct front *front = OBJ(front, arg);

	front->probed = result == PROBE_SAFE;
	switch (result) {
	case PROBE_SAFE:
		front->backend_told = false;
		front_backend_seen(front, front->conf, offer);
		timer_set(&front->probe_again,
			loop_now_ms(front->loop) + front->limits->probe_every_ms);
		break;
	case PROBE_RELAYS:
		front_log_relays(front, reply);
		break;
	case PROBE_AWAY:
		front_backend_away(front, front->conf, reply, 0);
		timer_set(&front->probe_again,
			loop_now_ms(front->loop) + front->limits->probe_again_ms);
		break;
	}
	front->settings.probed(result, front->settings.arg);
}

/* What was found before holds until the answer: a backend that is asked again takes mail meanwhile. */
static void front_probe(struct front *front)
{
	probe_free(&front->probe);
	timer_clear(&front->probe_again);
	front->probe = probe_new(front->loop, front->conf, front->limits, front_on_probed, front);
}

static void front_on_probe_again(struct timer *timer, void *arg)
{
	(void)timer;
	front_probe(OBJ(front, arg));
}

static bool front_same_backend(const struct conf *a, const struct conf *b)
{
	return a->backend.port == b->backend.port && ip_equal(a->backend.ip, b->backend.ip) &&
	       a->pass_client == b->pass_client;
}

bool front_may_pass(const struct front *front, const struct conf *conf)
{
	return front->probed && front_same_backend(front->conf, conf);
}

void front_backend_seen(
	struct front *front, const struct conf *conf, const struct smtp_offer *offer)
{
	if (!front_same_backend(front->conf, conf))
		return;
	front->offer = *offer;
	if (front->backend_told) /* it was away, and may have come back as another */
		timer_set(&front->probe_again, loop_now_ms(front->loop));
	front->backend_told = false;
}

void front_backend_away(struct front *front, const struct conf *conf, const char *what, int error)
{
	if (front->backend_told && front_same_backend(front->conf, conf))
		return;
	front->backend_told = front_same_backend(front->conf, conf);
	log_event(EV_BACKEND_DOWN,
		LOG_FIELDS(log_endpoint("backend", conf->backend), log_text("why", what),
			log_text("error", error < 0 ? err_text(error) : NULL)));
}

/* ---- the front ---- */

static void front_on_stop_deadline(struct timer *timer, void *arg)
{
	struct front *front = OBJ(front, arg);

	(void)timer;
	while (front->sessions != NULL)
		session_end(front->sessions);
}

struct front *front_new(const struct front_settings *settings)
{
	struct front *front = mem_new(front);

	front->magic = (uint32_t)MAGIC_front;
	front->settings = *settings;
	front->loop = settings->loop;
	front->limits = settings->limits;
	front->conf = conf_ref(settings->conf);
	front->next_id = place_seed();
	front_until_now_s(front); /* from here on a jump shows */
	front->passed = passed_cache_new(PASSED_ENTRIES);
	front->incidents = incident_book_new(
		INCIDENT_ENTRIES, front->limits->incident_s, front->limits->incident_update_s);
	buf_init(&front->scratch, 0);
	timer_init(&front->accept_again, front->loop, front_on_accept_again, front);
	timer_init(&front->probe_again, front->loop, front_on_probe_again, front);
	timer_init(&front->stop_deadline, front->loop, front_on_stop_deadline, front);
	front_probe(front);
	return front;
}

void front_free(struct front **front)
{
	struct front *f = *front;

	if (f == NULL)
		return;
	f->stopping = false; /* nobody is told any more */
	while (f->sessions != NULL)
		session_end(f->sessions);
	for (size_t i = 0; i < f->listeners_len; i++)
		watch_free(&f->listeners[i]);
	probe_free(&f->probe);
	timer_done(&f->accept_again);
	timer_done(&f->probe_again);
	timer_done(&f->stop_deadline);
	shelf_release(f->settings.views, &f->view);
	passed_cache_free(&f->passed);
	incident_book_free(&f->incidents);
	buf_done(&f->scratch);
	conf_unref(&f->conf);
	f->magic = 0;
	mem_free(f);
	*front = NULL;
}

void front_set_conf(struct front *front, const struct conf *conf)
{
	bool same = front_same_backend(front->conf, conf);

	conf_unref(&front->conf);
	front->conf = conf_ref(conf);
	gatherer_set_conf(front->settings.gatherer, conf);
	if (!same)
		front->probed = false;
	if (!front->probed)
		front_probe(front);
}

static void front_told_stopped(void *arg)
{
	struct front *front = OBJ(front, arg);

	front->settings.stopped(front->settings.arg);
}

void front_stop(struct front *front)
{
	struct session *session = front->sessions;

	front->stopping = true;
	front_accept_from(front, false);
	timer_clear(&front->accept_again);
	timer_clear(&front->probe_again);
	timer_set(&front->stop_deadline, loop_now_ms(front->loop) + front->limits->stop_ms);
	if (session == NULL)
		loop_later(front->loop, front_told_stopped, front);
	while (session != NULL) {
		struct session *next = session_next(session);

		session_drain(session); /* may end it */
		session = next;
	}
}

void front_session_ended(struct front *front)
{
	front->sessions_len--;
	front_resume_accepting(front);
	if (front->stopping && front->sessions_len == 0)
		loop_later(front->loop, front_told_stopped, front);
}

const struct view *front_view(struct front *front)
{
	shelf_refresh(front->settings.views, &front->view);
	return shelf_object(front->view);
}

int64_t front_until_now_s(struct front *front)
{
	return clock_guard_now_s(&front->guard, loop_now_s(front->loop), loop_now_ms(front->loop));
}

const char *front_new_id(struct front *front, char id[SESSION_ID_SIZE])
{
	snprintf(id, SESSION_ID_SIZE, "%016llX", (unsigned long long)front->next_id++);
	return id;
}
