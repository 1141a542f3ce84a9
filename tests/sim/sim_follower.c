/* SPDX-License-Identifier: ISC */
#include <string.h>

#include "base/serial.h"
#include "world.h"

/* ---- views ---- */

uint32_t view_value(const struct sim_view *view, size_t key)
{
	return view->over[key].key != 0 ? view->over[key].value : view->file.rows[key];
}

bool view_shows(const struct sim_view *view, const uint32_t rows[KEYS])
{
	for (size_t key = 0; key < KEYS; key++) {
		if (view_value(view, key) != rows[key])
			return false;
	}
	return true;
}

static bool view_rebase(const struct sim_view *base, const struct file *file, struct sim_view *ret)
{
	if (serial_is_before(base->serial, file->serial) ||
		serial_is_before(file->serial, base->file.serial) ||
		file->layout != base->file.layout)
		return false;
	*ret = *base;
	ret->file = *file;
	for (size_t key = 0; key < KEYS; key++) {
		if (ret->over[key].key != 0 && !serial_is_before(file->serial, ret->over[key].key))
			ret->over[key].key = 0;
	}
	return true;
}

/* ---- what must be true of everything that is served ---- */

static void check_number(struct sim *sim, const struct sim_view *view)
{
	struct seen *seen = &sim->seen[view->serial % SEEN];

	if (seen->serial == view->serial &&
		(!view_shows(view, seen->rows) || seen->layout != view->file.layout))
		sim_fail(sim, "a number means two states", "%u", view->serial);
	*seen = (struct seen){.serial = view->serial, .layout = view->file.layout};
	for (size_t key = 0; key < KEYS; key++)
		seen->rows[key] = view_value(view, key);
}

static void check_view(struct sim *sim, const struct sim_view *old, const struct sim_view *view)
{
	for (size_t key = 0; key < KEYS; key++) {
		uint32_t value = view_value(view, key);

		if (value != 0 && (value % KEYS != key || value / KEYS > sim->last_value))
			sim_fail(sim, "a follower serves what was not committed", "%u", value);
	}
	if (old->serial != 0 && serial_is_before(view->serial, old->serial))
		sim_fail(sim, "the serial goes back", "from %u to %u", old->serial, view->serial);
	check_number(sim, view);
}

/* ---- the connection ---- */

void follower_greet(struct sim *sim, struct sim_follower *follower)
{
	uint32_t serial;

	if (follower->hellos_len == 0)
		return;
	serial = follower->hellos[0];
	follower->hellos_len--;
	memmove(follower->hellos, follower->hellos + 1, follower->hellos_len * sizeof(serial));
	sim_say(sim, "%zu greets with %u", (size_t)(follower - sim->followers), serial);
	keeper_follower_event(sim, EVENT_GREETED, follower, serial);
}

static void follower_says(struct sim_follower *follower, uint32_t serial)
{
	if (follower->hellos_len < INBOX)
		follower->hellos[follower->hellos_len++] = serial;
}

void follower_connect(struct sim *sim, struct sim_follower *follower)
{
	if (follower->connected || !sim->keeper.runs)
		return;
	follower->connected = true;
	follower_says(follower, follower->view.serial);
}

void follower_disconnect(struct sim *sim, struct sim_follower *follower)
{
	if (!follower->connected)
		return;
	publisher_remove_follower(&sim->keeper.state, &follower->state);
	follower->state = (struct follower_state){.joined = false};
	follower->connected = false;
	follower->inbox_len = follower->hellos_len = 0;
}

void follower_restart(struct sim *sim, struct sim_follower *follower)
{
	const struct file *file = disk_newest_whole(&sim->disk);

	follower_disconnect(sim, follower);
	*follower = (struct sim_follower){.connected = false};
	if (file != NULL) {
		follower->view.file = *file;
		follower->view.serial = file->serial;
	}
	sim_say(sim, "%zu starts anew with file %u", (size_t)(follower - sim->followers),
		follower->view.serial);
}

/* ---- messages ---- */

/* Secondaries get what the delta names that leads from what was served to the new view. */
static void check_changes(
	struct sim *sim, const struct sim_follower *follower, const struct sim_view *view)
{
	for (size_t key = 0; key < KEYS && follower->changes.serial == view->serial; key++) {
		if (view_value(&follower->view, key) != view_value(view, key) &&
			(follower->changes.keys >> key & 1) == 0)
			sim_fail(sim, "a change is not in the delta that leads there",
				"%zu, from %u to %u", key, follower->view.serial, view->serial);
	}
}

static void settle(struct sim *sim, struct sim_follower *follower, const struct sim_view *view)
{
	if (follower->target != 0 && serial_is_before(view->serial, follower->target)) {
		follower->next = *view;
		return;
	}
	follower->target = 0;
	follower->next.serial = 0;
	sim_say(sim, "%zu serves %u", (size_t)(follower - sim->followers), view->serial);
	check_view(sim, &follower->view, view);
	check_changes(sim, follower, view);
	follower->changes.serial = 0;
	follower->view = *view;
	follower_says(follower, view->serial);
}

static const struct sim_view *base_of(const struct sim_follower *follower)
{
	return follower->next.serial != 0 ? &follower->next : &follower->view;
}

static void on_snapshot(
	struct sim *sim, struct sim_follower *follower, const struct message *message)
{
	const struct file *file = NULL;
	struct sim_view view = {.serial = message->serial};

	for (size_t i = 0; i < FILES; i++) {
		if (sim->disk.files[i].serial == message->serial)
			file = &sim->disk.files[i];
	}
	if (file == NULL || file->damaged) {
		follower_disconnect(sim, follower);
		return;
	}
	if (message->over != 0) {
		if (base_of(follower)->serial != message->over ||
			!view_rebase(base_of(follower), file, &view))
			follower_says(follower, 0);
		else
			settle(sim, follower, &view);
		return;
	}
	view.file = *file;
	follower->next.serial = 0;
	follower->target = follower->expected != 0 ? follower->expected : follower->view.serial;
	follower->expected = 0;
	settle(sim, follower, &view);
}

static void on_delta(struct sim *sim, struct sim_follower *follower, const struct message *message)
{
	struct sim_view view = *base_of(follower);

	if (view.serial == 0 || view.serial != message->over) {
		follower_says(follower, 0);
		return;
	}
	view.serial = message->serial;
	follower->changes = (struct sim_changes){.serial = 0};
	if (follower->next.serial == 0)
		follower->changes.serial = message->serial;
	for (size_t i = 0; i < message->pieces_len; i++) {
		const struct piece *piece = &message->pieces[i];

		follower->changes.keys |= 1 << piece->key;
		if (piece->layout != view.file.layout)
			sim_fail(sim, "a delta is of other lists", "%u", message->serial);
		view.over[piece->key] = (struct piece){message->serial, piece->value, 0};
	}
	settle(sim, follower, &view);
}

void follower_read(struct sim *sim, struct sim_follower *follower)
{
	struct message message;

	if (follower->inbox_len == 0)
		return;
	message = follower->inbox[0];
	follower->inbox_len--;
	memmove(follower->inbox, follower->inbox + 1,
		follower->inbox_len * sizeof(follower->inbox[0]));
	if (message.kind == MESSAGE_HELLO) {
		follower->expected = message.serial;
		follower->next.serial = 0;
	} else if (message.kind == MESSAGE_SNAPSHOT) {
		on_snapshot(sim, follower, &message);
	} else {
		on_delta(sim, follower, &message);
	}
	if (follower->inbox_len == 0 && follower->connected && follower->state.joined)
		keeper_follower_event(sim, EVENT_DRAINED, follower, 0);
}
