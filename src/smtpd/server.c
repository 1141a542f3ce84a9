/* SPDX-License-Identifier: ISC */
#include "smtpd/server.h"

#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/log.h"
#include "base/macro.h"
#include "base/mem.h"
#include "base/obj.h"
#include "conf/tls_files.h"
#include "loop/acceptor.h"
#include "resolve/resolver.h"
#include "smtpd/session.h"
#include "smtpd/stress.h"

enum { LISTENERS_MAX = 64, LOOK_MS = 1000 };

struct smtpd_server {
	uint32_t magic;
	struct smtpd_server_settings settings;
	struct loop *loop;
	struct session_env env; /* holds a reference to its conf */
	struct acceptor *acceptors[LISTENERS_MAX];
	size_t acceptors_len;
	struct smtpd_limits limits, stressed;
	struct stress stress;
	struct timer look;
	struct timer stop_deadline;
	bool stopping;
};

/* ---- how full it is ---- */

struct smtpd_load smtpd_server_load(const struct smtpd_server *server)
{
	const struct session_env *env = &server->env;
	const struct resolver *resolver = server->settings.resolver;

	return (struct smtpd_load){
		.sessions = (unsigned)(env->sessions_len * 100 / server->limits.sessions),
		.backends = backend_places_percent(env->places),
		.questions = resolver == NULL ? 0 : resolver_percent(resolver),
		.is_stressed = server->stress.is_on,
		.is_felt = stress_is_felt(&server->stress, loop_now_ms(server->loop)),
		.refused = admission_counts(env->admission)};
}

static void server_log_stress(const struct smtpd_load *load, bool is_on)
{
	log_event(is_on ? EV_GATE_STRESS : EV_GATE_STRESS_OVER,
		LOG_FIELDS(log_number("sessions-percent", load->sessions),
			log_number("backend-percent", load->backends),
			log_number("dns-percent", load->questions)));
}

static void server_look(struct smtpd_server *server)
{
	const struct smtpd_load load = smtpd_server_load(server);
	unsigned most = load.sessions > load.backends ? load.sessions : load.backends;

	most = load.questions > most ? load.questions : most;
	if (!stress_look(&server->stress, most, loop_now_ms(server->loop)))
		return;
	server_log_stress(&load, server->stress.is_on);
	server->env.limits = server->stress.is_on ? &server->stressed : &server->limits;
	if (server->stress.is_on)
		sessions_hurry(&server->env);
}

static void server_on_look(struct timer *timer, void *arg)
{
	struct smtpd_server *server = OBJ(smtpd_server, arg);

	server_look(server);
	timer_set(timer, loop_now_ms(server->loop) + LOOK_MS);
}

static void server_set_limits(struct smtpd_server *server)
{
	server->limits = *server->settings.limits;
	server->stressed = smtpd_limits_stressed(&server->limits);
	admission_set_sessions(server->env.admission, server->limits.sessions);
	backend_places_set_count(server->env.places, server->limits.backends);
}

/* ---- accepting ---- */

void smtpd_server_take(struct smtpd_server *server, int fd, struct endpoint peer)
{
	server_look(server);
	session_start(&server->env, fd, peer);
}

static void server_on_connection(int fd, const struct endpoint *peer, void *arg)
{
	if (peer != NULL)
		smtpd_server_take(OBJ(smtpd_server, arg), fd, *peer);
	else
		close(fd); /* neither IPv4 nor IPv6 */
}

void smtpd_server_listen(struct smtpd_server *server, int fd)
{
	int on = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)); /* clients' sockets inherit it */
	ASSERT(server->acceptors_len < LISTENERS_MAX);
	server->acceptors[server->acceptors_len++] =
		acceptor_new(server->loop, fd, server_on_connection, server);
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

	for (size_t i = 0; i < server->acceptors_len; i++)
		acceptor_go_on(server->acceptors[i]);
	if (server->stopping && server->env.sessions_len == 0)
		loop_later(server->loop, server_on_all_ended, server);
}

/* Of the configuration: who read it has looked whether they are what they should be, so what is
 * there stays when they are not. */
static void server_load_tls(struct smtpd_server *server)
{
	struct tls_context *tls = NULL;

	if (tls_files_load(server->env.conf, &tls, NULL) < 0)
		return;
	tls_context_free(&server->env.tls);
	server->env.tls = tls;
}

struct smtpd_server *smtpd_server_new(const struct smtpd_server_settings *settings)
{
	AUTO(tls_context) *tls = tls_client_new();
	const struct backend_state_settings backend = {
		.target = {settings->loop, settings->conf, settings->limits, tls},
		.resolver = settings->resolver,
		.probed = settings->probed,
		.arg = settings->arg};
	struct smtpd_server *server = mem_new(smtpd_server);

	server->magic = (uint32_t)MAGIC_smtpd_server;
	server->settings = *settings;
	server->loop = settings->loop;
	server->env = (struct session_env){
		.loop = settings->loop,
		.limits = &server->limits,
		.conf = conf_ref(settings->conf),
		.consult = settings->consult,
		.backend = backend_state_new(&backend),
		.backend_tls = tls_context_ref(tls),
		.ended = server_on_session_ended,
		.arg = server,
		.next_id = hash_key(),
		.admission = admission_new(&(struct admission_settings){
			settings->loop, settings->consult, settings->limits->sessions}),
	};
	server->env.places = backend_places_new(settings->limits->backends);
	buf_init(&server->env.scratch, 0);
	server_set_limits(server);
	timer_init(&server->look, server->loop, server_on_look, server);
	timer_set(&server->look, loop_now_ms(server->loop) + LOOK_MS);
	timer_init(&server->stop_deadline, server->loop, server_on_stop_deadline, server);
	server_load_tls(server);
	return server;
}

void smtpd_server_free(struct smtpd_server **server)
{
	struct smtpd_server *s = *server;

	if (s == NULL)
		return;
	s->stopping = false; /* nobody is told any more */
	sessions_end(&s->env);
	for (size_t i = 0; i < s->acceptors_len; i++)
		acceptor_free(&s->acceptors[i]);
	backend_state_free(&s->env.backend);
	timer_done(&s->look);
	timer_done(&s->stop_deadline);
	buf_done(&s->env.scratch);
	admission_free(&s->env.admission);
	tls_context_free(&s->env.tls);
	tls_context_free(&s->env.backend_tls);
	backend_places_free(&s->env.places);
	conf_unref(&s->env.conf);
	s->magic = 0;
	mem_free(s);
	*server = NULL;
}

void smtpd_server_set_conf(struct smtpd_server *server, const struct conf *conf)
{
	conf_unref(&server->env.conf);
	server->env.conf = conf_ref(conf);
	server_set_limits(server);
	backend_state_set_conf(server->env.backend, conf);
	server_load_tls(server);
}

int64_t smtpd_server_certificate_expires_s(const struct smtpd_server *server)
{
	return server->env.tls != NULL ? tls_context_expires_s(server->env.tls) : 0;
}

static void server_stop_taking(struct smtpd_server *server)
{
	server->stopping = true;
	for (size_t i = 0; i < server->acceptors_len; i++)
		acceptor_stop(server->acceptors[i]);
	if (server->env.sessions_len == 0)
		loop_later(server->loop, server_on_all_ended, server);
}

/* Who waits for an address that nobody listens on any more has nobody else. */
void smtpd_server_retire(struct smtpd_server *server)
{
	for (size_t i = 0; i < server->acceptors_len; i++)
		acceptor_drain(server->acceptors[i]);
	server_stop_taking(server);
}

void smtpd_server_stop(struct smtpd_server *server)
{
	server_stop_taking(server);
	backend_state_stop(server->env.backend);
	timer_set(&server->stop_deadline,
		loop_now_ms(server->loop) + server->settings.limits->stop_ms);
	sessions_drain(&server->env);
}
