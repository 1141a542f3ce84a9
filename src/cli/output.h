/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * How results look: tables for people (libsmartcols), one JSON object for programs (jansson), times
 * in the zone of the reader or in UTC. Results go to stdout. One thread.
 */
#include <jansson.h>

#include "cli/cli.h"

/* Prints the object as one line and frees it; NULL is a bug of the caller (a bad json_pack) and
 * aborts. */
void output_json(json_t *object);

enum { OUTPUT_TIME_SIZE = 40 };

/* "2026-11-21 14:03" in the reader's zone, "-" for 0; and the name of that zone, for headings. */
const char *output_time(const struct cli *cli, int64_t time_s, char text[OUTPUT_TIME_SIZE]);
const char *output_zone(const struct cli *cli);

/* A time for JSON: ISO 8601 in UTC, or null for 0. */
json_t *output_json_time(int64_t time_s);

/* Bytes of strangers for JSON: what is no UTF-8 becomes '?'. */
json_t *output_json_text(const char *text);

struct table;

struct table *table_new(const struct cli *cli);
void table_free(struct table **table);

/* Columns first, "EVENT>|TIME@|BY": behind ">" are numbers, to the right, and behind "@" times,
 * whose zone is named. */
void table_add_columns(const struct cli *cli, struct table *table, const char *headings);
/* Then rows, cell by cell; texts are copied, unprintable bytes become '?'. A NULL cell is empty. */
void table_add_row(struct table *table);
void table_add_cell(struct table *table, const char *text);
void table_add_colored(struct table *table, const char *text, const char *color);
void table_hide_headings(struct table *table);
void table_print(struct table *table);
