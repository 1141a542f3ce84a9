/* SPDX-License-Identifier: ISC */
#include "keeper/keeper.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/macro.h"
#include "base/mem.h"
#include "base/obj.h"

/*
 * The keeper: the one role that opens the store, and the one that parses no strangers' bytes.
 *
 * The store may fail at any time, at the start too. Then the lists stay as they are, commands get a clear answer, puts
 * stay in the spools of the roles, and a row is tried once a second until it can be written again. A damaged or replaced
 * file is closed and opened anew.
 */
enum { TICK_MS = 1000, KEEP_EVERY_MS = 60 * 1000, KEEP_STEP = 500, SLOW_RETRY_MS = 5000 };

static void keeper_say_bad(struct keeper *keeper, int error)
{
	if (!keeper->store_bad || keeper->store_error != error)
		log_event(EV_STORE_BAD,
			LOG_FIELDS(log_error(error), log_text("reason", keeper->store_words)));
	keeper->store_bad = true;
	keeper->store_error = error;
}

bool keeper_error_is_of_store(int error)
{
	return error == E_BUSY || error == E_FULL || error == E_DENIED || error == E_CORRUPT ||
	       error == E_IO || error == E_NOMEM || error == E_BUG;
}

int keeper_store_failed(struct keeper *keeper, int error)
{
	if (keeper->store != NULL)
		snprintf(keeper->store_words, sizeof(keeper->store_words), "%s",
			store_error_text(keeper->store)[0] != '\0' ? store_error_text(keeper->store)
								   : err_text(error));
	keeper_say_bad(keeper, error);
	if (error == E_CORRUPT && keeper->store != NULL && !keeper->batch.open)
		store_free(&keeper->store);
	keeper->store_retry_ms = loop_now_ms(keeper->loop) + TICK_MS;
	return error;
}

void keeper_store_worked(struct keeper *keeper)
{
	if (!keeper->store_bad)
		return;
	keeper->store_bad = false;
	keeper->store_error = 0;
	log_event(EV_STORE_BACK, LOG_FIELDS(log_text("store", keeper->context->conf->store)));
}

int keeper_need_store(struct keeper *keeper, struct fault *why)
{
	if (keeper->store != NULL)
		return 0;
	return fault_set(why, keeper->store_error,
		"%s; the lists stay as they are until it is repaired", keeper->store_words);
}

/* A store that is gone while lists are being served is not made anew: that would end every listing at once. */
static int keeper_open_store(struct keeper *keeper)
{
	bool create = !publish_has_past(keeper);
	struct fault why = {""};
	int r = store_open(keeper->context->conf->store, create, &keeper->store, &why);

	if (r == E_ABSENT && !create)
		fault_set(&why, r,
			"%.300s: it is gone, but its lists are still served; restore it from a backup, or "
			"empty run.lists to begin anew",
			keeper->context->conf->store);
	if (r >= 0)
		r = publish_meet_store(keeper);
	if (r >= 0)
		return 0;
	if (keeper->store != NULL)
		fault_set(&why, r, "%s", store_error_text(keeper->store));
	store_free(&keeper->store);
	snprintf(keeper->store_words, sizeof(keeper->store_words), "%s", why.text);
	keeper_say_bad(keeper, r);
	return r;
}

/* ---- clock work ---- */

void keeper_arm_expiry(struct keeper *keeper)
{
	int64_t until_s = 0;
	int64_t wait_ms;

	timer_clear(&keeper->expiry);
	if (keeper->store == NULL || keeper->store_bad ||
		store_listing_next_end(keeper->store, &until_s) < 0 || until_s == 0)
		return;
	wait_ms = until_s * 1000 - clock_now_ms();
	if (wait_ms > TICK_MS)
		return; /* a later tick looks again: the wall clock may be set meanwhile */
	if (wait_ms > 0 || loop_now_ms(keeper->loop) >= keeper->guard.hold_until_ms)
		timer_set(&keeper->expiry, loop_now_ms(keeper->loop) + (wait_ms > 0 ? wait_ms : 0));
}

static void keeper_on_expiry(struct timer *timer, void *arg)
{
	struct keeper *keeper = OBJ(keeper, arg);

	(void)timer;
	if (keeper->store != NULL && !keeper->store_bad &&
		clock_guard_allows(&keeper->guard, clock_now_s(), loop_now_ms(keeper->loop)))
		command_expire(keeper);
}

static void keeper_try_store(struct keeper *keeper)
{
	int r;

	if (loop_now_ms(keeper->loop) < keeper->store_retry_ms)
		return;
	if (keeper->store == NULL) {
		keeper->store_retry_ms = loop_now_ms(keeper->loop) + SLOW_RETRY_MS;
		if (keeper_open_store(keeper) < 0)
			return;
	}
	r = store_probe(keeper->store, loop_now_s(keeper->loop));
	if (r < 0)
		keeper_store_failed(keeper, r);
	else
		keeper_store_worked(keeper);
}

/* Old rows go in small steps, so that nobody waits for it; and, as listings do, by a clock that is believed. */
static void keeper_keep(struct keeper *keeper)
{
	const struct conf *conf = keeper->context->conf;
	int64_t now_s = loop_now_s(keeper->loop);
	struct store_keep keep = {.incidents_before_s = now_s - conf->keep_incidents_s,
		.audit_before_s = now_s - conf->keep_audit_s,
		.limit = KEEP_STEP};
	int r;

	if (loop_now_ms(keeper->loop) < keeper->keep_at_ms)
		return;
	batch_flush(keeper);
	r = store_drop_old(keeper->store, &keep);
	if (r < 0)
		keeper_store_failed(keeper, r);
	keeper->keep_at_ms = loop_now_ms(keeper->loop) + (r >= KEEP_STEP ? TICK_MS : KEEP_EVERY_MS);
}

static void keeper_on_tick(struct timer *timer, void *arg)
{
	struct keeper *keeper = OBJ(keeper, arg);
	bool may_end;

	timer_set(timer, loop_now_ms(keeper->loop) + TICK_MS);
	batch_flush(keeper);
	if (keeper->store == NULL || keeper->store_bad)
		keeper_try_store(keeper);
	may_end = clock_guard_allows(&keeper->guard, clock_now_s(), loop_now_ms(keeper->loop));
	if (keeper->store == NULL || keeper->store_bad)
		return;
	publish_turn(keeper);
	publish_forget(keeper);
	keeper_arm_expiry(keeper);
	if (may_end)
		keeper_keep(keeper);
}

/* ---- the role ---- */

static int keeper_start(struct role_context *context, struct fault *why)
{
	struct keeper *keeper = mem_new(keeper);
	int r;

	keeper->magic = (uint32_t)MAGIC_keeper;
	keeper->context = context;
	keeper->loop = context->loop;
	keeper->publisher.serial_fd = -1;
	keeper->started_s = loop_now_s(context->loop);
	timer_init(&keeper->tick, keeper->loop, keeper_on_tick, keeper);
	timer_init(&keeper->expiry, keeper->loop, keeper_on_expiry, keeper);
	batch_init(keeper);
	context->state = keeper;
	r = publish_start(keeper, why);
	if (r < 0)
		return r;
	r = keeper_open_store(keeper);
	if (r == E_CONFIG || r == E_VERSION)
		return fault_set(why, r, "%s", keeper->store_words);
	links_open(keeper);
	timer_set(&keeper->tick, loop_now_ms(keeper->loop));
	return 0;
}

static int keeper_reload(struct role_context *context)
{
	publish_reload(OBJ(keeper, context->state));
	return 0;
}

static void keeper_stop(struct role_context *context)
{
	batch_flush(OBJ(keeper, context->state));
	loop_stop(context->loop);
}

static void keeper_finish(struct role_context *context)
{
	struct keeper *keeper = OBJ(keeper, context->state);

	batch_flush(keeper);
	links_close(keeper);
	publish_finish(keeper);
	timer_done(&keeper->tick);
	timer_done(&keeper->expiry);
	batch_done(keeper);
	store_free(&keeper->store);
	keeper->magic = 0;
	mem_free(keeper);
	context->state = NULL;
}

const struct role role_keeper = {
	.name = "keeper",
	.start = keeper_start,
	.reload = keeper_reload,
	.stop = keeper_stop,
	.finish = keeper_finish,
};
