/* SPDX-License-Identifier: ISC */
#include <stdio.h>

#include "base/clock.h"
#include "base/utf8.h"
#include "bus/convert.h"
#include "bus/frame.h"
#include "keeper/command.h"
#include "policy/listing_rule.h"

/* Sources onto a list: one, several, or a part of an import. */
struct adding {
	struct command_run *run;
	const Stockade__ListAdd *add;
	struct placement placement;
	int64_t until_s;
	struct store_evidence evidence; /* one for all; kind empty: no source came yet */
	struct source first;
	bool is_import; /* leaves out what may not be listed, and says so */
	uint32_t skipped;
	uint32_t replaced;
	struct fault why_skipped; /* the first */
};

/* The event and the evidence tell of the first source that may be listed. */
static void adding_begin(struct adding *adding, const struct source *first)
{
	struct listing_writer *writer = &adding->run->writer;
	const struct placement *placement = &adding->placement;
	struct arena *arena = adding->run->arena;
	bool is_allow = strcmp(placement->list->name, "allow") == 0;
	char text[SOURCE_TEXT_SIZE];

	adding->first = *first;
	adding->evidence = operator_evidence(writer, &adding->first);
	if (adding->is_import) {
		adding->evidence.source = NULL;
		adding->evidence.sensor = span_text(adding->add->origin);
	}
	writer->event.verb = span_text(adding->is_import ? "import" : is_allow ? "allow" : "add");
	writer->event.subject = utf8_cut(
		span_text(adding->is_import
				  ? arena_format(arena, "%s into %s/%s", adding->add->origin,
					    placement->list->name, placement->sublist->name)
				  : arena_format(arena, "%s on %s/%s%s", source_print(first, text),
					    placement->list->name, placement->sublist->name,
					    adding->add->n_sources > 1 ? " and more" : "")),
		MESSAGE_TEXT_MAX);
}

static int adding_enter(struct adding *adding, const struct source *source)
{
	const struct placement *placement = &adding->placement;
	struct listing_row row = {.list = span_text(placement->list->name),
		.sublist = span_text(placement->sublist->name),
		.source = source,
		.policy = placement->policy,
		.reason = adding->run->writer.event.reason,
		.until_s = adding->until_s,
		.excluded = adding->add->excluded};
	int r;

	if (adding->evidence.kind.len == 0)
		adding_begin(adding, source);
	r = listing_enter(&adding->run->writer, &row, &adding->evidence);
	adding->replaced += r == LISTING_REPLACED;
	return r;
}

/* 1: may be listed; 0: left out of an import. */
static int adding_judge(struct adding *adding, const Stockade__Source *wire, struct source *source)
{
	struct fault *why = &adding->run->item.why;
	struct rule_entry entry = {.list = adding->placement.list,
		.source = source,
		.excluded = adding->add->excluded};
	struct fault why_not = {""};
	int r = source_from_wire(wire, source);

	if (r < 0)
		return fault_set(why, r,
			"the command holds something that is not an address, network or domain");
	r = rule_may_list(adding->run->parts->guard->conf, &entry, &why_not);
	if (r >= 0)
		return 1;
	if (!adding->is_import)
		return fault_set(why, r, "%s", why_not.text);
	if (adding->skipped++ == 0)
		adding->why_skipped = why_not;
	return 0;
}

static int adding_all(struct adding *adding)
{
	for (size_t i = 0; i < adding->add->n_sources; i++) {
		struct source source;
		int r = adding_judge(adding, adding->add->sources[i], &source);

		if (r > 0)
			r = adding_enter(adding, &source);
		if (r < 0)
			return r;
	}
	return 0;
}

static const char *end_text(int64_t until_s, char text[CLOCK_TEXT_SIZE + 8])
{
	char time[CLOCK_TEXT_SIZE];

	if (until_s == 0)
		snprintf(text, CLOCK_TEXT_SIZE + 8, "review");
	else
		snprintf(text, CLOCK_TEXT_SIZE + 8, "%s UTC", clock_print_minute(until_s, time));
	return text;
}

static const char *adding_subject(const struct adding *adding, char text[SOURCE_TEXT_SIZE + 32])
{
	size_t count = adding->add->n_sources;
	struct source source;
	char name[SOURCE_TEXT_SIZE];

	if (count == 1 && source_from_wire(adding->add->sources[0], &source) == 0)
		snprintf(text, SOURCE_TEXT_SIZE + 32, "%s", source_print(&source, name));
	else
		snprintf(text, SOURCE_TEXT_SIZE + 32, "%lu of %zu",
			(unsigned long)adding->run->item.change.rows, count);
	return text;
}

/* On a blocklist a domain means senders and HELO names too: those prove nothing, so they allow
 * nothing. */
#define ALLOWED_NAMES \
	"; it matches hosts by their confirmed reverse DNS name, not by sender or HELO"

static bool adding_allows_names(const struct adding *adding)
{
	return strcmp(adding->placement.list->name, "allow") == 0 &&
	       adding->first.kind == SOURCE_DOMAIN;
}

static char *adding_text(const struct adding *adding)
{
	struct command_run *run = adding->run;
	char until[CLOCK_TEXT_SIZE + 8];
	char subject[SOURCE_TEXT_SIZE + 32];
	const char *list = adding->placement.list->name;
	const char *sublist = adding->placement.sublist->name;
	char *text;

	adding_subject(adding, subject);
	end_text(adding->until_s, until);
	if (run->item.change.rows == 0 && adding->skipped == 0)
		return arena_format(run->arena, "%s on %s/%s until %s already; nothing changed",
			adding->add->n_sources == 1 ? subject : "all are", list, sublist, until);
	text = arena_format(run->arena, "%s %s on %s/%s until %s%s%s", subject,
		adding->add->excluded ? "excluded" : "put", list, sublist, until,
		adding->replaced != 0 ? " (replaces what was there)" : "",
		adding_allows_names(adding) ? ALLOWED_NAMES : "");
	if (adding->skipped == 0)
		return text;
	return arena_format(run->arena, "%s; %lu left out, the first because %s", text,
		(unsigned long)adding->skipped, adding->why_skipped.text);
}

int command_add(struct command_run *run)
{
	const Stockade__ListAdd *add = run->command->add;
	const struct store_guard *guard = run->parts->guard;
	struct adding adding = {.run = run, .add = add, .is_import = add->origin[0] != '\0'};
	struct placement_name name = {span_text(add->list), span_text(add->sublist)};
	struct fault *why = &run->item.why;
	int r;

	if (add->n_sources == 0 && !run->connection->imports)
		return fault_set(why, E_USAGE, "nothing to add");
	r = rule_place(guard->conf, &name, &adding.placement, why);
	if (r >= 0)
		r = retirement_refuses(guard, span_text(adding.placement.list->name), why);
	if (r < 0)
		return r;
	adding.until_s = rule_until(adding.placement.policy, add->until_s, run->writer.now_s, why);
	if (adding.until_s < 0)
		return (int)adding.until_s;
	r = adding_all(&adding);
	if (r < 0)
		return r;
	run->answer->text = adding_text(&adding);
	return 0;
}
