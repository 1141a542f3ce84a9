/* SPDX-License-Identifier: ISC */
#include "bus/encode.h"

#include "bus/convert.h"
#include "bus/frame.h"
#include "stockade.pb-c.h"

/* protobuf-c does not write to texts that are sent. */
static char *text_out(const char *text)
{
	return text != NULL ? (char *)(uintptr_t)text : (char *)(uintptr_t)protobuf_c_empty_string;
}

static Stockade__Source *source_message(const struct source *source, struct arena *arena)
{
	Stockade__Source *wire = arena_alloc(arena, sizeof(*wire));

	source_to_wire(source, wire);
	return wire;
}

static Stockade__Source **source_messages(const struct bus_sources *sources, struct arena *arena)
{
	Stockade__Source *wire = arena_alloc(arena, sources->len * sizeof(*wire));
	Stockade__Source **pointers = arena_alloc(arena, sources->len * sizeof(*pointers));

	for (size_t i = 0; i < sources->len; i++) {
		source_to_wire(&sources->sources[i], &wire[i]);
		pointers[i] = &wire[i];
	}
	return pointers;
}

/* ---- what a role reports ---- */

static Stockade__CheckResult *check_encode(const struct bus_check *check, struct arena *arena)
{
	Stockade__CheckResult *wire = message_new(&stockade__check_result__descriptor, arena);

	wire->key = text_out(check->key);
	wire->found = text_out(check->found);
	wire->outcome = text_out(check->outcome);
	wire->weight = check->weight;
	wire->action = text_out(check->action);
	wire->decided = check->decided;
	return wire;
}

Stockade__Incident *bus_incident_encode(const struct bus_incident *incident, struct arena *arena)
{
	Stockade__Incident *wire = message_new(&stockade__incident__descriptor, arena);

	wire->number = incident->number;
	wire->source = source_message(incident->source, arena);
	wire->first_s = incident->first_s;
	wire->last_s = incident->last_s;
	wire->count = incident->count;
	wire->rule = text_out(incident->rule);
	wire->mode = text_out(incident->mode);
	wire->host = text_out(incident->host);
	wire->code = incident->code;
	wire->text = text_out(incident->text);
	wire->helo = text_out(incident->helo);
	wire->ptr = text_out(incident->ptr);
	wire->sender = text_out(incident->sender);
	wire->recipient = text_out(incident->recipient);
	wire->list = text_out(incident->list);
	wire->n_checks = incident->checks_len;
	wire->checks = arena_alloc(arena, incident->checks_len * sizeof(*wire->checks));
	for (size_t i = 0; i < incident->checks_len; i++)
		wire->checks[i] = check_encode(&incident->checks[i], arena);
	return wire;
}

static Stockade__Condition *condition_encode(
	const struct bus_condition *condition, struct arena *arena)
{
	Stockade__Condition *wire = message_new(&stockade__condition__descriptor, arena);

	wire->kind = text_out(condition->kind);
	wire->name = text_out(condition->name);
	wire->well = condition->well;
	wire->words = text_out(condition->text);
	wire->since_s = condition->since_s;
	return wire;
}

Stockade__Health *bus_health_encode(const struct bus_health *health, struct arena *arena)
{
	Stockade__Health *wire = message_new(&stockade__health__descriptor, arena);

	wire->n_conditions = health->conditions_len;
	wire->conditions = arena_alloc(arena, health->conditions_len * sizeof(*wire->conditions));
	for (size_t i = 0; i < health->conditions_len; i++)
		wire->conditions[i] = condition_encode(&health->conditions[i], arena);
	wire->n_counters = health->counters_len;
	wire->counters = arena_alloc(arena, health->counters_len * sizeof(*wire->counters));
	for (size_t i = 0; i < health->counters_len; i++) {
		wire->counters[i] = message_new(&stockade__counter__descriptor, arena);
		wire->counters[i]->name = text_out(health->counters[i].name);
		wire->counters[i]->value = health->counters[i].value;
	}
	return wire;
}

/* ---- feeds ---- */

static Stockade__FeedBegin *feed_begin_encode(
	const struct bus_feed_begin *begin, struct arena *arena)
{
	Stockade__FeedBegin *wire = message_new(&stockade__feed_begin__descriptor, arena);

	wire->whole = begin->whole;
	wire->expired = begin->expired;
	wire->from_serial = begin->from_serial;
	wire->to_serial = begin->to_serial;
	wire->rules = begin->rules;
	wire->n_sublists = begin->sublists_len;
	wire->sublists = (char **)(uintptr_t)begin->sublists;
	return wire;
}

static Stockade__FeedEntries *feed_entries_encode(
	const struct bus_feed_part *part, struct arena *arena)
{
	Stockade__FeedEntries *wire = message_new(&stockade__feed_entries__descriptor, arena);
	Stockade__FeedEntry *entries = arena_alloc(arena, part->entries_len * sizeof(*entries));

	wire->n_entries = part->entries_len;
	wire->entries = arena_alloc(arena, part->entries_len * sizeof(*wire->entries));
	for (size_t i = 0; i < part->entries_len; i++) {
		const struct bus_feed_entry *entry = &part->entries[i];

		stockade__feed_entry__init(&entries[i]);
		entries[i].source = source_message(&entry->source, arena);
		entries[i].listed = entry->listed;
		entries[i].excluded = entry->excluded;
		entries[i].reason = text_out(entry->reason);
		wire->entries[i] = &entries[i];
	}
	return wire;
}

Stockade__Feed *bus_feed_part_encode(const struct bus_feed_part *part, struct arena *arena)
{
	Stockade__Feed *wire = message_new(&stockade__feed__descriptor, arena);

	wire->name = text_out(part->feed);
	switch (part->what) {
	case BUS_FEED_BEGIN:
		wire->what_case = STOCKADE__FEED__WHAT_BEGIN;
		wire->begin = feed_begin_encode(part->begin, arena);
		break;
	case BUS_FEED_ENTRIES:
		wire->what_case = STOCKADE__FEED__WHAT_ENTRIES;
		wire->entries = feed_entries_encode(part, arena);
		break;
	case BUS_FEED_END:
		wire->what_case = STOCKADE__FEED__WHAT_END;
		wire->end = message_new(&stockade__feed_end__descriptor, arena);
		wire->end->entries = part->sent;
		break;
	}
	return wire;
}

/* ---- questions ---- */

static Stockade__ListingsQuery *page_encode(const struct bus_query *query, struct arena *arena)
{
	Stockade__ListingsQuery *wire = message_new(&stockade__listings_query__descriptor, arena);

	wire->list = text_out(query->list);
	wire->after_id = query->after_id;
	wire->limit = query->limit;
	wire->runs = query->runs;
	return wire;
}

Stockade__Query *bus_query_encode(const struct bus_query *query, struct arena *arena)
{
	static const Stockade__Query__WhatCase cases[] = {
		[BUS_QUERY_INCIDENT] = STOCKADE__QUERY__WHAT_INCIDENT,
		[BUS_QUERY_SOURCE] = STOCKADE__QUERY__WHAT_SOURCE,
		[BUS_QUERY_HISTORY] = STOCKADE__QUERY__WHAT_HISTORY,
		[BUS_QUERY_LISTINGS] = STOCKADE__QUERY__WHAT_LISTINGS,
		[BUS_QUERY_STATUS] = STOCKADE__QUERY__WHAT_STATUS,
		[BUS_QUERY_FEEDS] = STOCKADE__QUERY__WHAT_FEEDS,
		[BUS_QUERY_VERIFY] = STOCKADE__QUERY__WHAT_VERIFY,
	};
	Stockade__Query *wire = message_new(&stockade__query__descriptor, arena);

	wire->what_case = cases[query->what];
	if (query->what == BUS_QUERY_INCIDENT)
		wire->incident = query->incident;
	else if (query->what == BUS_QUERY_SOURCE)
		wire->source = source_message(query->source, arena);
	else if (query->what == BUS_QUERY_HISTORY)
		wire->history = source_message(query->source, arena);
	else if (query->what == BUS_QUERY_LISTINGS)
		wire->listings = page_encode(query, arena);
	else if (query->what == BUS_QUERY_STATUS)
		wire->status = true;
	else if (query->what == BUS_QUERY_VERIFY)
		wire->verify = query->after_id;
	else
		wire->feeds = true;
	return wire;
}

/* ---- commands ---- */

static Stockade__ListAdd *add_encode(const struct bus_command *command, struct arena *arena)
{
	Stockade__ListAdd *wire = message_new(&stockade__list_add__descriptor, arena);

	wire->list = text_out(command->sources.list);
	wire->sublist = text_out(command->sources.sublist);
	wire->n_sources = command->sources.len;
	wire->sources = source_messages(&command->sources, arena);
	wire->until_s = command->add.until_s;
	wire->origin = text_out(command->add.origin);
	wire->excluded = command->add.excluded;
	wire->more = command->add.more;
	_Static_assert(sizeof(struct prefix) == MESSAGE_NET_SIZE, "a network travels as it is");
	wire->nets.len = command->add.nets_len * MESSAGE_NET_SIZE;
	wire->nets.data = (uint8_t *)(uintptr_t)command->add.nets;
	return wire;
}

static Stockade__ListRemove *remove_encode(const struct bus_sources *sources, struct arena *arena)
{
	Stockade__ListRemove *wire = message_new(&stockade__list_remove__descriptor, arena);

	wire->list = text_out(sources->list);
	wire->sublist = text_out(sources->sublist);
	wire->n_sources = sources->len;
	wire->sources = source_messages(sources, arena);
	return wire;
}

static Stockade__ListRetire *retire_encode(
	const struct bus_list_retire *retire, struct arena *arena)
{
	Stockade__ListRetire *wire = message_new(&stockade__list_retire__descriptor, arena);

	wire->list = text_out(retire->list);
	wire->step = (uint32_t)retire->step; /* as stockade.proto numbers them */
	wire->notice_s = retire->notice_s;
	wire->skip_notice = retire->skip_notice;
	return wire;
}

static void command_encode_what(
	const struct bus_command *command, Stockade__Command *wire, struct arena *arena)
{
	switch (command->what) {
	case BUS_COMMAND_ADD:
		wire->what_case = STOCKADE__COMMAND__WHAT_ADD;
		wire->add = add_encode(command, arena);
		break;
	case BUS_COMMAND_REMOVE:
		wire->what_case = STOCKADE__COMMAND__WHAT_REMOVE;
		wire->remove = remove_encode(&command->sources, arena);
		break;
	case BUS_COMMAND_UNDO:
		wire->what_case = STOCKADE__COMMAND__WHAT_UNDO;
		wire->undo = command->undo;
		break;
	case BUS_COMMAND_FEED_PURGE:
	case BUS_COMMAND_FEED_ACCEPT:
		wire->what_case = STOCKADE__COMMAND__WHAT_FEED;
		wire->feed = message_new(&stockade__feed_command__descriptor, arena);
		wire->feed->name = text_out(command->feed);
		wire->feed->purge = command->what == BUS_COMMAND_FEED_PURGE;
		break;
	case BUS_COMMAND_RETIRE:
		wire->what_case = STOCKADE__COMMAND__WHAT_RETIRE;
		wire->retire = retire_encode(&command->retire, arena);
		break;
	}
}

Stockade__Command *bus_command_encode(const struct bus_command *command, struct arena *arena)
{
	Stockade__Command *wire = message_new(&stockade__command__descriptor, arena);

	wire->author = text_out(command->author);
	wire->reason = text_out(command->reason);
	wire->dry_run = command->dry_run;
	command_encode_what(command, wire, arena);
	return wire;
}
