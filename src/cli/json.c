/* SPDX-License-Identifier: ISC */
#include "cli/json.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/macro.h"
#include "base/mem.h"

static void output_object(json_t *object, FILE *out)
{
	ASSERT(object != NULL);
	json_dumpf(object, out, JSON_COMPACT | JSON_ENSURE_ASCII);
	fputc('\n', out);
	json_decref(object);
}

void output_json(json_t *object)
{
	output_object(object, stdout);
}

void output_json_error(json_t *object)
{
	output_object(object, stderr);
}

json_t *output_json_report(const struct conf_report *report, const char *path)
{
	json_t *complaints = json_array();

	for (size_t i = 0; i < report->diagnostics_len; i++) {
		const struct conf_diagnostic *complaint = &report->diagnostics[i];

		json_array_append_new(complaints,
			json_pack("{s:s, s:s, s:i, s:i, s:s}", "severity",
				complaint->warning ? "warning" : "error", "file",
				complaint->location.file, "line", (int)complaint->location.line,
				"column", (int)complaint->location.column, "text",
				complaint->text));
	}
	return json_pack("{s:s, s:b, s:i, s:o}", "file", path, "valid", report->errors_len == 0,
		"errors", (int)report->errors_len, "complaints", complaints);
}

json_t *output_json_time(int64_t time_s)
{
	char text[CLOCK_TEXT_SIZE];

	return time_s != 0 ? json_string(clock_print_utc(time_s, text)) : json_null();
}

json_t *output_json_text(const char *text)
{
	json_t *string = json_string(text != NULL ? text : "");
	char *copy;

	if (string != NULL)
		return string;
	copy = mem_copy_string(text);
	for (char *c = copy; *c != '\0'; c++)
		*c = ascii_is_print((uint8_t)*c) ? *c : '?';
	string = json_string(copy);
	mem_free(copy);
	return string;
}
