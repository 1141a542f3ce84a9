/* SPDX-License-Identifier: ISC */
#include "cli/run_report.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/macro.h"
#include "process/run_state_file.h"

enum { LOOKS = 20, LOOK_EVERY_MS = 100, PAST_S = 86400 };

/* ---- reading ---- */

/* The clock is that of this start of the machine: what comes from its future was told before. */
static bool is_fresh(const struct run_state *state)
{
	int64_t age_ms = clock_monotonic_ms() - state->written_ms;

	return age_ms >= 0 && age_ms < RUN_STATE_OLD_MS;
}

static enum supervisor_kind report_look(const struct cli *cli, struct run_state *ret_state)
{
	int r = run_state_read(cli->conf, ret_state);

	if (r == E_VERSION || r == E_PARSE)
		return SUPERVISOR_OTHER;
	if (r < 0)
		return SUPERVISOR_NONE;
	if (is_fresh(ret_state))
		return SUPERVISOR_TELLS;
	return kill((pid_t)ret_state->pid, 0) < 0 && errno == ESRCH ? SUPERVISOR_GONE
								    : SUPERVISOR_SILENT;
}

void run_report_read(const struct cli *cli, struct run_report *ret_report)
{
	struct run_report report = {.now_s = clock_now_s()};

	report.kind = report_look(cli, &report.state);
	for (unsigned i = 0; i < LOOKS && report.kind == SUPERVISOR_SILENT; i++) {
		usleep(LOOK_EVERY_MS * 1000);
		report.kind = report_look(cli, &report.state);
	}
	report.silent_s = (clock_monotonic_ms() - report.state.written_ms) / 1000;
	*ret_report = report;
}

/* ---- what is well ---- */

static const struct role_state *report_role(const struct run_report *report, const char *role)
{
	return report->kind == SUPERVISOR_TELLS ? run_state_find(&report->state, role) : NULL;
}

bool run_report_is_well(const struct run_report *report)
{
	return report->kind != SUPERVISOR_SILENT && report->kind != SUPERVISOR_GONE;
}

bool run_report_role_is_well(const struct run_report *report, const char *role)
{
	const struct role_state *state = report_role(report, role);

	return state == NULL || role_state_is_well(state, report->now_s);
}

/* ---- as words ---- */

const char *run_report_text(const struct cli *cli, const struct run_report *report)
{
	const struct run_state *state = &report->state;

	switch (report->kind) {
	case SUPERVISOR_NONE:
		return "none here: each role was started by itself";
	case SUPERVISOR_OTHER:
		return "of another version than this program: restart it to see its roles";
	case SUPERVISOR_SILENT:
		return arena_format(cli->arena,
			"process %" PRId64 " DOES NOT GO ON: it told nothing for %" PRId64
			" s (stopped?)",
			state->pid, report->silent_s);
	case SUPERVISOR_GONE:
		return arena_format(
			cli->arena, "process %" PRId64 " is GONE (killed?): start it", state->pid);
	case SUPERVISOR_TELLS:
		break;
	}
	return arena_format(cli->arena, "process %" PRId64 ", since %s %s", state->pid,
		output_time(cli, state->since_s), output_zone(cli));
}

const char *run_report_trouble(
	const struct cli *cli, const struct run_report *report, const char *role)
{
	const struct role_state *state = report_role(report, role);

	if (state == NULL)
		return NULL;
	switch (state->life) {
	case LIFE_DOWN:
		return arena_format(cli->arena, "down since %s %s, will be started again",
			output_time(cli, state->since_s), output_zone(cli));
	case LIFE_STARTING:
		return arena_format(cli->arena, "not ready yet, started %s %s",
			output_time(cli, state->since_s), output_zone(cli));
	case LIFE_ENDING:
		return "ending";
	case LIFE_READY:
		break;
	}
	return state->silent_s == 0
		       ? NULL
		       : arena_format(cli->arena, "hangs: no sign of life for %" PRId64 " s",
				 state->silent_s);
}

static const char *death_text(const struct cli *cli, const struct role_deaths *deaths)
{
	const char *name = sigabbrev_np((int)deaths->signal);

	if (deaths->hung != 0)
		return "killed because it hung";
	return deaths->signal == 0
		       ? arena_format(cli->arena, "exit code %" PRId64, deaths->exit_code)
		       : arena_format(cli->arena, "signal %s", name != NULL ? name : "unknown");
}

const char *run_report_past(
	const struct cli *cli, const struct run_report *report, const char *role)
{
	const struct role_state *state = report_role(report, role);
	const struct role_deaths *deaths = state != NULL ? &state->deaths : NULL;

	if (deaths == NULL || deaths->count == 0 || report->now_s - deaths->recent_s[0] > PAST_S)
		return "";
	return arena_format(cli->arena, "; died %" PRId64 " time%s, last %s %s (%s)", deaths->count,
		deaths->count == 1 ? "" : "s", output_time(cli, deaths->recent_s[0]),
		output_zone(cli), death_text(cli, deaths));
}

/* ---- as JSON ---- */

json_t *run_report_json(const struct run_report *report)
{
	const struct run_state *state = &report->state;

	if (report->kind == SUPERVISOR_NONE || report->kind == SUPERVISOR_OTHER)
		return json_null();
	return json_pack("{s:I, s:o, s:b}", "pid", (json_int_t)state->pid, "since",
		output_json_time(state->since_s), "well", run_report_is_well(report));
}

static json_t *deaths_json(const struct run_report *report, const struct role_deaths *deaths)
{
	const char *name = deaths->signal != 0 ? sigabbrev_np((int)deaths->signal) : NULL;
	size_t lately = role_deaths_lately(deaths, report->now_s);

	return json_pack("{s:I, s:I, s:o, s:s?, s:o, s:b}", "count", (json_int_t)deaths->count,
		"within-hour", (json_int_t)lately, "last", output_json_time(deaths->recent_s[0]),
		"signal", name, "exit",
		deaths->count == 0 || deaths->signal != 0
			? json_null()
			: json_integer((json_int_t)deaths->exit_code),
		"hung", deaths->hung != 0);
}

void run_report_role_json(const struct run_report *report, const char *role, json_t *object)
{
	const struct role_state *state = report_role(report, role);

	if (state == NULL)
		return;
	json_object_set_new(object, "state", json_string(life_name(state->life)));
	json_object_set_new(object, "pid",
		state->pid != 0 ? json_integer((json_int_t)state->pid) : json_null());
	json_object_set_new(object, "since", output_json_time(state->since_s));
	json_object_set_new(object, "silent", json_integer((json_int_t)state->silent_s));
	json_object_set_new(object, "deaths", deaths_json(report, &state->deaths));
}
