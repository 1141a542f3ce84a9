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

static void server_probe(struct smtpd_server *server);

/* ---- accepting ---- */

static void server_watch_listeners(struct smtpd_server *server, bool on)
{
	for (size_t i = 0; i < server->listeners_len; i++)
		watch_set(server->listeners[i], on ? WATCH_READ : WATCH_NOTHING);
}

/* Out of descriptors or memory: waiting clients stay in the kernel's queue instead of waking us for nothing. */
static void server_pause_accepting(struct smtpd_server *server)
{
	server_watch_listeners(server, false);
	timer_set(&server->accept_again, loop_now_ms(server->loop) + ACCEPT_AGAIN_MS);
}

static void server_resume_accepting(struct smtpd_server *server)
{
	if (!timer_is_set(&server->accept_again))
		return;
	timer_clear(&server->accept_again);
	if (!server->stopping)
		server_watch_listeners(server, true);
}

static void server_on_accept_again(struct timer *timer, void *arg)
{
	struct smtpd_server *server = OBJ(smtpd_server, arg);

	(void)timer;
	if (!server->stopping)
		server_watch_listeners(server, true);
}

static bool accept_errno_is_fatal(int number)
{
	return number == EMFILE || number == ENFILE || number == ENOBUFS || number == ENOMEM;
}

static void server_take(struct smtpd_server *server, int fd, const struct sockaddr_storage *address)
{
	struct endpoint peer;

	if (endpoint_from_sockaddr((const struct sockaddr *)address, &peer) < 0)
		close(fd); /* neither IPv4 nor IPv6 */
	else
		session_start(server, fd, peer);
}

static void server_on_listener(struct watch *watch, int ready, void *arg)
{
	struct smtpd_server *server = OBJ(smtpd_server, arg);
	int listener = watch_fd(watch);

	(void)ready;
	for (int i = 0; i < ACCEPTS_IN_A_TURN && !server->stopping; i++) {
		struct sockaddr_storage address;
		socklen_t len = sizeof(address);
		int fd = accept4(
			listener, (struct sockaddr *)&address, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd >= 0)
			server_take(server, fd, &address);
		else if (accept_errno_is_fatal(errno))
			server_pause_accepting(server);
		if (fd < 0 && errno != ECONNABORTED && errno != EINTR)
			return;
	}
}

void smtpd_server_listen(struct smtpd_server *server, int fd)
{
	struct watch *watch;
	int on = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)); /* clients' sockets inherit it */
	ASSERT(server->listeners_len < LISTENERS_MAX);
	watch = watch_new(server->loop, fd, server_on_listener, server);
	server->listeners[server->listeners_len++] = watch;
	watch_set(watch, WATCH_READ);
}

/* ---- the backend ---- */

static void server_log_relays(const struct smtpd_server *server, const char *reply)
{
	log_event(EV_BACKEND_RELAYS,
		LOG_FIELDS(log_endpoint("backend", server->conf->backend), log_text("reply", reply),
			log_number("line", server->conf->backend_location.line),
			log_text("fix", relay_probe_advice(server->conf->pass_client))));
}

static void server_on_probed(enum relay_probe_result result, const struct smtp_offer *offer,
	const char *reply, void *arg)
{
	struct smtpd_server *server = OBJ(smtpd_server, arg);

	server->probed = result == PROBE_SAFE;
	switch (result) {
	case PROBE_SAFE:
		server->backend_down_logged = false;
		smtpd_server_backend_seen(server, server->conf, offer);
		timer_set(&server->probe_again,
			loop_now_ms(server->loop) + server->limits->probe_every_ms);
		break;
	case PROBE_RELAYS:
		server_log_relays(server, reply);
		break;
	case PROBE_AWAY:
		smtpd_server_backend_away(server, server->conf, reply, 0);
		timer_set(&server->probe_again,
			loop_now_ms(server->loop) + server->limits->probe_again_ms);
		break;
	}
	server->settings.probed(result, server->settings.arg);
}

/* What was found before holds until the answer: a backend that is asked again takes mail meanwhile. */
static void server_probe(struct smtpd_server *server)
{
	relay_probe_free(&server->probe);
	timer_clear(&server->probe_again);
	server->probe = relay_probe_new(
		server->loop, server->conf, server->limits, server_on_probed, server);
}

static void server_on_probe_again(struct timer *timer, void *arg)
{
	(void)timer;
	server_probe(OBJ(smtpd_server, arg));
}

static bool conf_same_backend(const struct conf *a, const struct conf *b)
{
	return a->backend.port == b->backend.port && ip_equal(a->backend.ip, b->backend.ip) &&
	       a->pass_client == b->pass_client;
}

bool smtpd_server_may_pass(const struct smtpd_server *server, const struct conf *conf)
{
	return server->probed && conf_same_backend(server->conf, conf);
}

void smtpd_server_backend_seen(
	struct smtpd_server *server, const struct conf *conf, const struct smtp_offer *offer)
{
	if (!conf_same_backend(server->conf, conf))
		return;
	server->offer = *offer;
	if (server->backend_down_logged) /* it was away, and may have come back as another */
		timer_set(&server->probe_again, loop_now_ms(server->loop));
	server->backend_down_logged = false;
}

void smtpd_server_backend_away(
	struct smtpd_server *server, const struct conf *conf, const char *what, int error)
{
	if (server->backend_down_logged && conf_same_backend(server->conf, conf))
		return;
	server->backend_down_logged = conf_same_backend(server->conf, conf);
	log_event(EV_BACKEND_DOWN,
		LOG_FIELDS(log_endpoint("backend", conf->backend), log_text("why", what),
			log_text("error", error < 0 ? err_text(error) : NULL)));
}

/* ---- the server ---- */

static void server_on_stop_deadline(struct timer *timer, void *arg)
{
	struct smtpd_server *server = OBJ(smtpd_server, arg);

	(void)timer;
	while (server->sessions != NULL)
		session_end(server->sessions);
}

struct smtpd_server *smtpd_server_new(const struct smtpd_server_settings *settings)
{
	struct smtpd_server *server = mem_new(smtpd_server);

	server->magic = (uint32_t)MAGIC_smtpd_server;
	server->settings = *settings;
	server->loop = settings->loop;
	server->limits = settings->limits;
	server->conf = conf_ref(settings->conf);
	server->next_id = place_seed();
	smtpd_server_until_now_s(server); /* from here on a jump shows */
	server->passed = passed_cache_new(PASSED_ENTRIES);
	server->incidents = incident_book_new(
		INCIDENT_ENTRIES, server->limits->incident_s, server->limits->incident_update_s);
	buf_init(&server->scratch, 0);
	timer_init(&server->accept_again, server->loop, server_on_accept_again, server);
	timer_init(&server->probe_again, server->loop, server_on_probe_again, server);
	timer_init(&server->stop_deadline, server->loop, server_on_stop_deadline, server);
	server_probe(server);
	return server;
}

void smtpd_server_free(struct smtpd_server **server)
{
	struct smtpd_server *s = *server;

	if (s == NULL)
		return;
	s->stopping = false; /* nobody is told any more */
	while (s->sessions != NULL)
		session_end(s->sessions);
	for (size_t i = 0; i < s->listeners_len; i++)
		watch_free(&s->listeners[i]);
	relay_probe_free(&s->probe);
	timer_done(&s->accept_again);
	timer_done(&s->probe_again);
	timer_done(&s->stop_deadline);
	shelf_release(s->settings.views, &s->view);
	passed_cache_free(&s->passed);
	incident_book_free(&s->incidents);
	buf_done(&s->scratch);
	conf_unref(&s->conf);
	s->magic = 0;
	mem_free(s);
	*server = NULL;
}

void smtpd_server_set_conf(struct smtpd_server *server, const struct conf *conf)
{
	bool same = conf_same_backend(server->conf, conf);

	conf_unref(&server->conf);
	server->conf = conf_ref(conf);
	gatherer_set_conf(server->settings.gatherer, conf);
	if (!same)
		server->probed = false;
	if (!server->probed)
		server_probe(server);
}

static void server_on_all_ended(void *arg)
{
	struct smtpd_server *server = OBJ(smtpd_server, arg);

	server->settings.stopped(server->settings.arg);
}

void smtpd_server_stop(struct smtpd_server *server)
{
	struct session *session = server->sessions;

	server->stopping = true;
	server_watch_listeners(server, false);
	timer_clear(&server->accept_again);
	timer_clear(&server->probe_again);
	timer_set(&server->stop_deadline, loop_now_ms(server->loop) + server->limits->stop_ms);
	if (session == NULL)
		loop_later(server->loop, server_on_all_ended, server);
	while (session != NULL) {
		struct session *next = session_next(session);

		session_drain(session); /* may end it */
		session = next;
	}
}

void smtpd_server_session_ended(struct smtpd_server *server)
{
	server->sessions_len--;
	server_resume_accepting(server);
	if (server->stopping && server->sessions_len == 0)
		loop_later(server->loop, server_on_all_ended, server);
}

const struct view *smtpd_server_view(struct smtpd_server *server)
{
	shelf_refresh(server->settings.views, &server->view);
	return shelf_object(server->view);
}

int64_t smtpd_server_until_now_s(struct smtpd_server *server)
{
	return clock_guard_now_s(
		&server->guard, loop_now_s(server->loop), loop_now_ms(server->loop));
}

const char *smtpd_server_new_id(struct smtpd_server *server, char id[SESSION_ID_SIZE])
{
	snprintf(id, SESSION_ID_SIZE, "%016llX", (unsigned long long)server->next_id++);
	return id;
}
