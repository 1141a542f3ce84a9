/* SPDX-License-Identifier: ISC */
#include "bus/follower.h"

#include <limits.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/macro.h"
#include "base/mem.h"
#include "base/serial.h"
#include "bus/convert.h"
#include "list/view.h"
#include "stockade.pb-c.h"

/*
 *   Snapshot 7 over 10                         while 10 is served: the same changes, on top of the
 *                                              new file, at once.
 *   Snapshot 7, Delta 7->9, Delta 9->10        while 10 is served already: `next` goes 7, 9, 10 and
 *                                              is put then.
 *
 * The first is how it goes each time the keeper has written a fresh snapshot in the background,
 * since changes went on meanwhile. The second is for who lacks something: changes that no delta
 * could carry, or all of it.
 */
struct follower {
	char *lists_path;
	struct shelf *shelf;
	struct shelf_item *held; /* what is served */
	struct view *next; /* being brought up to `target`; NULL: deltas go to what is served */
	uint32_t target;
	uint32_t expected; /* announced by the keeper; 0: nothing */
	void (*on_delta)(void *arg, const struct delta *delta);
	void *arg;
};

struct follower *follower_new(const char *lists_path, struct shelf *shelf)
{
	struct follower *follower = mem_new(follower);

	follower->lists_path = mem_copy_string(lists_path);
	follower->shelf = shelf;
	shelf_refresh(shelf, &follower->held);
	return follower;
}

void follower_free(struct follower **follower)
{
	struct follower *f = *follower;

	if (f == NULL)
		return;
	view_free(&f->next);
	shelf_release(f->shelf, &f->held);
	mem_free(f->lists_path);
	mem_free(f);
	*follower = NULL;
}

void follower_on_delta(
	struct follower *follower, void (*call)(void *arg, const struct delta *delta), void *arg)
{
	follower->on_delta = call;
	follower->arg = arg;
}

static const struct view *follower_view(const struct follower *follower)
{
	return shelf_object(follower->held);
}

uint32_t follower_serial(const struct follower *follower)
{
	const struct view *view = follower_view(follower);

	return view != NULL ? view_serial(view) : 0;
}

size_t follower_sweep(struct follower *follower)
{
	return shelf_sweep(follower->shelf);
}

void follower_expect(struct follower *follower, uint32_t serial)
{
	follower->expected = serial;
	view_free(&follower->next);
}

/* Takes the view over. */
static int follower_settle(struct follower *follower, struct view *view)
{
	uint32_t serial = view_serial(view);

	if (follower->target != 0 && serial_is_before(serial, follower->target)) {
		follower->next = view;
		return 0;
	}
	follower->target = 0;
	shelf_put(follower->shelf, view);
	shelf_refresh(follower->shelf, &follower->held);
	return 1;
}

/* On top of which view does the delta go? NULL: one that we do not have. */
static const struct view *follower_base(const struct follower *follower)
{
	return follower->next != NULL ? follower->next : follower_view(follower);
}

/* The new file goes below what we have, which is not to be sent again. */
static int follower_slide(
	struct follower *follower, const struct view *fresh, uint32_t over, struct fault *why)
{
	const struct view *base = follower_base(follower);
	struct view *view = NULL;
	int r;

	if (base == NULL || view_serial(base) != over)
		return fault_set(why, E_CONFLICT, "a snapshot below serial %lu does not fit %lu",
			(unsigned long)over, (unsigned long)(base != NULL ? view_serial(base) : 0));
	r = view_rebase(base, fresh, &view, why);
	if (r < 0)
		return r;
	view_free(&follower->next);
	return follower_settle(follower, view);
}

int follower_snapshot(
	struct follower *follower, const Stockade__Snapshot *snapshot, struct fault *why)
{
	AUTO(view) *view = NULL;
	char path[PATH_MAX];
	int r;

	/* A name, never a path: a keeper taken over shall not choose what this role reads. */
	if (strchr("./", snapshot->file[0]) != NULL || strchr(snapshot->file, '/') != NULL)
		return fault_set(
			why, E_PARSE, "'%s' is not the name of a snapshot", snapshot->file);
	if (snprintf(path, sizeof(path), "%s/%s", follower->lists_path, snapshot->file) >=
		(int)sizeof(path))
		return fault_set(why, E_LIMIT, "path of the lists folder is too long");
	r = view_open(path, &view, why);
	if (r < 0)
		return r;
	if (view_serial(view) != snapshot->serial)
		return fault_set(why, E_CORRUPT, "snapshot '%s' has serial %lu, not %lu",
			snapshot->file, (unsigned long)view_serial(view),
			(unsigned long)snapshot->serial);
	if (snapshot->over != 0)
		return follower_slide(follower, view, snapshot->over, why);
	view_free(&follower->next);
	follower->target = follower->expected != 0 ? follower->expected : follower_serial(follower);
	follower->expected = 0;
	return follower_settle(follower, TAKE(view));
}

int follower_delta(struct follower *follower, const Stockade__Delta *wire, struct fault *why)
{
	AUTO(arena) *arena = arena_new(0);
	const struct view *base = follower_base(follower);
	struct view *view = NULL;
	struct delta delta;
	int r;

	if (base == NULL || wire->from_serial != view_serial(base))
		return fault_set(why, E_CONFLICT, "a change from serial %lu does not fit %lu",
			(unsigned long)wire->from_serial,
			(unsigned long)(base != NULL ? view_serial(base) : 0));
	r = delta_from_wire(wire, arena, &delta);
	if (r < 0)
		return fault_set(why, r, "a change holds something that is not a source");
	r = view_apply(base, &delta, &view, why);
	if (r < 0)
		return r;
	if (follower->on_delta != NULL && follower->next == NULL)
		follower->on_delta(follower->arg, &delta);
	view_free(&follower->next);
	return follower_settle(follower, view);
}
