/* SPDX-License-Identifier: ISC */
#include "keeper/keeper_priv.h"

/* What is due ends by itself, some at a time, each step a transaction of its own. */
enum { EXPIRE_STEP = 256 };

struct expiring {
	struct change *change;
	uint64_t ids[EXPIRE_STEP];
	int64_t ends_s[EXPIRE_STEP];
	size_t len;
};

static int expiring_found(const struct store_listing *listing, void *arg)
{
	struct expiring *expiring = arg;

	expiring->ids[expiring->len] = listing->id;
	expiring->ends_s[expiring->len++] = listing->until_s;
	change_add(expiring->change, listing->list, &listing->source);
	return 0;
}

/* A listing holds in [since, until): it ended at until, whenever we came to write that down. */
static int expire_step(struct keeper *keeper, struct change *change, uint32_t *ret_serial)
{
	struct expiring expiring = {.change = change};
	struct store_select select = {
		.which = STORE_EXPIRED, .time_s = loop_now_s(keeper->loop), .limit = EXPIRE_STEP};
	int r = store_listings(keeper->guard.store, &select, expiring_found, &expiring);

	for (size_t i = 0; i < expiring.len && r >= 0; i++)
		r = store_listing_end(keeper->guard.store, expiring.ids[i], expiring.ends_s[i],
			span_text("expiry"), span_text(""), 0);
	if (r >= 0 && change->rows != 0)
		r = publish_number(keeper, change, ret_serial);
	return r;
}

void command_expire(struct keeper *keeper)
{
	struct change change = {.arena = arena_new(0)};
	uint32_t serial = 0;
	int r;

	transaction_commit(keeper);
	r = store_begin(keeper->guard.store);
	if (r >= 0)
		r = expire_step(keeper, &change, &serial);
	if (r < 0 || change.rows == 0)
		store_rollback(keeper->guard.store);
	else
		r = store_commit(keeper->guard.store);
	if (r < 0) {
		store_guard_failed(&keeper->guard, r);
	} else if (change.rows != 0) {
		store_guard_worked(&keeper->guard);
		log_event(EV_LIST_CHANGE,
			LOG_FIELDS(log_text("verb", "expire"), log_number("listings", change.rows),
				log_number("serial", serial)));
		publish_change(keeper, &change, serial, false);
	}
	arena_free(&change.arena);
	keeper_arm_expiry(keeper);
}
