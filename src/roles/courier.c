/* SPDX-License-Identifier: ISC */
#include <limits.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/obj.h"
#include "courier/courier.h"
#include "roles/roles.h"
#include "stockade.pb-c.h"

/*
 * The courier role: goes out for what others publish. It reads what strangers send, so it opens no store and no list; it has
 * a folder of its own, the bus, and TCP to the servers of its feeds.
 */

void courier_tell(struct courier *courier)
{
	if (!timer_is_set(&courier->tell))
		timer_set(&courier->tell, loop_now_ms(courier->context->loop));
}

static void courier_on_tell(struct timer *timer, void *arg)
{
	struct courier *courier = OBJ(courier, arg);
	Stockade__Health health = STOCKADE__HEALTH__INIT;
	Stockade__Condition *conditions =
		mem_alloc_array(courier->feeds_len + 1, sizeof(*conditions));
	Stockade__Condition **pointers = mem_alloc_array(courier->feeds_len + 1, sizeof(*pointers));

	(void)timer;
	for (size_t i = 0; i < courier->feeds_len; i++) {
		struct feed *feed = &courier->feeds[i];
		Stockade__Condition *condition = &conditions[i];

		stockade__condition__init(condition);
		condition->kind = (char *)"feed";
		condition->name = (char *)(uintptr_t)feed->feed->name;
		condition->well = feed->well;
		condition->words = feed->text[0] != '\0' ? feed->text : (char *)"not asked yet";
		condition->since_s = feed->since_s;
		pointers[i] = condition;
	}
	health.n_conditions = courier->feeds_len;
	health.conditions = pointers;
	bus_client_tell(courier->bus, &health);
	mem_free(pointers);
	mem_free(conditions);
}

static void courier_open_feeds(struct courier *courier)
{
	const struct conf *conf = courier->context->conf;

	courier->feeds_len = conf->feeds_len;
	courier->feeds = mem_alloc_array(conf->feeds_len + 1, sizeof(*courier->feeds));
	for (size_t i = 0; i < conf->feeds_len; i++)
		feed_init(&courier->feeds[i], courier, &conf->feeds[i]);
	courier_tell(courier);
}

static void courier_close_feeds(struct courier *courier)
{
	for (size_t i = 0; i < courier->feeds_len; i++)
		feed_done(&courier->feeds[i]);
	mem_free(courier->feeds);
	courier->feeds = NULL;
	courier->feeds_len = 0;
}

static int courier_start(struct role_context *context, struct fault *why)
{
	struct courier *courier = mem_new(courier);
	char socket_path[PATH_MAX];
	struct bus_client_settings settings = {
		.role = context->name,
		.socket_path = role_bus_path(context, socket_path, sizeof(socket_path)),
		.lists_path = context->conf->lists_path,
		.log = log_event,
	};
	int r;

	courier->magic = (uint32_t)MAGIC_courier;
	courier->context = context;
	context->state = courier;
	timer_init(&courier->tell, context->loop, courier_on_tell, courier);
	r = bus_client_new(context->loop, &settings, NULL, NULL, NULL, &courier->bus, why);
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
	courier_close_feeds(courier);
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
	courier_close_feeds(courier);
	keys_free(&courier->keys);
	timer_done(&courier->tell);
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
