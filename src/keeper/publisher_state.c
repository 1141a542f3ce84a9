/* SPDX-License-Identifier: ISC */
#include "keeper/publisher_state.h"

#include "base/mem.h"
#include "base/serial.h"

/*
 * What has been told to whom, and how to go on after anything may have ended.
 *
 *   snapshot S ---- delta ---- delta ---- ... = serial, the published one
 *
 * The changes of a transaction take the store's next serial and note the sources they touched.
 * After the commit what these answer now is read from the store and goes out as a delta from
 * `serial` to that number. Numbers may be left out: a delta says where it starts. When many deltas
 * stand over the snapshot, a new one is written in the background, from the store and not from what
 * was told: so an error of a delta, if there ever is one, does not outlive the next file. Followers
 * then change the file below and keep what is newer than it; nothing is sent again.
 *
 * Why a gap. Changes too large for a delta are in the store and have a number, but only the next
 * file shows them. Deltas of other changes go on meanwhile, on top of what is published: nobody
 * waits for the file of an import. The price is that numbers are published which lack the gap, and
 * the same number must never mean two states: secondaries compare numbers, not contents. Hence
 *
 *  - at the number of a gap the store notes "everything may differ". Where sources were noted, a
 *    restart would tell them as a delta, and whoever serves a later number would never get them;
 *  - a file that closes a gap has a number which was not published without what it holds;
 *  - when it is out everybody begins anew with it, and when deltas are newer than the file, one
 *    more number without a change is published on top, by a delta which says that it is partial:
 *    from the number before to this one differs what the gap held;
 *  - whoever comes back with an older number than that (whole_from) begins anew, too, although the
 *    log may know it: it may lack the gap.
 *
 * An example. The file is 10, and A serves 10.
 *
 *   a small change commits as 11    delta 10->11 to A                                  serial 11
 *   an import commits as 12         too large: gap at 12, a file is begun (it reads 12)
 *   a small change commits as 13    delta 11->13 to A, which serves 13 without 12      serial 13
 *   B joins, with nothing           greeting 13, file 10, deltas 10->11, 11->13: as A
 *   file 12 is out                  13 was used without 12: an empty change takes 14   serial 14
 *                                   A and B: greeting 14, file 12, deltas 12->13, 13->14
 *   A and B say 14                  the answer to the import goes out
 *
 * A and B show neither 12 nor the new 13 to anybody: a greeting says up to where a follower keeps
 * to itself what it gets. Had the keeper ended before file 12 was out, the next one would find 13
 * in the file `serial` and in the store, everything noted at 12, and file 10 (or file 12, which was
 * not announced: told_snapshot says 10). It takes 14 for everything, and A, which is ahead of all
 * that can be offered, is told to stay at 13 until file 14 is there.
 *
 * A gap also opens when the state of the store is to take another number than its own: the lists
 * are others, the published file is damaged, or somebody has seen more than we know. Then it has no
 * number at first (gap_is_numbered). It gets one from whatever comes first, a change or its file,
 * so nothing is lost when the store fails just then; and a file that is being written is in vain.
 *
 * Why the serial never goes back. The store says one number, and may be a restored backup; the
 * newest file says another, the file `serial` beside it the last one told to anybody, and a
 * follower which it serves. If any is newer than the store's, the store goes on from there, and
 * everything is published anew under the next number, since nobody knows in what the two histories
 * differ. The clock has no part in it but for the very first number of a new site. A follower is
 * believed a few times in the life of a keeper, and not far each time: dns and gate parse what
 * strangers send, and one that was taken over could otherwise keep us writing snapshots, or bring
 * our number half around the circle, where secondaries take it for an older one (RFC 1982 section
 * 3.2). All jumps together are 2^28.
 */
enum {
	JUMPS_MAX = 16,
	JUMP_MOST = 1 << 24, /* what a busy list takes in hours */
};

struct publisher_stepping {
	struct publisher_state *state;
	const struct publisher_event *event;
	struct publisher_actions *actions;
};

static void act(const struct publisher_stepping *step, const struct publisher_action *action)
{
	struct publisher_actions *actions = step->actions;

	mem_grow(&actions->list, &actions->room, actions->len + 1, sizeof(*actions->list));
	actions->list[actions->len++] = *action;
}

static void act_simple(
	const struct publisher_stepping *step, enum publisher_action_kind kind, uint32_t serial)
{
	act(step, &(struct publisher_action){.kind = kind, .serial = serial});
}

static void act_for(const struct publisher_stepping *step, enum publisher_action_kind kind,
	struct follower_state *follower, uint32_t serial)
{
	act(step, &(struct publisher_action){.kind = kind, .follower = follower, .serial = serial});
}

static void act_number(
	const struct publisher_stepping *step, enum number_reason reason, uint32_t serial)
{
	act(step,
		&(struct publisher_action){.kind = DO_NUMBER, .reason = reason, .serial = serial});
}

/* ---- questions ---- */

/* 0 is older than anything. */
static bool is_older(uint32_t serial, uint32_t than)
{
	return than != 0 && (serial == 0 || serial_is_before(serial, than));
}

bool publisher_state_all_serve(const struct publisher_state *state, uint32_t serial)
{
	for (const struct follower_state *f = state->followers; f != NULL; f = f->next) {
		if (f->serves == 0 || is_older(f->serves, serial))
			return false;
	}
	return true;
}

/* Also when the store was opened anew since; 0: nothing. */
static uint32_t last_told(const struct publisher_state *state)
{
	return serial_newest(state->serial, state->told_serial);
}

/* Or are about to tell. */
static uint32_t newest_told(const struct publisher_state *state)
{
	uint32_t told = last_told(state);

	return state->gap != GAP_NONE ? serial_newest(told, state->gap_serial) : told;
}

/* A follower serves what is newer than `known`, and is believed. */
static bool is_jump(const struct publisher_state *state, uint32_t known, uint32_t serves)
{
	return serves != 0 && is_older(known, serves) && state->jumps != JUMPS_MAX &&
	       (known == 0 || serves - known <= JUMP_MOST);
}

/* The newest that followers serve beside what is known. */
static uint32_t newest_seen(struct publisher_state *state, uint32_t known)
{
	uint32_t seen = known;

	for (const struct follower_state *f = state->followers; f != NULL; f = f->next) {
		if (is_jump(state, known, f->serves))
			seen = serial_newest(seen, f->serves);
	}
	state->jumps += seen != known;
	return seen;
}

uint32_t publisher_next_serial(const struct publisher_state *state, uint32_t stored)
{
	return serial_after(serial_newest(stored, newest_told(state)));
}

bool publisher_notes_everything(const struct publisher_state *state)
{
	return state->gap != GAP_NONE && !state->gap_is_numbered;
}

/* As delta_log_after(); -1 as well: it waits for a file. */
static ssize_t log_after(const struct publisher_state *state, const struct follower_state *follower)
{
	if (follower->waits)
		return -1;
	return delta_log_after(&state->log, state->snapshot_serial, follower->sent);
}

/* It cannot go on with deltas alone from what it serves. */
static bool needs_file(const struct publisher_state *state, const struct follower_state *follower)
{
	return log_after(state, follower) < 0 || state->gap != GAP_NONE ||
	       is_older(follower->sent, state->whole_from);
}

/* Before the store was read, or while a gap is open, a follower may be ahead of what we can offer:
 * it stays there. */
static bool is_ahead(const struct publisher_stepping *step, uint32_t serial)
{
	const struct publisher_state *state = step->state;

	return serial != 0 && (!step->event->has_store || state->gap != GAP_NONE) &&
	       is_older(state->serial, serial);
}

/* It was written, but nobody was told: we ended first. Changes that only it shows may have a lower
 * number than deltas that followers have, so its number, and those behind it, are in use for
 * another state. */
static bool snapshot_is_news(const struct publisher_state *state)
{
	return is_older(state->told_snapshot, state->snapshot_serial);
}

/* Of a gap only what an import made that goes on waits for the end of that. */
static bool snapshot_is_wanted(const struct publisher_stepping *step)
{
	const struct publisher_state *state = step->state;

	if (state->gap != GAP_NONE && (state->gap_others != 0 || !step->event->importing))
		return true;
	return state->log.ranges > LOG_RANGES || state->log.len > LOG_DELTAS ||
	       (state->log.len != 0 && !step->event->importing &&
		       step->event->now_ms >= state->rest_until_ms);
}

/* ---- telling followers ---- */

const struct logged_delta *publisher_next_delta(
	const struct publisher_state *state, struct follower_state *follower, uint32_t *ret_from)
{
	ssize_t next = log_after(state, follower);

	if (next < 0 || (size_t)next == state->log.len)
		return NULL;
	*ret_from = follower->sent;
	follower->sent = state->log.deltas[next].to_serial;
	return &state->log.deltas[next];
}

static void send_deltas(const struct publisher_stepping *step, struct follower_state *follower)
{
	ssize_t next = log_after(step->state, follower);

	if (next >= 0 && (size_t)next < step->state->log.len)
		act_for(step, DO_SEND_DELTAS, follower, 0);
}

static void tell_to_stay(const struct publisher_stepping *step, struct follower_state *follower)
{
	act_for(step, DO_GREET, follower, follower->sent);
}

/* Brings it to what is published, from the file on when `anew`. */
static void sync(const struct publisher_stepping *step, struct follower_state *follower, bool anew)
{
	const struct publisher_state *state = step->state;

	if (state->snapshot_serial == 0 || is_ahead(step, follower->sent)) {
		tell_to_stay(step, follower);
		return;
	}
	follower->waits = false;
	act_for(step, DO_GREET, follower, state->serial);
	if (anew || log_after(state, follower) < 0) {
		act_for(step, DO_SEND_SNAPSHOT, follower, 0);
		follower->sent = state->snapshot_serial;
	}
	send_deltas(step, follower);
}

/* Whoever has all deltas, or gets them one by one, only changes the file below. */
static void tell_of_snapshot(
	const struct publisher_stepping *step, struct follower_state *follower, bool anew)
{
	if (anew || log_after(step->state, follower) < 0)
		sync(step, follower, true);
	else
		act_for(step, DO_SEND_SNAPSHOT, follower, follower->sent);
}

/* ---- snapshots ---- */

/* A file that closes a gap has a number which nobody was told yet, for a state without what it
 * holds. */
static void write_snapshot_if_wanted(const struct publisher_stepping *step)
{
	struct publisher_state *state = step->state;

	if (state->writing != WRITING_NOTHING || !step->event->has_store ||
		step->event->now_ms < state->retry_at_ms || !snapshot_is_wanted(step))
		return;
	if (publisher_notes_everything(state) ||
		(state->gap != GAP_NONE && !is_older(last_told(state), state->gap_serial))) {
		act_number(step, NUMBER_GAP, 0);
		return;
	}
	state->writing = WRITING;
	act_simple(step, DO_WRITE_SNAPSHOT, 0);
}

/* At serial, which is in the store. */
static void open_gap(const struct publisher_stepping *step, enum publisher_gap gap, uint32_t serial)
{
	struct publisher_state *state = step->state;

	if (state->gap == GAP_NONE)
		state->gap_is_numbered = true;
	if (state->gap != GAP_EVERYTHING)
		state->gap = gap;
	state->gap_serial = serial;
	state->gap_others = serial;
}

/* Behind serial: it takes its number when its file is begun, and the store may fail until then. */
static void open_gap_behind(
	const struct publisher_stepping *step, enum publisher_gap gap, uint32_t serial)
{
	struct publisher_state *state = step->state;

	open_gap(step, gap, serial_newest(newest_told(state), serial));
	state->gap_is_numbered = false;
	if (state->writing != WRITING_NOTHING)
		state->writing = WRITING_IN_VAIN;
}

static void publish(const struct publisher_stepping *step, uint32_t serial)
{
	struct publisher_state *state = step->state;

	state->serial = state->told_serial = serial;
	state->told_snapshot = state->snapshot_serial;
	act_simple(step, DO_WRITE_SERIAL, 0);
}

/* The file is out, and with the log it leads to `number`. Changes that no delta told may have come
 * with it. The rows of the file before may be needed yet, should this one be damaged. */
static void adopt(const struct publisher_stepping *step, uint32_t file, uint32_t number)
{
	struct publisher_state *state = step->state;
	uint32_t old = state->snapshot_serial;
	bool anew = state->gap != GAP_NONE;

	delta_log_drop(&state->log, file);
	state->snapshot_serial = file;
	state->whole_until_ms = 0;
	if (!is_older(file, state->gap_serial))
		state->gap = GAP_NONE;
	if (!is_older(file, state->gap_others))
		state->gap_others = 0;
	if (anew)
		state->whole_from = number;
	publish(step, number);
	for (struct follower_state *f = state->followers; f != NULL; f = f->next)
		tell_of_snapshot(step, f, anew);
	if (old != 0 && old != file)
		state->forget = old;
	act_simple(step, DO_REMOVE_FILES, file);
	act_simple(step, DO_SERVED, 0);
	write_snapshot_if_wanted(step);
}

/* When deltas went out while a gap was open, the state that they lead to with this file needs a
 * number of its own. A file older than the published one is of a store that went back without
 * being opened anew: everything takes another number. */
static void on_snapshot_written(const struct publisher_stepping *step)
{
	struct publisher_state *state = step->state;
	uint32_t file = step->event->serial;
	uint32_t number = serial_newest(file, state->serial);
	bool is_in_vain = state->writing == WRITING_IN_VAIN;

	state->writing = WRITING_NOTHING;
	if (is_older(file, state->snapshot_serial)) {
		is_in_vain = true;
		open_gap_behind(step, GAP_CHANGES, 0);
	}
	state->rest_until_ms = step->event->now_ms + SNAPSHOT_REST_MS +
			       SNAPSHOT_REST_FACTOR * step->event->took_ms;
	if (is_in_vain) {
		act_simple(step, DO_DISCARD_FILE, file);
		write_snapshot_if_wanted(step);
	} else if (state->gap != GAP_NONE && number != file) {
		act_number(step, NUMBER_SNAPSHOT, file);
	} else {
		adopt(step, file, number);
	}
}

static void on_snapshot_failed(const struct publisher_stepping *step)
{
	step->state->writing = WRITING_NOTHING;
	step->state->retry_at_ms = step->event->now_ms + SNAPSHOT_RETRY_MS;
}

/* ---- changes ---- */

static void on_changed(const struct publisher_stepping *step)
{
	struct publisher_state *state = step->state;
	uint32_t serial = step->event->serial;
	uint32_t others;
	bool all = step->event->all || publisher_notes_everything(state);

	if (!all && state->gap != GAP_EVERYTHING && state->snapshot_serial != 0) {
		act_simple(step, DO_ENCODE, serial);
		return;
	}
	others = state->gap_others;
	open_gap(step, GAP_CHANGES, serial);
	state->gap_is_numbered = true;
	if (step->event->later)
		state->gap_others = others;
	else
		write_snapshot_if_wanted(step);
}

/* Who serves what is published now gets it; who has fallen behind gets it in its turn. */
static void on_encoded(const struct publisher_stepping *step)
{
	struct publisher_state *state = step->state;

	delta_log_add(&state->log, &step->event->delta);
	publish(step, step->event->delta.to_serial);
	for (struct follower_state *f = state->followers; f != NULL; f = f->next)
		send_deltas(step, f);
	write_snapshot_if_wanted(step);
}

/* ---- followers ---- */

/* What follower serves is newer than all we know of, and it is believed. */
static bool follower_leads(
	const struct publisher_stepping *step, const struct follower_state *follower)
{
	const struct publisher_state *state = step->state;
	uint32_t serial = follower->serves;

	if (!step->event->has_store || !is_jump(state, last_told(state), serial))
		return false;
	return state->gap == GAP_NONE || is_older(state->gap_serial, serial) ||
	       (state->gap_is_numbered && serial == state->gap_serial);
}

static void jump(const struct publisher_stepping *step, struct follower_state *follower)
{
	step->state->jumps++;
	act_for(step, DO_LOG_JUMP, follower, follower->serves);
	open_gap_behind(step, GAP_CHANGES, follower->serves);
}

static void bring_up_with(
	const struct publisher_stepping *step, struct follower_state *follower, bool anew)
{
	sync(step, follower, anew);
	act_simple(step, DO_SERVED, 0);
	write_snapshot_if_wanted(step);
}

/* A published file that was damaged since is not offered again and again, so it is looked at before
 * it is sent; once for a crowd of roles that come together, for it may be large. Who cannot read
 * something has it looked at anew. */
static bool is_to_be_checked(
	const struct publisher_stepping *step, const struct follower_state *follower)
{
	const struct publisher_state *state = step->state;

	return (needs_file(state, follower) || follower->unreadable) &&
	       state->snapshot_serial != 0 && step->event->has_store &&
	       !is_ahead(step, follower->sent) && step->event->now_ms >= state->whole_until_ms;
}

/* Not for each report: a role that was taken over could keep us reading. */
static void take_report(const struct publisher_stepping *step)
{
	struct publisher_state *state = step->state;

	if (step->event->now_ms < state->report_at_ms)
		return;
	state->report_at_ms = step->event->now_ms + REPORT_REST_MS;
	state->whole_until_ms = 0;
}

static void wait_for_file(const struct publisher_stepping *step, struct follower_state *follower)
{
	follower->waits = true;
	tell_to_stay(step, follower);
	act_simple(step, DO_SERVED, 0);
	write_snapshot_if_wanted(step);
}

/* A delta that it cannot read is in no newer file, which comes after a rest. */
static void bring_up_checked(const struct publisher_stepping *step, struct follower_state *follower)
{
	const struct publisher_state *state = step->state;

	if (follower->unreadable && state->log.len != 0)
		wait_for_file(step, follower);
	else
		bring_up_with(step, follower, needs_file(state, follower));
}

static void bring_up(const struct publisher_stepping *step, struct follower_state *follower)
{
	if (is_to_be_checked(step, follower))
		act_for(step, DO_CHECK_FILE, follower, 0);
	else
		bring_up_checked(step, follower);
}

/* The first greeting asks for what is missing, 0 for everything; others say what is served now. */
static void on_greeted(const struct publisher_stepping *step)
{
	struct publisher_state *state = step->state;
	struct follower_state *follower = step->event->follower;
	bool joins = !follower->joined;

	follower->serves = step->event->serial;
	if (!joins && follower->serves != 0) {
		act_simple(step, DO_SERVED, 0);
		return;
	}
	follower->sent = follower->serves;
	if (joins) {
		follower->joined = true;
		follower->next = state->followers;
		state->followers = follower;
	}
	if (joins && follower_leads(step, follower))
		jump(step, follower);
	follower->unreadable = joins && step->event->unreadable;
	if (follower->unreadable)
		take_report(step);
	bring_up(step, follower);
}

static void on_file_whole(const struct publisher_stepping *step)
{
	step->state->whole_until_ms = step->event->now_ms + FILE_WHOLE_MS;
	bring_up_checked(step, step->event->asked.follower);
}

/* A new one is written, under a new number, unless one is being written: when that fails, the
 * changes that it was for ask for the next. Whoever waits for it keeps what it serves. */
static void on_file_damaged(const struct publisher_stepping *step)
{
	const struct publisher_state *state = step->state;

	if (state->gap == GAP_NONE && state->writing != WRITING)
		open_gap_behind(step, GAP_CHANGES, 0);
	wait_for_file(step, step->event->asked.follower);
}

void publisher_remove_follower(struct publisher_state *state, struct follower_state *follower)
{
	struct follower_state **link = &state->followers;

	while (*link != NULL && *link != follower)
		link = &(*link)->next;
	if (*link != NULL)
		*link = follower->next;
	*follower = (struct follower_state){.joined = false};
}

/* ---- start, store, clock ---- */

static void on_started(const struct publisher_stepping *step)
{
	struct publisher_state *state = step->state;

	state->serial = state->snapshot_serial = step->event->serial;
	state->told_serial = step->event->told_serial;
	state->told_snapshot = step->event->told_snapshot;
}

/* They were told to stay where they say they are until the store could be asked. */
static void bring_back_liars(const struct publisher_stepping *step, uint32_t stored)
{
	for (struct follower_state *f = step->state->followers; f != NULL; f = f->next) {
		if (is_older(stored, f->sent))
			sync(step, f, true);
	}
}

/* Makes the serial go on from the newest that anybody has seen, and brings what is published to the
 * store's serial: by one delta, or by a new snapshot. Until that is there what was told before is
 * served on, for the store may fail again. */
static void on_store_opened(const struct publisher_stepping *step)
{
	struct publisher_state *state = step->state;
	uint32_t stored = step->event->serial;
	uint32_t seen = newest_seen(state, serial_newest(stored, newest_told(state)));
	bool goes_on = stored != 0 && !is_older(stored, seen);

	if (stored == 0 && seen == 0) /* by the clock, so that a site set up anew goes on, too */
		seen = (uint32_t)step->event->now_s;
	if (!goes_on || state->snapshot_serial == 0 || snapshot_is_news(state) ||
		!step->event->layout_fits) {
		open_gap_behind(step, GAP_EVERYTHING, serial_newest(stored, seen));
		write_snapshot_if_wanted(step);
		return;
	}
	bring_back_liars(step, stored);
	if (stored != state->serial)
		act_simple(step, DO_COLLECT, stored);
}

/* What was told before the restart may carry this number already, so everything takes another. */
static void on_collected(const struct publisher_stepping *step)
{
	uint32_t serial = step->event->asked.serial;

	if (!step->event->all) {
		act_simple(step, DO_ENCODE, serial);
		return;
	}
	open_gap_behind(step, GAP_CHANGES, serial);
	write_snapshot_if_wanted(step);
}

static void on_numbered(const struct publisher_stepping *step)
{
	struct publisher_state *state = step->state;

	if (step->event->asked.reason == NUMBER_SNAPSHOT) {
		delta_log_add(&state->log, &step->event->delta);
		adopt(step, step->event->asked.serial, step->event->serial);
		return;
	}
	open_gap(step, GAP_CHANGES, step->event->serial);
	state->gap_is_numbered = true;
	write_snapshot_if_wanted(step);
}

static void on_not_numbered(const struct publisher_stepping *step)
{
	step->state->retry_at_ms = step->event->now_ms + SNAPSHOT_RETRY_MS;
}

static void on_layout_changed(const struct publisher_stepping *step)
{
	if (!step->event->has_store)
		return; /* it is seen when there is one */
	open_gap_behind(step, GAP_EVERYTHING, 0);
	write_snapshot_if_wanted(step);
}

static void on_forget_due(const struct publisher_stepping *step)
{
	if (step->state->forget != 0 && step->event->has_store)
		act_simple(step, DO_FORGET, step->state->forget);
}

static void on_drained(const struct publisher_stepping *step)
{
	send_deltas(step, step->event->follower);
}

static void on_forgotten(const struct publisher_stepping *step)
{
	if (step->state->forget == step->event->asked.serial)
		step->state->forget = 0;
}

/* Numbered at once, so that deltas can go on. */
static void on_too_large(const struct publisher_stepping *step)
{
	open_gap(step, GAP_CHANGES, step->event->asked.serial);
	step->state->gap_is_numbered = false;
	act_number(step, NUMBER_GAP, 0);
}

void publisher_step(struct publisher_state *state, const struct publisher_event *event,
	struct publisher_actions *actions)
{
	static void (*const steps[])(const struct publisher_stepping *step) = {
		[EVENT_STARTED] = on_started,
		[EVENT_STORE_OPENED] = on_store_opened,
		[EVENT_CHANGED] = on_changed,
		[EVENT_GREETED] = on_greeted,
		[EVENT_DRAINED] = on_drained,
		[EVENT_SNAPSHOT_WRITTEN] = on_snapshot_written,
		[EVENT_SNAPSHOT_FAILED] = on_snapshot_failed,
		[EVENT_LAYOUT_CHANGED] = on_layout_changed,
		[EVENT_TIME_PASSED] = write_snapshot_if_wanted,
		[EVENT_FORGET_DUE] = on_forget_due,
		[EVENT_NUMBERED] = on_numbered,
		[EVENT_NOT_NUMBERED] = on_not_numbered,
		[EVENT_COLLECTED] = on_collected,
		[EVENT_ENCODED] = on_encoded,
		[EVENT_TOO_LARGE] = on_too_large,
		[EVENT_FILE_WHOLE] = on_file_whole,
		[EVENT_FILE_DAMAGED] = on_file_damaged,
		[EVENT_FORGOTTEN] = on_forgotten,
	};
	struct publisher_stepping step = {state, event, actions};

	steps[event->kind](&step);
}

void publisher_state_done(struct publisher_state *state)
{
	delta_log_clear(&state->log);
}

void publisher_actions_done(struct publisher_actions *actions)
{
	mem_free(actions->list);
	*actions = (struct publisher_actions){.len = 0};
}
