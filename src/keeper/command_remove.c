/* SPDX-License-Identifier: ISC */
#include "base/macro.h"
#include "bus/convert.h"
#include "keeper/keeper_priv.h"
#include "list/retirement.h"

/* Sources off a list, or off all of them: each is an event, and what it ended is kept. */
struct removing {
	struct command_run *run;
	struct span list; /* empty: all but the allow list */
	struct span sublist;
	const struct source *source;
	bool exact;
	uint64_t ids[SUBLISTS_MAX * 2];
	struct span lists[SUBLISTS_MAX * 2];
	size_t len;
	struct source wider; /* listed instead, when the source itself is not */
	bool has_wider;
};

static int removing_found(const struct store_listing *listing, void *arg)
{
	struct removing *removing = arg;

	if (removing->list.len == 0 && (span_equal_text(listing->list, "allow") ||
					       span_equal_text(listing->list, RETIREMENT_LIST)))
		return 0;
	if (removing->sublist.len != 0 && !span_equal(listing->sublist, removing->sublist))
		return 0;
	if (!source_equal(&listing->source, removing->source)) {
		removing->wider = listing->source;
		removing->has_wider = true;
		return 0;
	}
	if (removing->len == COUNTOF(removing->ids))
		return 1;
	removing->lists[removing->len] = arena_copy(removing->run->change.arena, listing->list);
	removing->ids[removing->len++] = listing->id;
	return 0;
}

static int removing_end(struct removing *removing, const char *verb)
{
	struct command_run *run = removing->run;
	char text[SOURCE_TEXT_SIZE];
	int r = 0;

	if (removing->len != 0 && run->event == 0)
		r = command_event(run, verb, source_print(removing->source, text), 0);
	for (size_t i = 0; i < removing->len && r >= 0; i++) {
		r = store_listing_end(run->keeper->guard.store, removing->ids[i], run->now_s,
			span_text(run->author), run->reason, run->event);
		change_add(&run->change, removing->lists[i], removing->source);
	}
	return r;
}

static int remove_absent(struct command_run *run, const struct removing *removing)
{
	char text[SOURCE_TEXT_SIZE];
	char wider[SOURCE_TEXT_SIZE];

	source_print(removing->source, text);
	if (removing->has_wider)
		return fault_set(&run->why, E_ABSENT,
			"'%s' is not listed by itself, but %s is: end that, or exclude '%s' from it",
			text, source_print(&removing->wider, wider), text);
	return fault_set(&run->why, E_ABSENT, "'%s' is not listed%s%s", text,
		removing->list.len != 0 ? " on " : "",
		removing->list.len != 0 ? run->command->remove->list : "");
}

static int remove_one(struct command_run *run, const struct source *source)
{
	const Stockade__ListRemove *wire = run->command->remove;
	struct removing removing = {.run = run,
		.list = span_text(wire->list),
		.sublist = span_text(wire->sublist),
		.source = source};
	struct store_select select = {
		.which = STORE_COVERING, .list = removing.list, .source = source};
	int r = store_listings(run->keeper->guard.store, &select, removing_found, &removing);

	if (r < 0)
		return r;
	if (removing.len == 0)
		return remove_absent(run, &removing);
	return removing_end(&removing, removing.list.len != 0 ? "remove" : "delist");
}

int command_remove(struct command_run *run)
{
	const Stockade__ListRemove *wire = run->command->remove;
	char first[SOURCE_TEXT_SIZE];

	if (wire->n_sources == 0)
		return fault_set(&run->why, E_USAGE, "nothing to remove");
	for (size_t i = 0; i < wire->n_sources; i++) {
		struct source source;
		int r = source_from_wire(wire->sources[i], &source);

		if (r < 0)
			return fault_set(&run->why, r, "the command holds what is no source");
		if (i == 0)
			source_print(&source, first);
		r = remove_one(run, &source);
		if (r < 0)
			return r;
	}
	run->answer->text = arena_format(run->change.arena, "%lu listing%s of %s%s ended",
		(unsigned long)run->change.rows, run->change.rows == 1 ? "" : "s", first,
		wire->n_sources > 1 ? " and others" : "");
	return 0;
}
