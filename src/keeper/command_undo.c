/* SPDX-License-Identifier: ISC */
#include <stdio.h>

#include "base/macro.h"
#include "base/mem.h"
#include "keeper/keeper_priv.h"

/*
 * Undoing event E: what E added and is still in force ends; what E ended is added again, unless its time is over or the
 * sublist holds the source anew. The undoing is an event itself and can be undone by the same rule; the store lets each
 * event be undone once.
 */
struct found {
	uint64_t id;
	struct changed_source changed;
};

struct finding {
	struct arena *arena;
	struct found *found;
	size_t len;
	size_t room;
	int64_t now_s;
	bool skip_expired;
};

static int finding_add(const struct store_listing *listing, void *arg)
{
	struct finding *finding = arg;

	if (finding->skip_expired && listing->until_s != 0 && listing->until_s <= finding->now_s)
		return 0;
	mem_grow(&finding->found, &finding->room, finding->len + 1, sizeof(*finding->found));
	finding->found[finding->len++] = (struct found){
		listing->id, {arena_copy(finding->arena, listing->list), listing->source}};
	return 0;
}

/* Collected first: a table is not walked while it is changed. */
static int undo_find(struct command_run *run, enum store_which which, struct finding *finding)
{
	struct store_select select = {.which = which, .after_id = run->undoes};
	int r;

	*finding = (struct finding){.arena = run->change.arena,
		.now_s = run->now_s,
		.skip_expired = which == STORE_REMOVED};
	r = store_listings(run->keeper->guard.store, &select, finding_add, finding);
	return r < 0 ? r : 0;
}

static int undo_end(struct command_run *run, const struct finding *finding, struct span reason)
{
	int r = 0;

	for (size_t i = 0; i < finding->len && r >= 0; i++) {
		const struct found *found = &finding->found[i];

		r = store_listing_end(run->keeper->guard.store, found->id, run->now_s,
			span_text(run->author), reason, run->event);
		change_add(&run->change, found->changed.list, &found->changed.source);
	}
	return r;
}

static int undo_add_again(struct command_run *run, const struct finding *finding)
{
	for (size_t i = 0; i < finding->len; i++) {
		const struct found *found = &finding->found[i];
		uint64_t id;
		int r = store_listing_again(
			run->keeper->guard.store, found->id, run->now_s, run->event, &id);

		if (r < 0)
			return r;
		if (r > 0)
			change_add(&run->change, found->changed.list, &found->changed.source);
	}
	return 0;
}

struct undone {
	char subject[400];
	bool already;
};

static int undone_event(const struct store_event *event, void *arg)
{
	struct undone *undone = arg;

	undone->already = event->undone;
	snprintf(undone->subject, sizeof(undone->subject), "%.*s %.*s", (int)event->verb.len,
		(const char *)event->verb.ptr, (int)event->subject.len,
		(const char *)event->subject.ptr);
	return 0;
}

static int undo_check(struct command_run *run, struct undone *undone)
{
	unsigned long long number = run->undoes;
	int r = store_event_get(run->keeper->guard.store, run->undoes, undone_event, undone);

	if (r == E_ABSENT)
		return fault_set(&run->why, r, "there is no event %llu", number);
	if (r >= 0 && undone->already)
		return fault_set(&run->why, E_CONFLICT, "event %llu was undone already", number);
	return r;
}

static int undo_apply(
	struct command_run *run, const struct finding *added, const struct finding *removed)
{
	char reason[600];
	int r;

	snprintf(reason, sizeof(reason), "undo of event %llu: %.*s",
		(unsigned long long)run->undoes, (int)run->reason.len,
		(const char *)run->reason.ptr);
	r = undo_end(run, added, span_text(reason));
	if (r >= 0)
		r = undo_add_again(run, removed);
	if (r >= 0 && run->change.rows == 0)
		return fault_set(&run->why, E_CONFLICT,
			"nothing of event %llu is left to undo: it ended, or later events replaced it",
			(unsigned long long)run->undoes);
	return r;
}

int command_undo(struct command_run *run)
{
	struct undone undone = {.already = false};
	struct finding added = {.len = 0};
	struct finding removed = {.len = 0};
	int r = undo_check(run, &undone);

	if (r >= 0)
		r = undo_find(run, STORE_ADDED, &added);
	if (r >= 0)
		r = undo_find(run, STORE_REMOVED, &removed);
	if (r >= 0)
		r = command_event(run, "undo", undone.subject, run->undoes);
	if (r >= 0)
		r = undo_apply(run, &added, &removed);
	mem_free(added.found);
	mem_free(removed.found);
	if (r < 0)
		return r;
	run->answer->text = arena_format(run->change.arena, "undone: %s (%lu listing%s changed)",
		undone.subject, (unsigned long)run->change.rows, run->change.rows == 1 ? "" : "s");
	return 0;
}
