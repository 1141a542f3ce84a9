/* SPDX-License-Identifier: ISC */
#include "keeper/expire.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/macro.h"
#include "keeper/listing_writer.h"
#include "keeper/transaction.h"

enum { STEP_MS = 50 /* others wait for a step */ };

struct expiry {
	struct store_guard *guard;
	struct transaction_item item;
};

/* A listing holds in [since, until): it ended at until, whenever we came to write that down. No
 * operator did it, so there is no event. */
static int expiry_on_run(void *arg)
{
	struct expiry *expiry = arg;
	struct listing_writer writer = {.store = expiry->guard->store,
		.change = &expiry->item.change,
		.author = span_text("expiry"),
		.now_s = loop_now_s(expiry->guard->loop)};
	struct store_select due = {.which = STORE_EXPIRED, .time_s = writer.now_s};
	struct listing_ending ending = {.at = ENDED_WHEN_DUE};
	int64_t end_ms = clock_monotonic_ms() + STEP_MS;
	int r;

	do
		r = listing_groups_end(&writer, &due, &ending);
	while (r > 0 && clock_monotonic_ms() < end_ms);
	if (r < 0)
		return r;
	if (r > 0)
		expiry->item.when = PUBLISH_LATER;
	return expiry->item.change.rows != 0 ? ITEM_KEEP : ITEM_TAKE_BACK;
}

static void expiry_on_finish(const struct transaction_result *result, void *arg)
{
	const struct expiry *expiry = arg;

	if (result->error < 0 || expiry->item.change.rows == 0)
		return;
	log_event(EV_LIST_CHANGE, LOG_FIELDS(log_text("verb", "expire"),
					  log_number("listings", expiry->item.change.rows),
					  log_number("serial", result->serial)));
}

void expire_due(const struct keeper_parts *parts)
{
	AUTO(arena) *arena = arena_new(0);
	struct expiry expiry = {.guard = parts->guard,
		.item = {.run = expiry_on_run,
			.finish = expiry_on_finish,
			.arg = &expiry,
			.change = {.arena = arena}}};

	transaction_run_alone(parts->transaction, &expiry.item);
}
