/* SPDX-License-Identifier: ISC */
#include "bus/encode.h"

#include "base/macro.h"
#include "bus/convert.h"
#include "stockade.pb-c.h"

/* Texts are the message's, which the answer keeps; arrays and sources are new, in its arena. */

static const struct source *source_decode(const Stockade__Source *wire, struct arena *arena)
{
	struct source *source = arena_alloc(arena, sizeof(*source));

	return source_from_wire(wire, source) < 0 ? NULL : source;
}

static void check_decode(const Stockade__CheckResult *wire, struct bus_check *ret_check)
{
	*ret_check = (struct bus_check){.key = wire->key,
		.found = wire->found,
		.outcome = wire->outcome,
		.action = wire->action,
		.weight = wire->weight,
		.decided = wire->decided};
}

static void incident_decode(
	const Stockade__Incident *wire, struct arena *arena, struct bus_incident *ret_incident)
{
	struct bus_check *checks = arena_alloc(arena, wire->n_checks * sizeof(*checks));
	struct bus_sighting *sightings = arena_alloc(arena, wire->n_sightings * sizeof(*sightings));

	for (size_t i = 0; i < wire->n_checks; i++)
		check_decode(wire->checks[i], &checks[i]);
	for (size_t i = 0; i < wire->n_sightings; i++)
		sightings[i] = (struct bus_sighting){.time_s = wire->sightings[i]->time_s,
			.helo = wire->sightings[i]->helo,
			.sender = wire->sightings[i]->sender,
			.recipient = wire->sightings[i]->recipient};
	*ret_incident = (struct bus_incident){.number = wire->number,
		.source = source_decode(wire->source, arena),
		.first_s = wire->first_s,
		.last_s = wire->last_s,
		.count = wire->count,
		.code = wire->code,
		.rule = wire->rule,
		.mode = wire->mode,
		.host = wire->host,
		.text = wire->text,
		.helo = wire->helo,
		.ptr = wire->ptr,
		.list = wire->list,
		.sender = wire->sender,
		.recipient = wire->recipient,
		.checks_len = wire->n_checks,
		.checks = checks,
		.sightings_len = wire->n_sightings,
		.sightings = sightings};
}

static void listing_decode(
	const Stockade__Listing *wire, struct arena *arena, struct bus_listing *ret_listing)
{
	*ret_listing = (struct bus_listing){.id = wire->id,
		.list = wire->list,
		.sublist = wire->sublist,
		.code = wire->code,
		.source = source_decode(wire->source, arena),
		.since_s = wire->since_s,
		.until_s = wire->until_s,
		.policy = wire->policy,
		.policy_version = wire->policy_version,
		.reason = wire->reason,
		.author = wire->author,
		.incident = wire->incident,
		.ended_s = wire->ended_s,
		.ended_by = wire->ended_by,
		.ended_reason = wire->ended_reason,
		.evidence_len = wire->n_evidence,
		.evidence = wire->evidence,
		.excluded = wire->excluded};
}

static void run_decode(
	const Stockade__ListingRun *wire, struct arena *arena, struct bus_run *ret_run)
{
	*ret_run = (struct bus_run){.nets_len = wire->nets.len / sizeof(struct prefix),
		.domains_len = wire->n_domains,
		.nets = (const void *)wire->nets.data,
		.domains = wire->domains};
	if (wire->shared != NULL)
		listing_decode(wire->shared, arena, &ret_run->shared);
}

int bus_run_source(const struct bus_run *run, size_t index, struct source *ret_source)
{
	if (index < run->nets_len)
		return net_from_octets(run->nets[index], ret_source);
	index -= run->nets_len;
	return index < run->domains_len ? domain_from_text(run->domains[index], ret_source)
					: E_ABSENT;
}

static void event_decode(const Stockade__Event *wire, struct bus_event *ret_event)
{
	*ret_event = (struct bus_event){.id = wire->id,
		.time_s = wire->time_s,
		.author = wire->author,
		.verb = wire->verb,
		.subject = wire->subject,
		.reason = wire->reason,
		.undoes = wire->undoes,
		.undone = wire->undone,
		.serial = wire->serial};
}

static void feed_status_decode(const Stockade__FeedStatus *wire, struct bus_feed_status *ret_feed)
{
	*ret_feed = (struct bus_feed_status){.name = wire->name,
		.list = wire->list,
		.serial = wire->serial,
		.entries = wire->entries,
		.success_s = wire->success_s,
		.changed_s = wire->changed_s,
		.state = wire->state,
		.error = wire->error,
		.error_s = wire->error_s};
}

static void role_decode(
	const Stockade__RoleStatus *wire, struct arena *arena, struct bus_role_status *ret_role)
{
	struct bus_counter *counters = arena_alloc(arena, wire->n_counters * sizeof(*counters));

	for (size_t i = 0; i < wire->n_counters; i++)
		counters[i] =
			(struct bus_counter){wire->counters[i]->name, wire->counters[i]->value};
	*ret_role = (struct bus_role_status){.role = wire->role,
		.serial = wire->serial,
		.connected = wire->connected,
		.follows = wire->follows,
		.counters_len = wire->n_counters,
		.counters = counters};
}

static const struct bus_status *status_decode(const Stockade__Status *wire, struct arena *arena)
{
	struct bus_status *status = arena_alloc(arena, sizeof(*status));
	struct bus_list_status *lists = arena_alloc(arena, wire->n_lists * sizeof(*lists));
	struct bus_role_status *roles = arena_alloc(arena, wire->n_roles * sizeof(*roles));
	struct bus_condition *conditions =
		arena_alloc(arena, wire->n_conditions * sizeof(*conditions));

	for (size_t i = 0; i < wire->n_lists; i++)
		lists[i] = (struct bus_list_status){wire->lists[i]->name, wire->lists[i]->zone,
			wire->lists[i]->listings, wire->lists[i]->review};
	for (size_t i = 0; i < wire->n_roles; i++)
		role_decode(wire->roles[i], arena, &roles[i]);
	for (size_t i = 0; i < wire->n_conditions; i++)
		conditions[i] = (struct bus_condition){.kind = wire->conditions[i]->kind,
			.name = wire->conditions[i]->name,
			.well = wire->conditions[i]->well,
			.text = wire->conditions[i]->words,
			.since_s = wire->conditions[i]->since_s};
	*status = (struct bus_status){.serial = wire->serial,
		.store = wire->store,
		.store_ok = wire->store_ok,
		.incidents = wire->incidents,
		.evidence = wire->evidence,
		.started_s = wire->started_s,
		.lists_len = wire->n_lists,
		.roles_len = wire->n_roles,
		.conditions_len = wire->n_conditions,
		.lists = lists,
		.roles = roles,
		.conditions = conditions};
	return status;
}

static void answer_decode_rows(struct bus_answer *answer, const Stockade__Answer *wire)
{
	struct arena *arena = answer->arena;
	struct bus_listing *listings = arena_alloc(arena, wire->n_listings * sizeof(*listings));
	struct bus_run *runs = arena_alloc(arena, wire->n_runs * sizeof(*runs));
	struct bus_incident *incidents = arena_alloc(arena, wire->n_incidents * sizeof(*incidents));
	struct bus_event *events = arena_alloc(arena, wire->n_events * sizeof(*events));
	struct bus_feed_status *feeds = arena_alloc(arena, wire->n_feeds * sizeof(*feeds));

	for (size_t i = 0; i < wire->n_listings; i++)
		listing_decode(wire->listings[i], arena, &listings[i]);
	for (size_t i = 0; i < wire->n_runs; i++)
		run_decode(wire->runs[i], arena, &runs[i]);
	for (size_t i = 0; i < wire->n_incidents; i++)
		incident_decode(wire->incidents[i], arena, &incidents[i]);
	for (size_t i = 0; i < wire->n_events; i++)
		event_decode(wire->events[i], &events[i]);
	for (size_t i = 0; i < wire->n_feeds; i++)
		feed_status_decode(wire->feeds[i], &feeds[i]);
	answer->listings = listings;
	answer->listings_len = wire->n_listings;
	answer->runs = runs;
	answer->runs_len = wire->n_runs;
	answer->incidents = incidents;
	answer->incidents_len = wire->n_incidents;
	answer->events = events;
	answer->events_len = wire->n_events;
	answer->feeds = feeds;
	answer->feeds_len = wire->n_feeds;
}

static const struct bus_chain *chain_decode(const Stockade__Chain *wire, struct arena *arena)
{
	struct bus_chain *chain = arena_alloc(arena, sizeof(*chain));

	*chain = (struct bus_chain){
		.from = wire->from, .to = wire->to, .bad = wire->bad, .hash = wire->hash};
	return chain;
}

struct bus_answer *bus_answer_decode(Stockade__Answer *message)
{
	struct arena *arena = arena_new(0);
	struct bus_answer *answer = arena_alloc(arena, sizeof(*answer));

	*answer = (struct bus_answer){.arena = arena,
		.message = message,
		.error = message->error,
		.text = message->text,
		.event = message->event,
		.serial = message->serial,
		.changed = message->changed,
		.more = message->more};
	answer_decode_rows(answer, message);
	if (message->status != NULL)
		answer->status = status_decode(message->status, arena);
	if (message->chain != NULL)
		answer->chain = chain_decode(message->chain, arena);
	return answer;
}

void bus_answer_free(struct bus_answer **answer)
{
	struct arena *arena;

	if (*answer == NULL)
		return;
	arena = (*answer)->arena; /* the answer lies in it */
	stockade__answer__free_unpacked((*answer)->message, NULL);
	arena_free(&arena);
	*answer = NULL;
}
