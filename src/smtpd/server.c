/* SPDX-License-Identifier: ISC */
#include "smtpd/server.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/log.h"
#include "base/macro.h"
#include "base/mem.h"
#include "base/obj.h"
#include "smtpd/session.h"

enum {
	LISTENERS_MAX = 64,
	ACCEPTS_IN_A_TURN = 64,
	ACCEPT_AGAIN_MS = 100, /* sooner when a session ends */
};

struct smtpd_server {
	uint32_t magic;
	struct smtpd_server_settings settings;
	struct loop *loop;
	struct session_env env; /* holds a reference to its conf */
	struct watch *listeners[LISTENERS_MAX];
	size_t listeners_len;
	struct timer accept_again; /* after the process ran out of descriptors */
	struct timer stop_deadline;
	bool stopping;
};

/* ---- accepting ---- */

static void server_watch_listeners(struct smtpd_server *server, bool on)
{
	for (size_t i = 0; i < server->listeners_len; i++)
		watch_set(server->listeners[i], on ? WATCH_READ : WATCH_NOTHING);
}

/* Out of descriptors or memory: waiting clients stay in the kernel's queue instead of waking us for
 * nothing. */
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

void smtpd_server_take(struct smtpd_server *server, int fd, struct endpoint peer)
{
	session_start(&server->env, fd, peer);
}

static void server_on_listener(struct watch *watch, int ready, void *arg)
{
	struct smtpd_server *server = OBJ(smtpd_server, arg);
	int listener = watch_fd(watch);

	(void)ready;
	for (int i = 0; i < ACCEPTS_IN_A_TURN && !server->stopping; i++) {
		struct sockaddr_storage address;
		struct endpoint peer;
		socklen_t len = sizeof(address);
		int fd = accept4(
			listener, (struct sockaddr *)&address, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd >= 0 && endpoint_from_sockaddr((struct sockaddr *)&address, &peer) == 0)
			smtpd_server_take(server, fd, peer);
		else if (fd >= 0)
			close(fd); /* neither IPv4 nor IPv6 */
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

/* ---- the server ---- */

static void server_on_stop_deadline(struct timer *timer, void *arg)
{
	struct smtpd_server *server = OBJ(smtpd_server, arg);

	(void)timer;
	sessions_end(&server->env);
}

static void server_on_all_ended(void *arg)
{
	struct smtpd_server *server = OBJ(smtpd_server, arg);

	server->settings.stopped(server->settings.arg);
}

static void server_on_session_ended(void *arg)
{
	struct smtpd_server *server = OBJ(smtpd_server, arg);

	server_resume_accepting(server);
	if (server->stopping && server->env.sessions_len == 0)
		loop_later(server->loop, server_on_all_ended, server);
}

struct smtpd_server *smtpd_server_new(const struct smtpd_server_settings *settings)
{
	const struct backend_state_settings backend = {
		.target = {settings->loop, settings->conf, settings->limits},
		.resolver = settings->resolver,
		.probed = settings->probed,
		.arg = settings->arg};
	struct smtpd_server *server = mem_new(smtpd_server);

	server->magic = (uint32_t)MAGIC_smtpd_server;
	server->settings = *settings;
	server->loop = settings->loop;
	server->env = (struct session_env){
		.loop = settings->loop,
		.limits = settings->limits,
		.conf = conf_ref(settings->conf),
		.consult = settings->consult,
		.backend = backend_state_new(&backend),
		.ended = server_on_session_ended,
		.arg = server,
		.next_id = hash_key(),
	};
	buf_init(&server->env.scratch, 0);
	timer_init(&server->accept_again, server->loop, server_on_accept_again, server);
	timer_init(&server->stop_deadline, server->loop, server_on_stop_deadline, server);
	return server;
}

void smtpd_server_free(struct smtpd_server **server)
{
	struct smtpd_server *s = *server;

	if (s == NULL)
		return;
	s->stopping = false; /* nobody is told any more */
	sessions_end(&s->env);
	for (size_t i = 0; i < s->listeners_len; i++)
		watch_free(&s->listeners[i]);
	backend_state_free(&s->env.backend);
	timer_done(&s->accept_again);
	timer_done(&s->stop_deadline);
	buf_done(&s->env.scratch);
	conf_unref(&s->env.conf);
	s->magic = 0;
	mem_free(s);
	*server = NULL;
}

void smtpd_server_set_conf(struct smtpd_server *server, const struct conf *conf)
{
	conf_unref(&server->env.conf);
	server->env.conf = conf_ref(conf);
	backend_state_set_conf(server->env.backend, conf);
}

void smtpd_server_stop(struct smtpd_server *server)
{
	server->stopping = true;
	server_watch_listeners(server, false);
	timer_clear(&server->accept_again);
	backend_state_stop(server->env.backend);
	timer_set(&server->stop_deadline,
		loop_now_ms(server->loop) + server->settings.limits->stop_ms);
	if (server->env.sessions_len == 0)
		loop_later(server->loop, server_on_all_ended, server);
	sessions_drain(&server->env);
}
