/* SPDX-License-Identifier: ISC */
#include "base/macro.h"
#include "gate/facts.h"

/* Our own lists: the part of the facts that comes from the view. */

/* The list of allowances (conf/conf.h): always there, served by no zone. */
static const char allow_list[] = "allow";

enum { HELO_AND_SENDER = 2 };

bool facts_list_has_names(const struct conf_list *list)
{
	return list->holds == LIST_OF_DOMAINS || strcmp(list->name, allow_list) == 0;
}

struct looking {
	struct facts *facts;
	const struct view *view;
	const struct conf_list *list;
	int place; /* of the list in the view */
	int64_t now_s;
};

/* A view counts sublists in the order of its own making, the configuration in the order of the
 * file: names connect them. */
static const struct conf_sublist *looking_sublist(const struct looking *l, unsigned sublist)
{
	struct span name = view_sublist_name(l->view, l->place, sublist);

	for (size_t i = 0; i < l->list->sublists_len; i++)
		if (span_equal_text(name, l->list->sublists[i].name))
			return &l->list->sublists[i];
	return NULL;
}

/* The place for a hit: the next one, or that of the weakest when all are taken, since a client
 * chooses some of its names itself. NULL: it is no stronger. */
static struct list_fact *looking_place(const struct looking *l)
{
	struct facts *facts = l->facts;
	struct list_fact *weakest = facts->list_hits;

	if (facts->list_hits_len < FACTS_LIST_HITS_MAX)
		return &facts->list_hits[facts->list_hits_len++];
	for (size_t i = 1; i < FACTS_LIST_HITS_MAX; i++)
		if (action_strength(facts->list_hits[i].list->action) <
			action_strength(weakest->list->action))
			weakest = &facts->list_hits[i];
	return action_strength(weakest->list->action) < action_strength(l->list->action) ? weakest
											 : NULL;
}

static void looking_add(const struct looking *l, const struct hits *hits, struct span domain)
{
	for (size_t i = 0; i < hits->len && l->list->action != ACTION_OFF; i++) {
		struct list_fact *place;

		if (facts_is_over(hits->items[i].until_s, l->now_s))
			continue; /* and has no place: the keeper was away when it ended */
		place = looking_place(l);
		if (place == NULL)
			return;
		*place = (struct list_fact){
			.list = l->list,
			.sublist = looking_sublist(l, hits->items[i].sublist),
			.until_s = hits->items[i].until_s,
			.reason = hits->items[i].reason,
			.domain = domain,
		};
	}
}

/* The allowance that lasts longest is the one that counts. */
static void looking_allow(const struct looking *l, const struct hits *hits)
{
	struct facts *facts = l->facts;

	for (size_t i = 0; i < hits->len; i++) {
		const struct hit *hit = &hits->items[i];
		bool longer = hit->until_s == 0 ||
			      (facts->allow_until_s != 0 && hit->until_s > facts->allow_until_s);

		if (facts_is_over(hit->until_s, l->now_s) ||
			(facts->allowed == FACT_YES && !longer))
			continue;
		facts->allowed = FACT_YES;
		facts->allow_until_s = hit->until_s;
		facts->allow_reason = hit->reason;
	}
}

static bool looking_any_holds(const struct looking *l, const struct hits *hits)
{
	for (size_t i = 0; i < hits->len; i++)
		if (!facts_is_over(hits->items[i].until_s, l->now_s))
			return true;
	return false;
}

static struct hits looking_domain(const struct looking *l, struct span domain)
{
	struct hits hits = {.len = 0};
	char text[DOMAIN_SIZE];
	struct span folded;

	if (domain_fold(domain, text, &folded))
		view_lookup_domain(l->view, l->place, folded, &hits);
	return hits;
}

/* Adds what is listed of a name, unless it is one of those before it. */
static void looking_add_domain(const struct looking *l, struct span name, const struct span *before)
{
	struct hits hits;

	for (size_t i = 0; before != NULL && i < HELO_AND_SENDER; i++)
		if (span_equal_nocase(name, before[i]))
			return;
	hits = looking_domain(l, name);
	looking_add(l, &hits, name);
}

/* DNS did not tell the client's names, and the list holds some that they might be. */
static bool looking_lacks_names(const struct looking *l)
{
	return l->facts->ptr != FACT_YES && l->facts->ptr != FACT_NO &&
	       view_has_below(l->view, l->place, (struct span){0}, UINT32_MAX);
}

/* HELO and a PTR name are mostly the same. */
static void looking_domains(const struct looking *l)
{
	const struct span said[HELO_AND_SENDER] = {
		l->facts->helo, facts_mailbox_domain(l->facts->sender)};

	looking_add_domain(l, said[0], NULL);
	if (!span_equal_nocase(said[0], said[1]))
		looking_add_domain(l, said[1], NULL);
	for (size_t i = 0; i < l->facts->names_len; i++)
		looking_add_domain(l, l->facts->names[i].name, said);
	if (l->list->action == ACTION_REJECT && looking_lacks_names(l))
		l->facts->names_may_be_listed = true;
}

/* A name that points back allows what it is listed for; one of which DNS did not tell whether it
 * does, perhaps. */
static void looking_allow_name(const struct looking *l, const struct name_fact *name)
{
	struct hits hits;

	if (name->confirmed == FACT_NO)
		return;
	hits = looking_domain(l, name->name);
	if (name->confirmed == FACT_YES)
		looking_allow(l, &hits);
	else if (looking_any_holds(l, &hits) && l->facts->allowed == FACT_NO)
		l->facts->allowed = FACT_UNKNOWN;
}

/* By address, or by any name that points back. The domain of MAIL FROM is what anybody may write:
 * it allows nothing. Without its names the client might be whoever is allowed by name. */
static void looking_allowances(const struct looking *l)
{
	struct facts *facts = l->facts;
	struct hits hits;

	view_lookup_ip(l->view, l->place, facts->client, &hits);
	looking_allow(l, &hits);
	for (size_t i = 0; i < facts->names_len; i++)
		looking_allow_name(l, &facts->names[i]);
	if (facts->allowed == FACT_NO && looking_lacks_names(l))
		facts->allowed = FACT_UNKNOWN;
}

void facts_look_up(
	struct facts *facts, const struct conf *conf, const struct view *view, int64_t now_s)
{
	struct hits hits;

	facts->list_hits_len = 0;
	facts->names_may_be_listed = false;
	facts->lists_known = view_is_known(view);
	facts->allowed = facts->lists_known ? FACT_NO : FACT_UNKNOWN;
	facts->allow_until_s = 0;
	facts->allow_reason = (struct span){0};
	facts->client_is_own = facts_ip_is_own(conf, facts->client);
	for (size_t i = 0; i < conf->lists_len; i++) {
		struct looking l = {facts, view, &conf->lists[i], 0, now_s};

		l.place = view_list_find(view, span_text(l.list->name));
		if (l.place < 0)
			continue; /* nothing was ever put into it */
		if (strcmp(l.list->name, allow_list) == 0) {
			looking_allowances(&l);
		} else if (l.list->holds == LIST_OF_DOMAINS) {
			looking_domains(&l);
		} else {
			view_lookup_ip(view, l.place, facts->client, &hits);
			looking_add(&l, &hits, (struct span){0});
		}
	}
}
