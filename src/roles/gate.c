/* SPDX-License-Identifier: ISC */
/*
 * The gate role: the SMTP server (smtpd/server.h) between its listening sockets and the backend,
 * with a resolver and the lists. It reads what strangers send, so it opens no store and no file but
 * its spool. Before it takes a client it asks the backend whether it would relay for a stranger; if
 * so the role ends with exit code 78 and says what to change. When that turns out later, sessions
 * under way end first.
 */
#include <limits.h>
#include <stdio.h>
#include <sys/resource.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/obj.h"
#include "bus/client.h"
#include "gate/greylisting.h"
#include "list/view.h"
#include "loop/socket.h"
#include "resolve/resolver.h"
#include "roles/roles.h"
#include "smtpd/health.h"
#include "smtpd/server.h"

enum {
	SPOOL_LIMIT = 64 << 20,
	RESOLVER_TIMEOUT_MS = 1500,
	RESOLVER_TRIES = 3,
	RESOLVER_CACHE = 65536,
	PROBE_PATIENCE_MS = 10000, /* a backend that takes longer is away: we start and ask again */
};

struct gate {
	uint32_t magic;
	struct role_context *context;
	struct shelf *views;
	struct bus_client *bus;
	struct resolver *resolver;
	struct consult *consult;
	struct smtpd_server *server;
	struct smtpd_limits limits;
	struct smtpd_health *health;
	struct timer patience; /* for the first answer of the probe */
	bool starting;
	bool relays;
	bool stopped;
};

static void gate_on_view(void *arg)
{
	struct gate *gate = OBJ(gate, arg);

	role_go_on(gate->context);
}

static int gate_open_bus(struct gate *gate, struct fault *why)
{
	const struct role_context *context = gate->context;
	char socket_path[PATH_MAX];
	char spool_path[PATH_MAX];
	struct bus_client_settings settings = {
		.loop = context->loop,
		.role = context->name,
		.socket_path = role_bus_path(context, socket_path, sizeof(socket_path)),
		.lists_path = context->conf->lists_path,
		.spool_path = role_state_path(context, "spool", spool_path, sizeof(spool_path)),
		.spool_limit = SPOOL_LIMIT,
		.log = log_event,
		.shelf = gate->views,
		.on_view = gate_on_view,
		.arg = gate,
	};

	shelf_put(gate->views, view_new_empty()); /* so that there is always one */
	role_serve_last_view(context, gate->views);
	return bus_client_new(&settings, &gate->bus, why);
}

/* ---- the start probe ---- */

static void gate_drain(struct gate *gate)
{
	smtpd_server_stop(gate->server);
	role_stop_listening(gate->context);
}

static void gate_on_probed(const struct backend_finding *finding, void *arg)
{
	struct gate *gate = OBJ(gate, arg);

	smtpd_health_backend(gate->health, finding);
	if (finding->result == PROBE_RELAYS) {
		gate->relays = true;
		gate->context->result = E_CONFIG;
	}
	if (gate->starting)
		loop_stop(gate->context->loop);
	else if (gate->relays)
		gate_drain(gate);
}

static void gate_on_patience(struct timer *timer, void *arg)
{
	(void)arg;
	loop_stop(timer->loop);
}

/* The loop runs for the probe alone: nothing listens yet. */
static int gate_await_probe(struct gate *gate, struct fault *why)
{
	struct loop *loop = gate->context->loop;

	gate->starting = true;
	timer_set(&gate->patience, loop_now_ms(loop) + PROBE_PATIENCE_MS);
	loop_run(loop);
	timer_clear(&gate->patience);
	gate->starting = false;
	if (gate->relays)
		return fault_set(why, E_CONFIG,
			"the backend would relay for strangers that come through the gate: %s",
			relay_probe_advice(gate->context->conf->pass_client));
	if (gate->stopped)
		return fault_set(why, E_AGAIN, "told to stop while starting");
	return 0;
}

static void gate_on_stopped(void *arg)
{
	struct gate *gate = OBJ(gate, arg);

	gate->stopped = true;
	loop_stop(gate->context->loop);
}

/* ---- the role ---- */

static void gate_set_limits(struct gate *gate)
{
	struct rlimit files = {.rlim_cur = RLIM_INFINITY};

	getrlimit(RLIMIT_NOFILE, &files);
	smtpd_limits_fit(&gate->limits, gate->context->conf, files.rlim_cur);
}

static void gate_open_server(struct gate *gate)
{
	const struct role_context *context = gate->context;
	char path[PATH_MAX];
	struct resolver_settings resolver = {
		.server = context->conf->resolver,
		.timeout_ms = RESOLVER_TIMEOUT_MS,
		.tries = RESOLVER_TRIES,
		.cache_entries = RESOLVER_CACHE,
	};
	struct consult_settings consult = {
		.loop = context->loop,
		.views = gate->views,
		.conf = context->conf,
		.limits = &consult_limits_default,
		.bus = gate->bus,
	};
	struct smtpd_server_settings server = {
		.loop = context->loop,
		.conf = context->conf,
		.limits = &gate->limits,
		.probed = gate_on_probed,
		.stopped = gate_on_stopped,
		.arg = gate,
	};

	gate->limits = smtpd_limits_default;
	gate_set_limits(gate);
	resolver.questions = gate->limits.questions;
	gate->resolver = resolver_new(context->loop, &resolver);
	consult.resolver = server.resolver = gate->resolver;
	consult.greylisting = greylisting_new(
		context->loop, context->conf, role_state_path(context, "grey", path, sizeof(path)));
	server.consult = gate->consult = consult_new(&consult);
	gate->health = smtpd_health_new(context, gate->resolver, gate->consult, gate->bus);
	gate->server = smtpd_server_new(&server);
	smtpd_health_certificate(gate->health, smtpd_server_certificate_expires_s(gate->server));
	smtpd_health_watch(gate->health, gate->server);
}

static void gate_listen(struct gate *gate)
{
	const struct role_context *context = gate->context;

	for (size_t i = 0; i < context->conf->gate_listen_len; i++) {
		char name[32];
		struct endpoint local;
		int fd;

		snprintf(name, sizeof(name), "smtp-%zu", i);
		fd = role_socket(context, name);
		if (fd < 0)
			continue;
		smtpd_server_listen(gate->server, fd);
		if (socket_local(fd, &local) == 0)
			log_event(EV_LISTEN, LOG_FIELDS(log_text("what", "smtp"),
						     log_endpoint("address", local)));
	}
}

static void gate_finish(struct role_context *context)
{
	struct gate *gate = context->state;

	if (gate == NULL)
		return;
	timer_done(&gate->patience);
	smtpd_server_free(&gate->server);
	smtpd_health_free(&gate->health);
	consult_free(&gate->consult);
	resolver_free(&gate->resolver);
	bus_client_free(&gate->bus);
	shelf_free(&gate->views);
	gate->magic = 0;
	mem_free(gate);
	context->state = NULL;
}

static int gate_start(struct role_context *context, struct fault *why)
{
	struct gate *gate = mem_new(gate);
	int r;

	gate->magic = (uint32_t)MAGIC_gate;
	gate->context = context;
	gate->views = view_shelf_new();
	context->state = gate;
	timer_init(&gate->patience, context->loop, gate_on_patience, gate);
	r = gate_open_bus(gate, why);
	if (r < 0 || context->conf->gate_listen_len == 0)
		return r; /* without a socket there is no server */
	role_await_view(context);
	gate_open_server(gate);
	r = gate_await_probe(gate, why);
	if (r == 0)
		gate_listen(gate);
	return r;
}

static int gate_reload(struct role_context *context)
{
	struct gate *gate = context->state;

	if (gate->server == NULL || gate->relays)
		return 0;
	resolver_set_server(gate->resolver, context->conf->resolver);
	gate_set_limits(gate);
	resolver_set_questions(gate->resolver, gate->limits.questions);
	consult_set_conf(gate->consult, context->conf);
	smtpd_server_set_conf(gate->server, context->conf);
	smtpd_health_certificate(gate->health, smtpd_server_certificate_expires_s(gate->server));
	return 0;
}

static bool gate_is_behind(const struct role_context *context)
{
	return bus_client_is_behind(((const struct gate *)context->state)->bus);
}

static void gate_stop(struct role_context *context)
{
	struct gate *gate = context->state;

	if (gate == NULL || gate->server == NULL) {
		loop_stop(context->loop);
		return;
	}
	gate_drain(gate);
}

/* The sessions keep what they began with, so that nothing of it is given back before they end. */
static void gate_retire(struct role_context *context)
{
	struct gate *gate = context->state;

	if (gate->server == NULL) {
		loop_stop(context->loop);
		return;
	}
	smtpd_server_retire(gate->server);
	role_stop_listening(context);
}

const struct role role_gate = {
	.name = "gate",
	.start = gate_start,
	.reload = gate_reload,
	.is_behind = gate_is_behind,
	.stop = gate_stop,
	.retire = gate_retire,
	.finish = gate_finish,
};
