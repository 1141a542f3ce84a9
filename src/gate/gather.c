/* SPDX-License-Identifier: ISC */
#include "gate/gather.h"

#include "base/log.h"
#include "base/macro.h"
#include "base/mem.h"
#include "base/obj.h"
#include "dns/message.h"
#include "gate/dnsbl_probe.h"
#include "gate/helo.h"
#include "gate/resolver_test.h"
#include "resolve/resolver.h"

/*
 * One gathering is a handful of lookups that run in parallel:
 *
 *   PTR --names, two at once--> A or AAAA of each      confirmed when one of them is the client
 *   client.zone A               for each foreign zone
 *   client.zone TXT             where it is listed and that is shown to people
 *
 * Whoever owns the reverse zone chooses the names: all that the resolver tells are looked at, in
 * their order, but never many at once.
 *
 * The gathering keeps what came back; what it means is read when facts are asked for, by the
 * configuration of whoever asks: a reload between connect and RCPT changes nothing for him. Two
 * lists in one zone are one lookup. Connections of one client at the same time share lookups in the
 * resolver.
 */
enum { FORWARDS_AT_ONCE = 2, FULL_LOG_EVERY_MS = 60000 };

enum gather_lookup_kind { LOOKUP_PTR, LOOKUP_FORWARD, LOOKUP_ZONE, LOOKUP_WORDS };

struct gather_lookup {
	uint32_t magic;
	enum gather_lookup_kind kind;
	struct gathering *gathering;
	struct resolver_query *query;
	struct name_fact *name;    /* LOOKUP_FORWARD */
	struct dnsbl_probe *probe; /* LOOKUP_ZONE */
	bool done;
	enum resolver_status status;
	size_t addresses_len; /* LOOKUP_ZONE */
	const struct ip *addresses;
	struct span words; /* LOOKUP_WORDS: the first record */
};

struct gathering {
	uint32_t magic;
	struct gatherer *gatherer;
	struct gathering *next;
	struct gathering **place;
	struct arena *arena;
	struct ip client;
	bool is_own;
	enum fact_state ptr;
	struct gather_lookup ptr_lookup;
	size_t names_len, names_begun; /* the first of them are looked up, or were */
	struct name_fact *names;
	struct gather_lookup forwards[FORWARDS_AT_ONCE];
	size_t zones_len;
	struct gather_lookup *zones, *words; /* one for each of zones */
	bool is_for_person;
	size_t pending;
	bool reported;
	void (*done)(struct gathering *gathering, void *arg);
	void *arg;
};

struct gatherer {
	uint32_t magic;
	struct resolver *resolver;
	const struct conf *conf;
	struct dnsbl_probe_env probe_env;
	size_t probes_len; /* only grows: zones that were ever configured */
	struct dnsbl_probe **probes;
	struct resolver_test *resolver_test;
	enum lists_reach reach;
	uint64_t unasked; /* questions without a place, when it was last logged */
	int64_t full_logged_ms;
	struct gathering *gatherings;
};

/* ---- completeness ---- */

bool gathering_is_complete(const struct gathering *gathering)
{
	if (gathering->pending != 0)
		return false;
	/* an answer of a list that nobody has tried yet cannot be judged */
	for (size_t i = 0; i < gathering->zones_len; i++)
		if (dnsbl_probe_is_trying(gathering->zones[i].probe))
			return false;
	return true;
}

/* The caller may free the gathering in `done`: the last thing that is done with it. */
static void gathering_report(struct gathering *gathering)
{
	if (gathering->reported || !gathering_is_complete(gathering))
		return;
	gathering->reported = true;
	gathering->done(gathering, gathering->arg);
}

static void gatherer_log_resolver(const struct gatherer *gatherer, enum log_event_id event)
{
	char text[ENDPOINT_TEXT_SIZE];

	log_event(event,
		LOG_FIELDS(log_text("resolver", endpoint_print(gatherer->conf->resolver, text))));
}

/* What the last tests of all lists have in common. One that answers as it should, or wrongly in
 * its own way, shows that the resolver lets answers through. */
static enum lists_reach gatherer_reach(const struct gatherer *gatherer)
{
	size_t filtered = 0, unheard = 0;

	if (gatherer->probe_env.lists != 0 && resolver_test_rewrites(gatherer->resolver_test))
		return LISTS_REWRITTEN;
	for (size_t i = 0; i < gatherer->probes_len; i++) {
		const struct dnsbl_health *health = dnsbl_probe_health(gatherer->probes[i]);

		if (!dnsbl_probe_is_tested(gatherer->probes[i]))
			continue;
		if (!dnsbl_test_is_fruitless(health->last_test))
			return LISTS_REACHED;
		filtered += health->last_test == DNSBL_TEST_FILTERED;
		unheard += health->unheard > 1;
	}
	if (filtered != 0)
		return LISTS_FILTERED;
	return unheard != 0 ? LISTS_UNREACHED : LISTS_REACHED;
}

/* A list that is silent, and nothing else is found: the others are asked whether they are, too. */
static void gatherer_ask_others(const struct gatherer *gatherer)
{
	bool doubtful = false;

	for (size_t i = 0; i < gatherer->probes_len && !doubtful; i++)
		doubtful = dnsbl_probe_health(gatherer->probes[i])->unheard != 0;
	for (size_t i = 0; i < gatherer->probes_len && doubtful; i++)
		if (dnsbl_probe_health(gatherer->probes[i])->unheard == 0)
			dnsbl_probe_hurry(gatherer->probes[i]);
}

static void gatherer_look(const struct gatherer *gatherer)
{
	for (size_t i = 0; i < gatherer->probes_len; i++) {
		dnsbl_probe_hurry(gatherer->probes[i]);
		dnsbl_probe_look(gatherer->probes[i]);
	}
}

/* What is the resolver's matter is said once, not once for each list. */
static void gatherer_note_reach(struct gatherer *gatherer)
{
	static const enum log_event_id events[] = {[LISTS_REACHED] = EV_RESOLVER_LISTS_BACK,
		[LISTS_FILTERED] = EV_RESOLVER_FILTERS,
		[LISTS_UNREACHED] = EV_RESOLVER_NO_LISTS,
		[LISTS_REWRITTEN] = EV_RESOLVER_REWRITES};
	enum lists_reach before = gatherer->reach;

	gatherer->reach = gatherer_reach(gatherer);
	gatherer_ask_others(gatherer);
	if (gatherer->reach == before)
		return;
	gatherer_log_resolver(gatherer, events[gatherer->reach]);
	if (before == LISTS_UNREACHED)
		gatherer_look(gatherer);
}

/* A foreign list was tried, perhaps for the first time: connections may have waited for that. Each
 * report may free any gathering, so the walk begins anew after one. */
static void gatherer_on_tried(void *arg)
{
	struct gatherer *gatherer = OBJ(gatherer, arg);
	struct gathering *g = gatherer->gatherings;

	gatherer_note_reach(gatherer);
	while (g != NULL) {
		if (!g->reported && gathering_is_complete(g)) {
			gathering_report(g);
			g = gatherer->gatherings;
		} else {
			g = g->next;
		}
	}
}

/* Lists that were left alone meanwhile may have been silent for the resolver's sake. */
static void gatherer_on_resolver(void *arg)
{
	struct gatherer *gatherer = OBJ(gatherer, arg);

	if (resolver_is_down(gatherer->resolver)) {
		gatherer_log_resolver(gatherer, EV_RESOLVER_DOWN);
		return;
	}
	gatherer_log_resolver(gatherer, EV_RESOLVER_BACK);
	gatherer_look(gatherer);
}

static void gatherer_on_resolver_test(void *arg)
{
	gatherer_note_reach(OBJ(gatherer, arg));
}

/* A line now and then, not one for each question of a flood. */
static void gatherer_note_unasked(struct gatherer *gatherer, struct ip client)
{
	uint64_t unasked = resolver_stats(gatherer->resolver).unasked;
	int64_t now_ms = loop_now_ms(gatherer->probe_env.loop);

	if (unasked == gatherer->unasked ||
		(gatherer->unasked != 0 && now_ms < gatherer->full_logged_ms + FULL_LOG_EVERY_MS))
		return;
	log_event(EV_RESOLVER_FULL,
		LOG_FIELDS(log_ip("client", client),
			log_number("unasked", (int64_t)(unasked - gatherer->unasked))));
	gatherer->unasked = unasked;
	gatherer->full_logged_ms = now_ms;
}

/* ---- lookups ---- */

static void lookup_on_answer(const struct resolver_answer *answer, void *arg);

static void lookup_init(
	struct gather_lookup *lookup, struct gathering *gathering, enum gather_lookup_kind kind)
{
	*lookup = (struct gather_lookup){.magic = (uint32_t)MAGIC_gather_lookup,
		.kind = kind,
		.gathering = gathering,
		.status = RESOLVER_FAILED};
}

static bool lookup_is_waited_for(const struct gather_lookup *lookup)
{
	return lookup->kind != LOOKUP_WORDS || lookup->gathering->is_for_person;
}

static void lookup_ask(struct gather_lookup *lookup, const struct dns_name *name, uint16_t type)
{
	struct gathering *gathering = lookup->gathering;
	struct resolver_question question = {.name = name,
		.type = type,
		.client = &gathering->client,
		.of_stranger = lookup->kind == LOOKUP_FORWARD};

	gathering->pending += lookup_is_waited_for(lookup);
	lookup->query =
		resolver_ask(gathering->gatherer->resolver, &question, lookup_on_answer, lookup);
}

/* A PTR name is a stranger's text: what is not a host name has no address and is not asked for. */
static void forward_begin(struct gather_lookup *lookup, struct name_fact *fact)
{
	struct gathering *gathering = lookup->gathering;
	struct ip ip;
	enum helo_kind kind = helo_parse(fact->name, &ip);
	struct dns_name name;

	fact->confirmed = FACT_NO;
	if ((kind != HELO_NAME && kind != HELO_SHORT) || dns_name_parse(fact->name, &name) < 0)
		return;
	fact->confirmed = FACT_UNKNOWN;
	lookup->name = fact;
	lookup_ask(lookup, &name, ip_is_v4(gathering->client) ? DNS_A : DNS_AAAA);
}

/* Each of the few places takes the next name when it is free. */
static void gathering_ask_names(struct gathering *gathering)
{
	for (size_t i = 0; i < FORWARDS_AT_ONCE; i++)
		while (gathering->forwards[i].query == NULL &&
			gathering->names_begun < gathering->names_len)
			forward_begin(&gathering->forwards[i],
				&gathering->names[gathering->names_begun++]);
}

static void gathering_take_names(struct gathering *gathering, const struct resolver_answer *answer)
{
	gathering->names = arena_alloc(gathering->arena, answer->count * sizeof(*gathering->names));
	gathering->names_len = answer->count;
	for (size_t i = 0; i < answer->count; i++) {
		char text[DNS_NAME_TEXT_SIZE];
		struct span name = span_text(dns_name_print(&answer->names[i], text));

		gathering->names[i] = (struct name_fact){
			.name = arena_copy(gathering->arena, name), .confirmed = FACT_UNKNOWN};
	}
	for (size_t i = 0; i < FORWARDS_AT_ONCE; i++)
		lookup_init(&gathering->forwards[i], gathering, LOOKUP_FORWARD);
	gathering_ask_names(gathering);
}

static void ptr_on_answer(struct gathering *gathering, const struct resolver_answer *answer)
{
	switch (answer->status) {
	case RESOLVER_FOUND:
		gathering->ptr = FACT_YES;
		gathering_take_names(gathering, answer);
		return;
	case RESOLVER_NODATA:
	case RESOLVER_NXDOMAIN:
		gathering->ptr = FACT_NO;
		return;
	case RESOLVER_FAILED:
	case RESOLVER_UNASKED:
		gathering->ptr = FACT_TEMPORARY;
	}
}

static void forward_on_answer(struct gather_lookup *lookup, const struct resolver_answer *answer)
{
	struct gathering *gathering = lookup->gathering;
	enum fact_state state = resolver_is_unknown(answer->status) ? FACT_TEMPORARY : FACT_NO;

	for (size_t i = 0; answer->status == RESOLVER_FOUND && i < answer->count; i++)
		if (ip_equal(answer->addresses[i], gathering->client))
			state = FACT_YES;
	lookup->name->confirmed = state;
	gathering_ask_names(gathering);
}

/* Whether an answer is a list's answer at all; code sets do not matter, but the one that may hold
 * 127.0.0.1 does. */
static bool zone_answer_is_wrong(
	const struct gatherer *gatherer, const struct gather_lookup *lookup)
{
	const struct conf *conf = gatherer->conf;
	bool wrong = false;

	for (size_t i = 0; i < conf->dnsbls_len && !wrong; i++)
		wrong = strcmp(conf->dnsbls[i].zone, dnsbl_probe_zone(lookup->probe)) == 0 &&
			dnsbl_read(&conf->dnsbls[i], lookup->addresses, lookup->addresses_len,
				NULL) == DNSBL_BROKEN;
	return wrong;
}

static bool zone_code_is_named(const struct gatherer *gatherer, const char *zone, struct ip address)
{
	const struct conf *conf = gatherer->conf;

	for (size_t i = 0; i < conf->dnsbls_len; i++)
		if (strcmp(conf->dnsbls[i].zone, zone) == 0 &&
			dnsbl_names_code(&conf->dnsbls[i], address))
			return true;
	return false;
}

static void zone_note_unnamed(const struct gather_lookup *lookup)
{
	const struct gatherer *gatherer = lookup->gathering->gatherer;

	for (size_t i = 0; i < lookup->addresses_len; i++)
		if (!zone_code_is_named(
			    gatherer, dnsbl_probe_zone(lookup->probe), lookup->addresses[i]))
			dnsbl_probe_note_unnamed(lookup->probe, lookup->addresses[i]);
}

static enum dnsbl_lookup zone_judge(
	const struct gather_lookup *lookup, const struct resolver_answer *answer)
{
	if (resolver_is_unknown(answer->status))
		return DNSBL_LOOKUP_SILENT;
	if (zone_answer_is_wrong(lookup->gathering->gatherer, lookup))
		return DNSBL_LOOKUP_WRONG;
	zone_note_unnamed(lookup);
	return lookup->addresses_len != 0 ? DNSBL_LOOKUP_LISTED : DNSBL_LOOKUP_CLEAN;
}

static bool action_shows(const struct gathering *gathering, enum action action)
{
	if (gathering->is_for_person)
		return action != ACTION_OFF;
	return action == ACTION_REJECT || action == ACTION_DEFER;
}

/* Whether an entry of the zone does something with the client that people will read of. */
static bool zone_is_shown(const struct gather_lookup *lookup)
{
	const struct conf *conf = lookup->gathering->gatherer->conf;

	for (size_t i = 0; i < conf->dnsbls_len; i++)
		if (action_shows(lookup->gathering, conf->dnsbls[i].action) &&
			strcmp(conf->dnsbls[i].zone, dnsbl_probe_zone(lookup->probe)) == 0 &&
			dnsbl_read(&conf->dnsbls[i], lookup->addresses, lookup->addresses_len,
				NULL) == DNSBL_LISTED)
			return true;
	return false;
}

static void words_ask(struct gather_lookup *zone)
{
	struct gathering *gathering = zone->gathering;
	struct gather_lookup *words = &gathering->words[zone - gathering->zones];
	struct dns_name name;

	if (dns_name_reverse(gathering->client, dnsbl_probe_name(zone->probe), &name) < 0)
		return;
	lookup_init(words, gathering, LOOKUP_WORDS);
	lookup_ask(words, &name, DNS_TXT);
}

static void words_on_answer(struct gather_lookup *words, const struct resolver_answer *answer)
{
	if (answer->status == RESOLVER_FOUND && answer->count != 0)
		words->words = arena_copy(words->gathering->arena, answer->texts[0]);
}

static void zone_on_answer(struct gather_lookup *lookup, const struct resolver_answer *answer)
{
	struct gathering *gathering = lookup->gathering;
	size_t count = answer->status == RESOLVER_FOUND ? answer->count : 0;
	struct ip *addresses = arena_alloc(gathering->arena, (count + 1) * sizeof(*addresses));

	if (count != 0)
		memcpy(addresses, answer->addresses, count * sizeof(*addresses));
	lookup->addresses = addresses;
	lookup->addresses_len = count;
	if (answer->status != RESOLVER_UNASKED) /* that is no answer of the list */
		dnsbl_probe_answered(lookup->probe, zone_judge(lookup, answer), gathering->client);
	if (zone_is_shown(lookup))
		words_ask(lookup);
}

static void lookup_on_answer(const struct resolver_answer *answer, void *arg)
{
	struct gather_lookup *lookup = OBJ(gather_lookup, arg);
	struct gathering *gathering = OBJ(gathering, lookup->gathering);

	lookup->query = NULL;
	lookup->done = true;
	lookup->status = answer->status;
	gathering->pending -= lookup_is_waited_for(lookup);
	if (answer->status == RESOLVER_UNASKED)
		gatherer_note_unasked(gathering->gatherer, gathering->client);
	if (lookup->kind == LOOKUP_PTR)
		ptr_on_answer(gathering, answer);
	else if (lookup->kind == LOOKUP_FORWARD)
		forward_on_answer(lookup, answer);
	else if (lookup->kind == LOOKUP_WORDS)
		words_on_answer(lookup, answer);
	else
		zone_on_answer(lookup, answer);
	gathering_report(gathering);
}

/* ---- a gathering ---- */

static void gathering_ask_ptr(struct gathering *gathering)
{
	static const char v4[] = "in-addr.arpa";
	static const char v6[] = "ip6.arpa";
	struct dns_name suffix;
	struct dns_name name;

	lookup_init(&gathering->ptr_lookup, gathering, LOOKUP_PTR);
	ASSERT(dns_name_parse(span_text(ip_is_v4(gathering->client) ? v4 : v6), &suffix) == 0 &&
		dns_name_reverse(gathering->client, &suffix, &name) == 0);
	lookup_ask(&gathering->ptr_lookup, &name, DNS_PTR);
}

static void gathering_ask_zone(struct gathering *gathering, struct dnsbl_probe *probe)
{
	struct gather_lookup *lookup = &gathering->zones[gathering->zones_len];
	struct dns_name name;

	if (!dnsbl_probe_may_ask(probe) ||
		dns_name_reverse(gathering->client, dnsbl_probe_name(probe), &name) < 0)
		return;
	gathering->zones_len++;
	lookup_init(lookup, gathering, LOOKUP_ZONE);
	lookup->probe = probe;
	lookup_ask(lookup, &name, DNS_A);
}

/* Foreign lists learn nothing of our own and our allowed clients, and private addresses mean
 * nothing to them. */
static bool gathering_asks_zones(
	const struct gathering *gathering, const struct gathering_request *request)
{
	struct facts facts = {.client = gathering->client};

	facts_look_up(&facts, gathering->gatherer->conf, request->view, request->now_s);
	return !facts.client_is_own && facts.allowed != FACT_YES &&
	       !ip_is_special_use(gathering->client, false);
}

struct gathering *gathering_start(
	struct gatherer *gatherer, const struct gathering_request *request)
{
	struct gathering *gathering = mem_new(gathering);

	gathering->magic = (uint32_t)MAGIC_gathering;
	gathering->gatherer = gatherer;
	gathering->client = request->client;
	gathering->done = request->done;
	gathering->arg = request->arg;
	gathering->is_for_person = request->is_for_person;
	gathering->arena = arena_new(0);
	gathering->place = &gatherer->gatherings;
	gathering->next = gatherer->gatherings;
	if (gathering->next != NULL)
		gathering->next->place = &gathering->next;
	gatherer->gatherings = gathering;
	gathering_ask_ptr(gathering);
	if (gatherer->probes_len != 0 && gathering_asks_zones(gathering, request)) {
		gathering->zones = arena_alloc(
			gathering->arena, gatherer->probes_len * sizeof(*gathering->zones));
		gathering->words = arena_alloc(
			gathering->arena, gatherer->probes_len * sizeof(*gathering->words));
		for (size_t i = 0; i < gatherer->probes_len; i++)
			gathering_ask_zone(gathering, gatherer->probes[i]);
	}
	return gathering;
}

void gathering_free(struct gathering **gathering)
{
	struct gathering *g = *gathering;

	if (g == NULL)
		return;
	resolver_cancel(&g->ptr_lookup.query);
	for (size_t i = 0; i < FORWARDS_AT_ONCE; i++)
		resolver_cancel(&g->forwards[i].query);
	for (size_t i = 0; i < g->zones_len; i++)
		resolver_cancel(&g->zones[i].query);
	for (size_t i = 0; i < g->zones_len; i++)
		resolver_cancel(&g->words[i].query);
	*g->place = g->next;
	if (g->next != NULL)
		g->next->place = g->place;
	arena_free(&g->arena);
	g->magic = 0;
	mem_free(g);
	*gathering = NULL;
}

/* ---- facts ---- */

/* The first name in this state; NULL: none. */
static const struct name_fact *gathering_name(
	const struct gathering *gathering, enum fact_state state)
{
	for (size_t i = 0; i < gathering->names_len; i++)
		if (gathering->names[i].confirmed == state)
			return &gathering->names[i];
	return NULL;
}

/* One name that points back is enough; "no" needs an answer for each of them. */
static enum fact_state gathering_confirmed(const struct gathering *gathering)
{
	static const enum fact_state states[] = {FACT_YES, FACT_UNKNOWN, FACT_TEMPORARY};

	if (gathering->ptr != FACT_YES)
		return gathering->ptr;
	for (size_t i = 0; i < COUNTOF(states); i++)
		if (gathering_name(gathering, states[i]) != NULL)
			return states[i];
	return FACT_NO;
}

static void gathering_names(const struct gathering *gathering, struct facts *facts)
{
	const struct name_fact *confirmed = gathering_name(gathering, FACT_YES);

	facts->ptr = gathering->ptr;
	facts->names = gathering->names;
	facts->names_len = gathering->names_len;
	facts->ptr_name = gathering->names_len != 0 ? gathering->names[0].name : (struct span){0};
	facts->confirmed = gathering_confirmed(gathering);
	facts->confirmed_name = confirmed != NULL ? confirmed->name : (struct span){0};
}

static const struct dnsbl_probe *gatherer_find(const struct gatherer *gatherer, const char *zone)
{
	for (size_t i = 0; i < gatherer->probes_len; i++)
		if (strcmp(dnsbl_probe_zone(gatherer->probes[i]), zone) == 0)
			return gatherer->probes[i];
	return NULL;
}

static const struct gather_lookup *gathering_find(
	const struct gathering *gathering, const struct dnsbl_probe *probe)
{
	for (size_t i = 0; i < gathering->zones_len; i++)
		if (gathering->zones[i].probe == probe)
			return &gathering->zones[i];
	return NULL;
}

/* What a list gave to its tests that is no list's answer, or that it is silent for so long while
 * the resolver answers, is its own fault: it does not count. That goes for one that is suspended
 * now, though it was healthy when it was asked. */
static bool dnsbl_is_out_of_order(
	const struct gatherer *gatherer, const struct dnsbl_health *health)
{
	bool is_silent = health->last_test == DNSBL_TEST_SILENT;

	if (health->suspended)
		return !is_silent || !resolver_is_down(gatherer->resolver);
	return !health->tried && health->failures != 0 && !is_silent;
}

/* The label of the zone that is shown as KEY must not come back in the list's own words. */
static bool words_hold_key(const struct conf_dnsbl *dnsbl, struct span words)
{
	struct span zone = span_text(dnsbl->zone), shown = span_text(dnsbl->zone_shown);

	while (zone.len != 0 && shown.len != 0) {
		struct span label = span_split(&zone, '.');

		if (span_equal_nocase(label, span_split(&shown, '.')))
			continue;
		for (size_t i = 0; i + label.len <= words.len; i++)
			if (span_equal_nocase(label, span_first(span_from(words, i), label.len)))
				return true;
	}
	return false;
}

static void dnsbl_fill_words(
	const struct gathering *gathering, const struct conf_dnsbl *dnsbl, struct dnsbl_fact *fact)
{
	const struct gather_lookup *zone =
		gathering_find(gathering, gatherer_find(gathering->gatherer, dnsbl->zone));
	const struct gather_lookup *words =
		zone != NULL ? &gathering->words[zone - gathering->zones] : NULL;

	if (fact->state == FACT_YES && !fact->list_error && words != NULL &&
		!words_hold_key(dnsbl, words->words))
		fact->list_text = words->words;
}

static void dnsbl_fill(
	const struct gathering *gathering, const struct conf_dnsbl *dnsbl, struct dnsbl_fact *fact)
{
	const struct dnsbl_probe *probe = gatherer_find(gathering->gatherer, dnsbl->zone);
	const struct gather_lookup *lookup = gathering_find(gathering, probe);
	const struct dnsbl_health *health;
	enum dnsbl_state state;
	enum dnsbl_reading reading;

	if (probe == NULL || dnsbl->action == ACTION_OFF)
		return;
	fact->asked = true;
	health = dnsbl_probe_health(probe);
	state = dnsbl_health_state(health);
	fact->list_error = dnsbl_is_out_of_order(gathering->gatherer, health);
	fact->error_text = dnsbl_test_text(health->last_test);
	if (!fact->list_error && state != DNSBL_HEALTHY) {
		fact->state = FACT_TEMPORARY; /* not tried, or silent */
		return;
	}
	if (lookup == NULL || !lookup->done)
		return;
	if (resolver_is_unknown(lookup->status)) {
		fact->state = FACT_TEMPORARY;
		return;
	}
	reading = dnsbl_read(dnsbl, lookup->addresses, lookup->addresses_len, &fact->hit);
	if (reading == DNSBL_BROKEN)
		fact->error_text = dnsbl_test_text(dnsbl_error_test(fact->hit.code));
	fact->list_error = fact->list_error || reading == DNSBL_BROKEN;
	fact->state = reading == DNSBL_LISTED ? FACT_YES : FACT_NO;
}

void gathering_facts(
	const struct gathering *gathering, const struct conf *conf, struct facts *facts)
{
	facts->client = gathering->client;
	facts->client_is_own = facts_ip_is_own(conf, gathering->client);
	gathering_names(gathering, facts);
	facts->dnsbls_len =
		conf->dnsbls_len < FACTS_DNSBLS_MAX ? conf->dnsbls_len : FACTS_DNSBLS_MAX;
	for (size_t i = 0; i < facts->dnsbls_len; i++) {
		facts->dnsbls[i] = (struct dnsbl_fact){.asked = false};
		if (gathering->zones != NULL)
			dnsbl_fill(gathering, &conf->dnsbls[i], &facts->dnsbls[i]);
		if (facts->dnsbls[i].state == FACT_YES)
			dnsbl_fill_words(gathering, &conf->dnsbls[i], &facts->dnsbls[i]);
	}
}

/* ---- the gatherer ---- */

static const struct conf_dnsbl *conf_find_zone(const struct conf *conf, const char *zone)
{
	for (size_t i = 0; i < conf->dnsbls_len; i++)
		if (conf->dnsbls[i].action != ACTION_OFF && strcmp(conf->dnsbls[i].zone, zone) == 0)
			return &conf->dnsbls[i];
	return NULL;
}

static void gatherer_add(struct gatherer *gatherer, const struct conf_dnsbl *dnsbl)
{
	struct dnsbl_probe *probe = dnsbl_probe_new(&gatherer->probe_env, dnsbl);

	if (probe == NULL)
		return;
	gatherer->probes = mem_resize(
		gatherer->probes, (gatherer->probes_len + 1) * sizeof(struct dnsbl_probe *));
	gatherer->probes[gatherer->probes_len++] = probe;
}

void gatherer_set_conf(struct gatherer *gatherer, const struct conf *conf)
{
	const struct conf *old = gatherer->conf;

	gatherer->conf = conf_ref(conf);
	for (size_t i = 0; i < gatherer->probes_len; i++)
		dnsbl_probe_set_conf(gatherer->probes[i],
			conf_find_zone(conf, dnsbl_probe_zone(gatherer->probes[i])));
	for (size_t i = 0; i < conf->dnsbls_len; i++)
		if (conf->dnsbls[i].action != ACTION_OFF &&
			gatherer_find(gatherer, conf->dnsbls[i].zone) == NULL)
			gatherer_add(gatherer, &conf->dnsbls[i]);
	gatherer->probe_env.lists = 0;
	for (size_t i = 0; i < gatherer->probes_len; i++)
		gatherer->probe_env.lists += dnsbl_probe_is_configured(gatherer->probes[i]);
	conf_unref(&old);
	if (gatherer->probe_env.lists != 0 && gatherer->resolver_test == NULL)
		gatherer->resolver_test = resolver_test_new(gatherer->probe_env.loop,
			gatherer->resolver, gatherer_on_resolver_test, gatherer);
	gatherer_on_tried(gatherer); /* who waited for a zone that is gone need not any longer */
}

struct gatherer *gatherer_new(struct loop *loop, struct resolver *resolver, const struct conf *conf)
{
	struct gatherer *gatherer = mem_new(gatherer);

	gatherer->magic = (uint32_t)MAGIC_gatherer;
	gatherer->resolver = resolver;
	gatherer->probe_env = (struct dnsbl_probe_env){
		.loop = loop, .resolver = resolver, .tried = gatherer_on_tried, .arg = gatherer};
	gatherer_set_conf(gatherer, conf);
	resolver_on_change(resolver, gatherer_on_resolver, gatherer);
	return gatherer;
}

void gatherer_free(struct gatherer **gatherer)
{
	struct gatherer *g = *gatherer;

	if (g == NULL)
		return;
	ASSERT(g->gatherings == NULL);
	resolver_on_change(g->resolver, NULL, NULL);
	resolver_test_free(&g->resolver_test);
	for (size_t i = 0; i < g->probes_len; i++)
		dnsbl_probe_free(&g->probes[i]);
	mem_free(g->probes);
	conf_unref(&g->conf);
	g->magic = 0;
	mem_free(g);
	*gatherer = NULL;
}

enum lists_reach gatherer_lists_reach(const struct gatherer *gatherer)
{
	return gatherer->reach;
}

const struct dnsbl_health *gatherer_health(const struct gatherer *gatherer, size_t dnsbl)
{
	const struct dnsbl_probe *probe;

	ASSERT(dnsbl < gatherer->conf->dnsbls_len);
	probe = gatherer_find(gatherer, gatherer->conf->dnsbls[dnsbl].zone);
	return probe != NULL ? dnsbl_probe_health(probe) : NULL;
}
