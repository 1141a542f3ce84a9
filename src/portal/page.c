/* SPDX-License-Identifier: ISC */
#include "portal/page.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/macro.h"
#include "base/mem.h"
#include "http/escape.h"
#include "http/template.h"
#include "list/incident.h"
#include "portal/embedded.h"
#include "portal/time_text.h"

enum { TEMPLATES_MAX = 64, LOG_WINDOW_S = 120 };

struct page_set {
	struct arena *names;
	struct template_set *templates;
	char style[20]; /* changes with the style sheet, so that browsers may keep it for a day */
};

/* ---- the set ---- */

int page_set_new(struct page_set **ret_set, struct fault *why)
{
	AUTO(page_set) *set = mem_new(page_set);
	struct template_source sources[TEMPLATES_MAX];
	struct span style;
	size_t count = 0;
	int r;

	set->names = arena_new(0);
	for (size_t i = 0; i < web_files_len && count < TEMPLATES_MAX; i++) {
		struct span name = span_text(web_files[i].name);

		if (!span_has_suffix_nocase(name, span_text(".html")))
			continue;
		sources[count++] = (struct template_source){
			arena_string(set->names, span_first(name, name.len - 5)),
			web_files[i].bytes};
	}
	r = template_set_new(sources, count, &set->templates, why);
	if (r < 0)
		return r;
	r = page_file("style.css", &style);
	if (r < 0)
		return fault_set(why, r, "no style sheet");
	snprintf(set->style, sizeof(set->style), "%08" PRIx64, hash_bytes(HASH_START, style) >> 32);
	*ret_set = TAKE(set);
	return 0;
}

void page_set_free(struct page_set **set)
{
	if (*set == NULL)
		return;
	template_set_free(&(*set)->templates);
	arena_free(&(*set)->names);
	mem_free(*set);
	*set = NULL;
}

int page_file(const char *name, struct span *ret_bytes)
{
	for (size_t i = 0; i < web_files_len; i++) {
		if (strcmp(web_files[i].name, name) == 0) {
			*ret_bytes = web_files[i].bytes;
			return 0;
		}
	}
	return E_ABSENT;
}

/* ---- common parts ---- */

static const char *site_domain(const struct conf *conf)
{
	const char *first = conf->own_domains[0];

	return first[0] == '.' ? first + 1 : first;
}

/* What head and foot show. nav: which entry of the menu this page is, or NULL. */
static struct value *page_new(
	const struct page_context *context, const char *title, const char *nav)
{
	const struct conf *conf = context->conf;
	struct arena *arena = context->arena;
	struct value *page = value_new(arena);

	value_set_text(arena, page, "title", title);
	value_set_text(arena, page, "site",
		conf->own_domains_len == 0 ? conf->hostname
					   : arena_format(arena, "%s mail", site_domain(conf)));
	value_set_text(arena, page, "host", conf->hostname);
	value_set_text(arena, page, "contact", conf->contact);
	value_set_text(arena, page, "style", context->set->style);
	value_set_text(arena, page, "why-url", conf->portal_url);
	value_set_text(arena, page, "typed", "");
	if (nav != NULL)
		value_set_flag(arena, value_set_map(arena, page, "nav"), nav, true);
	return page;
}

static int page_render(const struct page_context *context, const char *name,
	const struct value *page, struct buf *out)
{
	return template_render(context->set->templates, name, page, out);
}

/* "until" in words, and "until-iso" for the datetime attribute. 0 sets nothing. */
/* As `name` for people and as `name`-iso for machines. */
static void set_time(
	const struct page_context *context, struct value *map, const char *name, int64_t time_s)
{
	char iso[CLOCK_TEXT_SIZE];

	if (time_s == 0)
		return;
	value_set_text(context->arena, map, name, words_time(context->arena, time_s));
	value_set_text(context->arena, map, arena_format(context->arena, "%s-iso", name),
		arena_copy_string(context->arena, clock_print_utc(time_s, iso)));
}

static void set_until(const struct page_context *context, struct value *map, int64_t until_s)
{
	set_time(context, map, "until", until_s);
	if (until_s != 0)
		value_set_text(context->arena, map, "remaining",
			words_duration(context->arena, until_s - context->now_s));
}

/* kind: cross, check, wait, note: the shape. tone: the class with the colours. */
struct badge {
	const char *icon, *tone, *text;
};

static void set_badge(
	const struct page_context *context, struct value *page, const struct badge *badge)
{
	struct value *map = value_set_map(context->arena, page, "badge");

	value_set_flag(context->arena, map, badge->icon, true);
	value_set_text(context->arena, map, "class", badge->tone);
	value_set_text(context->arena, map, "text", badge->text);
}

const char *page_path(struct arena *arena, struct span subject)
{
	const char *path;
	struct buf buf;

	buf_init(&buf, 0);
	while (subject.len != 0) { /* a network keeps its slash, which reads better than %2F */
		bool more = span_find(subject, '/') != subject.len;

		escape_url(span_split(&subject, '/'), &buf);
		if (more)
			buf_append_byte(&buf, '/');
	}
	path = arena_string(arena, buf_span(&buf));
	buf_done(&buf);
	return path;
}

const char *page_url(const struct conf *conf, struct arena *arena, struct span subject)
{
	return arena_format(arena, "%s/%s", conf->portal_url, page_path(arena, subject));
}

const char *page_dns_name(struct arena *arena, const struct source *source, const char *zone)
{
	const uint8_t *b = source->net.ip.b;
	char nibbles[65] = "";

	if (source->kind == SOURCE_DOMAIN)
		return arena_format(
			arena, "%s.%s", source->domain + (source->domain[0] == '.' ? 1 : 0), zone);
	if (source->net.bits != 128)
		return "";
	if (ip_is_v4(source->net.ip))
		return arena_format(arena, "%d.%d.%d.%d.%s", b[15], b[14], b[13], b[12], zone);
	for (size_t i = 0; i < 16; i++)
		snprintf(nibbles + i * 4, 5, "%x.%x.", b[15 - i] & 15, b[15 - i] >> 4);
	return arena_format(arena, "%s%s", nibbles, zone);
}

/* ---- listings ---- */

static void set_listing(const struct page_context *context, struct value *map,
	const struct model_source *source, const struct model_listing *listing)
{
	struct arena *arena = context->arena;
	char code[IP_TEXT_SIZE];

	value_set_text(arena, map, "zone", listing->list->zone);
	value_set_text(arena, map, "sublist", listing->sublist->name);
	value_set_text(arena, map, "code",
		arena_copy_string(arena, ip_print(listing->sublist->code, code)));
	value_set_text(
		arena, map, "dns", page_dns_name(arena, &source->source, listing->list->zone));
	value_set_text(arena, map, "policy", "");
	value_set_text(arena, map, "criterion", "");
	if (listing->policy != NULL) {
		value_set_text(arena, map, "policy", listing->policy->name);
		value_set_text(arena, map, "criterion", listing->policy->text);
		value_set_text(
			arena, map, "version", arena_format(arena, "%u", listing->policy->version));
	}
	value_set(arena, map, "reason", listing->reason);
	value_set(arena, map, "entry", listing->entry);
	value_set(arena, map, "subject", listing->entry.len != 0 ? listing->entry : source->text);
	value_set_text(arena, map, "feed",
		listing->policy != NULL && listing->policy->takes_feed ? "yes" : "");
	value_set_flag(arena, map, "in-part", listing->in_part);
	/* Empty ones hide those of the page around. */
	value_set_text(arena, map, "since", "");
	value_set_text(arena, map, "until", "");
	set_time(context, map, "since", listing->since_s);
	set_time(context, map, "ended", listing->ended_s);
	set_until(context, map, listing->until_s);
}

/* The latest end of all listings, or 0 when one has none. */
static int64_t source_until(const struct model_source *model)
{
	int64_t until_s = 0;

	for (size_t i = 0; i < model->listings_len; i++) {
		if (model->listings[i].until_s == 0)
			return 0;
		if (model->listings[i].until_s > until_s)
			until_s = model->listings[i].until_s;
	}
	return until_s;
}

/* Nothing lists all of the network. */
static bool source_is_in_part(const struct model_source *model)
{
	bool in_part = true;

	for (size_t i = 0; i < model->listings_len; i++)
		in_part &= model->listings[i].in_part;
	return in_part;
}

/* The network or domain that lists the source; empty when it is listed by itself as well. */
static struct span source_entry(const struct model_source *model)
{
	struct span entry = {0};

	for (size_t i = 0; i < model->listings_len; i++) {
		entry = model->listings[i].entry;
		if (entry.len == 0)
			break;
	}
	return entry;
}

static void set_source(
	const struct page_context *context, struct value *page, const struct model_source *model)
{
	struct arena *arena = context->arena;
	struct value *listings = value_set_list(arena, page, "listings");
	struct value *history = value_set_list(arena, page, "history");

	value_set(arena, page, "source", model->text);
	value_set(arena, page, "around", source_entry(model));
	value_set_flag(arena, page, "listed", model->listings_len != 0);
	value_set_flag(arena, page, "in-part", source_is_in_part(model));
	value_set_flag(arena, page, "complete", model->complete);
	value_set_flag(arena, page, "has-history", model->history_len != 0);
	for (size_t i = 0; i < model->listings_len; i++)
		set_listing(context, value_list_add(arena, listings), model, &model->listings[i]);
	for (size_t i = 0; i < model->history_len; i++)
		set_listing(context, value_list_add(arena, history), model, &model->history[i]);
}

int page_source(
	const struct page_context *context, const struct model_source *model, struct buf *out)
{
	struct arena *arena = context->arena;
	struct value *page = page_new(
		context, arena_format(arena, "%.*s", (int)model->text.len, model->text.ptr), NULL);

	set_source(context, page, model);
	if (model->listings_len != 0)
		set_badge(context, page,
			&(struct badge){"cross", "bad",
				source_is_in_part(model) ? "Listed in part" : "Listed now"});
	else
		set_badge(context, page, &(struct badge){"check", "ok", "Not listed now"});
	if (!source_is_in_part(model))
		set_until(context, page, source_until(model));
	if (model->history_len != 0)
		value_set_text(arena, page, "past", words_times(arena, model->history_len));
	value_set_flag(arena, page, "removal", model->listings_len != 0);
	value_set_text(arena, page, "url", page_url(context->conf, arena, model->text));
	value_set_text(arena, page, "json",
		arena_format(arena, "/api/v1/%s/%s",
			model->source.kind == SOURCE_NET ? "ip" : "domain",
			page_path(arena, model->text)));
	return page_render(context, "source", page, out);
}

/* ---- incidents ---- */

static void set_check(struct arena *arena, struct value *row, const struct model_check *check)
{
	value_set(arena, row, "check", check->title);
	value_set(arena, row, "found", check->found);
	value_set_flag(arena, row, "decided", check->decided);
	value_set_flag(arena, row, model_outcome_name(check->outcome), true);
}

/* Whether one of our own lists decided. */
static bool incident_is_listing(const struct model_incident *model)
{
	return model->words != NULL && (model->words == check_words_get(CHECK_OWN_LIST) ||
					       model->words == check_words_get(CHECK_DOMAIN_LIST));
}

/* What was listed then is not now: nothing is left to repair. */
static bool incident_has_ended(const struct model_incident *model)
{
	return incident_is_listing(model) && model->source != NULL &&
	       model->source->listings_len == 0;
}

/* Whoever is told to come again was not found guilty of anything: something did not answer us. */
static bool incident_is_dns_trouble(const struct model_incident *model)
{
	return model->temporary;
}

static void set_incident_badge(
	const struct page_context *context, struct value *page, const struct model_incident *model)
{
	if (!model->refused)
		set_badge(context, page,
			&(struct badge){"note", "note-tone", "Not refused, only noted"});
	else if (model->temporary)
		set_badge(
			context, page, &(struct badge){"wait", "wait", "Asked to try again later"});
	else if (!incident_is_listing(model))
		set_badge(context, page, &(struct badge){"cross", "bad", "Refused"});
	else if (incident_has_ended(model))
		set_badge(context, page, &(struct badge){"check", "ok", "No longer listed"});
	else
		set_badge(context, page, &(struct badge){"cross", "bad", "Blocked now"});
}

/* Which of the closing steps below "What to fix" fits the rule. */
static void set_steps(
	const struct page_context *context, struct value *page, const struct model_incident *model)
{
	struct arena *arena = context->arena;
	bool foreign = model->words == check_words_get(CHECK_EXT_DNSBL);
	bool listing = incident_is_listing(model);
	bool listed = model->source != NULL && model->source->listings_len != 0;
	bool once_more = !listing && !foreign && !incident_is_dns_trouble(model) && model->refused;

	value_set_flag(arena, page, "step-foreign", foreign);
	value_set_flag(arena, page, "step-own", listing && !incident_has_ended(model));
	value_set_flag(arena, page, "step-listed", !listing && listed);
	value_set_flag(arena, page, "step-retry", once_more && !listed);
	value_set_flag(arena, page, "by-itself", once_more && !listed);
	value_set_flag(arena, page, "ended", incident_has_ended(model));
	value_set_flag(arena, page, "removal", listed);
	if (listing && listed) {
		const struct model_listing *first = &model->source->listings[0];

		set_until(context, page, source_until(model->source));
		value_set(arena, page, "because", first->reason);
		if (first->reason.len == 0 && first->policy != NULL)
			value_set_text(arena, page, "because", first->policy->text);
	}
}

/* What somebody can do who only wanted to send a mail: one thing. */
static const char *sender_step(const struct model_incident *model)
{
	if (!model->refused)
		return "sender-informs";
	if (model->temporary)
		return "sender-waits";
	if (incident_has_ended(model))
		return "sender-resends";
	return model->words == check_words_get(CHECK_RELAY_DENIED) ? "sender-checks"
								   : "sender-passes-on";
}

static void set_incident(
	const struct page_context *context, struct value *page, const struct model_incident *model)
{
	struct arena *arena = context->arena;
	struct value *checks = value_set_list(arena, page, "checks");

	value_set(arena, page, "source", span_text("an unknown sender"));
	value_set_flag(arena, page, "has-source", model->source != NULL);
	if (model->source != NULL)
		set_source(context, page, model->source);
	value_set(arena, page, "host",
		model->host.len != 0 ? model->host : span_text(context->conf->hostname));
	value_set_flag(arena, page, sender_step(model), true);
	value_set_flag(arena, page, "refused", model->refused);
	value_set_flag(arena, page, "temporary", model->temporary);
	value_set_flag(arena, page, "dns-trouble", incident_is_dns_trouble(model));
	if (model->words != NULL && !incident_is_dns_trouble(model) && !incident_has_ended(model)) {
		value_set_text(arena, page, "meaning", model->words->meaning);
		value_set_text(arena, page, "remedy", model->words->remedy);
	}
	value_set(arena, page, "helo", model->helo);
	value_set(arena, page, "ptr", model->ptr);
	value_set(arena, page, "reply", model->reply);
	value_set(arena, page, "list", model->list);
	value_set_text(arena, page, "stands",
		arena_format(arena, "%" PRIu64 " %s", model->count,
			!model->refused    ? "mails"
			: model->temporary ? "delayed mails"
					   : "refusals"));
	value_set_flag(arena, page, "several", model->count > 1);
	set_time(context, page, "when", model->last_s);
	/* where to look in a log, with room for clocks that differ */
	value_set_text(arena, page, "window",
		words_window(arena, model->first_s - LOG_WINDOW_S, model->last_s + LOG_WINDOW_S));
	value_set_flag(arena, page, "has-checks", model->checks_len != 0);
	for (size_t i = 0; i < model->checks_len; i++) {
		set_check(arena, value_list_add(arena, checks), &model->checks[i]);
		if (model->checks[i].outcome == MODEL_UNKNOWN)
			value_set_flag(arena, page, "some-unknown", true);
	}
}

static void set_sightings(
	const struct page_context *context, struct value *page, const struct model_incident *model)
{
	struct arena *arena = context->arena;
	struct value *rows = value_set_list(arena, page, "sightings");

	value_set_flag(arena, page, "has-sightings", model->sightings_len != 0);
	for (size_t i = 0; i < model->sightings_len; i++) {
		struct value *row = value_list_add(arena, rows);

		set_time(context, row, "seen", model->sightings[i].time_s);
		value_set(arena, row, "said", model->sightings[i].helo);
	}
}

int page_incident(
	const struct page_context *context, const struct model_incident *model, struct buf *out)
{
	struct arena *arena = context->arena;
	char text[INCIDENT_TEXT_SIZE];
	const char *number = arena_copy_string(arena, incident_number_print(model->number, text));
	struct value *page = page_new(context, arena_format(arena, "Incident %s", number), NULL);

	value_set_text(arena, page, "number", number);
	value_set_text(arena, page, "url", page_url(context->conf, arena, span_text(number)));
	value_set_text(arena, page, "json", arena_format(arena, "/api/v1/incident/%s", number));
	set_incident(context, page, model);
	set_sightings(context, page, model);
	set_incident_badge(context, page, model);
	set_steps(context, page, model);
	return page_render(context, "incident", page, out);
}

/* ---- the others ---- */

int page_home(const struct page_context *context, struct buf *out)
{
	return page_render(
		context, "home", page_new(context, "Why was my mail blocked?", "home"), out);
}

int page_help(const struct page_context *context, struct buf *out)
{
	return page_render(context, "help", page_new(context, "Help and contact", "help"), out);
}

static void set_policy_list(struct arena *arena, struct value *map, const struct conf_list *list)
{
	struct value *sublists = value_set_list(arena, map, "sublists");
	char code[IP_TEXT_SIZE];

	value_set_text(arena, map, "zone", list->zone);
	value_set_text(arena, map, "holds",
		list->holds == LIST_OF_ADDRESSES ? "addresses and networks" : "domains");
	for (size_t i = 0; i < list->sublists_len; i++) {
		const struct conf_sublist *sublist = &list->sublists[i];
		struct value *row = value_list_add(arena, sublists);

		value_set_text(arena, row, "sublist", sublist->name);
		value_set_text(arena, row, "policy", sublist->policy);
		value_set_text(arena, row, "code",
			arena_copy_string(arena, ip_print(sublist->code, code)));
	}
}

static void set_policy(struct arena *arena, struct value *map, const struct conf_policy *policy)
{
	value_set_text(arena, map, "policy", policy->name);
	value_set_text(arena, map, "version", arena_format(arena, "%u", policy->version));
	value_set_text(arena, map, "text", policy->text);
	if (policy->lasts_s != 0)
		value_set_text(arena, map, "lasts", words_duration(arena, policy->lasts_s));
	if (policy->takes_feed)
		value_set_text(arena, map, "feed", "yes");
	if (policy->review_every_s != 0)
		value_set_text(arena, map, "review", words_duration(arena, policy->review_every_s));
}

static void set_policy_checks(const struct page_context *context, struct value *page)
{
	struct arena *arena = context->arena;
	struct value *checks = value_set_list(arena, page, "checks");

	for (int id = 0; id < CHECK_COUNT; id++) {
		const struct check_words *words = check_words_get((enum check_id)id);
		const struct conf_check *check = conf_check_find(context->conf, words->key);
		struct value *row;

		if (check == NULL || check->action == ACTION_OFF)
			continue;
		row = value_list_add(arena, checks);
		value_set_text(arena, row, "title", words->title);
		value_set_text(arena, row, "meaning", words->meaning);
		value_set_text(arena, row, "remedy", words->remedy);
	}
}

bool page_shows_policy(const struct conf *conf, const struct conf_policy *policy)
{
	for (size_t i = 0; i < conf->lists_len; i++) {
		const struct conf_list *list = &conf->lists[i];

		for (size_t n = 0; list->zone != NULL && n < list->sublists_len; n++)
			if (strcmp(list->sublists[n].policy, policy->name) == 0)
				return true;
	}
	return false;
}

int page_policy(const struct page_context *context, struct buf *out)
{
	struct arena *arena = context->arena;
	const struct conf *conf = context->conf;
	struct value *page = page_new(context, "What we refuse, and why", "policy");
	struct value *lists = value_set_list(arena, page, "lists");
	struct value *policies = value_set_list(arena, page, "policies");

	for (size_t i = 0; i < conf->lists_len; i++)
		if (conf->lists[i].zone != NULL)
			set_policy_list(arena, value_list_add(arena, lists), &conf->lists[i]);
	for (size_t i = 0; i < conf->policies_len; i++)
		if (page_shows_policy(conf, &conf->policies[i]))
			set_policy(arena, value_list_add(arena, policies), &conf->policies[i]);
	set_policy_checks(context, page);
	return page_render(context, "policy", page, out);
}

int page_print_error(
	const struct page_context *context, const struct trouble *trouble, struct buf *out)
{
	struct arena *arena = context->arena;
	struct value *page = page_new(context, trouble->title, NULL);

	value_set_text(arena, page, "advice", trouble->advice);
	value_set_flag(arena, page, "ask", trouble->ask);
	value_set(arena, page, "typed", trouble->typed);
	value_set_text(arena, page, "wrong", trouble->wrong);
	if (trouble->retry_after_s != 0)
		value_set_text(arena, page, "retry", words_duration(arena, trouble->retry_after_s));
	return page_render(context, "error", page, out);
}
