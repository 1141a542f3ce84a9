/* SPDX-License-Identifier: ISC */
/* `history SOURCE`, `history --verify` and `incident NUMBER`: everything that is known, for
 * operators. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/macro.h"
#include "cli/keeper_client.h"
#include "list/incident.h"

/* ---- history ---- */

static void history_print_json(
	const struct cli *cli, const char *source, const struct bus_answer *answer)
{
	json_t *listings = json_array(), *incidents = json_array(), *events = json_array();

	for (size_t i = 0; i < answer->listings_len; i++)
		json_array_append_new(listings, listing_json(cli, &answer->listings[i]));
	for (size_t i = 0; i < answer->incidents_len; i++)
		json_array_append_new(incidents, incident_json(cli, &answer->incidents[i]));
	for (size_t i = 0; i < answer->events_len; i++)
		json_array_append_new(events, event_json(cli, &answer->events[i]));
	output_json(json_pack("{s:s, s:o, s:o, s:o, s:b}", "source", source, "listings", listings,
		"incidents", incidents, "events", events, "more", answer->more));
}

static void history_print_listings(const struct cli *cli, const struct bus_answer *answer)
{
	AUTO(table) *table = table_new(cli);

	listing_add_columns(cli, table);
	table_add_columns(cli, table, "ENDED");
	for (size_t i = 0; i < answer->listings_len; i++) {
		const struct bus_listing *l = &answer->listings[i];

		listing_add_row(cli, table, l);
		table_add_cell(table, l->ended_s == 0 ? "in force"
						      : arena_format(cli->arena, "%s by %s: %s",
								output_time(cli, l->ended_s),
								l->ended_by, l->ended_reason));
	}
	table_print(table);
}

static void history_print_incidents(const struct cli *cli, const struct bus_answer *answer)
{
	AUTO(table) *table = table_new(cli);

	table_add_columns(cli, table, "INCIDENT|LAST@|COUNT>|RULE|MODE|REPLY");
	for (size_t i = 0; i < answer->incidents_len; i++) {
		const struct bus_incident *n = &answer->incidents[i];
		const char *const cells[] = {text_of_incident(cli, n->number),
			output_time(cli, n->last_s), arena_format(cli->arena, "%u", n->count),
			n->rule, n->mode, n->text};

		table_add_row(table, COUNTOF(cells), cells);
	}
	table_print(table);
}

static void history_print_events(const struct cli *cli, const struct bus_answer *answer)
{
	AUTO(table) *table = table_new(cli);

	table_add_columns(cli, table, "EVENT>|TIME@|BY|DID|REASON|");
	for (size_t i = 0; i < answer->events_len; i++) {
		const struct bus_event *e = &answer->events[i];
		const char *const cells[] = {arena_format(cli->arena, "%" PRIu64, e->id),
			output_time(cli, e->time_s), e->author,
			arena_format(cli->arena, "%s %s", e->verb, e->subject), e->reason,
			e->undone        ? "undone"
			: e->undoes != 0 ? arena_format(cli->arena, "undid %" PRIu64, e->undoes)
					 : ""};

		table_add_row(table, COUNTOF(cells), cells);
	}
	table_print(table);
}

static void history_print(
	const struct cli *cli, const char *source, const struct bus_answer *answer)
{
	if (answer->listings_len + answer->incidents_len + answer->events_len == 0) {
		printf("no listings, incidents or changes found for %s\n", source);
		return;
	}
	history_print_listings(cli, answer);
	if (answer->listings_len != 0 && answer->incidents_len + answer->events_len != 0)
		putchar('\n');
	history_print_incidents(cli, answer);
	if (answer->incidents_len != 0 && answer->events_len != 0)
		putchar('\n');
	history_print_events(cli, answer);
	if (answer->more)
		cli_remark(cli,
			"there is more than these %zu listings, %zu incidents and %zu changes",
			answer->listings_len, answer->incidents_len, answer->events_len);
}

static int history_show(struct cli *cli)
{
	struct bus_query query = {.what = BUS_QUERY_HISTORY};
	AUTO(bus_answer) *answer = NULL;
	struct source *sources = NULL;
	char text[SOURCE_TEXT_SIZE];
	int code = sources_parse(cli, &sources);

	if (code != 0)
		return code;
	query.source = &sources[0];
	code = keeper_query(cli, &query, &answer);
	if (code != 0)
		return code;
	if (cli->json)
		history_print_json(cli, source_print(&sources[0], text), answer);
	else
		history_print(cli, source_print(&sources[0], text), answer);
	return 0;
}

/* ---- history --verify ---- */

struct chain_seen {
	uint64_t from, to, bad; /* as struct bus_chain, of the whole */
	const char *hash;
};

static int chain_follow(struct cli *cli, struct chain_seen *seen)
{
	struct bus_query query = {.what = BUS_QUERY_VERIFY};
	bool more = true;
	int code = keeper_open(cli);

	while (code == 0 && more) {
		AUTO(bus_answer) *answer = NULL;
		const struct bus_chain *chain;

		code = keeper_ask(cli, &query, &answer);
		if (code != 0)
			return code;
		chain = answer->chain;
		if (chain == NULL)
			return cli_fail(cli, E_VERSION, "the keeper cannot verify");
		more = answer->more && chain->to > query.after_id;
		seen->from = chain->from != 0 ? chain->from : seen->from;
		seen->bad = chain->bad;
		if (chain->to != 0) {
			seen->to = query.after_id = chain->to;
			seen->hash = arena_copy_string(cli->arena, chain->hash);
		}
	}
	return code;
}

static json_t *event_number_json(uint64_t id)
{
	return id != 0 ? json_integer((json_int_t)id) : json_null();
}

static void chain_print(const struct cli *cli, const struct chain_seen *seen)
{
	if (cli->json)
		output_json(json_pack("{s:b, s:o, s:o, s:s?, s:o}", "holds", seen->bad == 0, "from",
			event_number_json(seen->from), "to", event_number_json(seen->to), "hash",
			seen->hash, "bad", event_number_json(seen->bad)));
	else if (seen->bad == 0 && seen->to == 0)
		puts("no changes found");
	else if (seen->bad == 0)
		printf("the audit trail holds from event %" PRIu64 " to %" PRIu64 ", hash %s\n",
			seen->from, seen->to, seen->hash);
}

static int history_verify(struct cli *cli)
{
	struct chain_seen seen = {.hash = NULL};
	int code = chain_follow(cli, &seen);

	if (code != 0)
		return code;
	chain_print(cli, &seen);
	if (seen.bad == 0)
		return 0;
	return cli_fail(cli, E_CHECKSUM,
		"event %" PRIu64 " was changed, or one before it was removed", seen.bad);
}

int verb_history(struct cli *cli)
{
	bool verify = false;
	const struct cli_option options[] = {
		{"--verify", OPTION_FLAG, &verify},
		{0},
	};
	int code = cli_parse(cli, options, 0, 1);

	if (code != 0)
		return code;
	if (!verify && cli->operands_len == 0)
		return cli_usage(cli, "too few arguments");
	if (verify && cli->operands_len != 0)
		return cli_usage(cli, "--verify is about all changes, not one source");
	return verify ? history_verify(cli) : history_show(cli);
}

/* ---- incident ---- */

static void incident_line(const char *about, const char *value)
{
	if (value == NULL || *value == '\0')
		return;
	printf("%-10s ", about);
	for (const char *c = value; *c != '\0'; c++)
		putchar((uint8_t)*c < 0x20 || *c == 0x7f ? '?' : (uint8_t)*c);
	putchar('\n');
}

static void incident_print_checks(const struct cli *cli, const struct bus_incident *n)
{
	AUTO(table) *table = table_new(cli);

	table_add_columns(cli, table, "CHECK|FOUND|OUTCOME|ACTION|WEIGHT>|");
	for (size_t i = 0; i < n->checks_len; i++) {
		const struct bus_check *c = &n->checks[i];
		const char *const cells[] = {c->key, c->found, c->outcome, c->action,
			c->weight != 0 ? arena_format(cli->arena, "%d", c->weight) : "",
			c->decided ? "decided" : ""};

		table_add_row(table, COUNTOF(cells), cells);
		table_color(table, 2, strcmp(c->outcome, "fail") == 0 ? "red" : "reset");
	}
	table_print(table);
}

/* One number may stand for several mails: the one that is asked about is seldom the first. */
static void incident_print_sightings(const struct cli *cli, const struct bus_incident *n)
{
	AUTO(table) *table = table_new(cli);

	table_add_columns(cli, table, "SEEN@|HELO|FROM|TO");
	for (size_t i = n->sightings_len; i > 0; i--) {
		const struct bus_sighting *seen = &n->sightings[i - 1];
		const char *const cells[] = {
			output_time(cli, seen->time_s), seen->helo, seen->sender, seen->recipient};

		table_add_row(table, COUNTOF(cells), cells);
	}
	table_print(table);
}

static void incident_print_mail(const struct cli *cli, const struct bus_incident *n)
{
	if (n->count > 1) {
		putchar('\n');
		incident_print_sightings(cli, n);
		return;
	}
	incident_line("helo", n->helo);
	incident_line("from", n->sender);
	incident_line("to", n->recipient);
}

static void incident_print(const struct cli *cli, const struct bus_incident *n)
{
	const char *zone = output_zone(cli);

	incident_line("incident", text_of_incident(cli, n->number));
	incident_line("source", text_of_source(cli, n->source));
	incident_line("when",
		arena_format(cli->arena, "%s %s, %u time%s, last %s", output_time(cli, n->first_s),
			zone, n->count, n->count == 1 ? "" : "s", output_time(cli, n->last_s)));
	incident_line("host", n->host);
	incident_line("rule",
		arena_format(cli->arena, "%s%s%s, mode %s%s", n->rule,
			n->list[0] != '\0' ? " " : "", n->list, n->mode,
			strcmp(n->mode, "enforce") == 0 ? "" : " (not refused, only recorded)"));
	incident_line("reply", n->text);
	incident_line("ptr", n->ptr);
	incident_print_mail(cli, n);
	if (n->checks_len != 0)
		putchar('\n');
	incident_print_checks(cli, n);
}

int verb_incident(struct cli *cli)
{
	struct bus_query query = {.what = BUS_QUERY_INCIDENT};
	AUTO(bus_answer) *answer = NULL;
	int r, code = cli_parse(cli, NULL, 1, 1);

	if (code != 0)
		return code;
	r = incident_number_parse(span_text(cli->operands[0]), &query.incident);
	if (r < 0)
		return cli_fail(cli, r, "'%s' is not an incident number%s", cli->operands[0],
			r == E_CHECKSUM ? ": a character seems mistyped"
					: " (like 7K3M-9QXT-2FHH)");
	code = keeper_query(cli, &query, &answer);
	if (code != 0)
		return code;
	if (answer->incidents_len == 0)
		return cli_fail(cli, E_ABSENT, "there is no incident %s", cli->operands[0]);
	if (cli->json)
		output_json(incident_json(cli, &answer->incidents[0]));
	else
		incident_print(cli, &answer->incidents[0]);
	return 0;
}
