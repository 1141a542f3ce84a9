/* SPDX-License-Identifier: ISC */
#include <string.h>

#include "base/mem.h"
#include "base/serial.h"
#include "world.h"

enum { OUT_ROOM = 3 /* messages that a connection takes before it is full */ };

/* ---- the disk ---- */

static struct file *disk_newest(struct disk *disk, uint32_t before)
{
	struct file *newest = NULL;

	for (size_t i = 0; i < FILES; i++) {
		struct file *file = &disk->files[i];

		if (file->serial != 0 && (before == 0 || serial_is_before(file->serial, before)) &&
			(newest == NULL || serial_is_before(newest->serial, file->serial)))
			newest = file;
	}
	return newest;
}

const struct file *disk_newest_whole(struct disk *disk)
{
	const struct file *file = disk_newest(disk, 0);

	while (file != NULL && file->damaged)
		file = disk_newest(disk, file->serial);
	return file;
}

static struct file *disk_find(struct disk *disk, uint32_t serial)
{
	for (size_t i = 0; i < FILES; i++) {
		if (serial != 0 && disk->files[i].serial == serial)
			return &disk->files[i];
	}
	return NULL;
}

static struct file *disk_slot(struct disk *disk, uint32_t serial)
{
	struct file *file = disk_find(disk, serial);

	for (size_t i = 0; file == NULL && i < FILES; i++) {
		if (disk->files[i].serial == 0)
			file = &disk->files[i];
	}
	return file;
}

/* Those before the one before. */
static void disk_remove_old(struct disk *disk, uint32_t serial)
{
	struct file *before = disk_newest(disk, serial);
	struct file *file;

	while (before != NULL && (file = disk_newest(disk, before->serial)) != NULL)
		*file = (struct file){.serial = 0};
}

/* ---- the store ---- */

static void store_note(struct sim_store *store, int keys)
{
	if (store->notes_len == NOTES) { /* nobody runs without forgetting for that long */
		store->notes_len = 1;
		store->notes[0] = (struct note){store->serial, EVERYTHING};
		return;
	}
	store->notes[store->notes_len++] = (struct note){store->serial, keys};
}

static int store_collect(const struct sim_store *store, uint32_t behind)
{
	int keys = 0;

	for (size_t i = 0; i < store->notes_len; i++) {
		if (!serial_is_before(behind, store->notes[i].serial))
			continue;
		if (store->notes[i].keys == EVERYTHING)
			return EVERYTHING;
		keys |= store->notes[i].keys;
	}
	return keys;
}

static void store_forget(struct sim_store *store, uint32_t serial)
{
	size_t kept = 0;

	for (size_t i = 0; i < store->notes_len; i++) {
		if (serial_is_before(serial, store->notes[i].serial))
			store->notes[kept++] = store->notes[i];
	}
	store->notes_len = kept;
}

static bool store_fails(struct sim *sim)
{
	return !sim->keeper.has_store || sim_roll(sim, 100) < sim->failures;
}

/* ---- actions ---- */

static void push(struct sim_follower *follower, const struct message *message)
{
	if (follower->connected && follower->inbox_len < INBOX)
		follower->inbox[follower->inbox_len++] = *message;
}

static struct sim_follower *owner(struct follower_state *state)
{
	return (struct sim_follower *)(void *)state; /* it comes first */
}

static void send_deltas(struct sim *sim, struct sim_follower *follower)
{
	uint32_t from = 0;
	const struct logged_delta *delta;

	while (follower->inbox_len < OUT_ROOM && (delta = publisher_next_delta(&sim->keeper.state,
							  &follower->state, &from)) != NULL) {
		struct message message = {
			.kind = MESSAGE_DELTA, .serial = delta->to_serial, .over = from};

		message.pieces_len = delta->packed_len / sizeof(struct piece);
		if (delta->packed_len != 0)
			memcpy(message.pieces, delta->packed, delta->packed_len);
		push(follower, &message);
	}
}

static struct publisher_event result(
	const struct publisher_action *asked, enum publisher_event_kind kind)
{
	return (struct publisher_event){.kind = kind, .asked = *asked};
}

static struct publisher_event number(struct sim *sim, const struct publisher_action *action)
{
	struct sim_store *store = &sim->disk.store;
	struct publisher_event event = result(action, EVENT_NOT_NUMBERED);

	if (store_fails(sim)) {
		sim_say(sim, "no fresh number: the store fails");
		return event;
	}
	event.kind = EVENT_NUMBERED;
	event.serial = publisher_next_serial(&sim->keeper.state, store->serial);
	store->serial = event.serial;
	sim_say(sim, "takes %u", event.serial);
	if (action->reason == NUMBER_SNAPSHOT)
		event.delta = (struct logged_delta){.to_serial = event.serial};
	if (action->reason == NUMBER_GAP || publisher_notes_everything(&sim->keeper.state))
		store_note(store, EVERYTHING);
	return event;
}

static struct publisher_event encode(struct sim *sim, const struct publisher_action *action)
{
	struct publisher_event event = result(action, EVENT_ENCODED);
	struct piece pieces[KEYS];
	size_t len = 0;

	if (store_fails(sim) || sim_roll(sim, 12) == 0) {
		sim_say(sim, "too large for a delta");
		event.kind = EVENT_TOO_LARGE;
		return event;
	}
	for (uint32_t key = 0; key < KEYS; key++) {
		if ((sim->keeper.changed >> key & 1) != 0)
			pieces[len++] = (struct piece){key, sim->disk.store.rows[key], sim->layout};
	}
	event.delta = (struct logged_delta){.to_serial = action->serial,
		.ranges = (uint32_t)len,
		.packed = mem_copy(pieces, len * sizeof(*pieces)),
		.packed_len = len * sizeof(*pieces)};
	return event;
}

static struct publisher_event collect(struct sim *sim, const struct publisher_action *action)
{
	struct publisher_event event = result(action, EVENT_COLLECTED);
	int keys = store_collect(&sim->disk.store, sim->keeper.state.snapshot_serial);

	event.all = keys == EVERYTHING;
	sim->keeper.changed = keys;
	return event;
}

static struct publisher_event check_file(struct sim *sim, const struct publisher_action *action)
{
	const struct file *file = disk_find(&sim->disk, sim->keeper.state.snapshot_serial);
	bool is_whole = file != NULL && !file->damaged;

	return result(action, is_whole ? EVENT_FILE_WHOLE : EVENT_FILE_DAMAGED);
}

static void keeper_step(struct sim *sim, struct publisher_event *event);

static void do_send(struct sim *sim, const struct publisher_action *action)
{
	struct sim_follower *follower = owner(action->follower);

	if (action->kind == DO_SEND_DELTAS)
		send_deltas(sim, follower);
	else if (action->kind == DO_GREET)
		push(follower, &(struct message){.kind = MESSAGE_HELLO, .serial = action->serial});
	else
		push(follower, &(struct message){.kind = MESSAGE_SNAPSHOT,
				       .serial = sim->keeper.state.snapshot_serial,
				       .over = action->serial});
}

static void begin_file(struct sim *sim)
{
	struct sim_keeper *keeper = &sim->keeper;

	keeper->job = JOB_READ;
	keeper->job_file = (struct file){.serial = sim->disk.store.serial, .layout = sim->layout};
	memcpy(keeper->job_file.rows, sim->disk.store.rows, sizeof(keeper->job_file.rows));
	sim_say(sim, "begins file %u", keeper->job_file.serial);
}

/* ---- answers that wait ---- */

/* Values of a key only grow, but for a restore. */
static void check_served(struct sim *sim, const struct answer *answer)
{
	for (size_t i = 0; i < FOLLOWERS; i++) {
		const struct sim_follower *follower = &sim->followers[i];

		for (size_t key = 0; key < KEYS && follower->state.joined && !follower->lies; key++)
			if ((answer->keys >> key & 1) != 0 &&
				view_value(&follower->view, key) < answer->rows[key])
				sim_fail(sim, "a change is said to be served that is not",
					"%u, %zu is at %u", answer->serial, i,
					follower->view.serial);
	}
}

static bool answer_is_due(const struct publisher_state *state, struct answer *answer)
{
	if (answer->snapshot != 0) {
		if (state->snapshot_serial == 0 ||
			serial_is_before(state->snapshot_serial, answer->snapshot))
			return false;
		answer->snapshot = 0;
		answer->serial = state->serial;
	}
	return publisher_state_all_serve(state, answer->serial);
}

static void send_answers(struct sim *sim)
{
	struct sim_keeper *keeper = &sim->keeper;
	size_t kept = 0;

	for (size_t i = 0; i < keeper->answers_len; i++) {
		if (answer_is_due(&keeper->state, &keeper->answers[i]))
			check_served(sim, &keeper->answers[i]);
		else
			keeper->answers[kept++] = keeper->answers[i];
	}
	keeper->answers_len = kept;
}

static void answer_later(struct sim *sim, int keys, uint32_t serial)
{
	struct sim_keeper *keeper = &sim->keeper;
	struct answer answer = {.keys = keys & ALL_KEYS, .serial = keeper->state.serial};

	if (serial != keeper->state.serial)
		answer.snapshot = keeper->state.gap_serial;
	memcpy(answer.rows, sim->disk.store.rows, sizeof(answer.rows));
	if (keeper->runs && keeper->answers_len < ANSWERS)
		keeper->answers[keeper->answers_len++] = answer;
	send_answers(sim);
}

static void keeper_do(struct sim *sim, const struct publisher_action *action)
{
	struct publisher_event event = {.kind = EVENT_TIME_PASSED};

	switch (action->kind) {
	case DO_WRITE_SERIAL:
		sim->disk.told_serial = sim->keeper.state.told_serial;
		sim->disk.told_snapshot = sim->keeper.state.told_snapshot;
		return;
	case DO_GREET:
	case DO_SEND_SNAPSHOT:
	case DO_SEND_DELTAS:
		do_send(sim, action);
		return;
	case DO_WRITE_SNAPSHOT:
		begin_file(sim);
		return;
	case DO_REMOVE_FILES:
		disk_remove_old(&sim->disk, action->serial);
		return;
	case DO_DISCARD_FILE:
		if (disk_find(&sim->disk, action->serial) != NULL)
			disk_find(&sim->disk, action->serial)->serial = 0;
		return;
	case DO_SERVED:
		send_answers(sim);
		return;
	case DO_LOG_JUMP:
		return;
	case DO_NUMBER:
		event = number(sim, action);
		break;
	case DO_COLLECT:
		event = collect(sim, action);
		break;
	case DO_ENCODE:
		event = encode(sim, action);
		break;
	case DO_CHECK_FILE:
		event = check_file(sim, action);
		break;
	case DO_FORGET:
		store_forget(&sim->disk.store, action->serial);
		event = result(action, EVENT_FORGOTTEN);
		break;
	}
	keeper_step(sim, &event);
}

/* The keeper may end before any of the actions. */
static void keeper_step(struct sim *sim, struct publisher_event *event)
{
	struct sim_keeper *keeper = &sim->keeper;
	struct publisher_action todo[4 * FOLLOWERS + 8];
	uint32_t before = keeper->state.serial;
	size_t len;

	event->now_ms = sim->now_ms;
	event->now_s = 1700000000 + sim->now_ms / 1000;
	event->has_store = keeper->has_store;
	event->importing = keeper->importing;
	keeper->actions.len = 0;
	publisher_step(&keeper->state, event, &keeper->actions);
	if (before != 0 && serial_is_before(keeper->state.serial, before))
		sim_fail(sim, "the serial of a keeper goes back", "from %u to %u", before,
			keeper->state.serial);
	len = keeper->actions.len;
	if (len != 0)
		memcpy(todo, keeper->actions.list, len * sizeof(*todo));
	for (size_t i = 0; i < len && keeper->runs; i++) {
		if (sim->ends_after != 0 && --sim->ends_after == 0)
			keeper_end(sim);
		else if (todo[i].kind >= DO_WRITE_SNAPSHOT && i + 1 != len)
			sim_fail(sim, "an action stands behind one that asks", "%d", todo[i].kind);
		else
			keeper_do(sim, &todo[i]);
	}
}

void keeper_event(struct sim *sim, enum publisher_event_kind kind)
{
	struct publisher_event event = {.kind = kind};

	keeper_step(sim, &event);
}

void keeper_follower_event(struct sim *sim, enum publisher_event_kind kind,
	struct sim_follower *follower, uint32_t serial)
{
	struct publisher_event event = {
		.kind = kind, .follower = &follower->state, .serial = serial};

	keeper_step(sim, &event);
}

/* ---- start and end ---- */

void keeper_end(struct sim *sim)
{
	sim_say(sim, "the keeper ends at %u", sim->keeper.state.serial);
	publisher_state_done(&sim->keeper.state);
	publisher_actions_done(&sim->keeper.actions);
	sim->keeper = (struct sim_keeper){.runs = false};
	for (size_t i = 0; i < FOLLOWERS; i++)
		follower_disconnect(sim, &sim->followers[i]);
}

void keeper_start(struct sim *sim)
{
	struct publisher_event event = {.kind = EVENT_STARTED,
		.told_serial = sim->disk.told_serial,
		.told_snapshot = sim->disk.told_snapshot};
	const struct file *file = disk_newest_whole(&sim->disk);

	event.serial = file != NULL ? file->serial : 0;
	sim->keeper = (struct sim_keeper){.runs = true};
	sim_say(sim, "the keeper starts with file %u", event.serial);
	keeper_step(sim, &event);
}

void keeper_open_store(struct sim *sim)
{
	struct publisher_event event = {
		.kind = EVENT_STORE_OPENED, .serial = sim->disk.store.serial};
	const struct file *file = disk_find(&sim->disk, sim->keeper.state.snapshot_serial);

	event.layout_fits = file != NULL && !file->damaged && file->layout == sim->layout;
	sim->keeper.has_store = true;
	sim_say(sim, "the store is open, at %u", event.serial);
	keeper_step(sim, &event);
}

/* ---- work ---- */

void keeper_commit(struct sim *sim, int keys, bool later)
{
	struct sim_store *store = &sim->disk.store;
	struct publisher_event event = {
		.kind = EVENT_CHANGED, .all = keys == EVERYTHING, .later = later};

	for (size_t key = 0; key < KEYS; key++) {
		if ((keys >> key & 1) != 0)
			store->rows[key] = ++sim->last_value * KEYS + (uint32_t)key;
	}
	event.serial = store->serial = publisher_next_serial(&sim->keeper.state, store->serial);
	store_note(store, publisher_notes_everything(&sim->keeper.state) ? EVERYTHING : keys);
	sim_say(sim, "commits %u: %s %x", store->serial, event.all ? "everything" : "keys",
		(unsigned)keys & ALL_KEYS);
	if (sim->ends_after != 0 && --sim->ends_after == 0) {
		keeper_end(sim);
		return;
	}
	sim->keeper.changed = keys;
	keeper_step(sim, &event);
	answer_later(sim, keys, event.serial);
}

void keeper_job(struct sim *sim)
{
	struct sim_keeper *keeper = &sim->keeper;
	struct publisher_event event = {.kind = EVENT_SNAPSHOT_WRITTEN, .took_ms = 10};
	struct file *slot;

	switch (keeper->job) {
	case JOB_NONE:
		return;
	case JOB_READ:
		slot = disk_slot(&sim->disk, keeper->job_file.serial);
		keeper->job = JOB_ON_DISK;
		if (sim->disk.full || slot == NULL)
			keeper->job_file.serial = 0;
		else
			*slot = keeper->job_file;
		return;
	case JOB_ON_DISK:
		break;
	}
	keeper->job = JOB_NONE;
	event.serial = keeper->job_file.serial;
	event.kind = event.serial != 0 ? EVENT_SNAPSHOT_WRITTEN : EVENT_SNAPSHOT_FAILED;
	sim_say(sim, "file %u is %s", event.serial, event.serial != 0 ? "out" : "not written");
	keeper_step(sim, &event);
}
