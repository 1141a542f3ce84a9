/* SPDX-License-Identifier: ISC */
#include "bus/convert.h"
#include "keeper/command.h"
#include "list/retirement.h"

/* Sources off a list, or off all of them: one event, and what it ended is kept. */
struct removing {
	struct span list; /* empty: all but the allow list */
	struct span sublist;
	const struct source *source;
	struct source wider;                    /* listed instead, when the source itself is not */
	const char *wider_list, *wider_sublist; /* NULL: nothing is */
	const char *from;                       /* "main/manual": the last one it was taken off */
	struct arena *arena;
};

static int removing_choose(const struct store_listing *listing, void *arg)
{
	struct removing *removing = arg;

	if (removing->list.len == 0 && (span_equal_text(listing->list, "allow") ||
					       span_equal_text(listing->list, RETIREMENT_LIST)))
		return 0;
	if (removing->sublist.len != 0 && !span_equal(listing->sublist, removing->sublist))
		return 0;
	if (source_equal(&listing->source, removing->source)) {
		removing->from = arena_format(removing->arena, "%.*s/%.*s", (int)listing->list.len,
			(const char *)listing->list.ptr, (int)listing->sublist.len,
			(const char *)listing->sublist.ptr);
		return 1;
	}
	if (listing->excluded)
		return 0;
	removing->wider = listing->source;
	removing->wider_list = arena_string(removing->arena, listing->list);
	removing->wider_sublist = arena_string(removing->arena, listing->sublist);
	return 0;
}

static int remove_absent(const struct removing *removing, struct fault *why)
{
	char text[SOURCE_TEXT_SIZE];
	char wider[SOURCE_TEXT_SIZE];

	source_print(removing->source, text);
	if (removing->wider_list != NULL) {
		source_print(&removing->wider, wider);
		return fault_set(why, E_ABSENT,
			"'%s' is not listed by itself, but %s is. Remove that (stockade delist %s --reason "
			"\"...\"), or make an exception (stockade list add %s --list %s --sublist %s "
			"--except --reason \"...\")",
			text, wider, wider, text, removing->wider_list, removing->wider_sublist);
	}
	return fault_set(why, E_ABSENT, "'%s' is not listed%s%.*s", text,
		removing->list.len != 0 ? " on " : "", (int)removing->list.len,
		(const char *)removing->list.ptr);
}

static int remove_one(struct command_run *run, const struct source *source, const char **ret_from)
{
	const Stockade__ListRemove *wire = run->command->remove;
	struct removing removing = {.list = span_text(wire->list),
		.sublist = span_text(wire->sublist),
		.source = source,
		.arena = run->arena};
	struct listing_ending ending = {
		.reason = run->writer.event.reason, .choose = removing_choose, .arg = &removing};
	struct store_select select = {
		.which = STORE_COVERING, .list = removing.list, .source = source};
	uint32_t before = run->item.change.rows;
	int r = listings_end(&run->writer, &select, &ending);

	if (r >= 0 && run->item.change.rows == before)
		return remove_absent(&removing, &run->item.why);
	*ret_from = removing.from;
	return r;
}

static char *removed_text(const struct command_run *run, const char *first, const char *from)
{
	unsigned long rows = run->item.change.rows;

	if (rows == 1)
		return arena_format(run->arena, "removed %s from %s", first, from);
	return arena_format(run->arena, "removed %lu listings of %s%s", rows, first,
		run->command->remove->n_sources > 1 ? " and others" : "");
}

int command_remove(struct command_run *run)
{
	const Stockade__ListRemove *wire = run->command->remove;
	struct store_event *event = &run->writer.event;
	char first[SOURCE_TEXT_SIZE] = "";
	const char *from = "";

	if (wire->n_sources == 0)
		return fault_set(&run->item.why, E_USAGE, "nothing to remove");
	event->verb = span_text(wire->list[0] != '\0' ? "remove" : "delist");
	for (size_t i = 0; i < wire->n_sources; i++) {
		struct source source;
		int r = source_from_wire(wire->sources[i], &source);

		if (r < 0)
			return fault_set(&run->item.why, r,
				"the command holds something that is not an address, network or domain");
		if (i == 0)
			event->subject = span_text(source_print(&source, first));
		r = remove_one(run, &source, &from);
		if (r < 0)
			return r;
	}
	event->subject = span_text("");
	run->answer->text = removed_text(run, first, from);
	return 0;
}
