/* SPDX-License-Identifier: ISC */
#include <stdio.h>

#include "base/clock.h"
#include "bus/convert.h"
#include "keeper/keeper_priv.h"

/*
 * Sources onto a list, one or a part of an import. A listing is never rewritten: extending or changing one ends it and adds
 * another, so that the history shows both and an event is undone by ending what it added and adding again what it ended.
 */
struct adding {
	struct command_run *run;
	const Stockade__ListAdd *add;
	struct placement placement;
	bool allow_skips; /* an import leaves out what may not be listed, and says so */
	int64_t until_s;
	uint64_t evidence;
	uint32_t skipped;
	uint32_t unchanged;
	uint32_t replaced;
};

static int adding_event(struct adding *adding, const struct source *first)
{
	struct command_run *run = adding->run;
	bool import = adding->add->origin[0] != '\0';
	char text[SOURCE_TEXT_SIZE];
	char subject[SOURCE_TEXT_SIZE + 400];
	const char *verb = import                                               ? "import"
			   : strcmp(adding->placement.list->name, "allow") == 0 ? "allow"
										: "add";

	if (import)
		snprintf(subject, sizeof(subject), "%.256s into %s/%s", adding->add->origin,
			adding->placement.list->name, adding->placement.sublist->name);
	else
		snprintf(subject, sizeof(subject), "%s on %s/%s%s", source_print(first, text),
			adding->placement.list->name, adding->placement.sublist->name,
			adding->add->n_sources > 1 ? " and more" : "");
	return command_event(run, verb, subject, 0);
}

/* The operator's word is the evidence (policy "entered by a named operator with a written reason"). */
static int adding_evidence(struct adding *adding, const struct source *source)
{
	struct command_run *run = adding->run;
	bool import = adding->add->origin[0] != '\0';
	struct store_evidence evidence = {.kind = span_text("operator"),
		.source = import ? NULL : source,
		.time_s = run->now_s,
		.sensor = span_text(import ? adding->add->origin : run->author),
		.weight = 1,
		.note = run->reason};
	int r = store_evidence_add(run->keeper->guard.store, &evidence, &adding->evidence);

	return r < 0 ? r : 0;
}

struct existing {
	struct span sublist;
	uint64_t id;
	int64_t until_s;
	bool excluded;
	bool same_reason;
	struct span reason;
};

static int existing_found(const struct store_listing *listing, void *arg)
{
	struct existing *existing = arg;

	if (!span_equal(listing->sublist, existing->sublist))
		return 0;
	existing->id = listing->id;
	existing->until_s = listing->until_s;
	existing->excluded = listing->excluded;
	existing->same_reason = span_equal(listing->reason, existing->reason);
	return 1;
}

/* The sublist holds the source already: the same again changes nothing, anything else replaces it. 1: ended. */
static int adding_replace(struct adding *adding, const struct store_listing *listing)
{
	struct command_run *run = adding->run;
	struct existing existing = {.sublist = listing->sublist, .reason = listing->reason};
	struct store_select select = {
		.which = STORE_AT, .list = listing->list, .source = &listing->source};
	int r = store_listings(run->keeper->guard.store, &select, existing_found, &existing);

	if (r < 0)
		return r;
	if (existing.id == 0)
		return E_CONFLICT; /* the unique index said it is there */
	if (existing.until_s == listing->until_s && existing.excluded == listing->excluded &&
		existing.same_reason) {
		adding->unchanged++;
		return 0;
	}
	r = store_listing_end(run->keeper->guard.store, existing.id, run->now_s,
		span_text(run->author), span_text("replaced"), run->event);
	if (r < 0)
		return r;
	adding->replaced++;
	return 1;
}

static int adding_listing(struct adding *adding, const struct source *source)
{
	struct command_run *run = adding->run;
	const struct placement *placement = &adding->placement;
	struct store_listing listing = {.list = span_text(placement->list->name),
		.sublist = span_text(placement->sublist->name),
		.source = *source,
		.since_s = run->now_s,
		.until_s = adding->until_s,
		.policy = span_text(placement->policy->name),
		.policy_version = placement->policy->version,
		.criterion = span_text(placement->policy->text),
		.reason = run->reason,
		.author = span_text(run->author),
		.excluded = adding->add->excluded,
		.added_event = run->event};
	uint64_t id = 0;
	int r = store_listing_add(run->keeper->guard.store, &listing, adding->evidence, &id);

	if (r == 0) {
		r = adding_replace(adding, &listing);
		if (r > 0)
			r = store_listing_add(
				run->keeper->guard.store, &listing, adding->evidence, &id);
	}
	if (r > 0)
		change_add(&run->change, listing.list, source);
	return r < 0 ? r : 0;
}

/* 1: may be listed; 0: left out of an import. */
static int adding_judge(struct adding *adding, const Stockade__Source *wire, struct source *source)
{
	struct command_run *run = adding->run;
	struct fault why = {""};
	int r = source_from_wire(wire, source);

	if (r < 0)
		return fault_set(&run->why, r, "the command holds what is no source");
	r = rule_may_list(run->keeper->guard.conf, adding->placement.list, source,
		adding->add->excluded, &why);
	if (r >= 0)
		return 1;
	if (run->why.text[0] == '\0')
		run->why = why; /* an import says which was the first */
	adding->skipped++;
	return adding->allow_skips ? 0 : r;
}

static int adding_one(struct adding *adding, const struct source *source)
{
	struct command_run *run = adding->run;
	int r = run->event == 0 ? adding_event(adding, source) : 0;

	if (r >= 0 && adding->evidence == 0)
		r = adding_evidence(adding, source);
	if (r >= 0)
		r = adding_listing(adding, source);
	if (r < 0)
		run->why.text[0] = '\0'; /* that a source was left out is not why this failed */
	return r;
}

static int adding_all(struct adding *adding)
{
	for (size_t i = 0; i < adding->add->n_sources; i++) {
		struct source source;
		int r = adding_judge(adding, adding->add->sources[i], &source);

		if (r > 0)
			r = adding_one(adding, &source);
		if (r < 0)
			return r;
	}
	return 0;
}

static const char *until_words(int64_t until_s, char text[CLOCK_TEXT_SIZE + 8])
{
	char time[CLOCK_TEXT_SIZE];

	if (until_s == 0)
		snprintf(text, CLOCK_TEXT_SIZE + 8, "review");
	else
		snprintf(text, CLOCK_TEXT_SIZE + 8, "%s UTC", clock_print_minute(until_s, time));
	return text;
}

static void adding_words(struct adding *adding)
{
	struct command_run *run = adding->run;
	char until[CLOCK_TEXT_SIZE + 8];
	char subject[SOURCE_TEXT_SIZE + 32];
	struct source source;
	char text[SOURCE_TEXT_SIZE];
	const char *list = adding->placement.list->name;
	const char *sublist = adding->placement.sublist->name;
	size_t count = adding->add->n_sources;

	if (count == 1 && source_from_wire(adding->add->sources[0], &source) == 0)
		snprintf(subject, sizeof(subject), "%s", source_print(&source, text));
	else
		snprintf(subject, sizeof(subject), "%lu of %zu", (unsigned long)(run->change.rows),
			count);
	until_words(adding->until_s, until);
	if (run->change.rows == 0 && adding->skipped == 0)
		run->answer->text = arena_format(run->change.arena,
			"%s on %s/%s until %s already; nothing changed",
			count == 1 ? subject : "all are", list, sublist, until);
	else
		run->answer->text = arena_format(run->change.arena, "%s %s on %s/%s until %s%s",
			subject, adding->add->excluded ? "excluded" : "put", list, sublist, until,
			adding->replaced != 0 ? " (replaces what was there)" : "");
	if (adding->skipped != 0)
		run->answer->text =
			arena_format(run->change.arena, "%s; %lu left out, the first because %s",
				run->answer->text, (unsigned long)adding->skipped, run->why.text);
}

int command_add(struct command_run *run)
{
	const Stockade__ListAdd *add = run->command->add;
	struct adding adding = {.run = run, .add = add, .allow_skips = add->origin[0] != '\0'};
	int r;

	if (add->n_sources == 0 && run->connection->import_event == 0)
		return fault_set(&run->why, E_USAGE, "nothing to add");
	r = rule_place(run->keeper->guard.conf, span_text(add->list), span_text(add->sublist),
		&adding.placement, &run->why);
	if (r >= 0)
		r = retire_refuses(run->keeper, span_text(adding.placement.list->name), &run->why);
	if (r >= 0)
		r = rule_until(adding.placement.policy, add->until_s, run->now_s, &adding.until_s,
			&run->why);
	if (r < 0)
		return r;
	run->event =
		run->connection
			->import_event; /* one import is one event, in how many parts it may come */
	r = adding_all(&adding);
	if (r < 0)
		return r;
	adding_words(&adding);
	run->why.text[0] = '\0';
	return 0;
}
