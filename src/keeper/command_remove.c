/* SPDX-License-Identifier: ISC */
#include "bus/convert.h"
#include "keeper/command.h"
#include "list/retirement.h"

/* Sources off a list, or off all of them: one event, and what it ended is kept. */
struct removing {
	struct span list; /* empty: all but the allow list */
	struct span sublist;
	const struct source *source;
	struct source wider; /* listed instead, when the source itself is not */
	bool has_wider;
};

static int removing_choose(const struct store_listing *listing, void *arg)
{
	struct removing *removing = arg;

	if (removing->list.len == 0 && (span_equal_text(listing->list, "allow") ||
					       span_equal_text(listing->list, RETIREMENT_LIST)))
		return 0;
	if (removing->sublist.len != 0 && !span_equal(listing->sublist, removing->sublist))
		return 0;
	if (source_equal(&listing->source, removing->source))
		return 1;
	removing->wider = listing->source;
	removing->has_wider = true;
	return 0;
}

static int remove_absent(const struct removing *removing, struct fault *why)
{
	char text[SOURCE_TEXT_SIZE];
	char wider[SOURCE_TEXT_SIZE];

	source_print(removing->source, text);
	if (removing->has_wider)
		return fault_set(why, E_ABSENT,
			"'%s' is not listed by itself, but %s is: remove that (stockade delist), or make "
			"an exception (stockade list add %s --except)",
			text, source_print(&removing->wider, wider), text);
	return fault_set(why, E_ABSENT, "'%s' is not listed%s%.*s", text,
		removing->list.len != 0 ? " on " : "", (int)removing->list.len,
		(const char *)removing->list.ptr);
}

static int remove_one(struct command_run *run, const struct source *source)
{
	const Stockade__ListRemove *wire = run->command->remove;
	struct removing removing = {.list = span_text(wire->list),
		.sublist = span_text(wire->sublist),
		.source = source};
	struct listing_ending ending = {
		.reason = run->writer.event.reason, .choose = removing_choose, .arg = &removing};
	struct store_select select = {
		.which = STORE_COVERING, .list = removing.list, .source = source};
	uint32_t before = run->item.change.rows;
	int r = listings_end(&run->writer, &select, &ending);

	if (r >= 0 && run->item.change.rows == before)
		return remove_absent(&removing, &run->item.why);
	return r;
}

int command_remove(struct command_run *run)
{
	const Stockade__ListRemove *wire = run->command->remove;
	struct store_event *event = &run->writer.event;
	char first[SOURCE_TEXT_SIZE] = "";

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
		r = remove_one(run, &source);
		if (r < 0)
			return r;
	}
	event->subject = span_text("");
	run->answer->text = arena_format(run->arena, "%lu listing%s of %s%s ended",
		(unsigned long)run->item.change.rows, run->item.change.rows == 1 ? "" : "s", first,
		wire->n_sources > 1 ? " and others" : "");
	return 0;
}
