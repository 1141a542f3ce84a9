/* SPDX-License-Identifier: ISC */
#include "base/utf8.h"
#include "bus/frame.h"
#include "keeper/command.h"
#include "keeper/retirement_state.h"
#include "policy/retirement.h"

/* The end of a list, step by step: what may be done when is in policy/retirement. */

/* ---- steps ---- */

/* The entry by which servers know. */
static int retirement_enter(
	struct command_run *run, const char *list, enum retirement_stage stage, struct span text)
{
	struct source source = {.kind = SOURCE_DOMAIN};
	struct store_evidence evidence = operator_evidence(&run->writer, &source);
	struct listing_row row = {.list = span_text(RETIREMENT_LIST),
		.sublist = span_text(retirement_sublist(stage)),
		.source = &source,
		.policy = &retirement_policy,
		.reason = text,
		.if_held = LISTING_LEAVE};

	retirement_source(span_text(list), &source);
	run->writer.event.subject = span_text(list);
	return listing_enter(&run->writer, &row, &evidence);
}

static int retire_announce(struct command_run *run, const struct retirement_state *state,
	const struct retirement_order *order)
{
	struct span reason = run->writer.event.reason;
	char when[CLOCK_TEXT_SIZE];
	const char *text;
	int r = retirement_may_announce(state, order, when, &run->item.why);

	if (r < 0)
		return r;
	text = arena_format(run->arena, "%s %.*s", when, (int)reason.len, (const char *)reason.ptr);
	run->writer.event.verb = span_text("retire");
	r = retirement_enter(run, order->list, RETIREMENT_ANNOUNCED,
		utf8_cut(span_text(text), MESSAGE_TEXT_MAX));
	if (r < 0)
		return r;
	run->answer->text = arena_format(run->arena,
		"'%s' is announced to end at %s UTC: its zone says so, nothing new is taken, listings expire",
		order->list, when);
	return 0;
}

int command_empty_next(struct command_run *run)
{
	const struct store_event *event = &run->writer.event;
	struct store_select select = {.which = STORE_PAGE, .list = event->subject};
	struct listing_ending ending = {.reason = event->reason};
	int r = listing_groups_end(&run->writer, &select, &ending);
	uint32_t ended = run->item.change.rows - 1; /* but for the entry that says so */

	if (r != 0)
		return r;
	run->next = NULL;
	run->item.change.all = true;
	run->answer->text = arena_format(run->arena,
		"'%.*s' is empty (%lu listing%s ended) and answers for nothing, test entries included",
		(int)event->subject.len, (const char *)event->subject.ptr, (unsigned long)ended,
		ended == 1 ? "" : "s");
	return 0;
}

static int retire_empty(struct command_run *run, const struct retirement_state *state,
	const struct retirement_order *order)
{
	struct listing_writer *writer = &run->writer;
	int r = retirement_may_empty(state, order, &run->item.why);

	writer->event.verb = span_text("empty");
	if (r >= 0)
		r = retirement_enter(run, order->list, RETIREMENT_ENDED, writer->event.reason);
	if (r >= 0)
		run->next = command_empty_next;
	return r;
}

static int retire_undo(
	struct command_run *run, const struct retirement_state *state, const char *list)
{
	uint64_t event = 0;
	int r = retirement_last(state, list, &event, &run->item.why);

	return r < 0 ? r : undo_event(run, event);
}

static int retire_step(struct command_run *run, const struct retirement_state *state,
	const struct retirement_order *order)
{
	switch (run->command->retire->step) {
	case RETIREMENT_ANNOUNCE:
		return retire_announce(run, state, order);
	case RETIREMENT_EMPTY:
		return retire_empty(run, state, order);
	case RETIREMENT_BACK:
		return retire_undo(run, state, order->list);
	default:
		return fault_set(&run->item.why, E_USAGE,
			"that is not a step in the end of a list: announce, empty or undo");
	}
}

int command_retire(struct command_run *run)
{
	const Stockade__ListRetire *wire = run->command->retire;
	const struct conf_list *list =
		conf_list_find(run->parts->guard->conf, span_text(wire->list));
	struct retirement_order order = {.now_s = run->writer.now_s,
		.notice_s = wire->notice_s,
		.skip_notice = wire->skip_notice};
	struct retirement_state state;
	int r;

	if (list == NULL || list->zone == NULL)
		return fault_set(
			&run->item.why, E_ABSENT, "there is no published list '%s'", wire->list);
	order.list = list->name;
	r = retirement_read(run->writer.store, span_text(list->name), &state);
	return r < 0 ? r : retire_step(run, &state, &order);
}
