/* SPDX-License-Identifier: ISC */
#include "cli/output.h"

#include <libsmartcols/libsmartcols.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/macro.h"
#include "base/mem.h"

static bool output_parts(const struct cli *cli, int64_t time_s, struct tm *ret_parts)
{
	time_t seconds = (time_t)time_s;

	return (cli->utc ? gmtime_r(&seconds, ret_parts) : localtime_r(&seconds, ret_parts)) !=
	       NULL;
}

const char *output_time(const struct cli *cli, int64_t time_s)
{
	char text[40];
	struct tm parts;

	if (time_s == 0 || !output_parts(cli, time_s, &parts))
		return "-";
	strftime(text, sizeof(text), "%Y-%m-%d %H:%M", &parts);
	return arena_copy_string(cli->arena, text);
}

const char *output_zone(const struct cli *cli)
{
	struct tm parts;

	if (cli->utc || !output_parts(cli, clock_now_s(), &parts) || parts.tm_gmtoff == 0)
		return "UTC";
	return arena_copy_string(cli->arena, parts.tm_zone);
}

/* ---- tables ---- */

struct table {
	struct libscols_table *table;
	struct libscols_line *line;
	size_t column;
	bool color;
};

struct table *table_new(const struct cli *cli)
{
	struct table *table = mem_new(table);

	table->table = scols_new_table();
	ASSERT(table->table != NULL);
	table->color = cli->color;
	scols_table_enable_colors(table->table, cli->color);
	scols_table_enable_minout(table->table, 1); /* no blanks at the ends of lines */
	scols_table_set_column_separator(table->table, "  ");
	/* What does not fit the terminal is not cut: addresses and numbers are copied from here. */
	scols_table_set_termforce(table->table, SCOLS_TERMFORCE_NEVER);
	return table;
}

void table_free(struct table **table)
{
	if (*table == NULL)
		return;
	scols_unref_table((*table)->table);
	mem_free(*table);
	*table = NULL;
}

void table_add_columns(const struct cli *cli, struct table *table, const char *headings)
{
	struct span rest = span_text(headings);
	bool more = true;

	while (more) {
		size_t end = span_find(rest, '|');
		struct span heading = span_first(rest, end);
		uint8_t mark = heading.len != 0 ? heading.ptr[heading.len - 1] : 0;
		bool is_marked = mark == '>' || mark == '@';
		const char *text =
			arena_string(cli->arena, span_first(heading, heading.len - is_marked));

		if (mark == '@')
			text = arena_format(cli->arena, "%s (%s)", text, output_zone(cli));
		ASSERT(scols_table_new_column(
			       table->table, text, 0, mark == '>' ? SCOLS_FL_RIGHT : 0) != NULL);
		more = end != rest.len;
		rest = span_from(rest, end + more);
	}
}

void table_add_row(struct table *table, size_t len, const char *const cells[])
{
	table->line = scols_table_new_line(table->table, NULL);
	table->column = 0;
	ASSERT(table->line != NULL);
	for (size_t i = 0; i < len; i++)
		table_add_cell(table, cells[i]);
}

void table_add_cell(struct table *table, const char *text)
{
	char *copy = mem_copy_string(text != NULL ? text : "");

	for (char *c = copy; *c != '\0'; c++)
		*c = (uint8_t)*c < 0x20 || *c == 0x7f ? '?' : *c;
	ASSERT(scols_line_set_data(table->line, table->column++, copy) == 0);
	mem_free(copy);
}

void table_color(struct table *table, size_t column, const char *color)
{
	if (table->color)
		scols_cell_set_color(scols_line_get_cell(table->line, column), color);
}

void table_hide_headings(struct table *table)
{
	scols_table_enable_noheadings(table->table, 1);
}

void table_print(struct table *table)
{
	if (scols_table_get_nlines(table->table) != 0)
		scols_print_table(table->table);
}
