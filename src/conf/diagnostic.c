/* SPDX-License-Identifier: ISC */
#include "conf/diagnostic.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/macro.h"
#include "base/utf8.h"

enum { TEXT_MAX = 512, LINE_SHOWN = 400, KEY_LIKE = 12 };

void diagnostics_init(struct diagnostics *diagnostics, struct conf_report *report)
{
	*report = (struct conf_report){.arena = arena_new(0)};
	*diagnostics = (struct diagnostics){.report = report};
}

int diagnostics_add_source(struct diagnostics *diagnostics, const struct conf_source *source)
{
	if (diagnostics->sources_len == COUNTOF(diagnostics->sources))
		return E_LIMIT;
	diagnostics->sources[diagnostics->sources_len++] = *source;
	return 0;
}

/* Files compare by pointer: a location takes its name from the source it was read from. */
static size_t source_find(const struct diagnostics *diagnostics, const char *file)
{
	size_t i = 0;

	while (i < diagnostics->sources_len && diagnostics->sources[i].file != file)
		i++;
	return i;
}

/* A zone may hold a key of ours, and the report may be read by others. Columns stay as they are. */
static void line_hide_keys(char *line)
{
	if (strstr(line, "zone") == NULL && strstr(line, "key") == NULL)
		return;
	for (char *c = line; *c != '\0';) {
		size_t len = 0, digits = 0;

		while (ascii_is_alpha((uint8_t)c[len]) || ascii_is_digit((uint8_t)c[len]))
			digits += ascii_is_digit((uint8_t)c[len++]);
		if (len >= KEY_LIKE && digits != 0 && digits != len)
			memset(c, '*', len);
		c += len != 0 ? len : 1;
	}
}

/* The line as it is shown: without its end, cut at a sane length, bytes that would disturb a
 * terminal replaced. */
static const char *line_copy(const struct diagnostics *diagnostics, struct conf_location location)
{
	size_t source = source_find(diagnostics, location.file);
	struct span rest, line = {0};
	char *copy;

	if (source == diagnostics->sources_len || location.line == 0)
		return NULL;
	rest = diagnostics->sources[source].text;
	for (unsigned i = 0; i < location.line; i++)
		line = span_split_line(&rest);
	line = span_first(line, LINE_SHOWN);
	copy = arena_string(diagnostics->report->arena, line);
	for (size_t i = 0, len; i < line.len; i += len) {
		bool control = (line.ptr[i] < 0x20 && line.ptr[i] != '\t') || line.ptr[i] == 0x7f;

		len = utf8_length(span_from(line, i));
		if (len == 0 || control)
			copy[i] = '?';
		len += len == 0;
	}
	line_hide_keys(copy);
	return copy;
}

__attribute__((format(printf, 3, 0))) static void diagnostic_add(struct diagnostics *diagnostics,
	const struct conf_diagnostic *diagnostic, const char *format, va_list args)
{
	struct conf_report *report = diagnostics->report;
	struct conf_diagnostic *row;
	char text[TEXT_MAX];

	report->errors_len += !diagnostic->warning;
	if (report->diagnostics_len == DIAGNOSTICS_MAX)
		return;
	if (report->diagnostics == NULL)
		report->diagnostics =
			arena_alloc(report->arena, DIAGNOSTICS_MAX * sizeof(*report->diagnostics));
	row = &report->diagnostics[report->diagnostics_len++];
	vsnprintf(text, sizeof(text), format, args);
	for (char *c = text; *c != '\0'; c++)
		*c = (uint8_t)*c < 0x20 || *c == 0x7f ? '?' : *c;
	*row = *diagnostic;
	row->text = arena_copy_string(report->arena, text);
	row->line = line_copy(diagnostics, row->location);
}

void error_at(
	struct diagnostics *diagnostics, struct conf_location location, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	diagnostic_add(diagnostics, &(struct conf_diagnostic){.location = location}, format, args);
	va_end(args);
}

void warn_at(
	struct diagnostics *diagnostics, struct conf_location location, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	diagnostic_add(diagnostics,
		&(struct conf_diagnostic){.location = location, .warning = true}, format, args);
	va_end(args);
}

static bool location_is_behind(
	const struct diagnostics *diagnostics, struct conf_location a, struct conf_location b)
{
	size_t source_a = source_find(diagnostics, a.file),
	       source_b = source_find(diagnostics, b.file);

	if (source_a != source_b)
		return source_a > source_b;
	if (a.line != b.line)
		return a.line > b.line;
	return a.column > b.column;
}

/* Few and nearly sorted: insertion sort keeps those of one location in the order they came. Names
 * of files are copied only now, since their pointers told the sources apart. */
void diagnostics_sort(struct diagnostics *diagnostics)
{
	struct conf_report *report = diagnostics->report;

	for (size_t i = 1; i < report->diagnostics_len; i++) {
		struct conf_diagnostic row = report->diagnostics[i];
		size_t at = i;

		for (; at > 0 && location_is_behind(diagnostics,
					 report->diagnostics[at - 1].location, row.location);
			at--)
			report->diagnostics[at] = report->diagnostics[at - 1];
		report->diagnostics[at] = row;
	}
	for (size_t i = 0; i < report->diagnostics_len; i++)
		report->diagnostics[i].location.file =
			arena_copy_string(report->arena, report->diagnostics[i].location.file);
}

void conf_report_done(struct conf_report *report)
{
	arena_free(&report->arena);
	*report = (struct conf_report){0};
}

/* Tabs stay tabs and a character of several bytes gets one blank, so that the caret stands below
 * what it means. */
static void print_underline(const struct conf_diagnostic *row, struct buf *out)
{
	struct span line = span_text(row->line);
	unsigned column = 1;
	size_t i = 0;
	unsigned left = 0;

	for (; i < line.len && column < row->location.column; i++) {
		if ((line.ptr[i] & 0xc0) == 0x80)
			continue;
		buf_append_byte(out, line.ptr[i] == '\t' ? '\t' : ' ');
		column++;
	}
	while (i < line.len && (line.ptr[i] & 0xc0) == 0x80)
		i++;
	for (; i < line.len; i++)
		left += (line.ptr[i] & 0xc0) != 0x80;
	buf_append_byte(out, '^');
	for (unsigned w = 1; w < row->location.width && w < left; w++)
		buf_append_byte(out, '~');
	buf_append_byte(out, '\n');
}

static void print_diagnostic(const struct conf_diagnostic *row, struct buf *out)
{
	buf_append_text(out, row->location.file);
	if (row->location.line != 0)
		buf_append_format(out, ":%u:%u", row->location.line, row->location.column);
	buf_append_format(out, ": %s: %s\n", row->warning ? "warning" : "error", row->text);
	if (row->line != NULL) {
		buf_append_format(out, "%s\n", row->line);
		print_underline(row, out);
	}
}

void conf_report_print(const struct conf_report *report, const char *path, struct buf *out)
{
	size_t warnings = 0;

	for (size_t i = 0; i < report->diagnostics_len; i++) {
		print_diagnostic(&report->diagnostics[i], out);
		warnings += report->diagnostics[i].warning;
	}
	if (report->errors_len == 0 && warnings == 0)
		return;
	buf_append_format(out, "%s: ", path);
	if (report->errors_len != 0)
		buf_append_format(out, "%zu error%s%s", report->errors_len,
			report->errors_len == 1 ? "" : "s", warnings != 0 ? ", " : "");
	if (warnings != 0)
		buf_append_format(out, "%zu warning%s", warnings, warnings == 1 ? "" : "s");
	buf_append_text(out, report->errors_len != 0 ? "; nothing changed\n" : "\n");
}
