/* SPDX-License-Identifier: ISC */
/*
 * The manual pages say what the tables say. The parts between the marks are made from verbs.def and
 * settings.def here and have to stand in the pages word for word; STOCKADE_WRITE_MANUAL=1 writes
 * them anew.
 */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/macro.h"
#include "cli/cli.h"
#include "conf/settings.h"

/* Text as roff wants it: no macro by accident, hyphens that can be copied, each sentence on a line
 * of its own. */
static void append_text(struct buf *out, const char *text, bool sentences)
{
	for (const char *c = text; *c != '\0'; c++) {
		bool starts_line = c == text || c[-1] == '\n';

		if (starts_line && (*c == '.' || *c == '\''))
			buf_append_text(out, "\\&");
		if (*c == '\\')
			buf_append_text(out, "\\e");
		else if (*c == '-' && (c == text || c[-1] == ' ' || c[-1] == '-' || c[-1] == '[' ||
					      c[-1] == '\n'))
			buf_append_text(out, "\\-");
		else if (sentences && *c == ' ' && c > text && c[-1] == '.' && c[1] >= 'A' &&
			 c[1] <= 'Z')
			buf_append_byte(out, '\n');
		else
			buf_append_byte(out, (uint8_t)*c);
	}
}

static void append_words(struct buf *out, const char *words)
{
	buf_append_text(out, "One of");
	for (struct span rest = span_text(words); rest.len != 0;) {
		struct span word = span_split(&rest, ' ');

		if (span_equal_text(word, "-"))
			continue;
		buf_append_format(
			out, "\n.Li %.*s%s", (int)word.len, word.ptr, rest.len != 0 ? " ," : " .");
	}
	buf_append_byte(out, '\n');
}

static void append_default(struct buf *out, const struct setting *row)
{
	if (row->required)
		buf_append_text(out, "Has to be given.\n");
	else if (row->initial != NULL)
		buf_append_format(out, "Default:\n.Li %s%s .\n",
			row->initial[0] == '[' ? "\\&" : "", row->initial);
}

static void append_range(struct buf *out, const struct setting *row)
{
	char low[DURATION_TEXT_SIZE], high[DURATION_TEXT_SIZE];

	if (!setting_has_range(row->type))
		return;
	buf_append_text(out, "From\n.Li ");
	append_text(out, setting_print_quantity(row, row->low, low), false);
	buf_append_format(out, "\nto\n.Li %s .\n", setting_print_quantity(row, row->high, high));
}

static void append_settings(struct buf *out)
{
	buf_append_text(out, ".Bl -tag -width Ds\n");
	for (size_t i = 0; i < settings_len; i++) {
		const struct setting *row = &settings[i];

		buf_append_format(
			out, ".It Ic %s Pq %s\n", row->path, setting_type_words(row->type));
		append_text(out, row->sentence, true);
		buf_append_byte(out, '\n');
		if (row->words != NULL && strchr(row->words, ' ') != NULL)
			append_words(out, row->words);
		append_range(out, row);
		append_default(out, row);
	}
	buf_append_text(out, ".El\n");
}

/* What the rows say; what they run is main.c's. */
static const struct verb verbs[] = {
#define VERB(name, function, changes, synopsis, summary, help) \
	{name, NULL, changes, synopsis, summary, help},
#define VERB_ABOVE VERB
#include "cli/verbs.def"
#undef VERB_ABOVE
#undef VERB
};

static void append_verbs(struct buf *out)
{
	buf_append_text(out, ".Bl -tag -width Ds\n");
	for (size_t i = 0; i < COUNTOF(verbs); i++) {
		const struct verb *verb = &verbs[i];

		buf_append_format(
			out, ".It Cm %s%s", verb->name, verb->synopsis[0] != '\0' ? " No " : "");
		append_text(out, verb->synopsis, false);
		buf_append_format(out, "\n%c", verb->summary[0] & ~0x20);
		append_text(out, verb->summary + 1, true);
		buf_append_text(out, ".\n");
		if (verb->help[0] == '\0')
			continue;
		buf_append_text(out, ".Bd -literal\n");
		append_text(out, verb->help, false);
		buf_append_text(out, ".Ed\n");
	}
	buf_append_text(out, ".El\n");
}

static void read_page(const char *path, struct buf *page)
{
	FILE *file = fopen(path, "r");
	char bytes[4096];
	size_t n;

	assert_non_null(file);
	while ((n = fread(bytes, 1, sizeof(bytes), file)) != 0)
		buf_append(page, span_of(bytes, n));
	fclose(file);
}

static void write_page(const char *path, struct span before, struct span part, struct span after)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	fwrite(before.ptr, 1, before.len, file);
	fwrite(part.ptr, 1, part.len, file);
	fwrite(after.ptr, 1, after.len, file);
	assert_int_equal(fclose(file), 0);
}

/* Compares the part between the lines `.\" name: begin ...` and `.\" name: end`. */
static void check_part(const char *path, const char *name, void (*append)(struct buf *out))
{
	char begin[64], end[64];
	struct buf page, wanted;
	struct span text, part;
	size_t from, to;

	snprintf(begin, sizeof(begin), ".\\\" %s: begin", name);
	snprintf(end, sizeof(end), ".\\\" %s: end", name);
	buf_init(&page, 0);
	buf_init(&wanted, 0);
	read_page(path, &page);
	append(&wanted);
	text = buf_span(&page);
	from = span_find_text(text, begin);
	from += span_find(span_from(text, from), '\n') + 1;
	to = span_find_text(text, end);
	assert_true(from < text.len && to < text.len && from <= to);
	part = span_first(span_from(text, from), to - from);
	if (getenv("STOCKADE_WRITE_MANUAL") != NULL)
		write_page(path, span_first(text, from), buf_span(&wanted), span_from(text, to));
	else if (!span_equal(part, buf_span(&wanted)))
		fail_msg(
			"%s differs from its table; write it anew with STOCKADE_WRITE_MANUAL=1. Wanted:\n%s",
			path, buf_cstr(&wanted));
	buf_done(&page);
	buf_done(&wanted);
}

static void verbs_are_described(void **state)
{
	(void)state;
	check_part("../../man/stockade.1", "verbs", append_verbs);
}

static void settings_are_described(void **state)
{
	(void)state;
	check_part("../../man/stockade.yaml.5", "settings", append_settings);
}

static bool mandoc_is_content(const char *page)
{
	char command[256];

	snprintf(command, sizeof(command), "mandoc -T lint -W warning ../../man/%s", page);
	return system(command) == 0; /* its words go to the log of the test */
}

static void pages_are_well_formed(void **state)
{
	static const char *const pages[] = {"stockade.1", "stockade.yaml.5", "stockade-dns.7",
		"stockade-list-format.5", "stockade-rbldnsd.8"};

	(void)state;
	for (size_t i = 0; i < COUNTOF(pages); i++)
		assert_true(mandoc_is_content(pages[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(verbs_are_described),
		cmocka_unit_test(settings_are_described),
		cmocka_unit_test(pages_are_well_formed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
