/* SPDX-License-Identifier: ISC */
#include "cli/keeper_client.h"

#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/macro.h"
#include "base/utf8.h"
#include "list/incident.h"

enum { AUTHOR_MAX = 100, PAGE = 1000 };

int keeper_try(struct cli *cli, struct fault *why)
{
	if (cli_conf(cli) != 0)
		return fault_set(why, E_CONFIG, "the configuration has errors");
	return control_open(arena_format(cli->arena, "%s/control.sock", cli->conf->run_path),
		&cli->control, why);
}

int keeper_open(struct cli *cli)
{
	struct fault why;
	int r, code = cli_conf(cli);

	if (code != 0)
		return code;
	r = keeper_try(cli, &why);
	return r < 0 ? cli_fail(cli, r, "%s", why.text) : 0;
}

int keeper_ask(struct cli *cli, const struct bus_query *query, struct bus_answer **ret_answer)
{
	struct fault why;
	int r = control_ask(cli->control, query, ret_answer, &why);

	return r < 0 ? cli_fail(cli, r, "%s", why.text) : 0;
}

int keeper_query(struct cli *cli, const struct bus_query *query, struct bus_answer **ret_answer)
{
	int code = keeper_open(cli);

	return code != 0 ? code : keeper_ask(cli, query, ret_answer);
}

int keeper_walk_listings(struct cli *cli, const char *list,
	int (*take)(const struct bus_listing *listing, void *arg), void *arg)
{
	struct bus_query query = {.what = BUS_QUERY_LISTINGS, .list = list, .limit = PAGE};
	bool more = true;
	int r = 0;

	while (more && r == 0) {
		AUTO(bus_answer) *answer = NULL;

		r = keeper_ask(cli, &query, &answer);
		for (size_t i = 0; r == 0 && i < answer->listings_len; i++) {
			r = take(&answer->listings[i], arg);
			query.after_id = answer->listings[i].id;
		}
		more = r == 0 && answer->more && answer->listings_len != 0;
	}
	return r;
}

int keeper_walk_runs(struct cli *cli, const char *list,
	int (*take)(const struct bus_run *run, void *arg), void *arg)
{
	struct bus_query query = {.what = BUS_QUERY_LISTINGS, .list = list, .runs = true};
	bool more = true;
	int r = 0;

	while (more && r == 0) {
		AUTO(bus_answer) *answer = NULL;

		r = keeper_ask(cli, &query, &answer);
		if (r == 0 && answer->listings_len != 0)
			return cli_fail(cli, E_VERSION,
				"the keeper that runs is of an older version; restart it");
		for (size_t i = 0; r == 0 && i < answer->runs_len; i++) {
			r = take(&answer->runs[i], arg);
			query.after_id = answer->runs[i].shared.id;
		}
		more = r == 0 && answer->more && answer->runs_len != 0;
	}
	return r;
}

/* NULL: none that could be shown. */
static const char *shown_name(struct cli *cli, const char *name)
{
	if (name == NULL || *name == '\0' || !utf8_is_text(span_text(name)))
		return NULL;
	return arena_string(cli->arena, utf8_cut(span_text(name), AUTHOR_MAX));
}

/* Whoever sat down at the keyboard: behind sudo that is not root. */
static const char *author_name(struct cli *cli)
{
	const struct passwd *user = getpwuid(getuid());
	const char *name = getuid() == 0 ? shown_name(cli, getenv("SUDO_USER")) : NULL;

	if (name == NULL && user != NULL)
		name = shown_name(cli, user->pw_name);
	if (name != NULL)
		return name;
	return arena_format(cli->arena, "uid %u", (unsigned)getuid());
}

int keeper_change(struct cli *cli, struct bus_command *command, struct bus_answer **ret_answer)
{
	struct fault why;
	int r;

	command->author = author_name(cli);
	command->dry_run = cli->dry_run;
	r = control_command(cli->control, command, ret_answer, &why);
	return r < 0 ? cli_fail(cli, r, "%s", why.text) : 0;
}

static void change_print(const struct cli *cli, const struct bus_answer *answer)
{
	json_t *listings;

	if (!cli->json) {
		printf("%s%s\n",
			cli->dry_run ? "Dry run, nothing changed. The result would be: " : "",
			answer->text);
		if (!cli->dry_run && answer->event != 0)
			cli_remark(cli, "undo this with: stockade undo %" PRIu64 " --reason WORDS",
				answer->event);
		return;
	}
	listings = json_array();
	for (size_t i = 0; i < answer->listings_len; i++)
		json_array_append_new(listings, listing_json(cli, &answer->listings[i]));
	output_json(json_pack("{s:b, s:I, s:I, s:I, s:o, s:o}", "dry-run", cli->dry_run, "event",
		(json_int_t)answer->event, "serial", (json_int_t)answer->serial, "changed",
		(json_int_t)answer->changed, "text", output_json_text(answer->text), "listings",
		listings));
}

int keeper_change_print(struct cli *cli, struct bus_command *command)
{
	AUTO(bus_answer) *answer = NULL;
	int code = keeper_open(cli);

	if (code == 0)
		code = keeper_change(cli, command, &answer);
	if (code == 0)
		change_print(cli, answer);
	return code;
}

int sources_parse(struct cli *cli, struct source **ret_sources)
{
	struct source *sources = arena_alloc(cli->arena, cli->operands_len * sizeof(*sources));

	for (size_t i = 0; i < cli->operands_len; i++) {
		struct fault why;
		int r = source_parse(span_text(cli->operands[i]), &sources[i], &why);

		if (r < 0)
			return cli_fail(cli, E_PARSE, "%s", why.text);
	}
	*ret_sources = sources;
	return 0;
}

/* ---- records as text and JSON ---- */

const char *text_of_source(const struct cli *cli, const struct source *source)
{
	char text[SOURCE_TEXT_SIZE];

	return source != NULL ? arena_copy_string(cli->arena, source_print(source, text)) : "?";
}

const char *text_of_incident(const struct cli *cli, uint64_t number)
{
	char text[INCIDENT_TEXT_SIZE];

	return number != 0 ? arena_copy_string(cli->arena, incident_number_print(number, text))
			   : "-";
}

static json_t *incident_number_json(const struct cli *cli, uint64_t number)
{
	return number != 0 ? json_string(text_of_incident(cli, number)) : json_null();
}

const char *until_text(const struct cli *cli, int64_t until_s)
{
	return until_s != 0 ? output_time(cli, until_s) : "until review";
}

void listing_add_columns(const struct cli *cli, struct table *table)
{
	table_add_columns(cli, table, "SOURCE|LIST|REASON|SINCE@|UNTIL@|BY");
}

void listing_add_row(const struct cli *cli, struct table *table, const struct bus_listing *l)
{
	const char *source = text_of_source(cli, l->source);
	const char *const cells[] = {
		l->excluded ? arena_format(cli->arena, "not %s", source) : source,
		arena_format(cli->arena, "%s/%s", l->list, l->sublist), l->reason,
		output_time(cli, l->since_s), until_text(cli, l->until_s), l->author};

	table_add_row(table, COUNTOF(cells), cells);
}

json_t *listing_json(const struct cli *cli, const struct bus_listing *l)
{
	json_t *evidence = json_array();
	json_t *object = json_pack(
		"{s:I, s:s, s:s, s:s, s:s, s:s, s:I, s:o, s:o, s:o, s:o, s:o, s:b}", "id",
		(json_int_t)l->id, "source", text_of_source(cli, l->source), "list", l->list,
		"sublist", l->sublist, "code", l->code, "policy", l->policy, "version",
		(json_int_t)l->policy_version, "reason", output_json_text(l->reason), "since",
		output_json_time(l->since_s), "until", output_json_time(l->until_s), "incident",
		incident_number_json(cli, l->incident), "author", output_json_text(l->author),
		"excluded", l->excluded);

	for (size_t i = 0; i < l->evidence_len; i++)
		json_array_append_new(evidence, json_integer((json_int_t)l->evidence[i]));
	json_object_set_new(object, "evidence", evidence);
	if (l->ended_s != 0) {
		json_object_set_new(object, "ended", output_json_time(l->ended_s));
		json_object_set_new(object, "ended-by", output_json_text(l->ended_by));
		json_object_set_new(object, "ended-reason", output_json_text(l->ended_reason));
	}
	return object;
}

static json_t *sightings_json(const struct bus_incident *n)
{
	json_t *sightings = json_array();

	for (size_t i = 0; i < n->sightings_len; i++) {
		const struct bus_sighting *seen = &n->sightings[i];

		json_array_append_new(sightings,
			json_pack("{s:o, s:o, s:o, s:o}", "time", output_json_time(seen->time_s),
				"helo", output_json_text(seen->helo), "sender",
				output_json_text(seen->sender), "recipient",
				output_json_text(seen->recipient)));
	}
	return sightings;
}

json_t *incident_json(const struct cli *cli, const struct bus_incident *n)
{
	json_t *checks = json_array();

	for (size_t i = 0; i < n->checks_len; i++) {
		const struct bus_check *c = &n->checks[i];

		json_array_append_new(checks,
			json_pack("{s:s, s:o, s:s, s:s, s:i, s:b}", "check", c->key, "found",
				output_json_text(c->found), "outcome", c->outcome, "action",
				c->action, "weight", c->weight, "decided", c->decided));
	}
	return json_pack(
		"{s:o, s:s, s:s, s:s, s:s, s:I, s:o, s:o, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
		"incident", incident_number_json(cli, n->number), "source",
		text_of_source(cli, n->source), "rule", n->rule, "mode", n->mode, "host", n->host,
		"code", (json_int_t)n->code, "reply", output_json_text(n->text), "first",
		output_json_time(n->first_s), "count", (json_int_t)n->count, "last",
		output_json_time(n->last_s), "helo", output_json_text(n->helo), "ptr",
		output_json_text(n->ptr), "sender", output_json_text(n->sender), "recipient",
		output_json_text(n->recipient), "list", output_json_text(n->list), "checks", checks,
		"sightings", sightings_json(n));
}

json_t *event_json(const struct cli *cli, const struct bus_event *e)
{
	(void)cli;
	return json_pack("{s:I, s:o, s:o, s:s, s:o, s:o, s:o, s:b, s:I}", "event",
		(json_int_t)e->id, "time", output_json_time(e->time_s), "author",
		output_json_text(e->author), "verb", e->verb, "subject",
		output_json_text(e->subject), "reason", output_json_text(e->reason), "undoes",
		e->undoes != 0 ? json_integer((json_int_t)e->undoes) : json_null(), "undone",
		e->undone, "serial", (json_int_t)e->serial);
}

const char *listing_zone(const struct cli *cli, const char *list, const char *sublist)
{
	const struct conf_list *conf = conf_list_find(cli->conf, span_text(list));

	return conf != NULL && conf->zone != NULL
		       ? arena_format(cli->arena, "%s.%s", sublist, conf->zone)
		       : list;
}
