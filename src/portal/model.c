/* SPDX-License-Identifier: ISC */
#include "portal/model.h"

#include <string.h>

#include "base/macro.h"

/* ---- sources ---- */

/* The allow list has no zone: who is allowed is nobody's business. */
static bool list_is_public(const struct conf_list *list, const struct source *source)
{
	enum holds holds = source->kind == SOURCE_NET ? LIST_OF_ADDRESSES : LIST_OF_DOMAINS;

	return list->zone != NULL && list->holds == holds;
}

static const struct conf_sublist *sublist_find(const struct conf_list *list, struct span name)
{
	for (size_t i = 0; i < list->sublists_len; i++)
		if (span_equal_text(name, list->sublists[i].name))
			return &list->sublists[i];
	return NULL;
}

static const struct conf_policy *policy_find(const struct conf *conf, const char *name)
{
	for (size_t i = 0; i < conf->policies_len; i++)
		if (strcmp(conf->policies[i].name, name) == 0)
			return &conf->policies[i];
	return NULL;
}

/* A source being looked for in a view. */
struct search {
	struct model_source *model;
	struct arena *arena;
	const struct conf *conf;
	const struct view *view;
};

static void search_add(const struct search *search, const struct conf_list *list,
	struct span sublist_name, const struct hit *hit)
{
	const struct conf_sublist *sublist = sublist_find(list, sublist_name);
	struct model_source *model = search->model;

	/* a sublist that the configuration dropped: no zone answers for it any more */
	if (sublist == NULL || model->listings_len == MODEL_LISTINGS_MAX)
		return;
	model->listings[model->listings_len++] = (struct model_listing){.list = list,
		.sublist = sublist,
		.policy = policy_find(search->conf, sublist->policy),
		.until_s = hit->until_s,
		.in_part = model->is_net,
		.reason = arena_copy(search->arena, hit->reason)};
}

/* A network: which sublists list any address in it. The keeper's answer may add dates to those that
 * cover all of it. */
static void search_within(const struct search *search, const struct conf_list *list, int view_list)
{
	struct prefix net = search->model->source.net;

	for (size_t i = 0; i < list->sublists_len; i++) {
		struct span name = span_text(list->sublists[i].name);
		int sublist = view_sublist_find(search->view, view_list, name);

		if (sublist >= 0 && view_has_within(search->view, view_list, net, 1u << sublist))
			search_add(search, list, name, &(struct hit){0});
	}
}

static void search_list(const struct search *search, const struct conf_list *list)
{
	int view_list = view_list_find(search->view, span_text(list->name));
	struct hits hits;

	if (view_list < 0)
		return;
	if (search->model->is_net) {
		search_within(search, list, view_list);
		return;
	}
	view_lookup(search->view, view_list, &search->model->source, &hits);
	for (size_t i = 0; i < hits.len; i++)
		search_add(search, list,
			view_sublist_name(search->view, view_list, hits.items[i].sublist),
			&hits.items[i]);
}

struct model_source *model_source_new(struct arena *arena, const struct conf *conf,
	const struct view *view, const struct source *source)
{
	struct model_source *model = arena_alloc(arena, sizeof(*model));
	struct search search = {model, arena, conf, view};
	char text[SOURCE_TEXT_SIZE];

	model->source = *source;
	model->text = arena_copy(arena, span_text(source_print(source, text)));
	model->is_net = source->kind == SOURCE_NET && source->net.bits < 128;
	model->serial = view_serial(view);
	for (size_t i = 0; i < conf->lists_len; i++)
		if (list_is_public(&conf->lists[i], source))
			search_list(&search, &conf->lists[i]);
	return model;
}

/* Whether a listing of `outer` lists `inner` as well. */
static bool source_covers(const struct source *outer, const struct source *inner)
{
	struct span name = span_text(inner->domain), suffix = span_text(outer->domain);

	if (outer->kind != inner->kind)
		return false;
	if (outer->kind == SOURCE_NET)
		return prefix_is_v4(outer->net) == prefix_is_v4(inner->net) &&
		       prefix_covers(outer->net, inner->net);
	if (suffix.len != 0 && suffix.ptr[0] == '.')
		return span_equal(span_from(suffix, 1), name) ||
		       span_has_suffix_nocase(name, suffix);
	return span_equal(suffix, name);
}

/* Empty for the source itself. */
static struct span entry_text(
	struct arena *arena, const struct source *entry, const struct source *source)
{
	char text[SOURCE_TEXT_SIZE];

	if (source_equal(entry, source))
		return (struct span){0};
	return arena_copy(arena, span_text(source_print(entry, text)));
}

static void source_fill_one(struct model_source *model, struct arena *arena,
	const struct conf *conf, const struct bus_listing *listing)
{
	const struct conf_list *list = conf_list_find(conf, span_text(listing->list));
	const struct conf_sublist *sublist;

	if (list == NULL || listing->excluded || !list_is_public(list, &model->source) ||
		listing->source == NULL || !source_covers(listing->source, &model->source))
		return;
	sublist = sublist_find(list, span_text(listing->sublist));
	if (sublist == NULL)
		return;
	if (listing->ended_s != 0) {
		if (model->history_len < MODEL_HISTORY_MAX)
			model->history[model->history_len++] = (struct model_listing){.list = list,
				.sublist = sublist,
				.policy = policy_find(conf, sublist->policy),
				.since_s = listing->since_s,
				.until_s = listing->until_s,
				.ended_s = listing->ended_s,
				.entry = entry_text(arena, listing->source, &model->source)};
		return;
	}
	/* The view says what holds; the keeper's rows date and name it: since the earliest of those
	 * that cover the source, by the narrowest, which comes last. */
	for (size_t i = 0; i < model->listings_len; i++) {
		struct model_listing *shown = &model->listings[i];

		if (shown->sublist != sublist)
			continue;
		if (shown->since_s == 0 || listing->since_s < shown->since_s)
			shown->since_s = listing->since_s;
		shown->entry = entry_text(arena, listing->source, &model->source);
		shown->in_part = false;
		if (model->is_net && shown->reason.len == 0) {
			shown->until_s = listing->until_s;
			shown->reason = arena_copy(arena, span_text(listing->reason));
		}
	}
}

/* The newest first. */
static void source_sort_history(struct model_source *model)
{
	for (size_t i = 1; i < model->history_len; i++) {
		struct model_listing moved = model->history[i];
		size_t at = i;

		for (; at > 0 && model->history[at - 1].since_s < moved.since_s; at--)
			model->history[at] = model->history[at - 1];
		model->history[at] = moved;
	}
}

void model_source_fill(struct model_source *model, struct arena *arena, const struct conf *conf,
	const struct bus_answer *answer)
{
	for (size_t i = 0; i < answer->listings_len; i++)
		source_fill_one(model, arena, conf, &answer->listings[i]);
	source_sort_history(model);
	model->complete = true;
}

/* ---- incidents ---- */

/* The keeper is trusted, the texts in its rows are not: they are what a client said. All are
 * bounded by then. */
static struct span copy_text(struct arena *arena, const char *text)
{
	return arena_copy(arena, span_text(text));
}

/* The keeper sends this role neither sender nor recipient. A text may quote them all the same: one
 * with a mailbox in it is not shown at all, since cutting pieces out of a sentence with cleverly
 * chosen bytes would sooner or later leave one in. */
static struct span public_text(struct arena *arena, const char *text)
{
	struct span s = span_text(text);

	return span_find(s, '@') == s.len ? arena_copy(arena, s) : (struct span){NULL, 0};
}

/* Rules whose reply names the recipient or its domain. */
static bool rule_tells_recipient(struct span rule)
{
	int id = refusal_find(rule);

	return id >= 0 && strstr(refusal_get((enum refusal_id)id)->text, "{rcpt") != NULL;
}

static const char *const outcomes[] = {"pass", "fail", "unknown", "skipped"};

const char *model_outcome_name(enum model_outcome outcome)
{
	return outcomes[outcome];
}

static void incident_add_check(
	struct model_incident *model, struct arena *arena, const struct bus_check *result)
{
	struct model_check *check = &model->checks[model->checks_len++];
	int id = check_find(span_text(result->key));

	check->key = copy_text(arena, result->key);
	check->title = id >= 0 ? span_text(check_words_get((enum check_id)id)->title) : check->key;
	check->meaning = span_text(id >= 0 ? check_words_get((enum check_id)id)->meaning : NULL);
	if (!rule_tells_recipient(check->key))
		check->found = public_text(arena, result->found);
	while (check->outcome < MODEL_SKIPPED &&
		!span_equal_text(span_text(result->outcome), outcomes[check->outcome]))
		check->outcome++;
	check->decided = result->decided;
}

/* The rule is a key of the refusals; "no-ptr-temp" has the words of the check "no-ptr". */
static const struct check_words *rule_words(struct span rule)
{
	static const char *const endings[] = {"", "-temp", "-conn", "-many", "-literal"};

	for (size_t i = 0; i < COUNTOF(endings); i++) {
		struct span ending = span_text(endings[i]);
		int id;

		if (!span_has_suffix_nocase(rule, ending))
			continue;
		id = check_find(span_first(rule, rule.len - ending.len));
		if (id >= 0)
			return check_words_get((enum check_id)id);
	}
	return NULL;
}

static void incident_add_sightings(
	struct model_incident *model, struct arena *arena, const struct bus_incident *incident)
{
	for (size_t i = incident->sightings_len;
		i > 0 && model->sightings_len < MODEL_SIGHTINGS_MAX; i--) {
		const struct bus_sighting *seen = &incident->sightings[i - 1];

		model->sightings[model->sightings_len++] = (struct model_sighting){
			.time_s = seen->time_s, .helo = public_text(arena, seen->helo)};
	}
}

int model_incident_new(
	struct arena *arena, const struct bus_answer *answer, struct model_incident **ret_model)
{
	const struct bus_incident *incident;
	struct model_incident *model;

	if (answer->incidents_len == 0)
		return E_ABSENT;
	incident = &answer->incidents[0];
	model = arena_alloc(arena, sizeof(*model));
	model->number = incident->number;
	model->first_s = incident->first_s;
	model->last_s = incident->last_s > incident->first_s ? incident->last_s : incident->first_s;
	model->count = incident->count != 0 ? incident->count : 1;
	model->rule = copy_text(arena, incident->rule);
	model->words = rule_words(model->rule);
	model->mode = copy_text(arena, incident->mode);
	model->refused = !span_equal_text(model->mode, mode_name(MODE_OBSERVE)) &&
			 !span_equal_text(model->mode, mode_name(MODE_TAG));
	model->code = incident->code;
	model->temporary = incident->code / 100 == 4;
	model->host = copy_text(arena, incident->host);
	if (!rule_tells_recipient(model->rule))
		model->reply = public_text(arena, incident->text);
	incident_add_sightings(model, arena, incident);
	model->helo = model->sightings_len != 0 ? model->sightings[0].helo
						: public_text(arena, incident->helo);
	model->ptr = copy_text(arena, incident->ptr);
	model->list = copy_text(arena, incident->list);
	for (size_t i = 0; i < incident->checks_len && i < MODEL_CHECKS_MAX; i++)
		incident_add_check(model, arena, &incident->checks[i]);
	model->has_about = incident->source != NULL;
	if (model->has_about)
		model->about = *incident->source;
	*ret_model = model;
	return 0;
}
