/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * What verbs that talk to the keeper share: connecting, sending a change, and showing its messages. All functions that
 * return an exit code have said on stderr why it is not 0. One thread.
 */
#include "bus/control.h"
#include "cli/cli.h"
#include "cli/output.h"
#include "list/source.h"
#include "stockade.pb-c.h"

/* Loads the configuration and connects to its keeper; E_AWAY and others with a text in *why. */
int keeper_try(struct cli *cli, struct control **ret_control, struct fault *why);

/* The same for verbs that can do nothing without it: an exit code. */
int keeper_open(struct cli *cli, struct control **ret_control);

/* One question; the answer is freed with answer_free. An exit code. */
int keeper_ask(struct cli *cli, struct control *control, Stockade__Query *query,
	Stockade__Answer **ret_answer);
void answer_free(Stockade__Answer **answer);

/* Fills author (who runs this), reason and dry_run in and sends. */
int keeper_change(struct cli *cli, struct control *control, Stockade__Command *command,
	const char *reason, Stockade__Answer **ret_answer);

/* Prints the outcome of a change: the keeper's text, or JSON; and how to undo it, as a remark. */
void keeper_print_change(const struct cli *cli, const Stockade__Answer *answer);

/* Sources of the command line, for messages: in the arena. An exit code. */
int sources_parse(struct cli *cli, struct source **ret_sources, Stockade__Source ***ret_wire);

/* ---- messages as text and JSON ---- */

/* "198.51.100.0/24"; "?" for what is no source. In the arena of cli. */
const char *wire_source_text(const struct cli *cli, const Stockade__Source *source);
const char *wire_incident_text(const struct cli *cli, uint64_t number); /* "-" for 0 */

json_t *listing_json(const struct cli *cli, const Stockade__Listing *listing);
/* The columns that every table of listings begins with, and a row of them. */
void listing_add_columns(const struct cli *cli, struct table *table);
void listing_add_row(const struct cli *cli, struct table *table, const Stockade__Listing *listing);
const char *until_text(const struct cli *cli, int64_t until_s, char text[OUTPUT_TIME_SIZE]);

json_t *incident_json(const struct cli *cli, const Stockade__Incident *incident);
json_t *event_json(const struct cli *cli, const Stockade__Event *event);

/* The zone that answers for the sublist ("traps.bl.example.org"), or the name of the list when it has none. */
const char *listing_zone(const struct cli *cli, const char *list, const char *sublist);
