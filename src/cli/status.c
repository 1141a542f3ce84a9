/* SPDX-License-Identifier: ISC */
/* `status`: is everything at work? One word a line says so; exit code 69 when something is not.
 * What the keeper knows, and what the supervisor tells of roles: the one also without the other. */
#include <inttypes.h>
#include <string.h>

#include "base/macro.h"
#include "cli/keeper_client.h"
#include "cli/run_report.h"

static const struct bus_role_status *role_find_status(
	const struct bus_status *status, const char *role)
{
	for (size_t i = 0; i < status->roles_len; i++) {
		if (strcmp(status->roles[i].role, role) == 0)
			return &status->roles[i];
	}
	return NULL;
}

/* The keeper answers, so it is there; the others report to it. */
static bool role_is_connected(const struct bus_status *status, const char *role)
{
	const struct bus_role_status *row = role_find_status(status, role);

	return strcmp(role, "keeper") == 0 || (row != NULL && row->connected);
}

static bool role_is_well(
	const struct bus_status *status, const struct run_report *report, const char *role)
{
	return role_is_connected(status, role) && run_report_role_is_well(report, role);
}

static bool all_is_well(
	const struct cli *cli, const struct bus_status *status, const struct run_report *report)
{
	if (!run_report_is_well(report))
		return false;
	for (size_t i = 0; i < cli->conf->roles_len; i++) {
		if (!role_is_well(status, report, cli->conf->roles[i]))
			return false;
	}
	for (size_t i = 0; i < status->conditions_len; i++) {
		if (!status->conditions[i].well)
			return false;
	}
	return status->store_ok;
}

static json_t *counters_json(const struct bus_role_status *row)
{
	json_t *counters = json_object();

	for (size_t i = 0; row != NULL && i < row->counters_len; i++)
		json_object_set_new(counters, row->counters[i].name,
			json_integer((json_int_t)row->counters[i].value));
	return counters;
}

static json_t *roles_json(
	const struct cli *cli, const struct bus_status *status, const struct run_report *report)
{
	json_t *roles = json_array();

	for (size_t i = 0; i < cli->conf->roles_len; i++) {
		const char *name = cli->conf->roles[i];
		const struct bus_role_status *row = role_find_status(status, name);

		json_t *role = json_pack("{s:s, s:b, s:I, s:o}", "role", name, "connected",
			role_is_connected(status, name), "serial",
			(json_int_t)(row != NULL ? row->serial : status->serial), "counters",
			counters_json(row));

		run_report_role_json(report, name, role);
		json_array_append_new(roles, role);
	}
	return roles;
}

static json_t *conditions_json(const struct bus_status *status)
{
	json_t *conditions = json_array();

	for (size_t i = 0; i < status->conditions_len; i++) {
		const struct bus_condition *condition = &status->conditions[i];

		json_array_append_new(conditions,
			json_pack("{s:s, s:o, s:b, s:o, s:o}", "kind", condition->kind, "name",
				output_json_text(condition->name), "well", condition->well, "words",
				output_json_text(condition->text), "since",
				output_json_time(condition->since_s)));
	}
	return conditions;
}

/* A keeper without a store counts nothing, and sends no list. */
static bool was_counted(const struct bus_status *status)
{
	return status->lists_len != 0;
}

static json_t *counted_json(const struct bus_status *status, uint64_t count)
{
	return was_counted(status) ? json_integer((json_int_t)count) : NULL;
}

static void status_print_json(
	const struct cli *cli, const struct bus_status *status, const struct run_report *report)
{
	json_t *lists = json_array();

	for (size_t i = 0; i < status->lists_len; i++)
		json_array_append_new(
			lists, json_pack("{s:s, s:o, s:I, s:I}", "list", status->lists[i].name,
				       "zone", output_json_text(status->lists[i].zone), "listings",
				       (json_int_t)status->lists[i].listings, "review",
				       (json_int_t)status->lists[i].review));
	output_json(json_pack("{s:b, s:s, s:o, s:o, s:I, s:s, s:b, s:o, s:o, s:o, s:o*, s:o*}",
		"well", all_is_well(cli, status, report), "mode", mode_name(cli->conf->mode),
		"supervisor", run_report_json(report), "keeper-since",
		output_json_time(status->started_s), "serial", (json_int_t)status->serial, "store",
		status->store, "store-ok", status->store_ok, "roles",
		roles_json(cli, status, report), "depends-on", conditions_json(status), "lists",
		lists, "incidents", counted_json(status, status->incidents), "evidence",
		counted_json(status, status->evidence)));
}

static void add_line(struct table *table, const char *about, const char *text, bool well)
{
	table_add_row(table, 2, (const char *[]){about, text});
	table_color(table, 1, well ? "reset" : "red");
}

static const char *role_text(
	const struct cli *cli, const struct bus_status *status, const char *role)
{
	const struct bus_role_status *row = role_find_status(status, role);

	if (!role_is_connected(status, role))
		return "not connected to the keeper";
	return row == NULL || !row->follows
		       ? "ok"
		       : arena_format(cli->arena, "ok, serial %u%s", row->serial,
				 row->serial != status->serial ? " (behind)" : "");
}

/* status: NULL while the keeper does not answer. */
static void status_print_roles(const struct cli *cli, const struct bus_status *status,
	const struct run_report *report, struct table *table)
{
	add_line(table, "supervisor", run_report_text(cli, report), run_report_is_well(report));
	for (size_t i = 0; i < cli->conf->roles_len; i++) {
		const char *name = cli->conf->roles[i];
		const char *text = run_report_trouble(cli, report, name);

		if (text == NULL)
			text = status != NULL ? role_text(cli, status, name) : "ready";
		add_line(table, i == 0 ? "roles" : "",
			arena_format(cli->arena, "%s: %s%s", name, text,
				run_report_past(cli, report, name)),
			status != NULL ? role_is_well(status, report, name)
				       : run_report_role_is_well(report, name));
	}
}

/* What the role dns did since it started; counts of nothing are left out. */
static void status_print_counters(
	const struct cli *cli, const struct bus_status *status, struct table *table)
{
	const struct bus_role_status *row = role_find_status(status, "dns");
	bool first = true;

	for (size_t i = 0; row != NULL && i < row->counters_len; i++) {
		const struct bus_counter *counter = &row->counters[i];

		if (counter->value == 0)
			continue;
		add_line(table, first ? "dns" : "",
			arena_format(cli->arena, "%s: %" PRIu64, counter->name, counter->value),
			true);
		first = false;
	}
}

/* What the gate depends on: one row each, those of a kind together as they came. */
static void status_print_conditions(
	const struct cli *cli, const struct bus_status *status, struct table *table)
{
	const char *kind = "";

	for (size_t i = 0; i < status->conditions_len; i++) {
		const struct bus_condition *condition = &status->conditions[i];
		const char *text =
			arena_format(cli->arena, "%s: %s", condition->name, condition->text);

		if (!condition->well && condition->since_s != 0)
			text = arena_format(cli->arena, "%s, since %s %s", text,
				output_time(cli, condition->since_s), output_zone(cli));
		add_line(table, strcmp(kind, condition->kind) != 0 ? condition->kind : "", text,
			condition->well);
		kind = condition->kind;
	}
}

static void status_print_lists(
	const struct cli *cli, const struct bus_status *status, struct table *table)
{
	for (size_t i = 0; i < status->lists_len; i++) {
		const struct bus_list_status *list = &status->lists[i];
		const char *text = arena_format(cli->arena, "%s%s%s: %" PRIu64 " listing%s",
			list->name, list->zone[0] != '\0' ? ", zone " : "", list->zone,
			list->listings, list->listings == 1 ? "" : "s");

		if (list->review != 0)
			text = arena_format(cli->arena,
				"%s, %" PRIu64 " to review (stockade list ls %s --review)", text,
				list->review, list->name);
		add_line(table, i == 0 ? "lists" : "", text, true);
	}
}

static void status_print(
	const struct cli *cli, const struct bus_status *status, const struct run_report *report)
{
	AUTO(table) *table = table_new(cli);

	table_add_columns(cli, table, "|");
	table_hide_headings(table);
	add_line(table, "mode",
		arena_format(cli->arena, "%s%s", mode_name(cli->conf->mode),
			cli->conf->has_mode ? "" : " (the default)"),
		true);
	add_line(table, "keeper",
		arena_format(cli->arena, "since %s %s, serial %u",
			output_time(cli, status->started_s), output_zone(cli), status->serial),
		true);
	status_print_roles(cli, status, report, table);
	status_print_conditions(cli, status, table);
	status_print_counters(cli, status, table);
	status_print_lists(cli, status, table);
	add_line(table, "store",
		arena_format(cli->arena, "%s%s", status->store,
			status->store_ok ? "" : " (NOT WORKING)"),
		status->store_ok);
	if (was_counted(status))
		add_line(table, "kept",
			arena_format(cli->arena,
				"%" PRIu64 " incidents, %" PRIu64 " pieces of evidence",
				status->incidents, status->evidence),
			true);
	table_print(table);
}

/* The keeper does not answer, and said so. */
static void status_print_run(const struct cli *cli, const struct run_report *report)
{
	const struct bus_status nothing = {.serial = 0};
	AUTO(table) *table = table_new(cli);

	if (cli->json) {
		output_json(json_pack("{s:b, s:s, s:o, s:o}", "well", 0, "mode",
			mode_name(cli->conf->mode), "supervisor", run_report_json(report), "roles",
			roles_json(cli, &nothing, report)));
		return;
	}
	table_add_columns(cli, table, "|");
	table_hide_headings(table);
	status_print_roles(cli, NULL, report, table);
	table_print(table);
}

/* Try again later is what it says otherwise; here it is what was asked for. */
static int status_without_keeper(const struct cli *cli, const struct run_report *report, int code)
{
	if (report->kind != SUPERVISOR_NONE)
		status_print_run(cli, report);
	else if (code == EXIT_UNAVAILABLE)
		cli_remark(cli, "no supervisor (stockade run) tells anything in '%s'",
			cli->conf->run_path);
	return code == err_exit_code(E_TIMEOUT) ? EXIT_UNAVAILABLE : code;
}

int verb_status(struct cli *cli)
{
	struct bus_query query = {.what = BUS_QUERY_STATUS};
	AUTO(bus_answer) *answer = NULL;
	struct run_report report;
	int code = cli_parse(cli, NULL, 0, 0);

	if (code == 0)
		code = cli_conf(cli);
	if (code != 0)
		return code;
	code = keeper_query(cli, &query, &answer);
	run_report_read(cli, &report);
	if (code != 0)
		return status_without_keeper(cli, &report, code);
	if (answer->status == NULL)
		return cli_fail(cli, E_BUG, "the keeper gave no status");
	if (cli->json)
		status_print_json(cli, answer->status, &report);
	else
		status_print(cli, answer->status, &report);
	return all_is_well(cli, answer->status, &report) ? 0 : EXIT_UNAVAILABLE;
}
