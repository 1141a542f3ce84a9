/* SPDX-License-Identifier: ISC */
#include "base/utf8.h"
#include "bus/frame.h"
#include "keeper/command.h"

/*
 * Undoing event E: what E added and is still in force ends; what E ended is added again, unless its
 * time is over or the sublist holds the source anew. The undoing is an event itself and can be
 * undone by the same rule; the store lets each event be undone once.
 */
struct undone {
	struct arena *arena;
	struct span subject;
	bool already;
};

static int undone_found(const struct store_event *event, void *arg)
{
	struct undone *undone = arg;

	undone->already = event->undone;
	undone->subject = span_text(arena_format(undone->arena, "%.*s %.*s", (int)event->verb.len,
		(const char *)event->verb.ptr, (int)event->subject.len,
		(const char *)event->subject.ptr));
	return 0;
}

static int undone_read(struct command_run *run, uint64_t event, struct undone *undone)
{
	int r = store_event_get(run->writer.store, event, undone_found, undone);

	if (r == E_ABSENT)
		return fault_set(
			&run->item.why, r, "there is no event %llu", (unsigned long long)event);
	if (r >= 0 && undone->already)
		return fault_set(&run->item.why, E_CONFLICT, "event %llu was undone already",
			(unsigned long long)event);
	return r;
}

static int undo_rows(struct command_run *run, uint64_t event)
{
	struct store_select added = {.which = STORE_ADDED, .event = event};
	struct span why = run->writer.event.reason;
	const char *reason = arena_format(run->arena, "undo of event %llu: %.*s",
		(unsigned long long)event, (int)why.len, (const char *)why.ptr);
	struct listing_ending ending = {.reason = utf8_cut(span_text(reason), MESSAGE_TEXT_MAX)};
	int r;

	r = listings_end(&run->writer, &added, &ending);
	return r < 0 ? r : listings_restore(&run->writer, event);
}

int undo_event(struct command_run *run, uint64_t event)
{
	struct undone undone = {.arena = run->arena};
	uint32_t rows;
	int r = undone_read(run, event, &undone);

	if (r < 0)
		return r;
	run->writer.event.verb = span_text("undo");
	run->writer.event.subject = utf8_cut(undone.subject, MESSAGE_TEXT_MAX);
	run->writer.event.undoes = event;
	r = undo_rows(run, event);
	if (r < 0)
		return r;
	rows = run->item.change.rows;
	if (rows == 0)
		return fault_set(&run->item.why, E_CONFLICT,
			"nothing of event %llu is left to undo: it ended, or later events replaced it",
			(unsigned long long)event);
	run->answer->text = arena_format(run->arena, "undone: %.*s (%lu listing%s changed)",
		(int)run->writer.event.subject.len, (const char *)run->writer.event.subject.ptr,
		(unsigned long)rows, rows == 1 ? "" : "s");
	return 0;
}

int command_undo(struct command_run *run)
{
	return undo_event(run, run->command->undo);
}
