/* SPDX-License-Identifier: ISC */
/* `explain IP`: what the gate would decide now, by its own gathering and decision, each check with
 * the line of the configuration that set it. DNS is asked as the gate asks it; our own lists come
 * from the keeper, or from the newest snapshot while that is away. A finding is no failure: the
 * exit code is 0 whatever the verdict. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/macro.h"
#include "base/shelf.h"
#include "cli/keeper_client.h"
#include "cli/snapshot.h"
#include "gate/consult.h"
#include "gate/explain.h"
#include "gate/greylisting.h"
#include "list/snapshot_write.h"
#include "process/folders.h"
#include "resolve/resolver.h"

enum { WAIT_MS = 10000, TIMEOUT_MS = 1500, TRIES = 3, CACHE_ENTRIES = 256 };

struct explain_job {
	struct cli *cli;
	struct loop *loop;
	struct shelf *views;
	struct ip client;
	struct consult_request request;
	bool is_told;
};

/* ---- our own lists ---- */

/* An entry in force that the keeper named for the client (no subject) or for a name. */
struct known_entry {
	struct known_entry *next; /* an equal or a wider one */
	struct span subject;
	const char *list, *sublist;
	struct source source;
};

/* What the keeper says about a few sources, as a view: the same shape that the gate looks into. */
struct small_view {
	struct cli *cli;
	struct known_entry *entries;
	struct snapshot_writer *writer;
	int lists[LISTS_MAX];
};

static void small_view_declare(struct small_view *small)
{
	const struct conf *conf = small->cli->conf;

	for (size_t i = 0; i < conf->lists_len && i < LISTS_MAX; i++) {
		const struct conf_list *list = &conf->lists[i];
		struct span names[SUBLISTS_MAX];

		for (size_t k = 0; k < list->sublists_len && k < SUBLISTS_MAX; k++)
			names[k] = span_text(list->sublists[k].name);
		small->lists[i] = snapshot_writer_add_list(
			small->writer, span_text(list->name), names, list->sublists_len);
	}
}

/* A listing of a list or sublist that the configuration has no more is served by nobody: false. */
static bool small_view_add(struct small_view *small, const struct bus_listing *listing)
{
	const struct conf *conf = small->cli->conf;
	bool added = false;

	if (listing->ended_s != 0 || listing->source == NULL)
		return false;
	for (size_t i = 0; i < conf->lists_len && i < LISTS_MAX; i++) {
		if (strcmp(conf->lists[i].name, listing->list) != 0)
			continue;
		for (size_t k = 0; k < conf->lists[i].sublists_len; k++) {
			if (strcmp(conf->lists[i].sublists[k].name, listing->sublist) != 0)
				continue;
			snapshot_writer_add(small->writer, small->lists[i],
				&(struct list_entry){*listing->source, (uint8_t)k,
					listing->excluded, listing->until_s,
					span_text(listing->reason)});
			added = true;
		}
	}
	return added;
}

static void small_view_remember(
	struct small_view *small, struct span subject, const struct bus_listing *listing)
{
	struct arena *arena = small->cli->arena;
	struct known_entry *entry;

	if (listing->ended_s != 0 || listing->excluded || listing->source == NULL)
		return;
	entry = arena_alloc(arena, sizeof(*entry));
	*entry = (struct known_entry){.next = small->entries,
		.subject = subject,
		.list = arena_copy_string(arena, listing->list),
		.sublist = arena_copy_string(arena, listing->sublist),
		.source = *listing->source};
	small->entries = entry;
}

/* The nearest entry of each hit, as far as the keeper named it. */
static void hits_name_entries(struct facts *facts, const struct known_entry *entries)
{
	for (size_t i = 0; i < facts->list_hits_len; i++) {
		struct list_fact *hit = &facts->list_hits[i];

		for (const struct known_entry *e = entries; e != NULL && hit->entry == NULL;
			e = e->next)
			if (span_equal(e->subject, hit->domain) && hit->sublist != NULL &&
				strcmp(e->list, hit->list->name) == 0 &&
				strcmp(e->sublist, hit->sublist->name) == 0)
				hit->entry = &e->source;
	}
}

/* text: the address, or the name that is asked about and is the subject as well. */
static int small_view_ask(
	struct small_view *small, struct span text, struct span subject, struct fault *why)
{
	AUTO(bus_answer) *answer = NULL;
	struct source source;
	struct bus_query query = {.what = BUS_QUERY_SOURCE, .source = &source};
	int r;

	if (text.len == 0 || source_parse(text, &source, NULL) < 0)
		return 0; /* "[192.0.2.1]", "friend": nothing that can be listed */
	r = control_ask(small->cli->control, &query, &answer, why);
	for (size_t i = 0; r >= 0 && i < answer->listings_len; i++) {
		small_view_add(small, &answer->listings[i]);
		small_view_remember(small, subject, &answer->listings[i]);
	}
	return r;
}

/* The names that facts_look_up asks about. */
static int small_view_fill(struct small_view *small, const struct facts *facts, struct fault *why)
{
	const struct span sender = facts_mailbox_domain(facts->sender);
	char address[IP_TEXT_SIZE];
	int r = small_view_ask(
		small, span_text(ip_print(facts->client, address)), (struct span){0}, why);

	if (r >= 0)
		r = small_view_ask(small, facts->helo, facts->helo, why);
	if (r >= 0)
		r = small_view_ask(small, sender, sender, why);
	for (size_t i = 0; r >= 0 && i < facts->names_len; i++)
		r = small_view_ask(small, facts->names[i].name, facts->names[i].name, why);
	return r;
}

static int take_name(const struct bus_listing *listing, void *arg)
{
	bool is_name = listing->source != NULL && listing->source->kind == SOURCE_DOMAIN;

	return is_name && !listing->excluded && small_view_add(arg, listing) ? 1 : 0;
}

/* DNS did not tell the client's names: whether a list holds any name at all then decides between
 * "no" and "not known", so one of each list is enough. */
static int small_view_fill_names(
	struct small_view *small, const struct facts *facts, struct fault *why)
{
	const struct conf *conf = small->cli->conf;
	int code = 0;

	if (facts->ptr == FACT_YES || facts->ptr == FACT_NO)
		return 0;
	for (size_t i = 0; i < conf->lists_len && code <= 1; i++)
		if (facts_list_has_names(&conf->lists[i]))
			code = keeper_walk_listings(
				small->cli, conf->lists[i].name, take_name, small);
	return code <= 1 ? 0 : fault_set(why, E_AWAY, "the keeper did not tell its lists");
}

static int small_view_open(struct small_view *small, struct view **ret_view, struct fault *why)
{
	char folder[] = "/tmp/stockade-explain-XXXXXX";
	const char *path;
	int r;

	if (mkdtemp(folder) == NULL)
		return fault_set(why, E_IO, "cannot make a folder in /tmp");
	path = arena_format(small->cli->arena, "%s/list.snap", folder);
	r = snapshot_writer_finish(small->writer, path, why);
	if (r >= 0)
		r = view_open(path, ret_view, why); /* mapped: the file may go */
	unlink(path);
	rmdir(folder);
	return r;
}

static int view_from_keeper(struct small_view *small, const struct facts *facts,
	struct view **ret_view, struct fault *why)
{
	int r = keeper_try(small->cli, why);

	if (r < 0)
		return r;
	small_view_declare(small);
	r = small_view_fill(small, facts, why);
	if (r >= 0)
		r = small_view_fill_names(small, facts, why);
	return r < 0 ? r : small_view_open(small, ret_view, why);
}

/* There is always a view, if need be an empty one; remarks say what is missing. */
static struct view *view_for(
	struct cli *cli, const struct facts *facts, struct known_entry **ret_entries)
{
	AUTO(snapshot_writer) *writer = snapshot_writer_new(1, clock_now_s());
	struct small_view small = {.cli = cli, .writer = writer};
	struct view *view = NULL;
	struct fault why;

	*ret_entries = NULL;
	if (view_from_keeper(&small, facts, &view, &why) >= 0) {
		*ret_entries = small.entries;
		return view;
	}
	cli_remark(cli, "%s; our lists are those of the newest snapshot, without the changes since",
		why.text);
	if (snapshot_open_newest(cli->conf->lists_path, &view, &why) >= 0)
		return view;
	cli_remark(cli, "%s; our lists are unknown", why.text);
	return view_new_empty();
}

/* ---- output ---- */

static const char *location_text(const struct cli *cli, struct conf_location location)
{
	const char *slash = location.file != NULL ? strrchr(location.file, '/') : NULL;

	if (location.line == 0)
		return "default";
	return arena_format(
		cli->arena, "%s:%u", slash != NULL ? slash + 1 : location.file, location.line);
}

static void explain_print_lines(const struct cli *cli, const struct explanation *x)
{
	AUTO(table) *table = table_new(cli);

	table_add_columns(cli, table, ">|CHECK|FOUND|OUTCOME|ACTION|MODE|SET AT");
	for (size_t i = 0; i < x->lines_len; i++) {
		const struct explain_line *line = &x->lines[i];
		const char *const cells[] = {arena_format(cli->arena, "%u", line->number),
			line->name != NULL
				? arena_format(cli->arena, "%s %s", line->key, line->name)
				: line->key,
			line->found, line->outcome, line->action, line->mode,
			arena_format(cli->arena, "%s%s",
				line->action != NULL ? location_text(cli, line->location) : "",
				line->decided    ? ", decided"
				: !line->reached ? ", not reached"
						 : "")};

		table_add_row(table, COUNTOF(cells), cells);
		table_color(table, 3, strcmp(line->outcome, "fail") == 0 ? "red" : "reset");
	}
	table_print(table);
}

static void explain_print(const struct cli *cli, const struct explanation *x)
{
	const struct verdict *verdict = &x->verdict;

	explain_print_lines(cli, x);
	if (verdict->would == VERDICT_PASS)
		printf("Verdict  let in\n");
	else if (verdict->would == VERDICT_TAG)
		printf("Verdict  let in, with the header X-Stockade\n");
	else
		printf("Verdict  %s\n", x->reply);
	if (verdict->would >= VERDICT_REFUSE && verdict->kind != verdict->would)
		printf("Mode is %s: let through %s\n", mode_name(verdict->mode),
			verdict->kind == VERDICT_TAG ? "with the header X-Stockade, and recorded"
						     : "and recorded");
	if (x->change[0] != '\0')
		printf("To accept this mail: %s\n", x->change);
}

static json_t *explain_line_json(const struct explain_line *line)
{
	return json_pack("{s:s, s:s?, s:o, s:s, s:s?, s:s?, s:o, s:o, s:b, s:b}", "check",
		line->key, "list", line->name, "found", output_json_text(line->found), "outcome",
		line->outcome, "action", line->action, "mode", line->mode, "file",
		line->location.line != 0 ? json_string(line->location.file) : json_null(), "line",
		line->location.line != 0 ? json_integer((json_int_t)line->location.line)
					 : json_null(),
		"reached", line->reached, "decided", line->decided);
}

static void explain_print_json(const struct explanation *x)
{
	char address[IP_TEXT_SIZE];
	json_t *checks = json_array();

	for (size_t i = 0; i < x->lines_len; i++)
		json_array_append_new(checks, explain_line_json(&x->lines[i]));
	output_json(json_pack("{s:s, s:s, s:s, s:s, s:o, s:i, s:o, s:o}", "client",
		ip_print(x->facts.client, address), "would", verdict_kind_name(x->verdict.would),
		"verdict", verdict_kind_name(x->verdict.kind), "mode", mode_name(x->verdict.mode),
		"reply", output_json_text(x->reply), "score", x->verdict.score, "change",
		output_json_text(x->change), "checks", checks));
}

/* ---- the run ---- */

/* DNS has told its part, so all names are known: our lists are asked about them. */
static void explain_on_ready(struct consultation *consultation, void *arg)
{
	struct explain_job *job = arg;
	struct explanation *x = arena_alloc(job->cli->arena, sizeof(*x));
	struct known_entry *entries;
	struct facts facts;

	if (job->is_told) /* the last answer came in the turn in which the time was over */
		return;
	job->is_told = true;
	consultation_facts(consultation, &job->request, &facts);
	shelf_put(job->views, view_for(job->cli, &facts, &entries));
	consultation_facts(consultation, &job->request, &facts);
	hits_name_entries(&facts, entries);
	explain_fill(&facts, job->cli->conf, clock_now_s(), x);
	if (job->cli->json)
		explain_print_json(x);
	else
		explain_print(job->cli, x);
	loop_stop(job->loop);
}

/* As the gate wrote it a second ago; who may not read the file sees each client as a new one. */
static void explain_read_greylist(const struct cli *cli, struct greylisting *greylisting)
{
	char folder[PATH_MAX], path[PATH_MAX + sizeof("/grey")];

	if (cli->conf->grey.action == GREY_OFF ||
		folders_state(cli->conf, "gate", folder, sizeof(folder)) < 0)
		return;
	snprintf(path, sizeof(path), "%s/grey", folder);
	if (!greylisting_peek(greylisting, path))
		fprintf(stderr,
			"stockade: the greylist cannot be read; as if nobody had come before\n");
}

static void explain_run(struct explain_job *job)
{
	static const struct consult_limits limits = {.facts_ms = WAIT_MS};
	const struct conf *conf = job->cli->conf;
	const struct resolver_settings settings = {.server = conf->resolver,
		.timeout_ms = TIMEOUT_MS,
		.tries = TRIES,
		.cache_entries = CACHE_ENTRIES};
	AUTO(shelf) *views = view_shelf_new();
	AUTO(loop) *loop = loop_new();
	AUTO(resolver) *resolver = resolver_new(loop, &settings);
	struct greylisting *greylisting = greylisting_new(loop, conf, NULL);
	AUTO(consult) *consult = consult_new(&(struct consult_settings){.loop = loop,
		.resolver = resolver,
		.views = views,
		.conf = conf,
		.limits = &limits,
		.greylisting = greylisting});
	AUTO(consultation) *consultation = NULL;

	job->loop = loop;
	job->views = views;
	shelf_put(views, view_new_empty());
	explain_read_greylist(job->cli, greylisting);
	consultation =
		consultation_start(consult, &(struct consult_client){job->client, conf,
						    explain_on_ready, job, .is_person = true});
	if (job->request.sender.len != 0 || job->request.helo.len != 0)
		consultation_hear(consultation, &job->request);
	consultation_wait(consultation);
	loop_run(loop);
}

int verb_explain(struct cli *cli)
{
	const char *helo = "", *sender = "", *recipient = "";
	const struct cli_option options[] = {
		{"--helo", OPTION_TEXT, &helo},
		{"--from", OPTION_TEXT, &sender},
		{"--rcpt", OPTION_TEXT, &recipient},
		{0},
	};
	struct explain_job job = {.cli = cli};
	int code = cli_parse(cli, options, 1, 1);

	if (code != 0)
		return code;
	if (ip_parse(span_text(cli->operands[0]), &job.client) < 0)
		return cli_fail(cli, E_PARSE, "'%s' is not an address", cli->operands[0]);
	code = cli_conf(cli);
	if (code != 0)
		return code;
	job.request.helo = span_text(helo);
	job.request.sender = span_text(sender);
	job.request.recipient = span_text(recipient);
	explain_run(&job);
	return 0;
}
