/* SPDX-License-Identifier: ISC */
#include <limits.h>
#include <stdio.h>

#include "base/macro.h"
#include "base/serial.h"
#include "keeper/keeper_priv.h"

/*
 * Where the serial goes on, after a start and whenever somebody turns up who has seen more. It
 * never goes back: the store says one number, and may be a restored backup; the newest snapshot
 * file says another, the file `serial` beside it the last one told to anybody, and a follower which
 * it serves. If any is newer than the store's, the store goes on from there, and everything is
 * published anew under the next number, since nobody knows in what the two histories differ. The
 * clock has no part in it but for the very first number of a new site.
 *
 * A follower is believed a few times in the life of a keeper: dns and gate parse what strangers
 * send, and one that was taken over could otherwise keep us writing snapshots.
 */
enum { JUMPS_MAX = 16 };

int publish_renumber(struct keeper *keeper, uint32_t *ret_serial)
{
	struct change everything = {.all = true};
	int r = store_begin(keeper->guard.store);

	if (r < 0)
		return r;
	r = publish_number(keeper, &everything, ret_serial);
	if (r >= 0)
		return store_commit(keeper->guard.store);
	store_rollback(keeper->guard.store);
	return r;
}

static int change_collect(struct span list, const struct source *source, void *arg)
{
	struct change *change = arg;

	if (source == NULL)
		change->all = true;
	else
		change_add(change, list, source);
	return 0;
}

/* Of all that stands in run.lists and all that we have told; 0: nothing. */
static uint32_t newest_told(const struct publisher *publisher)
{
	uint32_t seen = serial_newest(publisher->serial, serial_read(publisher));

	return publisher->hole ? serial_newest(seen, publisher->hole_serial) : seen;
}

/* And of what followers serve. */
static uint32_t newest_seen(const struct keeper *keeper)
{
	uint32_t seen = newest_told(&keeper->publisher);

	for (const struct connection *connection = keeper->connections.first; connection != NULL;
		connection = connection->next)
		seen = connection->follows ? serial_newest(seen, connection->serial) : seen;
	return seen;
}

/* Makes the serial go on from the newest that anybody has seen. *ret_jumped: it had to jump. */
static int meet_serial(struct keeper *keeper, uint32_t *ret_serial, bool *ret_jumped)
{
	uint32_t seen = newest_seen(keeper);
	struct change everything = {.all = true};
	uint32_t stored = 0;
	int r = store_serial(keeper->guard.store, &stored);

	*ret_jumped = false;
	if (r < 0 || (stored != 0 && (seen == 0 || !serial_is_before(stored, seen)))) {
		*ret_serial = stored;
		return r;
	}
	if (seen == 0) /* a new site: by the clock, so that a site set up anew goes on, too */
		seen = (uint32_t)loop_now_s(keeper->loop);
	r = store_begin(keeper->guard.store);
	if (r >= 0)
		r = store_serial_set(keeper->guard.store, seen);
	if (r >= 0)
		r = publish_number(keeper, &everything, ret_serial);
	*ret_jumped = true;
	if (r >= 0)
		return store_commit(keeper->guard.store);
	store_rollback(keeper->guard.store);
	return r;
}

/* Does the snapshot hold the lists of today's configuration? */
static bool snapshot_fits(const struct keeper *keeper)
{
	const struct publisher *publisher = &keeper->publisher;
	AUTO(view) *view = NULL;
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", keeper->guard.conf->lists_path,
		publisher->snapshot_file);
	return view_open(path, &view, NULL) == 0 && shape_is_of_view(publisher->shape, view);
}

/* It was written, but nobody was told: we ended first. Changes that only it shows may have a lower
 * number than deltas that followers have, so its number, and those behind it, are in use for
 * another state. */
static bool snapshot_is_news(const struct publisher *publisher)
{
	uint32_t told = serial_read_snapshot(publisher);

	return told == 0 || serial_is_before(told, publisher->snapshot_serial);
}

/* Brings what is published from the snapshot to the store's serial: by one delta, or by a new
 * snapshot. */
static int meet_catch_up(struct keeper *keeper, uint32_t serial)
{
	struct publisher *publisher = &keeper->publisher;
	struct change change = {.arena = arena_new(0)};
	int r = store_changes(
		keeper->guard.store, publisher->snapshot_serial, change_collect, &change);

	if (r >= 0 &&
		change.all) /* what was told before the restart may carry this number already */
		r = publish_renumber(keeper, &serial);
	if (r >= 0)
		publish_change(keeper, &change, serial, false);
	arena_free(&change.arena);
	return r;
}

int publish_meet_store(struct keeper *keeper)
{
	struct publisher *publisher = &keeper->publisher;
	uint32_t serial = 0;
	bool jumped = false;
	bool is_news = snapshot_is_news(publisher);
	int r = meet_serial(keeper, &serial, &jumped);

	if (r < 0)
		return r;
	told_drop_all(publisher);
	publisher->serial = publisher->snapshot_serial;
	if (!jumped && (publisher->snapshot_serial == 0 || is_news || !snapshot_fits(keeper))) {
		r = publish_renumber(keeper, &serial);
		jumped = true;
	}
	if (r < 0)
		return r;
	if (jumped) {
		publisher->reshaped = true;
		publish_hole(keeper, serial);
		publish_turn(keeper);
	} else if (serial != publisher->serial) {
		r = meet_catch_up(keeper, serial);
	}
	return r;
}

/* Under the number behind the follower's. */
static int meet_jump(struct keeper *keeper, uint32_t follower, uint32_t *ret_serial)
{
	struct change everything = {.all = true};
	int r = store_begin(keeper->guard.store);

	if (r < 0)
		return r;
	r = store_serial_set(keeper->guard.store, follower);
	if (r >= 0)
		r = publish_number(keeper, &everything, ret_serial);
	if (r >= 0)
		return store_commit(keeper->guard.store);
	store_rollback(keeper->guard.store);
	return r;
}

void publish_meet_follower(struct connection *connection, uint32_t serial)
{
	struct keeper *keeper = connection->keeper;
	struct publisher *publisher = &keeper->publisher;
	uint32_t number = 0;
	int r;

	if (serial == 0 || keeper->guard.store == NULL ||
		!serial_is_before(newest_told(publisher), serial) || publisher->jumps == JUMPS_MAX)
		return;
	publisher->jumps++;
	log_event(EV_SERIAL_AHEAD,
		LOG_FIELDS(log_text("from", bus_sender_name(connection->sender)),
			log_number("serial", serial), log_number("ours", publisher->serial)));
	transaction_commit(keeper->transaction);
	r = meet_jump(keeper, serial, &number);
	if (r < 0) {
		store_guard_failed(&keeper->guard, r);
		return;
	}
	publish_hole(keeper, number);
	publish_turn(keeper);
}
