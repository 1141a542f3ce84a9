/* SPDX-License-Identifier: ISC */
#include <limits.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/obj.h"
#include "courier/schedule.h"
#include "roles/roles.h"

/*
 * The courier role: goes out for what others publish. It reads what strangers send, so it opens no
 * store and no list; it has a folder of its own, the bus, and TCP to the servers of its feeds.
 */

struct courier {
	uint32_t magic;
	struct role_context *context;
	struct bus_client *bus;
	struct keys *keys; /* of the configuration that the feeds are of */
	struct schedule *schedule;
	struct timer report;
};

/* The keeper is to show what changed of the feeds; of several changes in one turn it hears once. */
static void courier_on_changed(void *arg)
{
	struct courier *courier = OBJ(courier, arg);

	if (!timer_is_set(&courier->report))
		timer_set(&courier->report, loop_now_ms(courier->context->loop));
}

static void courier_on_report(struct timer *timer, void *arg)
{
	struct courier *courier = OBJ(courier, arg);
	size_t len = schedule_len(courier->schedule);
	struct bus_condition *conditions = mem_alloc_array(len + 1, sizeof(*conditions));

	(void)timer;
	for (size_t i = 0; i < len; i++) {
		struct feed_state feed = schedule_state(courier->schedule, i);

		conditions[i] = (struct bus_condition){.kind = "feed",
			.name = feed.name,
			.well = feed.well,
			.text = feed.text,
			.since_s = feed.since_s};
	}
	bus_client_report(courier->bus,
		&(struct bus_health){.conditions_len = len, .conditions = conditions});
	mem_free(conditions);
}

static void courier_open_feeds(struct courier *courier)
{
	struct schedule_settings settings = {.loop = courier->context->loop,
		.conf = courier->context->conf,
		.keys = courier->keys,
		.bus = &courier->bus,
		.changed = courier_on_changed,
		.arg = courier};

	courier->schedule = schedule_new(&settings);
	courier_on_changed(courier);
}

static int courier_start(struct role_context *context, struct fault *why)
{
	struct courier *courier = mem_new(courier);
	char socket_path[PATH_MAX];
	struct bus_client_settings settings = {
		.loop = context->loop,
		.role = context->name,
		.socket_path = role_bus_path(context, socket_path, sizeof(socket_path)),
		.lists_path = context->conf->lists_path,
		.log = log_event,
	};
	int r;

	courier->magic = (uint32_t)MAGIC_courier;
	courier->context = context;
	context->state = courier;
	timer_init(&courier->report, context->loop, courier_on_report, courier);
	r = bus_client_new(&settings, &courier->bus, why);
	if (r >= 0)
		r = keys_read(context->conf, &courier->keys, why);
	if (r >= 0)
		courier_open_feeds(courier);
	return r;
}

static int courier_reload(struct role_context *context)
{
	struct courier *courier = context->state;
	struct keys *keys = NULL;
	struct fault why = {""};
	int r = keys_read(context->conf, &keys, &why);

	if (r < 0) {
		log_event(EV_CONFIG_BAD, LOG_FIELDS(log_text("why", why.text), log_error(r)));
		return r;
	}
	schedule_free(&courier->schedule);
	keys_free(&courier->keys);
	courier->keys = keys;
	courier_open_feeds(courier);
	return 0;
}

static void courier_stop(struct role_context *context)
{
	loop_stop(context->loop);
}

static void courier_finish(struct role_context *context)
{
	struct courier *courier = context->state;

	if (courier == NULL)
		return;
	bus_client_free(&courier->bus);
	schedule_free(&courier->schedule);
	keys_free(&courier->keys);
	timer_done(&courier->report);
	courier->magic = 0;
	mem_free(courier);
	context->state = NULL;
}

const struct role role_courier = {
	.name = "courier",
	.start = courier_start,
	.reload = courier_reload,
	.stop = courier_stop,
	.finish = courier_finish,
};
