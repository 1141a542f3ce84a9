/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/macro.h"
#include "base/mem.h"
#include "base/serial.h"
#include "bus/frame.h"
#include "keeper/keeper_priv.h"

/*
 * What has been told to whom.
 *
 *   snapshot S ---- delta ---- delta ---- ... = serial, the published one
 *
 * The changes of a transaction take the store's next serial and note the ground they touched (table
 * change). After the commit the ground is painted from the store and goes out as a delta from
 * `serial` to that number. Numbers may be left out: a delta says where it starts.
 *
 * When many deltas stand over the snapshot, a new one is written in the background, from the store
 * and not from what was told: so an error of a delta, if there ever is one, does not outlive the
 * next file. Followers then change the file below and keep what is newer than it; nothing is sent
 * again.
 *
 * Changes too large for a delta leave a *hole*: they are in the store, have a number, and are shown
 * by the next snapshot only. Deltas go on meanwhile, on top of what is published. When the snapshot
 * is there, followers get it, the deltas behind it, and, if some of those carried a number while
 * the hole was open, one more number without ground: the same number must never mean two states
 * (secondaries compare numbers, not contents).
 *
 * The last number told to anybody is also written to the file `serial` beside the snapshots. So it
 * never goes back, not even when the store is restored from a backup. Behind it stands the snapshot
 * that was published: a newer one, which was written when we ended, may fill a hole under a number
 * that followers already serve without (keeper/recovery.c).
 */
enum {
	JOB_RETRY_MS = 5000,
	SERIAL_DIGITS = 10,
	SERIAL_SIZE = 2 * (SERIAL_DIGITS + 1), /* two numbers, each with what ends it */
	PUMP_BYTES = 1 << 20,
	FORGET_STEP = 5000,
	IMPORT_REST_MS = 30000, /* an import from which nothing comes any more */
};

/* ---- the last number anybody was told ---- */

static void serial_write(struct publisher *publisher)
{
	char text[SERIAL_SIZE + 1];

	snprintf(text, sizeof(text), "%010lu %010lu\n", (unsigned long)publisher->serial,
		(unsigned long)publisher->snapshot_serial);
	if (publisher->serial_fd >= 0 &&
		pwrite(publisher->serial_fd, text, SERIAL_SIZE, 0) != SERIAL_SIZE)
		return; /* a full disk: only a restored backup would need it */
}

/* The number at `place` of the file; 0: it has none. */
static uint32_t serial_read_at(const struct publisher *publisher, unsigned place)
{
	char text[SERIAL_DIGITS];
	off_t at = (off_t)place * (SERIAL_DIGITS + 1);
	uint64_t serial = 0;

	if (pread(publisher->serial_fd, text, sizeof(text), at) != (ssize_t)sizeof(text) ||
		span_parse_u64(span_of(text, sizeof(text)), UINT32_MAX, &serial) < 0)
		return 0;
	return (uint32_t)serial;
}

uint32_t serial_read(const struct publisher *publisher)
{
	return serial_read_at(publisher, 0);
}

uint32_t serial_read_snapshot(const struct publisher *publisher)
{
	return serial_read_at(publisher, 1);
}

static void published(struct keeper *keeper, uint32_t serial)
{
	keeper->publisher.serial = serial;
	serial_write(&keeper->publisher);
}

/* ---- telling followers ---- */

static void send_greeting(struct connection *connection, uint32_t serial)
{
	Stockade__Message message = STOCKADE__MESSAGE__INIT;
	Stockade__Hello hello = STOCKADE__HELLO__INIT;

	hello.role = (char *)"keeper";
	hello.version = 1;
	hello.serial = serial;
	message.kind_case = STOCKADE__MESSAGE__KIND_HELLO;
	message.hello = &hello;
	connection_send(connection, &message);
}

/* over: the follower serves that, and only the file below changes; 0: it begins anew with this
 * file. */
static void send_snapshot(struct connection *connection, uint32_t over)
{
	Stockade__Message message = STOCKADE__MESSAGE__INIT;
	Stockade__Snapshot snapshot = STOCKADE__SNAPSHOT__INIT;
	struct publisher *publisher = &connection->keeper->publisher;

	snapshot.serial = publisher->snapshot_serial;
	snapshot.file = publisher->snapshot_file;
	snapshot.over = over;
	message.kind_case = STOCKADE__MESSAGE__KIND_SNAPSHOT;
	message.snapshot = &snapshot;
	connection_send(connection, &message);
	if (over == 0)
		connection->sent = publisher->snapshot_serial;
}

/* Deltas from `first` on into what is to be sent; how many. */
static ssize_t connection_fill(struct connection *connection, size_t first)
{
	const struct publisher *publisher = &connection->keeper->publisher;
	struct buf *out = stream_out(connection->stream);
	size_t next = first;

	while (next < publisher->told_len && buf_len(out) < PUMP_BYTES) {
		const struct told *told = &publisher->told[next++];

		/* It was packed to fit. */
		frame_append_delta(out, span_of(told->packed, told->packed_len), connection->sent,
			FRAME_ROLE_MAX);
		connection->sent = told->to_serial;
	}
	return (ssize_t)(next - first);
}

/* A follower may read slowly: what does not fit into the connection now follows when it has
 * drained. */
void publish_pump(struct connection *connection)
{
	struct publisher *publisher = &connection->keeper->publisher;
	ssize_t next = told_behind(publisher, connection->sent);

	if (connection->dead || next < 0)
		return;
	while (!connection->dead && (size_t)next < publisher->told_len &&
		buf_len(stream_out(connection->stream)) == 0) {
		next += connection_fill(connection, (size_t)next);
		stream_send(connection->stream);
	}
}

/* Before the store was read, or while a hole is open, a follower may be ahead of what we can offer:
 * it stays there. */
static bool follower_is_ahead(const struct keeper *keeper, uint32_t serial)
{
	const struct publisher *publisher = &keeper->publisher;

	return serial != 0 && (keeper->guard.store == NULL || publisher->hole) &&
	       (publisher->serial == 0 || serial_is_before(publisher->serial, serial));
}

static void publish_sync(struct connection *connection, bool again)
{
	struct publisher *publisher = &connection->keeper->publisher;
	bool needs_file = again || told_behind(publisher, connection->sent) < 0;

	if (publisher->snapshot_serial == 0 ||
		follower_is_ahead(connection->keeper, connection->sent)) {
		send_greeting(connection, connection->sent);
		return;
	}
	send_greeting(connection, publisher->serial);
	if (needs_file && !connection->dead)
		send_snapshot(connection, 0);
	publish_pump(connection);
}

/* A published file that was damaged since is not offered again and again: a new one is written,
 * under a new number. Whoever waits for it keeps what it serves. */
static bool publish_is_damaged(struct keeper *keeper)
{
	struct publisher *publisher = &keeper->publisher;
	uint32_t serial = 0;
	int r;

	if (publisher->snapshot_serial == 0 || keeper->guard.store == NULL ||
		snapshot_is_whole(keeper->guard.conf->lists_path, publisher->snapshot_file,
			publisher->snapshot_serial))
		return false;
	if (publisher->hole)
		return true;
	transaction_commit(keeper->transaction);
	r = publish_renumber(keeper, &serial);
	if (r < 0) {
		store_guard_failed(&keeper->guard, r);
		return true;
	}
	publish_hole(keeper, serial);
	publish_turn(keeper);
	return true;
}

void publish_greet(struct connection *connection, bool again)
{
	bool needs_file =
		again || told_behind(&connection->keeper->publisher, connection->sent) < 0;

	if (needs_file && publish_is_damaged(connection->keeper))
		send_greeting(connection, connection->sent);
	else
		publish_sync(connection, again);
}

/* Calls each for every follower; sending may close a connection, which takes it off the list. */
static void each_follower(struct keeper *keeper,
	void (*each)(struct connection *connection, const void *arg), const void *arg)
{
	struct connection *next;

	for (struct connection *connection = keeper->connections.first; connection != NULL;
		connection = next) {
		next = connection->next;
		if (connection->follows && !connection->dead)
			each(connection, arg);
	}
}

static void tell_delta(struct connection *connection, const void *arg)
{
	(void)arg;
	publish_pump(connection);
}

/* Who has all deltas, or gets them one by one, only changes the file below. When changes have come
 * with the file that no delta told, everybody begins anew with it. */
static void tell_snapshot(struct connection *connection, const void *arg)
{
	const bool *anew = arg;

	if (*anew || told_behind(&connection->keeper->publisher, connection->sent) < 0)
		publish_sync(connection, true);
	else
		send_snapshot(connection, connection->sent);
}

/* ---- changes ---- */

/* Takes packed over. Who serves what is published now gets it; who has fallen behind gets it in its
 * turn. */
static void publish_delta(
	struct keeper *keeper, uint32_t serial, uint8_t *packed, size_t packed_len, size_t pieces)
{
	told_push(&keeper->publisher, serial, packed, packed_len, pieces);
	published(keeper, serial);
	each_follower(keeper, tell_delta, NULL);
}

int publish_number(struct keeper *keeper, const struct change *change, uint32_t *ret_serial)
{
	uint32_t serial = 0;
	int r = store_serial(keeper->guard.store, &serial);

	if (r >= 0) {
		serial = serial_after(serial_newest(serial, keeper->publisher.serial));
		r = store_serial_set(keeper->guard.store, serial);
	}
	if (r >= 0 && change->all)
		r = store_change_add(keeper->guard.store, serial, span_text(""), NULL);
	for (size_t i = 0; !change->all && i < change->len && r >= 0; i++)
		r = store_change_add(keeper->guard.store, serial, change->sources[i].list,
			&change->sources[i].source);
	if (r >= 0)
		*ret_serial = serial;
	return r;
}

void publish_hole(struct keeper *keeper, uint32_t serial)
{
	keeper->publisher.hole = true;
	keeper->publisher.hole_serial = serial;
}

/* The store has noted the ground of the change as if a delta had told it. After a start it might do
 * so, together with what came later, and followers that have only the later would be told nothing:
 * now it notes that everything may differ. */
static void hole_note(struct keeper *keeper, uint32_t *serial)
{
	int r = publish_renumber(keeper, serial);

	if (r < 0)
		store_guard_failed(&keeper->guard, r);
}

void publish_change(struct keeper *keeper, struct change *change, uint32_t serial, bool more)
{
	struct publisher *publisher = &keeper->publisher;
	uint8_t *packed = NULL;
	size_t packed_len = 0, pieces = 0;
	bool may_fit = !change->all && !publisher->reshaped && publisher->snapshot_serial != 0;
	int r = E_LIMIT;

	if (may_fit)
		r = change_paint(keeper, change, serial, &packed, &packed_len, &pieces);
	if (r < 0) {
		if (may_fit)
			hole_note(keeper, &serial);
		change->all = true; /* whoever answers has to wait for the snapshot */
		publish_hole(keeper, serial);
		if (!more)
			publish_turn(keeper);
		return;
	}
	publish_delta(keeper, serial, packed, packed_len, pieces);
	publish_turn(keeper);
}

/* ---- snapshots ---- */

static bool snapshot_is_wanted(const struct keeper *keeper)
{
	const struct publisher *publisher = &keeper->publisher;

	for (const struct connection *connection = keeper->connections.first; connection != NULL;
		connection = connection->next) {
		if (connection->imports &&
			loop_now_ms(keeper->loop) < connection->import_ms + IMPORT_REST_MS)
			return false; /* the import's end asks again */
	}
	return publisher->hole || publisher->pieces > TOLD_PIECES ||
	       publisher->told_len > TOLD_DELTAS ||
	       (publisher->told_len != 0 && loop_now_ms(keeper->loop) >= publisher->rest_until_ms);
}

void publish_turn(struct keeper *keeper)
{
	struct publisher *publisher = &keeper->publisher;

	if (publisher->job != NULL || keeper->guard.store == NULL ||
		loop_now_ms(keeper->loop) < publisher->job_not_before_ms ||
		!snapshot_is_wanted(keeper))
		return;
	snapshot_job_start(keeper);
}

/* A number for a state that has none of its own. */
static int publish_fresh_number(struct keeper *keeper, uint32_t *ret_serial)
{
	struct change nothing = {.len = 0};
	int r;

	transaction_commit(keeper->transaction);
	r = store_begin(keeper->guard.store);
	if (r < 0)
		return r;
	r = publish_number(keeper, &nothing, ret_serial);
	if (r < 0) {
		store_rollback(keeper->guard.store);
		return r;
	}
	return store_commit(keeper->guard.store);
}

/* A number that leads to the same state: a delta without pieces. */
static void publish_nothing(struct publisher *publisher, uint32_t serial)
{
	Stockade__Delta wire = STOCKADE__DELTA__INIT;
	uint8_t *packed;
	size_t len;

	wire.to_serial = serial;
	len = stockade__delta__get_packed_size(&wire);
	packed = mem_alloc(len);
	told_push(publisher, serial, packed, stockade__delta__pack(&wire, packed), 0);
}

void publish_adopt(struct keeper *keeper, uint32_t serial, const char *file)
{
	struct publisher *publisher = &keeper->publisher;
	uint32_t old = publisher->snapshot_serial;
	uint32_t number = serial_newest(serial, publisher->serial);
	bool anew = publisher->hole;

	if (publisher->hole && number == publisher->serial && number != serial) {
		/* Deltas went out while the hole was open: the state they lead to now needs a
		 * number of its own. */
		int r = publish_fresh_number(keeper, &number);

		if (r < 0) {
			store_guard_failed(&keeper->guard, r);
			publisher->job_not_before_ms = loop_now_ms(keeper->loop) + JOB_RETRY_MS;
			return;
		}
		publish_nothing(&keeper->publisher, number);
	}
	told_drop_up_to(publisher, serial);
	publisher->snapshot_serial = serial;
	snprintf(publisher->snapshot_file, sizeof(publisher->snapshot_file), "%s", file);
	if (!serial_is_before(serial, publisher->hole_serial))
		publisher->hole = publisher->reshaped = false;
	published(keeper, number);
	each_follower(keeper, tell_snapshot, &anew);
	if (old != 0 &&
		old != serial) /* the old file may be needed yet, should the new one be damaged */
		publisher->forget = old;
	snapshot_remove_old(keeper->guard.conf->lists_path, serial);
	connections_answer_pending(keeper);
	publish_turn(keeper);
}

void publish_forget(struct keeper *keeper)
{
	struct publisher *publisher = &keeper->publisher;
	int r;

	if (publisher->forget == 0 || keeper->guard.store == NULL)
		return;
	transaction_commit(keeper->transaction);
	r = store_changes_drop(keeper->guard.store, publisher->forget, FORGET_STEP);
	if (r == 0)
		publisher->forget = 0;
	if (r < 0)
		store_guard_failed(&keeper->guard, r);
}

int publish_may_change(const struct keeper *keeper, struct fault *why)
{
	if (keeper->publisher.pieces < TOLD_PIECES_MAX)
		return 0;
	return fault_set(why, E_FULL,
		"too many changes wait for a snapshot, and none can be written in '%.200s': make room "
		"there; nothing was changed",
		keeper->guard.conf->lists_path);
}

/* ---- start and end ---- */

int publish_start(struct keeper *keeper, struct fault *why)
{
	struct publisher *publisher = &keeper->publisher;
	char path[PATH_MAX];
	int r;

	publisher->shape = shape_new(keeper->guard.conf);
	snprintf(path, sizeof(path), "%s/serial", keeper->guard.conf->lists_path);
	publisher->serial_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
	if (publisher->serial_fd < 0)
		return fault_set(
			why, err_from_errno(errno), "cannot open '%s': %s", path, strerror(errno));
	r = snapshot_find_newest(keeper->guard.conf->lists_path, &publisher->snapshot_serial,
		publisher->snapshot_file);
	publisher->serial = publisher->snapshot_serial;
	if (snapshot_thread_start(keeper) < 0)
		return fault_set(why, E_SYSTEM, "cannot start a thread");
	return r == E_ABSENT ? 0 : r;
}

bool publish_has_past(const struct keeper *keeper)
{
	return keeper->publisher.snapshot_serial != 0 || serial_read(&keeper->publisher) != 0;
}

void publish_reload(struct keeper *keeper)
{
	struct publisher *publisher = &keeper->publisher;
	struct shape *shape = shape_new(keeper->guard.conf);
	bool same = shape_equal(shape, publisher->shape);
	uint32_t serial = 0;
	int r;

	shape_free(&publisher->shape);
	publisher->shape = shape;
	if (same || keeper->guard.store == NULL)
		return;
	transaction_commit(keeper->transaction);
	r = publish_renumber(keeper, &serial);
	if (r < 0) {
		store_guard_failed(&keeper->guard, r);
		return;
	}
	publisher->reshaped = true;
	publish_hole(keeper, serial);
	publish_turn(keeper);
}

void publish_finish(struct keeper *keeper)
{
	struct publisher *publisher = &keeper->publisher;

	snapshot_thread_stop(keeper);
	told_drop_all(publisher);
	shape_free(&publisher->shape);
	if (publisher->serial_fd >= 0)
		close(publisher->serial_fd);
	publisher->serial_fd = -1;
}

/* ---- by the publisher alone ---- */

static struct keeper *keeper_of(const struct publisher *publisher)
{
	return CONTAINEROF(publisher, struct keeper, publisher);
}

int publisher_number(struct publisher *publisher, const struct change *change, uint32_t *ret_serial)
{
	return publish_number(keeper_of(publisher), change, ret_serial);
}

enum served publisher_publish(struct publisher *publisher, const struct change *change,
	uint32_t serial, enum publish_when when)
{
	struct change copy = *change;

	publish_change(keeper_of(publisher), &copy, serial, when == PUBLISH_LATER);
	return copy.all ? SERVED_BY_SNAPSHOT : SERVED_BY_DELTA;
}

void publisher_turn(struct publisher *publisher)
{
	publish_turn(keeper_of(publisher));
}

int publisher_may_change(const struct publisher *publisher, struct fault *why)
{
	return publish_may_change(keeper_of(publisher), why);
}

uint32_t publisher_serial(const struct publisher *publisher)
{
	return publisher->serial;
}

uint32_t publisher_gap_serial(const struct publisher *publisher)
{
	return publisher->hole_serial;
}
