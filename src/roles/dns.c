/* SPDX-License-Identifier: ISC */
#include <limits.h>
#include <string.h>

#include "base/log.h"
#include "base/macro.h"
#include "base/mem.h"
#include "bus/client.h"
#include "dnsd/stats.h"
#include "dnsd/worker.h"
#include "list/view.h"
#include "roles/roles.h"
#include "server/server.h"
#include "xfr/changes.h"
#include "xfr/notify.h"
#include "zone/guard.h"
#include "zone/table.h"

/*
 * The dns role: two shelves, filled by the main thread (tables of zones from the configuration, views from the keeper), and
 * the threads of the server, which answer from them and wait for nobody.
 */
struct dns_role {
	struct role_context *context;
	struct dns_shelves shelves;
	struct guard_state *memory;
	struct transfer_memory *transfers;
	struct dns_changes *changes;
	struct dns_notify *notify;
	struct buf shown; /* the configuration as the table was made of it */
	struct bus_client *bus;
	struct dns_server *server;
};

static void dns_release_view(void *object)
{
	struct view *view = object;

	view_free(&view);
}

static void dns_release_table(void *object)
{
	struct zone_table *table = object;

	zone_table_free(&table);
}

static void dns_on_delta(void *arg, const struct delta *delta)
{
	struct dns_role *dns = arg;

	dns_changes_delta(dns->changes, delta);
}

/* The threads first: the secondaries have more time than anybody who asks. */
static void dns_on_view(void *arg)
{
	struct dns_role *dns = arg;
	uint32_t serial;

	if (dns->server != NULL)
		dns_server_wake(dns->server);
	shelf_sweep(dns->shelves.tables);
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
		dns->shelves.workers = (unsigned)(sockets.udp_len / context->conf->dns_listen_len);
	r = dns_server_new(&sockets, &(struct worker_kind){&dnsd_worker_calls, &dns->shelves},
		&dns->server, why);
	mem_free(udp);
	mem_free(tcp);
	if (r == 0)
		dns_limit_tcp(dns);
	return r;
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
		.arg = dns,
	};

	return bus_client_new(&settings, &dns->bus, why);
}

/* Whether the configuration is another one than before: then the zones may be other zones under the same serial. */
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

/* The zones of the configuration that is in force now, with their guard and their secondaries. */
static int dns_put_table(struct dns_role *dns, struct fault *why)
{
	const struct conf *conf = dns->context->conf;
	AUTO(zone_table) *table = NULL;
	AUTO(keys) *keys = NULL;
	int r = keys_read(conf, &keys, why);

	if (r == 0)
		r = zone_table_new(conf, &table, why);
	if (r == 0)
		r = guard_new(conf, table, dns->memory, &table->guard, why);
	if (r < 0)
		return r;
	table->transfers = transfer_rules_new(conf, keys->items, dns->transfers);
	dns_notify_set(dns->notify, conf, table, keys);
	shelf_put(dns->shelves.tables, TAKE(table));
	dns_changes_table(dns->changes, dns_conf_differs(dns));
	return 0;
}

static void dns_finish(struct role_context *context)
{
	struct dns_role *dns = context->state;

	if (dns == NULL)
		return;
	dns_server_free(&dns->server);
	dnsd_stats_free(&dns->shelves.stats);
	bus_client_free(&dns->bus);
	dns_notify_free(&dns->notify);
	dns_changes_free(&dns->changes);
	shelf_free(&dns->shelves.tables);
	shelf_free(&dns->shelves.views);
	guard_state_free(&dns->memory);
	transfer_memory_free(&dns->transfers);
	buf_done(&dns->shown);
	mem_free(dns);
	context->state = NULL;
}

static int dns_start(struct role_context *context, struct fault *why)
{
	struct dns_role *dns = mem_new(dns_role);
	int r;

	dns->context = context;
	dns->shelves.tables = shelf_new(dns_release_table);
	dns->shelves.views = shelf_new(dns_release_view);
	dns->memory = guard_state_new();
	dns->transfers = transfer_memory_new(dns->shelves.tables, dns->shelves.views);
	dns->changes = dns_changes_new(&dns->shelves, dns->transfers);
	dns->notify = dns_notify_new(context->loop, context->conf);
	buf_init(&dns->shown, 0);
	context->state = dns;
	r = dns_put_table(dns, why);
	if (r == 0) {
		role_serve_last_view(context, dns->shelves.views);
		dns_on_view(dns);
		r = dns_open_bus(dns, why);
	}
	if (r == 0) {
		dns->shelves.stats = dnsd_stats_new(context->loop, context->conf, dns->bus);
		role_await_view(context);
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
	int r = dns_put_table(dns, &why);

	if (r < 0) {
		log_event(EV_CONFIG_BAD, LOG_FIELDS(log_text("why", why.text), log_error(r)));
		return r;
	}
	if (dns_changes_serial(dns->changes) != 0) /* secondaries may be new */
		dns_notify_announce(dns->notify, dns_changes_serial(dns->changes));
	dns_limit_tcp(dns);
	dnsd_stats_apply(dns->shelves.stats, dns->context->conf);
	dns_server_wake(dns->server);
	return 0;
}

static void dns_stop(struct role_context *context)
{
	loop_stop(context->loop);
}

const struct role role_dns = {
	.name = "dns",
	.start = dns_start,
	.reload = dns_reload,
	.stop = dns_stop,
	.finish = dns_finish,
};
