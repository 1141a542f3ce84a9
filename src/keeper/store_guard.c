/* SPDX-License-Identifier: ISC */
#include "keeper/store_guard.h"

#include "base/log.h"
#include "base/text.h"
#include "base/utf8.h"

enum {
	RETRY_MS = 1000,
	RESERVE_REST_MS = 10000,
	LOG_LONG = 96 << 20, /* octets; SQLite cuts it to 64 MB when it is written back */
	LOG_SHORT = 80 << 20,
};
#define LOG_MAX (INT64_C(1) << 30)

static void guard_set_bad(struct store_guard *guard, int error)
{
	if (!guard->is_bad || guard->error != error)
		log_event(EV_STORE_BAD, LOG_FIELDS(log_error(error), log_text("why", guard->why)));
	guard->is_bad = true;
	guard->error = error;
}

int store_guard_give_up(struct store_guard *guard, int error, const struct fault *why)
{
	text_format(guard->why, sizeof(guard->why), "%s",
		why != NULL ? why->text : store_error_text(guard->store));
	store_free(&guard->store);
	guard_set_bad(guard, error);
	return error;
}

static void guard_on_migration(const struct store_migration *migration, void *arg)
{
	static const char *const states[] = {"begun", "goes on", "done"};
	const struct store_guard *guard = arg;

	log_event(EV_STORE_MIGRATION,
		LOG_FIELDS(log_text("store", guard->conf->store),
			log_text("state", states[migration->state]),
			log_number("from", migration->from), log_number("at", migration->at),
			log_number("to", migration->to),
			log_number("seconds", migration->took_ms / 1000)));
	if (guard->goes_on != NULL)
		guard->goes_on(guard->arg);
}

enum { WHERE_MAX = 300 /* octets of a path: what to do stands behind it */ };

/* A store that is gone while lists are being served is not made anew: that would end every
 * listing at once. */
int store_guard_open(struct store_guard *guard, bool create)
{
	struct span where = utf8_cut(span_text(guard->conf->store), WHERE_MAX);
	struct fault why = {""};
	struct store_opening opening = {.url = guard->conf->store,
		.create = create,
		.migrating = guard_on_migration,
		.arg = guard};
	int r = store_open(&opening, &guard->store, &why);

	if (r == E_ABSENT && !create)
		fault_set(&why, r,
			"%.*s: it is gone, but its lists are still served; restore it from a backup, or "
			"empty run.lists to begin anew",
			(int)where.len, (const char *)where.ptr);
	if (r < 0)
		return store_guard_give_up(guard, r, &why);
	if (store_log_was_moved(guard->store))
		log_event(EV_STORE_LOG_MOVED, LOG_FIELDS(log_text("store", guard->conf->store)));
	guard->reserve = store_reserve(guard->store) < 0 ? RESERVE_NONE : RESERVE_KEPT;
	return 0;
}

/* Whoever hears that it is closed must not put off that it is opened. */
int store_guard_failed(struct store_guard *guard, int error)
{
	if (guard->store == NULL)
		return error;
	text_format(guard->why, sizeof(guard->why), "%s",
		store_error_text(guard->store)[0] != '\0' ? store_error_text(guard->store)
							  : err_text(error));
	guard_set_bad(guard, error);
	if (error == E_CORRUPT && !guard->in_transaction)
		store_free(&guard->store);
	guard->retry_ms = loop_now_ms(guard->loop) + RETRY_MS;
	return error;
}

void store_guard_worked(struct store_guard *guard)
{
	if (!guard->is_bad)
		return;
	guard->is_bad = false;
	guard->error = 0;
	log_event(EV_STORE_BACK, LOG_FIELDS(log_text("store", guard->conf->store)));
}

bool store_guard_use_reserve(struct store_guard *guard)
{
	if (guard->store != NULL && guard->reserve == RESERVE_USED)
		return true; /* another of the same moment freed it */
	if (guard->store == NULL || guard->reserve != RESERVE_KEPT)
		return false;
	store_reserve_use(guard->store);
	guard->reserve = RESERVE_USED;
	guard->reserve_at_ms = loop_now_ms(guard->loop) + RESERVE_REST_MS;
	log_event(EV_STORE_SHORT, LOG_FIELDS(log_text("store", guard->conf->store)));
	return true;
}

static void guard_look_at_log(struct store_guard *guard)
{
	int64_t size = store_log_size(guard->store);

	if (!guard->log_is_long && size > LOG_LONG)
		log_event(EV_STORE_LOG, LOG_FIELDS(log_number("octets", size)));
	guard->log_is_long = size > (guard->log_is_long ? LOG_SHORT : LOG_LONG);
}

void store_guard_look(struct store_guard *guard)
{
	if (guard->store == NULL)
		return;
	guard_look_at_log(guard);
	if (guard->reserve == RESERVE_KEPT || loop_now_ms(guard->loop) < guard->reserve_at_ms)
		return;
	guard->reserve_at_ms = loop_now_ms(guard->loop) + RESERVE_REST_MS;
	if (store_reserve(guard->store) < 0)
		return;
	if (guard->reserve == RESERVE_USED)
		log_event(EV_STORE_BACK, LOG_FIELDS(log_text("store", guard->conf->store)));
	guard->reserve = RESERVE_KEPT;
}

int store_guard_takes_bulk(const struct store_guard *guard, struct fault *why)
{
	if (guard->reserve == RESERVE_USED)
		return fault_set(why, E_FULL,
			"the disk of the store is full: only allow, delist and list rm go on, in the room "
			"that was kept for them; make room");
	if (guard->log_is_long && store_log_size(guard->store) > LOG_MAX)
		return fault_set(why, E_FULL,
			"the log of the store has %lld MB, because another program has been reading the "
			"store for long: end that program",
			(long long)store_log_size(guard->store) / 1000000);
	return 0;
}

int store_guard_need(const struct store_guard *guard, struct fault *why)
{
	if (guard->store != NULL)
		return 0;
	return fault_set(why, guard->error, "%s; the lists stay as they are until it is repaired",
		guard->why);
}

bool store_guard_is_well(const struct store_guard *guard)
{
	return guard->store != NULL && !guard->is_bad;
}

bool error_is_of_store(int error)
{
	return error == E_BUSY || error == E_FULL || error == E_DENIED || error == E_CORRUPT ||
	       error == E_IO || error == E_NOMEM || error == E_BUG;
}
