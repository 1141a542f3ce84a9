/* SPDX-License-Identifier: ISC */
#include <limits.h>
#include <string.h>

#include "base/log.h"
#include "base/macro.h"
#include "base/mem.h"
#include "base/obj.h"
#include "bus/client.h"
#include "dnsd/rules.h"
#include "dnsd/stats.h"
#include "dnsd/worker.h"
#include "roles/roles.h"
#include "server/server.h"
#include "xfr/changes.h"
#include "xfr/notify.h"
#include "zone/guard.h"

enum { RETIRED_LOOK_MS = 200 };

/*
 * The dns role: two shelves, filled by the main thread (rules from the configuration, views from
 * the keeper), and the threads of the server, which answer from them and wait for nobody.
 */
struct dns_role {
	uint32_t magic;
	struct role_context *context;
	struct dns_shelves shelves;
	struct dnsd_workers workers;
	struct guard_state *guard;
	struct transfer_state *transfers;
	struct dns_changes *changes;
	struct dns_notify *notify;
	struct buf shown; /* the configuration as the rules were made of it */
	struct bus_client *bus;
	struct dns_server *server;
	struct timer retired_look; /* whether clients are left */
};

static void dns_on_delta(void *arg, const struct delta *delta)
{
	dns_changes_delta(OBJ(dns_role, arg)->changes, delta);
}

/* The threads first: the secondaries have more time than anybody who asks. */
static void dns_on_view(void *arg)
{
	struct dns_role *dns = OBJ(dns_role, arg);
	uint32_t serial;

	if (dns->server != NULL)
		dns_server_wake(dns->server);
	shelf_sweep(dns->shelves.rules);
	if (dns_changes_view(dns->changes, &serial))
		dns_notify_announce(dns->notify, serial);
	role_go_on(dns->context);
}

/* The sockets whose names begin with prefix. */
static size_t dns_find_sockets(const struct role_context *context, const char *prefix, int *fds)
{
	size_t len = 0;

	for (size_t i = 0; i < context->sockets_len; i++) {
		if (strncmp(context->sockets[i].name, prefix, strlen(prefix)) == 0)
			fds[len++] = context->sockets[i].fd;
	}
	return len;
}

static void dns_limit_tcp(struct dns_role *dns)
{
	const struct conf_guard *guard = &dns->context->conf->guard;
	struct dns_tcp_limits limits = {
		.connections = guard->tcp_connections,
		.per_client = guard->tcp_per_client,
		.idle_ms = guard->tcp_idle_s * 1000,
	};

	dns_server_limit_tcp(dns->server, &limits);
}

static int dns_start_threads(struct dns_role *dns, struct fault *why)
{
	const struct role_context *context = dns->context;
	int *udp = mem_alloc_array(context->sockets_len + 1, sizeof(*udp));
	int *tcp = mem_alloc_array(context->sockets_len + 1, sizeof(*tcp));
	struct dns_sockets sockets = {
		.udp_len = dns_find_sockets(context, "dns-udp-", udp),
		.udp = udp,
		.tcp_len = dns_find_sockets(context, "dns-tcp-", tcp),
		.tcp = tcp,
	};
	int r;

	if (context->conf->dns_listen_len != 0)
		dns->workers.count = (unsigned)(sockets.udp_len / context->conf->dns_listen_len);
	r = dns_server_new(&sockets, &(struct worker_kind){&dnsd_worker_calls, &dns->workers},
		&dns->server, why);
	mem_free(udp);
	mem_free(tcp);
	if (r == 0)
		dns_limit_tcp(dns);
	return r;
}

static void dns_on_beside(void *arg, bool others, uint32_t serial)
{
	dns_changes_beside(OBJ(dns_role, arg)->changes, others, serial);
}

static int dns_open_bus(struct dns_role *dns, struct fault *why)
{
	const struct role_context *context = dns->context;
	char socket_path[PATH_MAX];
	struct bus_client_settings settings = {
		.loop = context->loop,
		.role = context->name,
		.socket_path = role_bus_path(context, socket_path, sizeof(socket_path)),
		.lists_path = context->conf->lists_path,
		.log = log_event,
		.shelf = dns->shelves.views,
		.on_view = dns_on_view,
		.on_delta = dns_on_delta,
		.on_beside = dns_on_beside,
		.arg = dns,
	};

	return bus_client_new(&settings, &dns->bus, why);
}

/* Whether the configuration is another one than before: then the zones may be other zones under the
 * same serial. */
static bool dns_conf_differs(struct dns_role *dns)
{
	struct buf shown;
	bool differs;

	buf_init(&shown, 0);
	conf_print(dns->context->conf, true, &shown);
	differs = !span_equal(buf_span(&shown), buf_span(&dns->shown));
	buf_done(&dns->shown);
	dns->shown = shown;
	return differs;
}

/* The configuration that is in force now: its zones, who may ask how much, and its secondaries. */
static int dns_put_rules(struct dns_role *dns, struct fault *why)
{
	AUTO(dns_rules) *rules = NULL;
	int r = dns_rules_new(dns->context->conf, dns->transfers, &rules, why);

	if (r < 0)
		return r;
	dns_notify_set(dns->notify, rules);
	shelf_put(dns->shelves.rules, TAKE(rules));
	dns_changes_rules(dns->changes, dns_conf_differs(dns));
	return 0;
}

static void dns_finish(struct role_context *context)
{
	struct dns_role *dns = context->state;

	if (dns == NULL)
		return;
	dns_server_free(&dns->server);
	dnsd_stats_free(&dns->workers.stats);
	bus_client_free(&dns->bus);
	dns_notify_free(&dns->notify);
	dns_changes_free(&dns->changes);
	dns_shelves_done(&dns->shelves);
	guard_state_free(&dns->guard);
	transfer_state_free(&dns->transfers);
	buf_done(&dns->shown);
	timer_done(&dns->retired_look);
	dns->magic = 0;
	mem_free(dns);
	context->state = NULL;
}

static void dns_on_retired_look(struct timer *timer, void *arg)
{
	struct dns_role *dns = OBJ(dns_role, arg);

	if (dns_server_is_done(dns->server))
		loop_stop(dns->context->loop);
	timer_set(timer, loop_now_ms(dns->context->loop) + RETIRED_LOOK_MS);
}

static int dns_start(struct role_context *context, struct fault *why)
{
	struct dns_role *dns = mem_new(dns_role);
	int r;

	dns->magic = (uint32_t)MAGIC_dns_role;
	dns->context = context;
	dns_shelves_init(&dns->shelves);
	dns->guard = guard_state_new();
	dns->workers = (struct dnsd_workers){.shelves = &dns->shelves, .guard = dns->guard};
	dns->transfers = transfer_state_new(&dns->shelves);
	dns->changes = dns_changes_new(dns->transfers);
	dns->notify = dns_notify_new(context->loop, context->conf);
	buf_init(&dns->shown, 0);
	timer_init(&dns->retired_look, context->loop, dns_on_retired_look, dns);
	context->state = dns;
	r = dns_put_rules(dns, why);
	if (r == 0) {
		role_serve_last_view(context, dns->shelves.views);
		dns_on_view(dns);
		r = dns_open_bus(dns, why);
	}
	if (r == 0) {
		dns->workers.stats = dnsd_stats_new(context->loop, context->conf, dns->bus);
		role_await_view(context);
		/* Up to here secondaries may have had other records under the same serials, by the
		 * rules of the process before. */
		dns_changes_rules(dns->changes, true);
		r = dns_start_threads(dns, why);
	}
	if (r < 0)
		dns_finish(context);
	return r;
}

static int dns_reload(struct role_context *context)
{
	struct dns_role *dns = context->state;
	struct fault why = {""};
	int r = dns_put_rules(dns, &why);

	if (r < 0) {
		log_event(EV_CONFIG_BAD, LOG_FIELDS(log_text("why", why.text), log_error(r)));
		return r;
	}
	if (dns_changes_serial(dns->changes) != 0) /* secondaries may be new */
		dns_notify_announce(dns->notify, dns_changes_serial(dns->changes));
	dns_limit_tcp(dns);
	dnsd_stats_apply(dns->workers.stats, dns->context->conf);
	dns_server_wake(dns->server);
	return 0;
}

static bool dns_is_behind(const struct role_context *context)
{
	return bus_client_is_behind(((const struct dns_role *)context->state)->bus);
}

static void dns_stop(struct role_context *context)
{
	loop_stop(context->loop);
}

/* Questions are answered by the next process at once; transfers and other connections end here. The
 * lists stay as they are: what comes now is the next one's to tell to secondaries, by its rules,
 * which trusts no serial of ours that the keeper told us of before we left the bus. */
static void dns_retire(struct role_context *context)
{
	struct dns_role *dns = context->state;

	dns_server_retire(dns->server);
	role_forget_sockets(context);
	dnsd_stats_leave_bus(dns->workers.stats);
	bus_client_free(&dns->bus);
	dns_notify_free(&dns->notify);
	timer_set(&dns->retired_look, loop_now_ms(context->loop) + RETIRED_LOOK_MS);
}

static bool dns_alive(struct role_context *context)
{
	struct dns_role *dns = context->state;

	return dns_server_turns(dns->server);
}

const struct role role_dns = {
	.name = "dns",
	.start = dns_start,
	.reload = dns_reload,
	.is_behind = dns_is_behind,
	.stop = dns_stop,
	.retire = dns_retire,
	.alive = dns_alive,
	.finish = dns_finish,
};
