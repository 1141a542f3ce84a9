/* SPDX-License-Identifier: ISC */
#include "portal/api.h"

#include <jansson.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/macro.h"
#include "http/escape.h"
#include "list/incident.h"
#include "portal/page.h"

/* jansson takes nothing but valid UTF-8, which escape_visible makes of any bytes. */
static json_t *json_span(struct span s)
{
	struct buf text;
	json_t *json;

	if (s.len == 0)
		return json_null();
	buf_init(&text, 0);
	escape_visible(s, &text);
	json = json_stringn((const char *)buf_span(&text).ptr, buf_len(&text));
	buf_done(&text);
	return json;
}

static json_t *json_time(int64_t time_s)
{
	char text[CLOCK_TEXT_SIZE];

	return time_s != 0 ? json_string(clock_print_utc(time_s, text)) : json_null();
}

static json_t *json_ip(struct ip ip)
{
	char text[IP_TEXT_SIZE];

	return json_string(ip_print(ip, text));
}

static void set(json_t *object, const char *name, json_t *value)
{
	json_object_set_new(object, name, value);
}

static void set_text(json_t *object, const char *name, const char *text)
{
	set(object, name, json_span(span_text(text)));
}

static int json_write(const char *bytes, size_t size, void *arg)
{
	buf_append(arg, span_of(bytes, size));
	return 0;
}

static void json_finish(json_t *object, struct buf *out)
{
	json_dump_callback(object, json_write, out, JSON_COMPACT);
	buf_append_byte(out, '\n');
	json_decref(object);
}

/* ---- sources ---- */

static json_t *json_listing(const struct model_listing *listing, const struct model_source *model)
{
	json_t *object = json_object();

	set_text(object, "list", listing->list->name);
	set_text(object, "zone", listing->list->zone);
	set_text(object, "sublist", listing->sublist->name);
	set(object, "code", json_ip(listing->sublist->code));
	set_text(object, "policy", listing->policy != NULL ? listing->policy->name : NULL);
	set(object, "version",
		listing->policy != NULL ? json_integer(listing->policy->version) : json_null());
	set(object, "entry", json_span(listing->entry.len != 0 ? listing->entry : model->text));
	set(object, "reason", json_span(listing->reason));
	set(object, "since", json_time(listing->since_s));
	set(object, "until", json_time(listing->until_s));
	if (listing->ended_s != 0)
		set(object, "ended", json_time(listing->ended_s));
	if (listing->in_part)
		set(object, "within", json_true());
	return object;
}

static json_t *json_listings(
	const struct model_source *model, const struct model_listing *listings, size_t count)
{
	json_t *array = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(array, json_listing(&listings[i], model));
	return array;
}

static void set_source(json_t *object, const struct model_source *model)
{
	set(object, "source", json_span(model->text));
	set(object, "listed", json_boolean(model->listings_len != 0));
	set(object, "listings", json_listings(model, model->listings, model->listings_len));
	set(object, "history",
		model->complete ? json_listings(model, model->history, model->history_len)
				: json_null());
	set(object, "serial", json_integer(model->serial));
}

static void set_url(json_t *object, const struct conf *conf, struct span subject)
{
	AUTO(arena) *arena = arena_new(0);

	set_text(object, "url", page_url(conf, arena, subject));
}

void api_source(const struct conf *conf, const struct model_source *model, struct buf *out)
{
	json_t *object = json_object();

	set_source(object, model);
	set_url(object, conf, model->text);
	json_finish(object, out);
}

/* ---- incidents ---- */

static json_t *json_check(const struct model_check *check)
{
	json_t *object = json_object();

	set(object, "check", json_span(check->key));
	set(object, "title", json_span(check->title));
	set(object, "found", json_span(check->found));
	set_text(object, "outcome", model_outcome_name(check->outcome));
	set(object, "decided", json_boolean(check->decided));
	return object;
}

static json_t *json_checks(const struct model_incident *model)
{
	json_t *array = json_array();

	for (size_t i = 0; i < model->checks_len; i++)
		json_array_append_new(array, json_check(&model->checks[i]));
	return array;
}

/* The last mails of this number, the newest first. */
static json_t *json_sightings(const struct model_incident *model)
{
	json_t *array = json_array();

	for (size_t i = 0; i < model->sightings_len; i++) {
		json_t *object = json_object();

		set(object, "time", json_time(model->sightings[i].time_s));
		set(object, "helo", json_span(model->sightings[i].helo));
		json_array_append_new(array, object);
	}
	return array;
}

void api_incident(const struct conf *conf, const struct model_incident *model, struct buf *out)
{
	json_t *object = json_object();
	char number[INCIDENT_TEXT_SIZE];

	incident_number_print(model->number, number);
	set_text(object, "incident", number);
	set(object, "rule", json_span(model->rule));
	set(object, "mode", json_span(model->mode));
	set(object, "refused", json_boolean(model->refused));
	set(object, "code", json_integer(model->code));
	set(object, "reply", json_span(model->reply));
	set(object, "host", json_span(model->host));
	set(object, "first", json_time(model->first_s));
	set(object, "last", json_time(model->last_s));
	set(object, "count", json_integer((json_int_t)model->count));
	set(object, "helo", json_span(model->helo));
	set(object, "ptr", json_span(model->ptr));
	set(object, "decided-by", json_span(model->list));
	set_text(object, "meaning", model->words != NULL ? model->words->meaning : NULL);
	set_text(object, "remedy", model->words != NULL ? model->words->remedy : NULL);
	set(object, "checks", json_checks(model));
	set(object, "sightings", json_sightings(model));
	if (model->source != NULL)
		set_source(object, model->source);
	set_url(object, conf, span_text(number));
	json_finish(object, out);
}

/* ---- lists and policies ---- */

static json_t *json_sublists(const struct conf_list *list)
{
	json_t *array = json_array();

	for (size_t i = 0; i < list->sublists_len; i++) {
		json_t *object = json_object();

		set_text(object, "sublist", list->sublists[i].name);
		set(object, "code", json_ip(list->sublists[i].code));
		set_text(object, "policy", list->sublists[i].policy);
		json_array_append_new(array, object);
	}
	return array;
}

void api_lists(const struct conf *conf, uint32_t serial, struct buf *out)
{
	json_t *object = json_object();
	json_t *array = json_array();

	for (size_t i = 0; i < conf->lists_len; i++) {
		const struct conf_list *list = &conf->lists[i];
		json_t *row;

		if (list->zone == NULL) /* the allow list is nobody's business */
			continue;
		row = json_object();
		set_text(row, "list", list->name);
		set_text(row, "zone", list->zone);
		set_text(row, "holds", list->holds == LIST_OF_ADDRESSES ? "addresses" : "domains");
		set(row, "sublists", json_sublists(list));
		json_array_append_new(array, row);
	}
	set(object, "serial", json_integer(serial));
	set(object, "lists", array);
	json_finish(object, out);
}

void api_policies(const struct conf *conf, struct buf *out)
{
	json_t *object = json_object();
	json_t *array = json_array();

	for (size_t i = 0; i < conf->policies_len; i++) {
		const struct conf_policy *policy = &conf->policies[i];
		json_t *row;

		if (!page_shows_policy(conf, policy))
			continue;
		row = json_object();
		set_text(row, "policy", policy->name);
		set(row, "version", json_integer(policy->version));
		set_text(row, "text", policy->text);
		set(row, "lasts-seconds",
			policy->lasts_s != 0 ? json_integer(policy->lasts_s) : json_null());
		json_array_append_new(array, row);
	}
	set(object, "policies", array);
	json_finish(object, out);
}

void api_health(const char *word, uint32_t serial, struct buf *out)
{
	json_t *object = json_object();

	set_text(object, "status", word);
	set(object, "serial", json_integer(serial));
	json_finish(object, out);
}

/* ---- problems ---- */

/* portal-url names the page that explains, ".../why"; problems live beside it. */
static const char *problem_uri(const struct conf *conf, struct arena *arena, const char *type)
{
	struct span base = span_text(conf->portal_url);

	if (span_has_suffix_nocase(base, span_text("/why")))
		base.len -= 4;
	return arena_format(arena, "%.*s/problems/%s", (int)base.len, base.ptr, type);
}

void api_print_problem(const struct conf *conf, const struct trouble *trouble, struct buf *out)
{
	AUTO(arena) *arena = arena_new(0);
	json_t *object = json_object();

	set_text(object, "type", problem_uri(conf, arena, trouble->type));
	set_text(object, "title", trouble->title);
	set(object, "status", json_integer(trouble->status));
	set_text(object, "detail",
		trouble->detail != NULL  ? trouble->detail
		: trouble->wrong != NULL ? trouble->wrong
					 : trouble->advice);
	set(object, "instance", json_span(trouble->path));
	if (trouble->retry_after_s != 0)
		set(object, "retry-after", json_integer(trouble->retry_after_s));
	json_finish(object, out);
}
