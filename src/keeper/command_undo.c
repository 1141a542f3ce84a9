/* SPDX-License-Identifier: ISC */
#include "base/utf8.h"
#include "bus/frame.h"
#include "keeper/command.h"
#include "keeper/retirement_state.h"
#include "policy/listing_rule.h"

/*
 * Undoing event E: what E added and is still in force ends; what E ended is added again, unless its
 * time is over or the sublist holds the source anew. The undoing is an event itself and can be
 * undone by the same rule; the store lets each event be undone once.
 */
struct undone {
	struct arena *arena;
	struct span subject;
	bool already;
	bool is_of_end;
};

static int undone_found(const struct store_event *event, void *arg)
{
	struct undone *undone = arg;

	undone->already = event->undone;
	undone->is_of_end = span_equal_text(event->verb, "empty");
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
	if (r >= 0)
		r = store_event_is_unfinished(run->writer.store, event);
	return r <= 0 ? r
		      : fault_set(&run->item.why, E_CONFLICT,
				"event %llu is still being carried out: wait for its end",
				(unsigned long long)event);
}

/* What comes back passes the rules of today, but for what the end of its own list took away. */
static int undo_may_list(const struct store_listing *listing, void *arg)
{
	struct command_run *run = arg;
	struct command_undoing *undoing = &run->undoing;
	const struct store_guard *guard = run->parts->guard;
	const struct conf_list *list = conf_list_find(guard->conf, listing->list);
	struct rule_entry entry = {
		.list = list, .source = &listing->source, .excluded = listing->excluded};
	struct fault why = {""};
	int r = 0;

	if (list == NULL)
		return 1; /* not published */
	r = rule_may_list(guard->conf, &entry, &why);
	if (r >= 0 && !undoing->is_of_end)
		r = retirement_refuses(guard, listing->list, &why);
	if (r >= 0)
		return 1;
	if (why.text[0] == '\0')
		return r; /* the store's */
	if (undoing->left_out++ == 0)
		undoing->why_left_out = why;
	return 0;
}

static struct span undo_reason(const struct command_run *run)
{
	const struct store_event *event = &run->writer.event;
	const char *reason = arena_format(run->arena, "undo of event %llu: %.*s",
		(unsigned long long)event->undoes, (int)event->reason.len,
		(const char *)event->reason.ptr);

	return utf8_cut(span_text(reason), MESSAGE_TEXT_MAX);
}

static char *undo_text(const struct command_run *run)
{
	const struct command_undoing *undoing = &run->undoing;
	uint32_t rows = run->item.change.rows;
	struct span subject = run->writer.event.subject;
	char *text =
		arena_format(run->arena, "undone: %.*s (%lu listing%s changed)", (int)subject.len,
			(const char *)subject.ptr, (unsigned long)rows, rows == 1 ? "" : "s");

	if (undoing->left_out == 0)
		return text;
	return arena_format(run->arena, "%s; %lu left out, the first because %s", text,
		(unsigned long)undoing->left_out, undoing->why_left_out.text);
}

static int undo_finish(struct command_run *run)
{
	const struct command_undoing *undoing = &run->undoing;
	unsigned long long event = run->writer.event.undoes;

	run->next = NULL;
	run->answer->text = undo_text(run);
	if (run->item.change.rows != 0 || run->is_unfinished)
		return 0;
	if (undoing->left_out != 0)
		return fault_set(&run->item.why, E_PROTECTED,
			"nothing of event %llu may be listed again: %s", event,
			undoing->why_left_out.text);
	return fault_set(&run->item.why, E_CONFLICT,
		"nothing of event %llu is left to undo: it ended, or later events replaced it",
		event);
}

/* First what it added ends, then what it ended is in force again, then ends are as they were. */
int command_undo_next(struct command_run *run)
{
	struct listing_restoring *restoring = &run->undoing.restoring;
	struct store_select added = {.which = STORE_ADDED, .event = restoring->event};
	struct listing_ending ending = {.reason = undo_reason(run)};
	int r = listing_groups_end(&run->writer, &added, &ending);

	restoring->may_list = undo_may_list;
	restoring->arg = run;
	if (r == 0)
		r = listings_restore(&run->writer, restoring);
	if (r == 0)
		r = listings_renew_back(&run->writer, restoring);
	return r != 0 ? r : undo_finish(run);
}

int undo_event(struct command_run *run, uint64_t event)
{
	struct undone undone = {.arena = run->arena};
	int r = undone_read(run, event, &undone);

	if (r < 0)
		return r;
	run->writer.event.verb = span_text("undo");
	run->writer.event.subject = utf8_cut(undone.subject, MESSAGE_TEXT_MAX);
	run->writer.event.undoes = event;
	run->undoing.restoring.event = event;
	run->undoing.is_of_end = undone.is_of_end;
	run->next = command_undo_next;
	return 0;
}

int command_undo(struct command_run *run)
{
	return undo_event(run, run->command->undo);
}
