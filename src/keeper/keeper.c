/* SPDX-License-Identifier: ISC */
#include "keeper/keeper.h"
#include "keeper/evidence.h"
#include "keeper/expire.h"
#include "keeper/keeper_priv.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/macro.h"
#include "base/mem.h"
#include "base/obj.h"

enum {
	TICK_MS = 1000,
	KEEP_EVERY_MS = 60 * 1000,
	KEEP_STEP = 500,
	SLOW_RETRY_MS = 5000,
	IMPORT_REST_MS = 30000 /* an import from which nothing comes any more */
};

static int keeper_open_store(struct keeper *keeper)
{
	int r = store_guard_open(&keeper->guard, !publisher_has_past(keeper->publisher));

	if (r < 0)
		return r;
	r = publisher_store_opened(keeper->publisher);
	return r < 0 ? store_guard_give_up(&keeper->guard, r, NULL) : 0;
}

/* ---- clock work ---- */

static void keeper_arm_expiry(struct keeper *keeper)
{
	int64_t until_s = 0;
	int64_t wait_ms;

	timer_clear(&keeper->expiry);
	if (!store_guard_is_well(&keeper->guard) ||
		store_listing_next_end(keeper->guard.store, &until_s) < 0 || until_s == 0)
		return;
	wait_ms = until_s * 1000 - clock_now_ms();
	if (wait_ms > TICK_MS)
		return; /* a later tick looks again: the wall clock may be set meanwhile */
	if (wait_ms > 0 || loop_now_ms(keeper->loop) >= keeper->clock.hold_until_ms)
		timer_set(&keeper->expiry, loop_now_ms(keeper->loop) + (wait_ms > 0 ? wait_ms : 0));
}

static void keeper_on_expiry(struct timer *timer, void *arg)
{
	struct keeper *keeper = OBJ(keeper, arg);

	(void)timer;
	if (store_guard_is_well(&keeper->guard) &&
		clock_guard_allows(&keeper->clock, clock_now_s(), loop_now_ms(keeper->loop)))
		expire_due(&keeper->parts);
	keeper_arm_expiry(keeper);
}

static void keeper_try_store(struct keeper *keeper)
{
	int r;

	if (loop_now_ms(keeper->loop) < keeper->guard.retry_ms)
		return;
	if (keeper->guard.store == NULL) {
		keeper->guard.retry_ms = loop_now_ms(keeper->loop) + SLOW_RETRY_MS;
		if (keeper_open_store(keeper) < 0)
			return;
	}
	r = store_probe(keeper->guard.store, loop_now_s(keeper->loop));
	if (r < 0)
		store_guard_failed(&keeper->guard, r);
	else
		store_guard_worked(&keeper->guard);
}

/* Old rows go in small steps, so that nobody waits for it; and, as listings do, by a clock that
 * is believed. */
static void keeper_keep(struct keeper *keeper)
{
	const struct conf *conf = keeper->guard.conf;
	int64_t now_s = loop_now_s(keeper->loop);
	struct store_keep keep = {.incidents_before_s = now_s - conf->keep_incidents_s,
		.audit_before_s = now_s - conf->keep_audit_s,
		.limit = KEEP_STEP};
	int r;

	if (loop_now_ms(keeper->loop) < keeper->keep_at_ms)
		return;
	transaction_commit(keeper->transaction);
	r = store_drop_old(keeper->guard.store, &keep);
	if (r < 0)
		store_guard_failed(&keeper->guard, r);
	keeper->keep_at_ms = loop_now_ms(keeper->loop) + (r >= KEEP_STEP ? TICK_MS : KEEP_EVERY_MS);
}

static void keeper_on_tick(struct timer *timer, void *arg)
{
	struct keeper *keeper = OBJ(keeper, arg);
	bool may_end;

	timer_set(timer, loop_now_ms(keeper->loop) + TICK_MS);
	transaction_commit(keeper->transaction);
	if (!store_guard_is_well(&keeper->guard))
		keeper_try_store(keeper);
	may_end = clock_guard_allows(&keeper->clock, clock_now_s(), loop_now_ms(keeper->loop));
	if (!store_guard_is_well(&keeper->guard))
		return;
	publisher_turn(keeper->publisher);
	publisher_forget(keeper->publisher);
	keeper_arm_expiry(keeper);
	if (may_end)
		keeper_keep(keeper);
}

static void keeper_on_committed(void *arg)
{
	keeper_arm_expiry(OBJ(keeper, arg));
}

/* ---- what the publisher calls ---- */

static void keeper_on_served(void *arg)
{
	connections_answer_pending(OBJ(keeper, arg));
}

static void keeper_on_write(void *arg)
{
	transaction_commit(OBJ(keeper, arg)->transaction);
}

static bool keeper_import_goes_on(void *arg)
{
	const struct keeper *keeper = OBJ(keeper, arg);

	for (const struct connection *connection = keeper->connections.first; connection != NULL;
		connection = connection->next) {
		if (connection->imports &&
			loop_now_ms(keeper->loop) < connection->import_ms + IMPORT_REST_MS)
			return true;
	}
	return false;
}

/* ---- the role ---- */

int keeper_start(struct role_context *context, struct fault *why)
{
	static const struct publisher_calls calls = {.served = keeper_on_served,
		.commit_pending = keeper_on_write,
		.import_goes_on = keeper_import_goes_on};
	struct keeper *keeper = mem_new(keeper);
	int r;

	keeper->magic = (uint32_t)MAGIC_keeper;
	keeper->context = context;
	keeper->loop = context->loop;
	keeper->guard.conf = context->conf;
	keeper->guard.loop = context->loop;
	timer_init(&keeper->tick, keeper->loop, keeper_on_tick, keeper);
	timer_init(&keeper->expiry, keeper->loop, keeper_on_expiry, keeper);
	keeper->publisher = publisher_new(&keeper->guard, &calls, keeper);
	keeper->transaction =
		transaction_new(&keeper->guard, keeper->publisher, keeper_on_committed, keeper);
	keeper->evidence = evidence_new(&keeper->guard, keeper->transaction);
	keeper->parts = (struct keeper_parts){.guard = &keeper->guard,
		.publisher = keeper->publisher,
		.transaction = keeper->transaction,
		.connections = &keeper->connections,
		.started_s = loop_now_s(context->loop)};
	context->state = keeper;
	r = publisher_start(keeper->publisher, why);
	if (r < 0)
		return r;
	r = keeper_open_store(keeper);
	if (r == E_CONFIG || r == E_VERSION)
		return fault_set(why, r, "%s", keeper->guard.why);
	connections_open(keeper);
	timer_set(&keeper->tick, loop_now_ms(keeper->loop));
	return 0;
}

int keeper_reload(struct role_context *context)
{
	struct keeper *keeper = OBJ(keeper, context->state);

	keeper->guard.conf = context->conf;
	publisher_reload(keeper->publisher);
	return 0;
}

void keeper_stop(struct role_context *context)
{
	transaction_commit(OBJ(keeper, context->state)->transaction);
	loop_stop(context->loop);
}

void keeper_finish(struct role_context *context)
{
	struct keeper *keeper = OBJ(keeper, context->state);

	transaction_commit(keeper->transaction);
	connections_close(keeper);
	publisher_free(&keeper->publisher);
	timer_done(&keeper->tick);
	timer_done(&keeper->expiry);
	evidence_free(&keeper->evidence);
	transaction_free(&keeper->transaction);
	store_free(&keeper->guard.store);
	keeper->magic = 0;
	mem_free(keeper);
	context->state = NULL;
}
