/* SPDX-License-Identifier: ISC */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "bus/convert.h"
#include "bus/frame.h"
#include "keeper/command.h"
#include "keeper/retirement_state.h"
#include "policy/listing_rule.h"
#include "sets/key.h"

/* Sources onto a list: one, several, or a part of an import. */
struct adding {
	struct command_run *run;
	const Stockade__ListAdd *add;
	struct placement placement;
	int64_t until_s;
	struct listing_import *import; /* its evidence is that of all */
	struct listing_import alone;   /* of a command that is no import */
	struct renewing renewing;      /* what this part met that only ends otherwise */
	struct source first;
	bool has_begun;
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

	struct store_evidence *evidence = &adding->import->evidence;
	uint64_t known = evidence->id;

	adding->first = *first;
	*evidence = operator_evidence(writer, &adding->first);
	evidence->id = known;
	if (adding->is_import) {
		evidence->source = NULL;
		evidence->sensor = span_text(adding->add->origin);
	}
	adding->has_begun = true;
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

static struct listing_row adding_row(const struct adding *adding, const struct source *source)
{
	const struct placement *placement = &adding->placement;

	return (struct listing_row){.list = span_text(placement->list->name),
		.sublist = span_text(placement->sublist->name),
		.source = source,
		.policy = placement->policy,
		.reason = adding->run->writer.event.reason,
		.until_s = adding->until_s,
		.excluded = adding->add->excluded};
}

static int adding_enter(struct adding *adding, const struct source *source)
{
	struct listing_row row = adding_row(adding, source);
	int r;

	row.renewing = adding->is_import ? &adding->renewing : NULL;
	if (!adding->has_begun)
		adding_begin(adding, source);
	r = listing_enter(&adding->run->writer, &row, &adding->import->evidence);
	adding->replaced += r == LISTING_REPLACED;
	return r;
}

/* 1: may be listed; 0: left out of an import. */
static int adding_judge(struct adding *adding, const struct source *source)
{
	struct rule_entry entry = {.list = adding->placement.list,
		.source = source,
		.excluded = adding->add->excluded};
	struct fault why_not = {""};
	int r = rule_may_list(adding->run->parts->guard->conf, &entry, &why_not);

	if (r >= 0)
		return 1;
	if (!adding->is_import)
		return fault_set(&adding->run->item.why, r, "%s", why_not.text);
	if (adding->skipped++ == 0)
		adding->why_skipped = why_not;
	return 0;
}

static int adding_one(struct adding *adding, const Stockade__Source *wire)
{
	struct source source;
	int r = source_from_wire(wire, &source);

	if (r < 0)
		return fault_set(&adding->run->item.why, r,
			"the command holds something that is not an address, network or domain");
	r = adding_judge(adding, &source);
	return r > 0 ? adding_enter(adding, &source) : r;
}

/* ---- the networks of an import ---- */

static int net_order(const void *left, const void *right)
{
	return prefix_order(left, right);
}

static void nets_sort(struct prefix *nets, size_t len)
{
	for (size_t i = 1; i < len; i++) {
		if (net_order(&nets[i - 1], &nets[i]) > 0) {
			qsort(nets, len, sizeof(*nets), net_order);
			return;
		}
	}
}

/* Those that may be listed, from the wire. */
static int nets_judge(struct adding *adding, struct prefix *nets, size_t *ret_len)
{
	const ProtobufCBinaryData *wire = &adding->add->nets;
	struct source source = {.kind = SOURCE_NET};

	for (size_t at = 0; at < wire->len; at += sizeof(source.net)) {
		struct prefix octets;
		int r;

		memcpy(&octets, wire->data + at, sizeof(octets));
		if (net_from_octets(octets, &source) < 0)
			return fault_set(&adding->run->item.why, E_PARSE,
				"the command holds something that is not a network");
		r = adding_judge(adding, &source);
		if (r < 0)
			return r;
		nets[*ret_len] = source.net;
		*ret_len += r > 0;
	}
	return 0;
}

static int adding_nets(struct adding *adding)
{
	struct prefix *nets = mem_alloc(adding->add->nets.len + 1);
	struct source first = {.kind = SOURCE_NET};
	struct listing_row row = adding_row(adding, NULL);
	struct listing_nets entering = {.nets = nets};
	int r;

	row.renewing = &adding->renewing;
	r = nets_judge(adding, nets, &entering.len);

	if (r >= 0 && entering.len != 0) {
		nets_sort(nets, entering.len);
		first.net = nets[0];
		if (!adding->has_begun)
			adding_begin(adding, &first);
		r = listing_enter_nets(&adding->run->writer, &row, &entering, adding->import);
		adding->replaced += entering.replaced;
	}
	mem_free(nets);
	return r;
}

static int adding_all(struct adding *adding)
{
	int r = adding->add->nets.len != 0 ? adding_nets(adding) : 0;

	for (size_t i = 0; i < adding->add->n_sources && r >= 0; i++)
		r = adding_one(adding, adding->add->sources[i]);
	return r;
}

int command_renew_next(struct command_run *run)
{
	int r = listings_renew(&run->writer, &run->renewing);

	if (run->import_is_broken) /* else the parts that met them have counted them */
		run->item.change.rows += (uint32_t)run->renewing.renewed;
	if (r != 0)
		return r;
	run->next = NULL;
	run->is_kept = true;
	if (run->import_is_broken)
		run->answer->text =
			arena_format(run->arena, "what a broken import had met ends anew");
	return 0;
}

/* What the parts met and only ends at another time does so when the last one is in. */
static int adding_finish(struct adding *adding)
{
	struct command_run *run = adding->run;
	int r = listings_note_renewing(&run->writer, &adding->renewing);

	if (adding->is_import && run->mode == COMMAND_WHOLE && run->writer.event.id != 0)
		run->next = command_renew_next;
	return r;
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
	size_t count = adding->add->n_sources + adding->add->nets.len / sizeof(struct prefix);
	struct source source;
	char name[SOURCE_TEXT_SIZE];

	if (count == 1 && adding->add->n_sources == 1 &&
		source_from_wire(adding->add->sources[0], &source) == 0)
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

	adding.import = run->import != NULL ? &run->import->listings : &adding.alone;
	if (add->n_sources == 0 && add->nets.len == 0 && run->import == NULL)
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
	if (r >= 0)
		r = adding_finish(&adding);
	renewing_clear(&adding.renewing);
	if (r < 0)
		return r;
	run->answer->text = adding_text(&adding);
	return 0;
}
