/* SPDX-License-Identifier: ISC */
#include "keeper/keeper.h"

#include "base/clock.h"
#include "base/clock_guard.h"
#include "base/macro.h"
#include "base/mem.h"
#include "base/obj.h"
#include "keeper/command.h"
#include "keeper/evidence.h"
#include "keeper/expire.h"
#include "keeper/feed_commit.h"
#include "keeper/query.h"

/*
 * The machine on one page: which parts there are, what each may call, and what goes on by the
 * clock. The README tells how they work together.
 */
enum {
	TICK_MS = 1000,
	KEEP_EVERY_MS = 60 * 1000,
	KEEP_STEP = 1000,  /* rows; others wait for it */
	KEEP_REST_MS = 50, /* between steps, as long as there is something to remove */
	REOPEN_MS = 5000,
};

struct keeper {
	uint32_t magic;
	struct loop *loop;
	struct store_guard guard;
	struct publisher *publisher;
	struct transaction *transaction;
	struct connections *connections;
	struct evidence *evidence;
	struct keeper_parts parts; /* all of these, for what works on a message */
	struct timer tick;
	struct timer expiry;
	struct timer keep;
	struct clock_guard clock;
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
		keeper->guard.retry_ms = loop_now_ms(keeper->loop) + REOPEN_MS;
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
		.incidents_max = (uint64_t)conf->keep_incidents_max,
		.limit = KEEP_STEP};
	int r;

	transaction_commit(keeper->transaction);
	if (keeper->guard.store == NULL)
		return; /* publishing may have found it damaged */
	r = store_drop_old(keeper->guard.store, &keep);
	if (r < 0)
		store_guard_failed(&keeper->guard, r);
	timer_set(&keeper->keep,
		loop_now_ms(keeper->loop) + (r >= KEEP_STEP ? KEEP_REST_MS : KEEP_EVERY_MS));
}

static void keeper_on_keep(struct timer *timer, void *arg)
{
	struct keeper *keeper = OBJ(keeper, arg);

	timer_set(timer, loop_now_ms(keeper->loop) + TICK_MS);
	if (store_guard_is_well(&keeper->guard) &&
		clock_guard_allows(&keeper->clock, clock_now_s(), loop_now_ms(keeper->loop)))
		keeper_keep(keeper);
}

/* A store that was replaced is found although nobody changes anything. */
static void keeper_look_at_store(struct keeper *keeper)
{
	int r = keeper->guard.store != NULL ? store_check(keeper->guard.store) : 0;

	if (r < 0)
		store_guard_failed(&keeper->guard, r);
	if (!store_guard_is_well(&keeper->guard))
		keeper_try_store(keeper);
}

static void keeper_on_tick(struct timer *timer, void *arg)
{
	struct keeper *keeper = OBJ(keeper, arg);

	timer_set(timer, loop_now_ms(keeper->loop) + TICK_MS);
	transaction_commit(keeper->transaction);
	keeper_look_at_store(keeper);
	store_guard_look(&keeper->guard);
	clock_guard_allows(&keeper->clock, clock_now_s(), loop_now_ms(keeper->loop));
	if (!store_guard_is_well(&keeper->guard))
		return;
	publisher_turn(keeper->publisher);
	publisher_forget(keeper->publisher);
	if (keeper->guard.store == NULL)
		return; /* that may have found it damaged */
	command_queue_resume(keeper->parts.queue);
	keeper_arm_expiry(keeper);
}

/* ---- what the parts call ---- */

static void keeper_on_message(
	struct connection *connection, const Stockade__Message *message, void *arg)
{
	struct keeper *keeper = OBJ(keeper, arg);

	switch (message->kind_case) {
	case STOCKADE__MESSAGE__KIND_PUT:
		evidence_handle(keeper->evidence, connection, message->put);
		break;
	case STOCKADE__MESSAGE__KIND_QUERY:
		query_handle(&keeper->parts, connection, message->query);
		break;
	case STOCKADE__MESSAGE__KIND_COMMAND:
		command_handle(&keeper->parts, connection, message->command);
		break;
	case STOCKADE__MESSAGE__KIND_FEED:
		feed_handle(&keeper->parts, connection, message->feed, feed_commit);
		break;
	default:
		break; /* bus/rights.c let nothing else through */
	}
}

static void keeper_on_connection_closed(struct connection *connection, void *arg)
{
	command_import_broken(&OBJ(keeper, arg)->parts, connection);
}

static void keeper_on_connection_released(struct connection *connection)
{
	feed_forget(connection);
	command_import_free(&connection->import);
}

static const struct connection_calls connection_calls = {.message = keeper_on_message,
	.closed = keeper_on_connection_closed,
	.released = keeper_on_connection_released};

static void keeper_on_committed(void *arg)
{
	keeper_arm_expiry(OBJ(keeper, arg));
}

static void publisher_on_served(void *arg)
{
	connections_answer_pending(OBJ(keeper, arg)->connections);
}

static void publisher_on_write(void *arg)
{
	transaction_commit(OBJ(keeper, arg)->transaction);
}

static bool publisher_on_ask_import(void *arg)
{
	return command_import_goes_on(&OBJ(keeper, arg)->parts);
}

static const struct publisher_calls publisher_calls = {.served = publisher_on_served,
	.commit_pending = publisher_on_write,
	.import_goes_on = publisher_on_ask_import};

/* Minutes of a large store are no hanging. */
static void guard_on_migration_goes_on(void *arg)
{
	role_show_life(arg);
}

/* ---- the role ---- */

static struct keeper *keeper_new(struct role_context *context)
{
	struct keeper *keeper = mem_new(keeper);

	keeper->magic = (uint32_t)MAGIC_keeper;
	keeper->loop = context->loop;
	keeper->guard = (struct store_guard){.conf = context->conf,
		.loop = context->loop,
		.goes_on = guard_on_migration_goes_on,
		.arg = context};
	keeper->publisher = publisher_new(&keeper->guard, &publisher_calls, keeper);
	keeper->transaction =
		transaction_new(&keeper->guard, keeper->publisher, keeper_on_committed, keeper);
	keeper->connections =
		connections_new(context->loop, keeper->publisher, &connection_calls, keeper);
	keeper->evidence = evidence_new(&keeper->guard, keeper->transaction);
	keeper->parts = (struct keeper_parts){.guard = &keeper->guard,
		.publisher = keeper->publisher,
		.transaction = keeper->transaction,
		.connections = keeper->connections,
		.started_s = loop_now_s(context->loop)};
	keeper->parts.queue = command_queue_new(&keeper->parts);
	timer_init(&keeper->tick, keeper->loop, keeper_on_tick, keeper);
	timer_init(&keeper->expiry, keeper->loop, keeper_on_expiry, keeper);
	timer_init(&keeper->keep, keeper->loop, keeper_on_keep, keeper);
	return keeper;
}

int keeper_start(struct role_context *context, struct fault *why)
{
	struct keeper *keeper = keeper_new(context);
	int r;

	context->state = keeper;
	r = publisher_start(keeper->publisher, why);
	if (r < 0)
		return r;
	r = keeper_open_store(keeper);
	if (r == E_CONFIG || r == E_VERSION)
		return fault_set(why, r, "%s", keeper->guard.why);
	connections_listen(keeper->connections, context);
	timer_set(&keeper->tick, loop_now_ms(keeper->loop));
	timer_set(&keeper->keep, loop_now_ms(keeper->loop) + TICK_MS);
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
	command_queue_free(&keeper->parts.queue);
	connections_free(&keeper->connections);
	publisher_free(&keeper->publisher);
	timer_done(&keeper->tick);
	timer_done(&keeper->expiry);
	timer_done(&keeper->keep);
	evidence_free(&keeper->evidence);
	transaction_free(&keeper->transaction);
	store_free(&keeper->guard.store);
	keeper->magic = 0;
	mem_free(keeper);
	context->state = NULL;
}
