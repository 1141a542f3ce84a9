/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/macro.h"
#include "base/mem.h"
#include "bus/convert.h"
#include "bus/frame.h"
#include "base/serial.h"
#include "list/paint.h"
#include "roles/keeper.h"

/*
 * What has been told to whom.
 *
 *   snapshot S ---- overlay ---- overlay ---- ... = serial, the published one
 *
 * A change takes the store's next serial in its transaction and notes the ground it touched (table change). After the
 * commit the ground is painted from the store and goes out as a delta from `serial` to the change's own. Numbers may be
 * left out: a delta says where it starts.
 *
 * Changes too large for a delta leave a *hole*: they are in the store, have a number, and are shown by the next snapshot
 * only. Deltas go on meanwhile, on top of what is published. When the snapshot is there, followers get it, the deltas
 * behind it, and, if some of those carried a number while the hole was open, one more number without ground: the same
 * number must never mean two states (secondaries compare numbers, not contents).
 *
 * The last number told to anybody is also written to the file `serial` beside the snapshots. So it never goes back, not
 * even when the store is restored from a backup.
 */
enum { PAINT_ENTRIES_MAX = 20000, JOB_RETRY_MS = 5000, SERIAL_SIZE = 11 };

static int meet_renumber(struct keeper *keeper, uint32_t *ret_serial);
static void publish_hole(struct keeper *keeper, uint32_t serial);

/* ---- overlays ---- */

static void overlay_drop(struct publisher *publisher, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		publisher->pieces -= publisher->overlays[i].pieces_len;
		arena_free(&publisher->overlays[i].arena);
	}
	publisher->overlays_len -= count;
	if (count == 0 || publisher->overlays_len == 0)
		return;
	memmove(publisher->overlays, publisher->overlays + count,
		publisher->overlays_len * sizeof(*publisher->overlays));
}

/* Takes the arena over. */
static const struct overlay *overlay_push(struct publisher *publisher, uint32_t serial,
	struct arena *arena, const struct delta_piece *pieces, size_t pieces_len)
{
	struct overlay *overlay;

	if (publisher->overlays_len == publisher->overlays_room) {
		publisher->overlays_room =
			publisher->overlays_room != 0 ? publisher->overlays_room * 2 : 16;
		publisher->overlays = mem_resize(publisher->overlays,
			publisher->overlays_room * sizeof(*publisher->overlays));
	}
	overlay = &publisher->overlays[publisher->overlays_len++];
	*overlay = (struct overlay){serial, arena, pieces, pieces_len};
	publisher->pieces += pieces_len;
	return overlay;
}

/* ---- the last number anybody was told ---- */

static void serial_write(struct publisher *publisher)
{
	char text[SERIAL_SIZE + 1];

	snprintf(text, sizeof(text), "%010lu\n", (unsigned long)publisher->serial);
	if (publisher->serial_fd >= 0 &&
		pwrite(publisher->serial_fd, text, SERIAL_SIZE, 0) != SERIAL_SIZE)
		return; /* a full disk: only a restored backup would need it */
}

static uint32_t serial_read(const struct publisher *publisher)
{
	char text[SERIAL_SIZE];
	uint64_t serial = 0;

	if (pread(publisher->serial_fd, text, sizeof(text), 0) != SERIAL_SIZE ||
		span_parse_u64(span_of(text, SERIAL_SIZE - 1), UINT32_MAX, &serial) < 0)
		return 0;
	return (uint32_t)serial;
}

static void published(struct keeper *keeper, uint32_t serial)
{
	keeper->publisher.serial = serial;
	serial_write(&keeper->publisher);
}

/* ---- telling followers ---- */

static void send_greeting(struct link *link, uint32_t serial)
{
	Stockade__Message message = STOCKADE__MESSAGE__INIT;
	Stockade__Hello hello = STOCKADE__HELLO__INIT;

	hello.role = (char *)"keeper";
	hello.version = 1;
	hello.serial = serial;
	message.kind_case = STOCKADE__MESSAGE__KIND_HELLO;
	message.hello = &hello;
	link_send(link, &message);
}

static void send_snapshot(struct link *link)
{
	Stockade__Message message = STOCKADE__MESSAGE__INIT;
	Stockade__Snapshot snapshot = STOCKADE__SNAPSHOT__INIT;
	struct publisher *publisher = &link->keeper->publisher;

	snapshot.serial = publisher->snapshot_serial;
	snapshot.file = publisher->snapshot_file;
	message.kind_case = STOCKADE__MESSAGE__KIND_SNAPSHOT;
	message.snapshot = &snapshot;
	link_send(link, &message);
	link->sent = publisher->snapshot_serial;
}

static void send_overlay(struct link *link, const struct overlay *overlay)
{
	AUTO(arena) *arena = arena_new(0);
	Stockade__Message message = STOCKADE__MESSAGE__INIT;
	struct delta delta = {.from_serial = link->sent,
		.to_serial = overlay->to_serial,
		.pieces_len = overlay->pieces_len,
		.pieces = overlay->pieces};

	message.kind_case = STOCKADE__MESSAGE__KIND_DELTA;
	message.delta = delta_to_wire(&delta, arena);
	link_send(link, &message);
	link->sent = overlay->to_serial;
}

/* The first overlay a follower at `serial` lacks; -1: it has to begin with the snapshot. */
static ssize_t overlay_behind(const struct publisher *publisher, uint32_t serial)
{
	if (serial == publisher->snapshot_serial && publisher->snapshot_serial != 0)
		return 0;
	for (size_t i = 0; i < publisher->overlays_len; i++) {
		if (publisher->overlays[i].to_serial == serial)
			return (ssize_t)i + 1;
	}
	return -1;
}

/* Before the store was read, or while a hole is open, a follower may be ahead of what we can offer: it stays there. */
static bool follower_is_ahead(const struct keeper *keeper, uint32_t serial)
{
	const struct publisher *publisher = &keeper->publisher;

	return serial != 0 && (keeper->store == NULL || publisher->hole) &&
	       (publisher->serial == 0 || serial_is_before(publisher->serial, serial));
}

static void publish_sync(struct link *link, bool again)
{
	struct publisher *publisher = &link->keeper->publisher;
	ssize_t first = again ? -1 : overlay_behind(publisher, link->sent);

	if (publisher->snapshot_serial == 0 ||
		(!again && follower_is_ahead(link->keeper, link->sent))) {
		send_greeting(link, link->sent);
		return;
	}
	send_greeting(link, publisher->serial);
	if (first < 0 && !link->dead) {
		send_snapshot(link);
		first = 0;
	}
	for (size_t i = (size_t)first; i < publisher->overlays_len && !link->dead; i++)
		send_overlay(link, &publisher->overlays[i]);
}

/* A published file that was damaged since is not offered again and again: a new one is written, under a new number. Whoever
 * waits for it keeps what it serves. */
static bool publish_is_damaged(struct keeper *keeper)
{
	struct publisher *publisher = &keeper->publisher;
	uint32_t serial = 0;
	int r;

	if (publisher->snapshot_serial == 0 || keeper->store == NULL ||
		snapshot_is_whole(keeper->context->conf->lists_path, publisher->snapshot_file,
			publisher->snapshot_serial))
		return false;
	if (publisher->hole)
		return true;
	put_flush(keeper);
	r = meet_renumber(keeper, &serial);
	if (r < 0) {
		keeper_store_failed(keeper, r);
		return true;
	}
	publish_hole(keeper, serial);
	publish_turn(keeper);
	return true;
}

void publish_greet(struct link *link, bool again)
{
	bool needs_file = again || overlay_behind(&link->keeper->publisher, link->sent) < 0;

	if (needs_file && publish_is_damaged(link->keeper))
		send_greeting(link, link->sent);
	else
		publish_sync(link, again);
}

/* Calls each for every follower; sending may close a link, which takes it off the list. */
static void each_follower(
	struct keeper *keeper, void (*each)(struct link *link, const void *arg), const void *arg)
{
	struct link *next;

	for (struct link *link = keeper->links; link != NULL; link = next) {
		next = link->next;
		if (link->follows && !link->dead)
			each(link, arg);
	}
}

static void tell_overlay(struct link *link, const void *arg)
{
	const struct overlay *overlay = arg;

	if (link->sent == link->keeper->publisher.serial)
		send_overlay(link, overlay);
}

static void tell_snapshot(struct link *link, const void *arg)
{
	(void)arg;
	publish_sync(link, true);
}

/* ---- painting ---- */

struct painting {
	const struct shape *shape;
	struct arena *arena;
	struct paint_entry *entries;
	size_t len;
	size_t room;
};

static int painting_add(const struct store_listing *listing, void *arg)
{
	struct painting *painting = arg;
	struct paint_entry *entry;
	unsigned sublist;
	int list;

	if (!shape_find(painting->shape, listing->list, listing->sublist, &list, &sublist))
		return 0;
	if (painting->len == PAINT_ENTRIES_MAX)
		return E_LIMIT;
	if (painting->len == painting->room) {
		painting->room = painting->room != 0 ? painting->room * 2 : 64;
		painting->entries =
			mem_resize(painting->entries, painting->room * sizeof(*painting->entries));
	}
	entry = &painting->entries[painting->len++];
	*entry = (struct paint_entry){.source = listing->source,
		.sublist = (uint8_t)sublist,
		.excluded = listing->excluded,
		.until_s = listing->until_s,
		.reason = arena_copy(painting->arena, listing->reason)};
	return 0;
}

static int ground_paint(struct keeper *keeper, const struct ground *ground, struct arena *arena,
	const struct delta_piece **ret_pieces, size_t *ret_len)
{
	struct painting painting = {.shape = keeper->publisher.shape, .arena = arena};
	struct store_select select = {
		.which = STORE_COVERING, .list = ground->list, .source = &ground->source};
	int r = store_listings(keeper->store, &select, painting_add, &painting);

	if (r >= 0) {
		select.which = STORE_WITHIN;
		r = store_listings(keeper->store, &select, painting_add, &painting);
	}
	if (r >= 0)
		r = paint_pieces(ground->list, &ground->source, painting.entries, painting.len,
			PIECES_MAX, arena, ret_pieces, ret_len);
	mem_free(painting.entries);
	return r;
}

/* Lists together; nets by address, the wide before what lies in them; domains behind. */
static int ground_compare(const void *left, const void *right)
{
	const struct ground *a = left;
	const struct ground *b = right;
	int order = span_compare(a->list, b->list);

	if (order != 0)
		return order;
	if (a->source.kind != b->source.kind)
		return a->source.kind < b->source.kind ? -1 : 1;
	if (a->source.kind == SOURCE_DOMAIN)
		return strcmp(a->source.domain, b->source.domain);
	order = ip_compare(a->source.net.ip, b->source.net.ip);
	if (order != 0)
		return order;
	return a->source.net.bits < b->source.net.bits ? -1
						       : a->source.net.bits > b->source.net.bits;
}

/* Is the ground painted already, as part of `outer`? */
static bool ground_covers(const struct ground *outer, const struct ground *inner)
{
	struct span name = span_text(inner->source.domain);
	struct span below = span_text(outer->source.domain);

	if (!span_equal(outer->list, inner->list) || outer->source.kind != inner->source.kind)
		return false;
	if (outer->source.kind == SOURCE_NET)
		return prefix_covers(outer->source.net, inner->source.net);
	if (span_equal(name, below))
		return true;
	return below.ptr[0] == '.' &&
	       (span_has_suffix_nocase(name, below) || span_equal(span_from(below, 1), name));
}

static bool ground_is_covered(const struct change *change, size_t index)
{
	const struct ground *ground = &change->grounds[index];

	/* Sorted nets that cover stand before; domains come in no useful order, and there are few. */
	for (size_t i = 0; i < change->len; i++) {
		const struct ground *other = &change->grounds[i];

		if (i == index || !ground_covers(other, ground))
			continue;
		if (!source_equal(&other->source, &ground->source) || i < index)
			return true;
	}
	return false;
}

/* All pieces of the change; E_LIMIT: too many. */
static int change_paint(struct keeper *keeper, struct change *change, struct arena *arena,
	struct delta_piece **ret_pieces, size_t *ret_len)
{
	struct delta_piece *pieces = arena_alloc(arena, PIECES_MAX * sizeof(*pieces));
	size_t len = 0;

	if (change->len != 0)
		qsort(change->grounds, change->len, sizeof(*change->grounds), ground_compare);
	for (size_t i = 0; i < change->len; i++) {
		const struct delta_piece *part = NULL;
		size_t part_len = 0;
		int r = 0;

		if (!ground_is_covered(change, i))
			r = ground_paint(keeper, &change->grounds[i], arena, &part, &part_len);
		if (r < 0)
			return r;
		if (part_len > PIECES_MAX - len)
			return E_LIMIT;
		if (part_len != 0)
			memcpy(pieces + len, part, part_len * sizeof(*pieces));
		len += part_len;
	}
	*ret_pieces = pieces;
	*ret_len = len;
	return 0;
}

/* ---- changes ---- */

int publish_number(struct keeper *keeper, const struct change *change, uint32_t *ret_serial)
{
	uint32_t serial = 0;
	int r = store_serial(keeper->store, &serial);

	if (r >= 0) {
		serial = serial_after(serial_newest(serial, keeper->publisher.serial));
		r = store_serial_set(keeper->store, serial);
	}
	if (r >= 0 && change->all)
		r = store_change_add(keeper->store, serial, span_text(""), NULL);
	for (size_t i = 0; !change->all && i < change->len && r >= 0; i++)
		r = store_change_add(
			keeper->store, serial, change->grounds[i].list, &change->grounds[i].source);
	if (r >= 0)
		*ret_serial = serial;
	return r;
}

static void publish_hole(struct keeper *keeper, uint32_t serial)
{
	keeper->publisher.hole = true;
	keeper->publisher.hole_serial = serial;
}

void publish_change(struct keeper *keeper, struct change *change, uint32_t serial, bool more)
{
	struct publisher *publisher = &keeper->publisher;
	struct arena *arena = NULL;
	struct delta_piece *pieces = NULL;
	size_t len = 0;
	int r = 0;

	if (!change->all && !publisher->reshaped && publisher->snapshot_serial != 0) {
		arena = arena_new(0);
		r = change_paint(keeper, change, arena, &pieces, &len);
	}
	if (arena == NULL || r < 0) {
		arena_free(&arena);
		change->all = true; /* whoever answers has to wait for the snapshot */
		publish_hole(keeper, serial);
		if (!more)
			publish_turn(keeper);
		return;
	}
	each_follower(keeper, tell_overlay, overlay_push(publisher, serial, arena, pieces, len));
	published(keeper, serial);
	publish_turn(keeper);
}

/* ---- snapshots ---- */

static bool snapshot_is_wanted(const struct keeper *keeper)
{
	const struct publisher *publisher = &keeper->publisher;

	for (const struct link *link = keeper->links; link != NULL; link = link->next) {
		if (link->import_event != 0)
			return false; /* the import's end asks again */
	}
	return publisher->hole || publisher->pieces > OVERLAY_PIECES ||
	       publisher->overlays_len > OVERLAY_DELTAS ||
	       (publisher->overlays_len != 0 &&
		       loop_now_ms(keeper->loop) >= publisher->rest_until_ms);
}

void publish_turn(struct keeper *keeper)
{
	struct publisher *publisher = &keeper->publisher;

	if (publisher->job != NULL || keeper->store == NULL ||
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

	put_flush(keeper);
	r = store_begin(keeper->store);
	if (r < 0)
		return r;
	r = publish_number(keeper, &nothing, ret_serial);
	if (r < 0) {
		store_rollback(keeper->store);
		return r;
	}
	return store_commit(keeper->store);
}

static size_t overlays_up_to(const struct publisher *publisher, uint32_t serial)
{
	size_t count = 0;

	while (count < publisher->overlays_len &&
		!serial_is_before(serial, publisher->overlays[count].to_serial))
		count++;
	return count;
}

void publish_adopt(struct keeper *keeper, uint32_t serial, const char *file)
{
	struct publisher *publisher = &keeper->publisher;
	uint32_t old = publisher->snapshot_serial;
	uint32_t number = serial_newest(serial, publisher->serial);
	bool filled = publisher->hole && !serial_is_before(serial, publisher->hole_serial);

	if (publisher->hole && number == publisher->serial && number != serial) {
		/* Deltas went out while the hole was open: the state they lead to now needs a number of its own. */
		int r = publish_fresh_number(keeper, &number);

		if (r < 0) {
			keeper_store_failed(keeper, r);
			publisher->job_not_before_ms = loop_now_ms(keeper->loop) + JOB_RETRY_MS;
			return;
		}
		overlay_push(publisher, number, arena_new(0), NULL, 0);
	}
	overlay_drop(publisher, overlays_up_to(publisher, serial));
	publisher->snapshot_serial = serial;
	snprintf(publisher->snapshot_file, sizeof(publisher->snapshot_file), "%s", file);
	if (filled)
		publisher->hole = publisher->reshaped = false;
	published(keeper, number);
	each_follower(keeper, tell_snapshot, NULL);
	if (old != 0 && old != serial && keeper->store != NULL) {
		int r = store_changes_drop(keeper->store, old);

		if (r < 0)
			keeper_store_failed(keeper, r);
	}
	snapshot_remove_old(keeper->context->conf->lists_path, serial);
	links_release_held(keeper);
	publish_turn(keeper);
}

/* ---- start and end ---- */

int publish_start(struct keeper *keeper, struct fault *why)
{
	struct publisher *publisher = &keeper->publisher;
	char path[4096];
	int r;

	publisher->shape = shape_new(keeper->context->conf);
	snprintf(path, sizeof(path), "%s/serial", keeper->context->conf->lists_path);
	publisher->serial_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
	if (publisher->serial_fd < 0)
		return fault_set(
			why, err_from_errno(errno), "cannot open '%s': %s", path, strerror(errno));
	r = snapshot_find_newest(keeper->context->conf->lists_path, &publisher->snapshot_serial,
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

static int change_collect(struct span list, const struct source *source, void *arg)
{
	struct change *change = arg;

	if (source == NULL)
		change->all = true;
	else
		change_add(change, list, source);
	return 0;
}

/* Makes the serial go on from the newest that anybody has seen. *ret_jumped: it had to jump. */
static int meet_serial(struct keeper *keeper, uint32_t *ret_serial, bool *ret_jumped)
{
	struct publisher *publisher = &keeper->publisher;
	uint32_t seen = serial_newest(publisher->serial, serial_read(publisher));
	struct change everything = {.all = true};
	uint32_t stored = 0;
	int r = store_serial(keeper->store, &stored);

	*ret_jumped = false;
	if (r < 0 || (stored != 0 && !serial_is_before(stored, seen))) {
		*ret_serial = stored;
		return r;
	}
	if (seen == 0) /* a new site: by the clock, so that a site set up anew goes on, too */
		seen = (uint32_t)loop_now_s(keeper->loop);
	r = store_begin(keeper->store);
	if (r >= 0)
		r = store_serial_set(keeper->store, seen);
	if (r >= 0)
		r = publish_number(keeper, &everything, ret_serial);
	*ret_jumped = true;
	if (r >= 0)
		return store_commit(keeper->store);
	store_rollback(keeper->store);
	return r;
}

/* Does the snapshot hold the lists of today's configuration? */
static bool snapshot_fits(const struct keeper *keeper)
{
	const struct publisher *publisher = &keeper->publisher;
	AUTO(view) *view = NULL;
	char path[4096];

	snprintf(path, sizeof(path), "%s/%s", keeper->context->conf->lists_path,
		publisher->snapshot_file);
	return view_open(path, &view, NULL) == 0 && shape_is_of_view(publisher->shape, view);
}

/* Everything anew, under a new number. */
static int meet_renumber(struct keeper *keeper, uint32_t *ret_serial)
{
	struct change everything = {.all = true};
	int r = store_begin(keeper->store);

	if (r < 0)
		return r;
	r = publish_number(keeper, &everything, ret_serial);
	if (r >= 0)
		return store_commit(keeper->store);
	store_rollback(keeper->store);
	return r;
}

/* Brings what is published from the snapshot to the store's serial: by one delta, or by a new snapshot. */
static int meet_catch_up(struct keeper *keeper, uint32_t serial)
{
	struct publisher *publisher = &keeper->publisher;
	struct change change = {.arena = arena_new(0)};
	int r = store_changes(keeper->store, publisher->snapshot_serial, change_collect, &change);

	if (r >= 0 &&
		change.all) /* what was told before the restart may carry this number already */
		r = meet_renumber(keeper, &serial);
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
	int r = meet_serial(keeper, &serial, &jumped);

	if (r < 0)
		return r;
	overlay_drop(publisher, publisher->overlays_len);
	publisher->serial = publisher->snapshot_serial;
	if (!jumped && (publisher->snapshot_serial == 0 || !snapshot_fits(keeper))) {
		r = meet_renumber(keeper, &serial);
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

void publish_reload(struct keeper *keeper)
{
	struct publisher *publisher = &keeper->publisher;
	struct shape *shape = shape_new(keeper->context->conf);
	bool same = shape_equal(shape, publisher->shape);
	uint32_t serial = 0;
	int r;

	shape_free(&publisher->shape);
	publisher->shape = shape;
	if (same || keeper->store == NULL)
		return;
	put_flush(keeper);
	r = meet_renumber(keeper, &serial);
	if (r < 0) {
		keeper_store_failed(keeper, r);
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
	overlay_drop(publisher, publisher->overlays_len);
	mem_free(publisher->overlays);
	publisher->overlays = NULL;
	shape_free(&publisher->shape);
	if (publisher->serial_fd >= 0)
		close(publisher->serial_fd);
	publisher->serial_fd = -1;
}
