/* SPDX-License-Identifier: ISC */
/* `lookup SOURCE`: the public state of a source. The keeper knows it with since and until, policy
 * and incident; while it is away, the newest snapshot file says what DNS and gate go on serving.
 * Exit codes of its own: 0 not listed, 1 listed, 2 error, for shell scripts. */
#include <stdio.h>
#include <string.h>

#include "base/macro.h"
#include "cli/keeper_client.h"
#include "cli/snapshot.h"

/* Texts live in the arena of cli, or in the answer. */
struct lookup_row {
	const char *list, *sublist, *code;
	/* NULL: of a snapshot, which knows neither that nor what follows it here */
	const char *policy;
	unsigned version;
	int64_t since_s;
	const char *incident; /* "-": none */
	const char *source;   /* the entry that covers the address */
	const char *reason;
	int64_t until_s;
};

struct lookup_result {
	struct bus_answer *answer; /* of the keeper; NULL */
	size_t len;
	struct lookup_row *rows;
	bool allowed;
	const char *allow_reason;
	uint32_t serial;
	bool from_snapshot;
};

enum { EXIT_NOT_LISTED = 0, EXIT_LISTED = 1, EXIT_LOOKUP_ERROR = 2 };

/* Each sublist answers by its own most specific entry, and an entry may say "not this one". At x
 * itself "x" is nearer than ".x". */
static unsigned listing_rank(const struct bus_listing *listing)
{
	const struct source *source = listing->source;
	bool below;

	if (source == NULL || source->kind == SOURCE_NET)
		return source != NULL ? source->net.bits : 0;
	below = source->domain[0] == '.';
	return 2 * (unsigned)strlen(source->domain + below) + !below;
}

static bool listing_is_overruled(const struct bus_listing *listing, const struct bus_answer *answer)
{
	for (size_t i = 0; i < answer->listings_len; i++) {
		const struct bus_listing *other = &answer->listings[i];

		if (other != listing && other->ended_s == 0 &&
			strcmp(other->list, listing->list) == 0 &&
			strcmp(other->sublist, listing->sublist) == 0 &&
			listing_rank(other) > listing_rank(listing))
			return true;
	}
	return false;
}

static void result_from_answer(
	struct cli *cli, const struct bus_answer *answer, struct lookup_result *result)
{
	result->rows = arena_alloc(cli->arena, (answer->listings_len + 1) * sizeof(*result->rows));
	result->serial = answer->serial;
	for (size_t i = 0; i < answer->listings_len; i++) {
		const struct bus_listing *l = &answer->listings[i];

		if (l->ended_s != 0 || l->excluded || listing_is_overruled(l, answer))
			continue;
		if (strcmp(l->list, "allow") == 0) {
			result->allowed = true;
			result->allow_reason = l->reason;
			continue;
		}
		result->rows[result->len++] = (struct lookup_row){
			.list = l->list,
			.sublist = l->sublist,
			.code = l->code,
			.policy = l->policy,
			.version = l->policy_version,
			.reason = l->reason,
			.since_s = l->since_s,
			.until_s = l->until_s,
			.incident = text_of_incident(cli, l->incident),
			.source = text_of_source(cli, l->source),
		};
	}
}

/* ---- while the keeper is away ---- */

static const char *code_text(struct cli *cli, const char *list, struct span sublist)
{
	const struct conf_list *conf = conf_list_find(cli->conf, span_text(list));
	char text[IP_TEXT_SIZE];

	for (size_t i = 0; conf != NULL && i < conf->sublists_len; i++) {
		if (span_equal_text(sublist, conf->sublists[i].name))
			return arena_copy_string(
				cli->arena, ip_print(conf->sublists[i].code, text));
	}
	return "?";
}

/* Where the rows of a snapshot come from. */
struct snapshot_lookup {
	struct cli *cli;
	const struct view *view;
	struct lookup_result *result;
};

static void result_add_hits(struct snapshot_lookup *lookup, int list, const struct hits *hits)
{
	const struct view *view = lookup->view;
	struct lookup_result *result = lookup->result;
	struct cli *cli = lookup->cli;
	const char *name = arena_string(cli->arena, view_list_name(view, list));

	for (size_t i = 0; i < hits->len; i++) {
		const struct hit *hit = &hits->items[i];
		struct span sublist = view_sublist_name(view, list, hit->sublist);

		if (strcmp(name, "allow") == 0) {
			result->allowed = true;
			result->allow_reason = arena_string(cli->arena, hit->reason);
			continue;
		}
		result->rows[result->len++] = (struct lookup_row){
			.list = name,
			.sublist = arena_string(cli->arena, sublist),
			.code = code_text(cli, name, sublist),
			.reason = arena_string(cli->arena, hit->reason),
			.until_s = hit->until_s,
			.incident = "-",
		};
	}
}

static int lookup_in_snapshot(
	struct cli *cli, const struct source *source, struct lookup_result *result)
{
	AUTO(view) *view = NULL;
	struct snapshot_lookup lookup = {.cli = cli, .result = result};
	struct fault why;
	int lists, r = snapshot_open_newest(cli->conf->lists_path, &view, &why);

	if (r < 0)
		return cli_fail(cli, r, "%s", why.text);
	lookup.view = view;
	lists = (int)view_list_count(view);
	*result = (struct lookup_result){
		.from_snapshot = true, .serial = view_serial(view), .allow_reason = ""};
	result->rows =
		arena_alloc(cli->arena, ((size_t)lists * SUBLISTS_MAX + 1) * sizeof(*result->rows));
	for (int i = 0; i < lists; i++) {
		struct hits hits;

		view_lookup(view, i, source, &hits);
		result_add_hits(&lookup, i, &hits);
	}
	return 0;
}

/* ---- output ---- */

static json_t *row_json(const struct lookup_row *row)
{
	json_t *object = json_pack("{s:s, s:s, s:s, s:o, s:o}", "list", row->list, "sublist",
		row->sublist, "code", row->code, "reason", output_json_text(row->reason), "until",
		output_json_time(row->until_s));

	if (row->policy != NULL) {
		json_object_set_new(object, "policy", json_string(row->policy));
		json_object_set_new(object, "version", json_integer((json_int_t)row->version));
		json_object_set_new(object, "since", output_json_time(row->since_s));
		json_object_set_new(object, "entry", json_string(row->source));
		json_object_set_new(object, "incident",
			row->incident[0] != '-' ? json_string(row->incident) : json_null());
	}
	return object;
}

static void result_print_json(const char *source, const struct lookup_result *result)
{
	json_t *listings = json_array();

	for (size_t i = 0; i < result->len; i++)
		json_array_append_new(listings, row_json(&result->rows[i]));
	output_json(json_pack("{s:s, s:b, s:b, s:o, s:I, s:s}", "source", source, "listed",
		result->len != 0, "allowed", result->allowed, "listings", listings, "serial",
		(json_int_t)result->serial, "from", result->from_snapshot ? "snapshot" : "keeper"));
}

static void result_print(
	const struct cli *cli, const char *source, const struct lookup_result *result)
{
	AUTO(table) *table = table_new(cli);

	table_add_columns(cli, table, "SOURCE|LIST|CODE|REASON|SINCE@|UNTIL@|INCIDENT");
	for (size_t i = 0; i < result->len; i++) {
		const struct lookup_row *row = &result->rows[i];
		const char *const cells[] = {source, listing_zone(cli, row->list, row->sublist),
			row->code, row->reason, output_time(cli, row->since_s),
			until_text(cli, row->until_s), row->incident};

		table_add_row(table, COUNTOF(cells), cells);
		table_color(table, 2, "red");
	}
	table_print(table);
	if (result->len == 0)
		printf("%s is not listed\n", source);
	if (result->allowed)
		printf("%s is allowed: %s\n", source, result->allow_reason);
}

/* From the keeper, or from the snapshot when that is away. */
static int lookup_either(struct cli *cli, const struct source *source, struct lookup_result *result)
{
	struct bus_query query = {.what = BUS_QUERY_SOURCE, .source = source};
	struct fault why;
	int r = keeper_try(cli, &why);

	if (r >= 0)
		r = control_ask(cli->control, &query, &result->answer, &why);
	if (r >= 0) {
		result_from_answer(cli, result->answer, result);
		return 0;
	}
	cli_remark(
		cli, "%s; this is from the newest snapshot, without the changes since", why.text);
	return lookup_in_snapshot(cli, source, result);
}

int verb_lookup(struct cli *cli)
{
	struct lookup_result result = {.allow_reason = ""};
	struct source *sources = NULL;
	char text[SOURCE_TEXT_SIZE];
	int code = cli_parse(cli, NULL, 1, 1);

	if (code == 0)
		code = sources_parse(cli, &sources);
	if (code == 0)
		code = cli_conf(cli);
	if (code == 0)
		code = lookup_either(cli, &sources[0], &result);
	if (code != 0)
		return EXIT_LOOKUP_ERROR;
	if (cli->json)
		result_print_json(source_print(&sources[0], text), &result);
	else
		result_print(cli, source_print(&sources[0], text), &result);
	bus_answer_free(&result.answer);
	return result.len != 0 ? EXIT_LISTED : EXIT_NOT_LISTED;
}
