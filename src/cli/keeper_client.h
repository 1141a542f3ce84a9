/* SPDX-License-Identifier: ISC */
#pragma once
/* What verbs that talk to the keeper share: connecting, sending a change, and showing its messages.
 * All functions that return an exit code have said on stderr why it is not 0. One thread. */
#include "bus/control.h"
#include "cli/cli.h"
#include "cli/output.h"

/* Loads the configuration and connects to its keeper; E_AWAY and others with a text in *why. */
int keeper_try(struct cli *cli, struct fault *why);

/* The same for verbs that can do nothing without it: an exit code. Closed at the end of the run. */
int keeper_open(struct cli *cli);

/* One question to the keeper that was opened. An exit code. */
int keeper_ask(struct cli *cli, const struct bus_query *query, struct bus_answer **ret_answer);

/* Opens for one question alone. */
int keeper_query(struct cli *cli, const struct bus_query *query, struct bus_answer **ret_answer);

/* Calls take for each listing in force of a list, page by page, until it gives something other
 * than 0, which is the result; or the exit code of a failure. The keeper was opened. */
int keeper_walk_listings(struct cli *cli, const char *list,
	int (*take)(const struct bus_listing *listing, void *arg), void *arg);

/* The same in their short form, for all of a long list. */
int keeper_walk_runs(struct cli *cli, const char *list,
	int (*take)(const struct bus_run *run, void *arg), void *arg);

/* Fills author (who runs this) and dry_run in and sends. */
int keeper_change(struct cli *cli, struct bus_command *command, struct bus_answer **ret_answer);

/* Opens, sends, prints the outcome (text or JSON) and, as a remark, how to undo it. */
int keeper_change_print(struct cli *cli, struct bus_command *command);

/* The sources that the operands of the command line name, in the arena. An exit code. */
int sources_parse(struct cli *cli, struct source **ret_sources);

/* ---- records as text and JSON ---- */

/* "198.51.100.0/24"; "?" for NULL. In the arena of cli. */
const char *text_of_source(const struct cli *cli, const struct source *source);
const char *text_of_incident(const struct cli *cli, uint64_t number); /* "-" for 0 */

json_t *listing_json(const struct cli *cli, const struct bus_listing *listing);
/* The columns that every table of listings begins with, and a row of them. */
void listing_add_columns(const struct cli *cli, struct table *table);
void listing_add_row(const struct cli *cli, struct table *table, const struct bus_listing *listing);
const char *until_text(const struct cli *cli, int64_t until_s);

json_t *incident_json(const struct cli *cli, const struct bus_incident *incident);
json_t *event_json(const struct cli *cli, const struct bus_event *event);

/* The zone that answers for the sublist ("traps.bl.example.org"); without one, the list's name. */
const char *listing_zone(const struct cli *cli, const char *list, const char *sublist);
