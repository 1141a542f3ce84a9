/* SPDX-License-Identifier: ISC */
/*
 * The web role: the portal (portal/portal.h) between one listening socket and the keeper. It reads
 * what strangers send by HTTP, so it may open nothing: pages are part of the program, lists come
 * mapped, all else is asked over the bus.
 */
#include "base/log.h"
#include "base/macro.h"
#include "base/mem.h"
#include "bus/client.h"
#include "list/view.h"
#include "loop/socket.h"
#include "portal/portal.h"
#include "roles/roles.h"

enum { BUS_PATH_SIZE = 256 };

struct web {
	struct shelf *shelf;
	struct bus_client *bus;
	struct portal *portal;
};

static void web_ask(void *ask_arg, const struct bus_query *query, bus_answer_call *call, void *arg)
{
	bus_client_ask(ask_arg, query, call, arg);
}

static void web_on_view(void *context)
{
	role_go_on(context);
}

static int web_open_bus(struct role_context *context, struct web *web, struct fault *why)
{
	char path[BUS_PATH_SIZE];
	struct bus_client_settings settings = {.loop = context->loop,
		.role = context->name,
		.socket_path = role_bus_path(context, path, sizeof(path)),
		.lists_path = context->conf->lists_path,
		.log = log_event,
		.shelf = web->shelf,
		.on_view = web_on_view,
		.arg = context};

	role_serve_last_view(context, web->shelf);
	return bus_client_new(&settings, &web->bus, why);
}

static int web_open_portal(struct role_context *context, struct web *web, struct fault *why)
{
	struct portal_settings settings = {.fd = role_socket(context, "http-0"),
		.conf = context->conf,
		.shelf = web->shelf,
		.rate = portal_rate_default(),
		.ask = web_ask,
		.ask_arg = web->bus};
	struct endpoint local;
	if (settings.fd < 0)
		return 0; /* portal.listen: off; there is nothing to do */
	if (socket_local(settings.fd, &local) >= 0)
		log_event(EV_LISTEN,
			LOG_FIELDS(log_text("what", "http"), log_endpoint("address", local)));
	return portal_new(context->loop, &settings, &web->portal, why);
}

static void web_finish(struct role_context *context)
{
	struct web *web = context->state;

	if (web == NULL)
		return;
	bus_client_free(&web->bus); /* first: it calls into the portal's inquiries */
	portal_free(&web->portal);
	if (web->shelf != NULL)
		shelf_free(&web->shelf);
	mem_free(web);
	context->state = NULL;
}

static int web_start(struct role_context *context, struct fault *why)
{
	struct web *web = mem_new(web);
	int r;

	context->state = web;
	web->shelf = view_shelf_new();
	r = web_open_bus(context, web, why);
	if (r >= 0) {
		role_await_view(context);
		r = web_open_portal(context, web, why);
	}
	if (r < 0)
		web_finish(context);
	return r;
}

static int web_reload(struct role_context *context)
{
	struct web *web = context->state;
	if (web->portal != NULL)
		portal_set_conf(web->portal, context->conf);
	return 0;
}

static void web_stopped(void *arg)
{
	struct role_context *context = arg;

	loop_stop(context->loop);
}

static bool web_is_behind(const struct role_context *context)
{
	return bus_client_is_behind(((const struct web *)context->state)->bus);
}

static void web_stop(struct role_context *context)
{
	struct web *web = context->state;
	if (web->portal != NULL)
		portal_stop(web->portal, web_stopped, context);
	else
		loop_stop(context->loop);
}

const struct role role_web = {
	.name = "web",
	.start = web_start,
	.reload = web_reload,
	.is_behind = web_is_behind,
	.stop = web_stop,
	.retire = web_stop, /* an answer is all that a client is owed */
	.finish = web_finish,
};
