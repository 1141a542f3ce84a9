/* SPDX-License-Identifier: ISC */
#include "keeper/publisher.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/macro.h"
#include "base/mem.h"
#include "base/obj.h"
#include "base/utf8.h"
#include "bus/frame.h"
#include "keeper/layout.h"
#include "keeper/repaint.h"
#include "keeper/snapshot_job.h"
#include "list/snapshot_folder.h"
#include "loop/stream.h"

/*
 * The edge of the machine in publisher_state.c: each entry makes an event of what happened,
 * publisher_run() steps and does what the machine asks for, and what that led to is the next event.
 *
 *   publisher_publish -> CHANGED -> encode -> ENCODED -> write serial, send deltas, write snapshot
 *
 * The last number told to anybody stands in the file `serial` beside the snapshots, and behind it
 * the snapshot that was below.
 */
enum {
	SERIAL_DIGITS = 10,
	SERIAL_SIZE = 2 * (SERIAL_DIGITS + 1), /* two numbers, each with what ends it */
	PUMP_BYTES = 1 << 20,
	FORGET_STEP = 5000,
	WHERE_MAX = 200, /* octets of a path: what to do stands behind it */
};

struct publisher {
	uint32_t magic;
	struct store_guard *guard;
	struct publisher_calls calls;
	void *arg;
	struct publisher_state state;
	struct publisher_actions actions;
	struct list_layout *layout;
	struct snapshot_thread *thread;
	struct timer turn;
	int serial_fd;
	const struct change *change; /* to be encoded */
	struct change collected;     /* that one, when it comes from the store's notes */
	bool is_opening;             /* the store: whoever opens it hears of its failures */
	int error;                   /* meanwhile */
};

/* ---- the file `serial` ---- */

static void serial_write(const struct publisher *publisher)
{
	char text[SERIAL_SIZE + 1];

	snprintf(text, sizeof(text), "%010lu %010lu\n", (unsigned long)publisher->state.told_serial,
		(unsigned long)publisher->state.told_snapshot);
	if (pwrite(publisher->serial_fd, text, SERIAL_SIZE, 0) != SERIAL_SIZE)
		return; /* a full disk: only a restored backup would need it */
}

/* The number that stands there first, or second; 0: none. */
static uint32_t serial_read(const struct publisher *publisher, unsigned index)
{
	char text[SERIAL_DIGITS];
	off_t at = (off_t)index * (SERIAL_DIGITS + 1);
	uint64_t serial = 0;

	if (pread(publisher->serial_fd, text, sizeof(text), at) != (ssize_t)sizeof(text) ||
		span_parse_u64(span_of(text, sizeof(text)), UINT32_MAX, &serial) < 0)
		return 0;
	return (uint32_t)serial;
}

/* ---- the store ---- */

static void store_failed(struct publisher *publisher, int error)
{
	if (publisher->is_opening)
		publisher->error = error;
	else
		store_guard_failed(publisher->guard, error);
}

int publisher_number(struct publisher *publisher, const struct change *change, uint32_t *ret_serial)
{
	struct store *store = publisher->guard->store;
	bool all = change->all || publisher_notes_everything(&publisher->state);
	uint32_t serial = 0;
	int r = store_serial(store, &serial);

	if (r >= 0) {
		serial = publisher_next_serial(&publisher->state, serial);
		r = store_serial_set(store, serial);
	}
	if (r >= 0 && all)
		r = store_change_add(store, serial, span_text(""), NULL);
	for (size_t i = 0; !all && i < change->len && r >= 0; i++)
		r = store_change_add(
			store, serial, change->sources[i].list, &change->sources[i].source);
	if (r >= 0)
		*ret_serial = serial;
	return r;
}

static int number_commit(
	struct publisher *publisher, enum number_reason reason, uint32_t *ret_serial)
{
	struct change change = {.all = reason == NUMBER_GAP};
	int r = store_begin(publisher->guard->store);

	if (r < 0)
		return r;
	r = publisher_number(publisher, &change, ret_serial);
	if (r >= 0)
		return store_commit(publisher->guard->store);
	store_rollback(publisher->guard->store);
	return r;
}

static int change_encode_now(
	struct publisher *publisher, uint32_t serial, struct logged_delta *ret_delta)
{
	struct repaint_from from = {publisher->guard->store, publisher->layout};

	return change_encode(&from, publisher->change, serial, ret_delta);
}

static enum publisher_event_kind do_number(
	struct publisher *publisher, struct publisher_event *event)
{
	static const struct change everything = {.all = true};
	int r = E_ABSENT;

	if (publisher->guard->store != NULL)
		r = number_commit(publisher, event->asked.reason, &event->serial);
	if (r >= 0 && event->asked.reason == NUMBER_SNAPSHOT) {
		publisher->change = &everything;
		r = change_encode_now(publisher, event->serial, &event->delta);
	}
	if (r < 0)
		store_failed(publisher, r);
	return r < 0 ? EVENT_NOT_NUMBERED : EVENT_NUMBERED;
}

static int collect_one(struct span list, const struct source *source, void *arg)
{
	struct change *change = arg;

	if (source == NULL)
		change->all = true;
	else
		change_add(change, list, source);
	return 0;
}

static void do_collect(struct publisher *publisher, struct publisher_event *event)
{
	struct change *change = &publisher->collected;
	int r = store_changes(
		publisher->guard->store, publisher->state.snapshot_serial, collect_one, change);

	if (r < 0)
		store_failed(publisher, r);
	event->all = r < 0 || change->all;
	publisher->change = change;
}

/* Whether everything up to there is forgotten. */
static bool do_forget(struct publisher *publisher, uint32_t serial)
{
	int r = store_changes_drop(publisher->guard->store, serial, FORGET_STEP);

	if (r < 0)
		store_failed(publisher, r);
	return r == 0;
}

/* ---- files ---- */

static void log_damaged(const struct snapshot_file *file, int error, const struct fault *why)
{
	log_event(EV_SNAPSHOT_BAD, LOG_FIELDS(log_text("file", file->name), log_error(error),
					   log_text("why", why->text)));
}

static const char *lists_path(const struct publisher *publisher)
{
	return publisher->guard->conf->lists_path;
}

static bool file_is_whole(const struct publisher *publisher)
{
	struct snapshot_file file = snapshot_file_of(publisher->state.snapshot_serial);
	AUTO(view) *view = NULL;
	struct fault why = {""};
	int r = snapshot_folder_open(lists_path(publisher), &file, &view, &why);

	if (r < 0)
		log_damaged(&file, r, &why);
	return r >= 0;
}

/* Does the snapshot hold the lists of today's configuration? */
static bool file_fits(const struct publisher *publisher)
{
	struct snapshot_file file = snapshot_file_of(publisher->state.snapshot_serial);
	AUTO(view) *view = NULL;

	return file.serial != 0 &&
	       snapshot_folder_open(lists_path(publisher), &file, &view, NULL) == 0 &&
	       layout_is_of_view(publisher->layout, view);
}

static void file_failed(struct publisher *publisher, int error, const struct fault *why)
{
	log_event(EV_SNAPSHOT_BAD, LOG_FIELDS(log_error(error), log_text("why", why->text)));
	if (error == E_CORRUPT)
		store_failed(publisher, error);
}

/* Whether it could be begun. */
static bool do_write_snapshot(struct publisher *publisher)
{
	struct snapshot_wish wish = {.store_url = publisher->guard->conf->store,
		.store = publisher->guard->store,
		.folder = lists_path(publisher),
		.layout = publisher->layout,
		.now_s = loop_now_s(publisher->guard->loop)};
	struct fault why = {""};
	int r = snapshot_thread_write(publisher->thread, &wish, &why);

	if (r >= 0)
		store_sync_defer(publisher->guard->store);
	else
		file_failed(publisher, r, &why);
	return r >= 0;
}

/* ---- telling followers ---- */

static struct publisher_follower *follower_of(struct follower_state *state)
{
	return CONTAINEROF(state, struct publisher_follower, state);
}

/* False: there is nothing to be sent. */
static bool append_deltas(struct publisher *publisher, struct publisher_follower *follower)
{
	struct buf *out = stream_out(follower->stream);
	const struct logged_delta *delta;
	uint32_t from = 0;

	while (buf_len(out) < PUMP_BYTES &&
		(delta = publisher_next_delta(&publisher->state, &follower->state, &from)) != NULL)
		/* it was packed to fit */
		frame_append_delta(
			out, span_of(delta->packed, delta->packed_len), from, FRAME_ROLE_MAX);
	return buf_len(out) != 0;
}

/* A follower may read slowly: what does not fit into the connection now follows when it has
 * drained. */
static void send_deltas(struct publisher *publisher, struct publisher_follower *follower)
{
	while (buf_len(stream_out(follower->stream)) == 0 && append_deltas(publisher, follower))
		stream_send(follower->stream);
}

/* Messages that are this short fit. A connection that takes nothing more is closed in the next
 * turn. */
static void do_send(struct publisher *publisher, const struct publisher_action *action)
{
	struct publisher_follower *follower = follower_of(action->follower);
	struct snapshot_file file = snapshot_file_of(publisher->state.snapshot_serial);

	if (action->kind == DO_SEND_DELTAS) {
		send_deltas(publisher, follower);
		return;
	}
	if (action->kind == DO_GREET)
		frame_append_greeting(stream_out(follower->stream), action->serial);
	else
		frame_append_snapshot(
			stream_out(follower->stream), file.serial, file.name, action->serial);
	stream_send(follower->stream);
}

static void log_jump(const struct publisher *publisher, const struct publisher_action *action)
{
	log_event(EV_SERIAL_AHEAD, LOG_FIELDS(log_text("from", follower_of(action->follower)->name),
					   log_number("serial", action->serial),
					   log_number("ours", publisher->state.serial)));
}

/* ---- what the machine asks for ---- */

static void do_simple(struct publisher *publisher, const struct publisher_action *action)
{
	switch (action->kind) {
	case DO_WRITE_SERIAL:
		serial_write(publisher);
		break;
	case DO_GREET:
	case DO_SEND_SNAPSHOT:
	case DO_SEND_DELTAS:
		do_send(publisher, action);
		break;
	case DO_SERVED:
		publisher->calls.served(publisher->arg);
		break;
	case DO_REMOVE_FILES:
		snapshot_folder_remove_old(lists_path(publisher), action->serial);
		break;
	case DO_DISCARD_FILE:
		snapshot_folder_remove(lists_path(publisher), action->serial);
		break;
	default:
		log_jump(publisher, action);
	}
}

/* True: *event is the result. */
static bool do_asking(struct publisher *publisher, struct publisher_event *event)
{
	const struct publisher_action *action = &event->asked;

	switch (action->kind) {
	case DO_WRITE_SNAPSHOT:
		event->kind = EVENT_SNAPSHOT_FAILED;
		return !do_write_snapshot(publisher);
	case DO_NUMBER:
		event->kind = do_number(publisher, event);
		return true;
	case DO_COLLECT:
		event->kind = EVENT_COLLECTED;
		do_collect(publisher, event);
		return publisher->error == 0;
	case DO_ENCODE:
		event->kind = change_encode_now(publisher, action->serial, &event->delta) < 0
				      ? EVENT_TOO_LARGE
				      : EVENT_ENCODED;
		return true;
	case DO_CHECK_FILE:
		event->kind = file_is_whole(publisher) ? EVENT_FILE_WHOLE : EVENT_FILE_DAMAGED;
		return true;
	default:
		event->kind = EVENT_FORGOTTEN;
		return do_forget(publisher, action->serial);
	}
}

static bool publisher_do(struct publisher *publisher, struct publisher_event *ret_event)
{
	const struct publisher_actions *actions = &publisher->actions;

	for (size_t i = 0; i < actions->len; i++) {
		if (actions->list[i].kind < DO_WRITE_SNAPSHOT) {
			do_simple(publisher, &actions->list[i]);
			continue;
		}
		ASSERT(i + 1 == actions->len);
		*ret_event = (struct publisher_event){.asked = actions->list[i]};
		return do_asking(publisher, ret_event);
	}
	return false;
}

static void publisher_run(struct publisher *publisher, const struct publisher_event *what)
{
	struct publisher_event event = *what;

	do {
		event.now_ms = loop_now_ms(publisher->guard->loop);
		event.now_s = loop_now_s(publisher->guard->loop);
		event.has_store = publisher->guard->store != NULL;
		event.importing = publisher->calls.import_goes_on(publisher->arg);
		publisher->actions.len = 0;
		publisher_step(&publisher->state, &event, &publisher->actions);
	} while (publisher_do(publisher, &event));
}

/* For events after which the machine may write to the store. */
static void publisher_commit_and_run(
	struct publisher *publisher, const struct publisher_event *event)
{
	publisher->calls.commit_pending(publisher->arg);
	publisher_run(publisher, event);
}

/* ---- changes ---- */

enum served publisher_publish(struct publisher *publisher, const struct change *change,
	uint32_t serial, enum publish_when when)
{
	publisher->change = change;
	publisher_run(publisher, &(struct publisher_event){.kind = EVENT_CHANGED,
					 .serial = serial,
					 .all = change->all,
					 .later = when == PUBLISH_LATER});
	return publisher->state.serial == serial ? SERVED_BY_DELTA : SERVED_BY_SNAPSHOT;
}

int publisher_may_change(const struct publisher *publisher, struct fault *why)
{
	struct span where = utf8_cut(span_text(lists_path(publisher)), WHERE_MAX);

	if (publisher->state.log.ranges < LOG_RANGES_MAX)
		return 0;
	return fault_set(why, E_FULL,
		"too many changes wait for a snapshot, and none can be written in '%.*s': make "
		"room there; nothing was changed",
		(int)where.len, (const char *)where.ptr);
}

static void publisher_on_turn(struct timer *timer, void *arg)
{
	(void)timer;
	publisher_commit_and_run(
		OBJ(publisher, arg), &(struct publisher_event){.kind = EVENT_TIME_PASSED});
}

void publisher_turn(struct publisher *publisher)
{
	if (!timer_is_set(&publisher->turn))
		timer_set(&publisher->turn, loop_now_ms(publisher->guard->loop));
}

void publisher_forget(struct publisher *publisher)
{
	if (publisher->state.forget != 0)
		publisher_commit_and_run(
			publisher, &(struct publisher_event){.kind = EVENT_FORGET_DUE});
}

static void publisher_on_file(const struct snapshot_result *result, void *arg)
{
	struct publisher *publisher = OBJ(publisher, arg);
	struct publisher_event event = {.kind = EVENT_SNAPSHOT_WRITTEN,
		.serial = result->serial,
		.took_ms = result->took_ms};

	if (publisher->guard->store != NULL)
		store_sync_resume(publisher->guard->store);
	if (result->error < 0) {
		event.kind = EVENT_SNAPSHOT_FAILED;
		file_failed(publisher, result->error, &result->why);
	} else {
		log_event(EV_SNAPSHOT_WRITTEN,
			LOG_FIELDS(log_text("file", snapshot_file_of(result->serial).name),
				log_number("serial", result->serial),
				log_number("listings", (int64_t)result->entries),
				log_number("ms", result->took_ms)));
	}
	publisher_commit_and_run(publisher, &event);
}

/* ---- followers ---- */

void publisher_follower_greeted(struct publisher *publisher, struct publisher_follower *follower,
	const struct publisher_greeting *greeting)
{
	struct publisher_event event = {.kind = EVENT_GREETED,
		.follower = &follower->state,
		.serial = greeting->serial,
		.unreadable = greeting->unreadable};

	if (!follower->state.joined || greeting->serial == 0)
		publisher->calls.commit_pending(publisher->arg);
	if (follower->stream != NULL) /* else it went away with what the commit sent it */
		publisher_run(publisher, &event);
}

void publisher_follower_drained(struct publisher *publisher, struct publisher_follower *follower)
{
	if (follower->state.joined)
		publisher_run(publisher, &(struct publisher_event){.kind = EVENT_DRAINED,
						 .follower = &follower->state});
}

void publisher_follower_gone(struct publisher *publisher, struct publisher_follower *follower)
{
	publisher_remove_follower(&publisher->state, &follower->state);
	follower->stream = NULL;
}

/* ---- start and end ---- */

struct publisher *publisher_new(
	struct store_guard *guard, const struct publisher_calls *calls, void *arg)
{
	struct publisher *publisher = mem_new(publisher);

	publisher->magic = (uint32_t)MAGIC_publisher;
	publisher->guard = guard;
	publisher->calls = *calls;
	publisher->arg = arg;
	publisher->serial_fd = -1;
	timer_init(&publisher->turn, guard->loop, publisher_on_turn, publisher);
	return publisher;
}

static int serial_open(struct publisher *publisher, struct fault *why)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/serial", lists_path(publisher));
	publisher->serial_fd = file_open(path, O_RDWR | O_CREAT | O_NOFOLLOW, 0640, why);
	return publisher->serial_fd < 0 ? publisher->serial_fd : 0;
}

static uint32_t newest_file(const struct publisher *publisher)
{
	struct snapshot_file file = {.serial = 0};
	AUTO(view) *view = NULL;
	struct fault why = {""};
	int r;

	while ((r = snapshot_folder_next(lists_path(publisher), &file, &view, &why)) < 0 &&
		file.serial != 0)
		log_damaged(&file, r, &why);
	return file.serial;
}

int publisher_start(struct publisher *publisher, struct fault *why)
{
	int r = serial_open(publisher, why);

	if (r < 0)
		return r;
	publisher->layout = layout_new(publisher->guard->conf);
	publisher_run(publisher, &(struct publisher_event){.kind = EVENT_STARTED,
					 .serial = newest_file(publisher),
					 .told_serial = serial_read(publisher, 0),
					 .told_snapshot = serial_read(publisher, 1)});
	if (snapshot_thread_new(
		    publisher->guard->loop, publisher_on_file, publisher, &publisher->thread) < 0)
		return fault_set(why, E_SYSTEM, "cannot start a thread");
	return 0;
}

int publisher_store_opened(struct publisher *publisher)
{
	struct publisher_event event = {
		.kind = EVENT_STORE_OPENED, .layout_fits = file_fits(publisher)};
	int r = store_serial(publisher->guard->store, &event.serial);

	if (r < 0)
		return r;
	publisher->is_opening = true;
	publisher->error = 0;
	publisher->collected = (struct change){.arena = arena_new(0)};
	publisher_run(publisher, &event);
	arena_free(&publisher->collected.arena);
	publisher->is_opening = false;
	r = publisher->error;
	publisher->error = 0;
	return r;
}

bool publisher_has_past(const struct publisher *publisher)
{
	return publisher->state.snapshot_serial != 0 || publisher->state.told_serial != 0;
}

void publisher_reload(struct publisher *publisher)
{
	struct list_layout *layout = layout_new(publisher->guard->conf);
	bool is_same = layout_equal(layout, publisher->layout);

	publisher->calls.commit_pending(publisher->arg);
	layout_free(&publisher->layout);
	publisher->layout = layout;
	if (!is_same)
		publisher_run(publisher, &(struct publisher_event){.kind = EVENT_LAYOUT_CHANGED});
}

void publisher_free(struct publisher **publisher)
{
	struct publisher *p = *publisher;

	if (p == NULL)
		return;
	snapshot_thread_free(&p->thread);
	timer_done(&p->turn);
	publisher_state_done(&p->state);
	publisher_actions_done(&p->actions);
	layout_free(&p->layout);
	if (p->serial_fd >= 0)
		close(p->serial_fd);
	p->magic = 0;
	mem_free(p);
	*publisher = NULL;
}

/* ---- questions ---- */

uint32_t publisher_serial(const struct publisher *publisher)
{
	return publisher->state.serial;
}

uint32_t publisher_snapshot_serial(const struct publisher *publisher)
{
	return publisher->state.snapshot_serial;
}

uint32_t publisher_gap_serial(const struct publisher *publisher)
{
	return publisher->state.gap_serial;
}

bool publisher_all_serve(const struct publisher *publisher, uint32_t serial)
{
	return publisher_state_all_serve(&publisher->state, serial);
}
