/* SPDX-License-Identifier: ISC */
#include "keeper/query.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/macro.h"
#include "base/mem.h"
#include "base/serial.h"
#include "bus/convert.h"
#include "keeper/command_feed.h"
#include "keeper/message.h"
#include "keeper/publisher.h"
#include "keeper/query_runs.h"
#include "keeper/store_guard.h"
#include "keeper/transaction.h"
#include "list/incident.h"
#include "policy/listing_rule.h"

/* Answers of bounded length, from the store alone; what the asker may see depends on its socket. */
enum {
	LISTINGS_MAX = 200,
	STRANGERS_LOOK = 1000, /* rows that are read for them, of each network around */
	PAGE_DEFAULT = 100,
	PAGE_MAX = 1000,
	INCIDENTS_MAX = 50,
	EVENTS_MAX = 200,
	VERIFY_MAX = 1000,      /* events whose hashes are computed for one question */
	EVENTS_FOUND_MAX = 1000 /* with those of networks around, some of them twice */
};

struct asking {
	const struct keeper_parts *parts;
	struct encoder encoder;
	Stockade__Answer *answer;
	size_t room; /* of the array being filled */
};

static int add_listing(const struct store_listing *listing, void *arg)
{
	struct asking *asking = arg;

	if (asking->answer->n_listings == asking->room) {
		asking->answer->more = true;
		return 1;
	}
	asking->answer->listings[asking->answer->n_listings++] =
		listing_encode(&asking->encoder, listing);
	return 0;
}

static int add_incident(const struct store_incident *incident, void *arg)
{
	struct asking *asking = arg;

	if (asking->answer->n_incidents == INCIDENTS_MAX) {
		asking->answer->more = true;
		return 1;
	}
	asking->answer->incidents[asking->answer->n_incidents++] =
		incident_encode(&asking->encoder, incident);
	return 0;
}

static int add_event(const struct store_event *event, void *arg)
{
	struct asking *asking = arg;

	if (asking->answer->n_events == asking->room) {
		asking->answer->more = true;
		return 1;
	}
	asking->answer->events[asking->answer->n_events++] = event_encode(&asking->encoder, event);
	return 0;
}

static void listings_room(struct asking *asking, size_t room)
{
	asking->room = room;
	asking->answer->listings =
		arena_alloc(asking->encoder.arena, room * sizeof(Stockade__Listing *));
}

static int ask_listings_of(
	struct asking *asking, enum store_which which, const struct source *source)
{
	struct store_select select = {.which = which,
		.source = source,
		.limit = (uint32_t)asking->room + 1,
		.look = asking->encoder.is_private ? 0 : STRANGERS_LOOK};
	int r = store_listings(asking->encoder.store, &select, add_listing, asking);

	return r < 0 ? r : 0;
}

/* An address has the incidents of its source. */
static int ask_incidents_of(struct asking *asking, const struct source *asked)
{
	struct prefix whole = ip_source_of(asked->net.ip);
	struct source source = *asked;
	int r;

	if (source.kind == SOURCE_NET && prefix_covers(whole, source.net))
		source.net = whole;
	asking->answer->incidents =
		arena_alloc(asking->encoder.arena, INCIDENTS_MAX * sizeof(Stockade__Incident *));
	r = store_incidents_of(
		asking->encoder.store, &source, INCIDENTS_MAX + 1, add_incident, asking);
	return r < 0 ? r : 0;
}

static int listing_compare(const void *a, const void *b)
{
	const Stockade__Listing *const *one = a, *const *other = b;

	return ((*one)->ended_s < (*other)->ended_s) - ((*one)->ended_s > (*other)->ended_s);
}

/* Of the source, within it and around it: an address was listed by its network, too. The latest
 * first. */
static int ask_ended_of(struct asking *asking, const struct source *source)
{
	size_t first = asking->answer->n_listings;
	int r = ask_listings_of(asking, STORE_ENDED, source);

	if (r >= 0)
		r = ask_listings_of(asking, STORE_ENDED_COVERING, source);
	qsort(asking->answer->listings + first, asking->answer->n_listings - first,
		sizeof(*asking->answer->listings), listing_compare);
	return r;
}

static int event_compare(const void *a, const void *b)
{
	const Stockade__Event *const *one = a, *const *other = b;

	return ((*one)->id < (*other)->id) - ((*one)->id > (*other)->id);
}

/* The latest first, each once, EVENTS_MAX at most. */
static void events_settle(Stockade__Answer *answer)
{
	size_t kept = 0;

	qsort(answer->events, answer->n_events, sizeof(*answer->events), event_compare);
	for (size_t i = 0; i < answer->n_events; i++)
		if (kept == 0 || answer->events[kept - 1]->id != answer->events[i]->id)
			answer->events[kept++] = answer->events[i];
	answer->more = answer->more || kept > EVENTS_MAX;
	answer->n_events = kept < EVENTS_MAX ? kept : EVENTS_MAX;
}

static int ask_events_of(struct asking *asking, const struct source *source)
{
	struct store *store = asking->encoder.store;
	int r;

	asking->room = EVENTS_FOUND_MAX;
	asking->answer->events =
		arena_alloc(asking->encoder.arena, asking->room * sizeof(Stockade__Event *));
	r = store_events_of(store, source, EVENTS_MAX + 1, add_event, asking);
	if (r >= 0 && source != NULL)
		r = store_events_covering(store, source, EVENTS_MAX + 1, add_event, asking);
	events_settle(asking->answer);
	return r < 0 ? r : 0;
}

/* Its week is over, and nothing of it is kept: by age, or because there were too many. */
static bool incident_is_gone(const struct asking *asking, uint64_t number)
{
	const struct store_guard *guard = asking->parts->guard;
	int64_t end_s = incident_number_week_end_s(number);
	int64_t oldest_s = 0;

	return end_s <= loop_now_s(guard->loop) - guard->conf->keep_incidents_s ||
	       (store_incident_oldest(asking->encoder.store, &oldest_s) >= 0 && oldest_s >= end_s);
}

static int ask_incident(struct asking *asking, uint64_t number, struct fault *why)
{
	int r;

	asking->answer->incidents =
		arena_alloc(asking->encoder.arena, sizeof(Stockade__Incident *));
	r = store_incident_get(asking->encoder.store, number, add_incident, asking);
	if (r == E_ABSENT && incident_is_gone(asking, number))
		return fault_set(
			why, E_GONE, "that incident was too long ago: nothing of it is kept");
	if (r == E_ABSENT)
		return fault_set(why, r, "there is no such incident");
	return r < 0 ? r : 0;
}

/* The pages ask for strangers: no more than a few rows, whatever there is; and a role that was
 * taken over asks no more than they may. Operators have a query of its own for what has ended. */
static int ask_for_stranger(struct asking *asking, const struct source *source, struct fault *why)
{
	int r;

	if (!source_is_narrow(source))
		return fault_set(why, E_LIMIT, "too much to be looked up for strangers");
	r = ask_listings_of(asking, STORE_COVERING, source);
	return r < 0 ? r : ask_ended_of(asking, source);
}

static int ask_source(struct asking *asking, const Stockade__Source *wire, struct fault *why)
{
	struct source source;
	int r = source_from_wire(wire, &source);

	if (r < 0)
		return fault_set(why, r, "that is not an address, network or domain");
	listings_room(asking, LISTINGS_MAX);
	if (!asking->encoder.is_private)
		return ask_for_stranger(asking, &source, why);
	r = ask_listings_of(asking, STORE_COVERING, &source);
	return r < 0 ? r : ask_incidents_of(asking, &source);
}

static bool source_is_empty(const Stockade__Source *wire)
{
	return wire == NULL || (wire->address.len == 0 && wire->domain[0] == '\0');
}

/* Without a source: what was done last, about anything. */
static int ask_history(struct asking *asking, const Stockade__Source *wire, struct fault *why)
{
	struct source source;
	int r;

	if (source_is_empty(wire))
		return ask_events_of(asking, NULL);
	r = ask_source(asking, wire, why);
	if (r >= 0)
		r = source_from_wire(wire, &source);
	if (r >= 0)
		r = ask_ended_of(asking, &source);
	return r < 0 ? r : ask_events_of(asking, &source);
}

static char *hash_text(struct arena *arena, const uint8_t hash[CHAIN_SIZE])
{
	char *text = arena_alloc(arena, 2 * CHAIN_SIZE + 1);

	for (size_t i = 0; i < CHAIN_SIZE; i++)
		snprintf(text + 2 * i, 3, "%02x", hash[i]);
	return text;
}

static int ask_verify(struct asking *asking, uint64_t after)
{
	struct arena *arena = asking->encoder.arena;
	Stockade__Chain *wire = arena_alloc(arena, sizeof(*wire));
	struct store_chain chain;
	int r = store_events_verify(asking->encoder.store, after, VERIFY_MAX, &chain);

	if (r < 0)
		return r;
	stockade__chain__init(wire);
	wire->from = chain.from;
	wire->to = chain.to;
	wire->bad = chain.bad;
	wire->hash = hash_text(arena, chain.hash);
	asking->answer->chain = wire;
	asking->answer->more = r > 0;
	return 0;
}

static int ask_page(struct asking *asking, const Stockade__ListingsQuery *query, struct fault *why)
{
	uint32_t limit = query->limit == 0         ? PAGE_DEFAULT
			 : query->limit > PAGE_MAX ? PAGE_MAX
						   : query->limit;
	struct store_select select = {.which = STORE_PAGE,
		.list = span_text(query->list),
		.after_id = query->after_id,
		.limit = limit + 1};
	int r;

	if (conf_list_find(asking->encoder.conf, select.list) == NULL)
		return fault_set(
			why, E_ABSENT, "there is no list '%s' in the configuration", query->list);
	if (query->runs)
		return query_runs(&asking->encoder, &select, asking->answer);
	listings_room(asking, limit);
	r = store_listings(asking->encoder.store, &select, add_listing, asking);
	return r < 0 ? r : 0;
}

/* ---- status: works without a store as well ---- */

static int status_review(
	const struct asking *asking, const struct conf_list *list, uint64_t *ret_count)
{
	int64_t now_s = loop_now_s(asking->parts->guard->loop);
	uint64_t total = 0, count = 0;
	int r = 0;

	for (size_t i = 0; i < list->sublists_len && r >= 0; i++) {
		const struct conf_sublist *sublist = &list->sublists[i];
		const struct conf_policy *policy =
			conf_policy_find(asking->encoder.conf, sublist->policy);

		r = store_review_count(asking->encoder.store,
			&(struct store_review){span_text(list->name), span_text(sublist->name),
				rule_review_s(policy, now_s)},
			&count);
		total += r >= 0 ? count : 0;
	}
	*ret_count = total;
	return r;
}

/* None without a store: that they are served, nobody can tell from a count of 0. */
static int status_lists(struct asking *asking, Stockade__Status *status)
{
	const struct conf *conf = asking->encoder.conf;
	int r = 0;

	if (asking->encoder.store == NULL)
		return 0;
	status->lists = arena_alloc(
		asking->encoder.arena, conf->lists_len * sizeof(Stockade__ListStatus *));
	for (size_t i = 0; i < conf->lists_len && r >= 0; i++) {
		Stockade__ListStatus *list = arena_alloc(asking->encoder.arena, sizeof(*list));

		stockade__list_status__init(list);
		list->name = arena_copy_string(asking->encoder.arena, conf->lists[i].name);
		list->zone = arena_copy_string(asking->encoder.arena, conf->lists[i].zone);
		r = store_list_count(asking->encoder.store, span_text(list->name), &list->listings);
		if (r >= 0)
			r = status_review(asking, &conf->lists[i], &list->review);
		status->lists[status->n_lists++] = list;
	}
	if (r < 0)
		status->n_lists = 0;
	return r;
}

/* The rows stay the connections': the answer goes out before anything else is read. */
static void status_role(
	const struct connections *connections, enum bus_sender sender, Stockade__RoleStatus *role)
{
	for (const struct connection *connection = connections_first(connections);
		connection != NULL; connection = connection->next) {
		if (connection->sender != sender)
			continue;
		if (!role->connected)
			role->serial = connection->follower.state.serves;
		role->connected = true;
		if (connection->health == NULL)
			continue;
		role->counters = connection->health->counters;
		role->n_counters = connection->health->n_counters;
	}
}

static void status_roles(struct asking *asking, Stockade__Status *status)
{
	struct arena *arena = asking->encoder.arena;

	status->roles = arena_alloc(arena, BUS_SENDER_COUNT * sizeof(Stockade__RoleStatus *));
	for (int i = 0; i < BUS_CONTROL; i++) {
		Stockade__RoleStatus *role = arena_alloc(arena, sizeof(*role));

		stockade__role_status__init(role);
		role->role = (char *)bus_sender_name((enum bus_sender)i);
		role->follows = rights_follows((enum bus_sender)i);
		status_role(asking->parts->connections, (enum bus_sender)i, role);
		status->roles[status->n_roles++] = role;
	}
}

static Stockade__Condition *condition_of_log(const struct asking *asking)
{
	struct arena *arena = asking->encoder.arena;
	Stockade__Condition *condition = arena_alloc(arena, sizeof(*condition));

	stockade__condition__init(condition);
	condition->kind = (char *)"store";
	condition->name = (char *)"log";
	condition->words = arena_format(arena,
		"the log of the store has %lld MB: another program has been reading the store for long",
		(long long)store_log_size(asking->parts->guard->store) / 1000000);
	return condition;
}

/* The rows stay the connections', as above. */
static void status_conditions(struct asking *asking, Stockade__Status *status)
{
	const struct connection *first = connections_first(asking->parts->connections);
	size_t count = 1; /* ours */

	for (const struct connection *connection = first; connection != NULL;
		connection = connection->next)
		count += connection->health != NULL ? connection->health->n_conditions : 0;
	status->conditions =
		arena_alloc(asking->encoder.arena, count * sizeof(Stockade__Condition *));
	if (asking->parts->guard->log_is_long)
		status->conditions[status->n_conditions++] = condition_of_log(asking);
	for (const struct connection *connection = first; connection != NULL;
		connection = connection->next) {
		const Stockade__Health *health = connection->health;

		for (size_t i = 0; health != NULL && i < health->n_conditions; i++)
			status->conditions[status->n_conditions++] = health->conditions[i];
	}
}

static void status_store(struct asking *asking, Stockade__Status *status)
{
	struct store_guard *guard = asking->parts->guard;
	char text[512] = "none";
	struct fault short_of = {""};

	status->store_ok = store_guard_is_well(guard) && guard->reserve != RESERVE_USED;
	if (status->store_ok)
		store_describe(guard->store, text, sizeof(text));
	else if (store_guard_is_well(guard))
		store_guard_takes_bulk(guard, &short_of);
	status->store =
		arena_copy_string(asking->encoder.arena, status->store_ok           ? text
							 : short_of.text[0] != '\0' ? short_of.text
										    : guard->why);
}

static int ask_status(struct asking *asking)
{
	struct store_guard *guard = asking->parts->guard;
	Stockade__Status *status = arena_alloc(asking->encoder.arena, sizeof(*status));
	int r;

	stockade__status__init(status);
	status->serial = publisher_serial(asking->parts->publisher);
	status->started_s = asking->parts->started_s;
	r = status_lists(asking, status);
	if (r >= 0 && guard->store != NULL)
		r = store_counts(guard->store, &status->incidents, &status->evidence);
	if (r < 0)
		store_guard_failed(guard, r);
	status_store(asking, status);
	status_roles(asking, status);
	status_conditions(asking, status);
	asking->answer->status = status;
	return 0;
}

static int ask(struct asking *asking, const Stockade__Query *query, struct fault *why)
{
	int r;

	if (query->what_case == STOCKADE__QUERY__WHAT_STATUS)
		return ask_status(asking);
	r = store_guard_need(asking->parts->guard, why);
	if (r < 0)
		return r;
	switch (query->what_case) {
	case STOCKADE__QUERY__WHAT_INCIDENT:
		return ask_incident(asking, query->incident, why);
	case STOCKADE__QUERY__WHAT_SOURCE:
		return ask_source(asking, query->source, why);
	case STOCKADE__QUERY__WHAT_LISTINGS:
		return ask_page(asking, query->listings, why);
	case STOCKADE__QUERY__WHAT_FEEDS:
		return query_feeds(asking->parts, asking->encoder.arena, asking->answer);
	case STOCKADE__QUERY__WHAT_HISTORY:
		return ask_history(asking, query->history, why);
	case STOCKADE__QUERY__WHAT_VERIFY:
		return ask_verify(asking, query->verify);
	default:
		return fault_set(why, E_USAGE, "the question is empty");
	}
}

void query_handle(const struct keeper_parts *parts, struct connection *connection,
	const Stockade__Query *query)
{
	AUTO(arena) *arena = arena_new(0);
	Stockade__Answer *answer = arena_alloc(arena, sizeof(*answer));
	struct fault why = {""};
	struct asking asking = {.parts = parts, .answer = answer};
	int r;

	stockade__answer__init(answer);
	transaction_commit(parts->transaction); /* what came before the question is seen by it */
	asking.encoder = (struct encoder){.arena = arena,
		.conf = parts->guard->conf,
		.store = parts->guard->store,
		.is_private = rights_sees_private(connection->sender)};
	r = ask(&asking, query, &why);
	if (r < 0) {
		if (error_is_of_store(r))
			store_guard_failed(parts->guard, r);
		stockade__answer__init(answer);
		answer->error = r;
		answer->text = why.text[0] != '\0' ? why.text : (char *)err_text(r);
	}
	answer->tag = query->tag;
	answer->serial = publisher_serial(parts->publisher);
	connection_answer(connection, answer);
}
