/* SPDX-License-Identifier: ISC */
#pragma once
/* How results look for people: tables (libsmartcols), times in the reader's zone or in UTC. Results
 * go to stdout. One thread. */
#include "cli/cli.h"
#include "cli/json.h"

/* "2026-11-21 14:03" in the reader's zone, "-" for 0; and that zone's name. In cli's arena. */
const char *output_time(const struct cli *cli, int64_t time_s);
const char *output_zone(const struct cli *cli);

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
