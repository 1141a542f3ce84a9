/* SPDX-License-Identifier: ISC */
#pragma once
/* What `stockade run` tells of its roles (process/run_state.h), for `stockade status`: as words and
 * as JSON. It is there when the keeper is not. One thread. */
#include "cli/output.h"
#include "process/run_state.h"

enum supervisor_kind {
	SUPERVISOR_NONE,   /* roles were started by themselves, or nothing runs */
	SUPERVISOR_OTHER,  /* of a version that tells in another way */
	SUPERVISOR_SILENT, /* it does not go on: what it told is old */
	SUPERVISOR_GONE,   /* it ended without a word, as by kill -9 */
	SUPERVISOR_TELLS,
};

struct run_report {
	enum supervisor_kind kind;
	int64_t silent_s;
	int64_t now_s;
	struct run_state state; /* of SUPERVISOR_TELLS; of the two before it, what was told last */
};

/* Of the configuration's run.folder. When what is there is old it waits for two seconds for
 * something newer: whoever was paused tells at once. */
void run_report_read(const struct cli *cli, struct run_report *ret_report);

/* Whether nothing is wrong with the supervisor; with a role, as far as the supervisor tells. */
bool run_report_is_well(const struct run_report *report);
bool run_report_role_is_well(const struct run_report *report, const char *role);

/* "process 811, since 2026-11-30 14:03 UTC" */
const char *run_report_text(const struct cli *cli, const struct run_report *report);
/* What is wrong with a role, "hangs: no sign of life for 24 s"; NULL: nothing, or nobody tells. */
const char *run_report_trouble(
	const struct cli *cli, const struct run_report *report, const char *role);
/* "; ended 2 times by itself, last 2026-11-30 14:03 by signal KILL"; empty: not within a day. */
const char *run_report_past(
	const struct cli *cli, const struct run_report *report, const char *role);

/* null: no supervisor. */
json_t *run_report_json(const struct run_report *report);
/* Puts what is told of a role into the object of that role. */
void run_report_role_json(const struct run_report *report, const char *role, json_t *object);
