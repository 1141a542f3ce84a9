/* SPDX-License-Identifier: ISC */
#pragma once
/* How results look: tables for people (libsmartcols), one JSON object for programs (jansson), times
 * in the zone of the reader or in UTC. Results go to stdout. One thread. */
#include <jansson.h>

#include "cli/cli.h"

/* Prints the object as one line and frees it; NULL (a bad json_pack) is a bug and aborts. */
void output_json(json_t *object);

/* "2026-11-21 14:03" in the reader's zone, "-" for 0; and that zone's name. In cli's arena. */
const char *output_time(const struct cli *cli, int64_t time_s);
const char *output_zone(const struct cli *cli);

/* A time for JSON: ISO 8601 in UTC, or null for 0. */
json_t *output_json_time(int64_t time_s);

/* Bytes of strangers for JSON: what is no UTF-8 becomes '?'. */
json_t *output_json_text(const char *text);

struct table;

struct table *table_new(const struct cli *cli);
void table_free(struct table **table);

/* Columns first, "EVENT>|TIME@|BY": ">" stands for numbers, to the right, "@" for times, with their
 * zone. */
void table_add_columns(const struct cli *cli, struct table *table, const char *headings);
/* Then rows; texts are copied, unprintable bytes become '?'. A NULL cell is empty. The others are
 * about the last row: one more cell, the color of a cell. */
void table_add_row(struct table *table, size_t len, const char *const cells[]);
void table_add_cell(struct table *table, const char *text);
void table_color(struct table *table, size_t column, const char *color);
void table_hide_headings(struct table *table);
void table_print(struct table *table);
