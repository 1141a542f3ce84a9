/* SPDX-License-Identifier: ISC */
/* `list import`: a file with one source a line into a list. All of the file is read and judged
 * before anything is sent, so that a bad line changes nothing; then it goes in parts, published
 * together with the last. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/macro.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "bus/frame.h"
#include "cli/keeper_client.h"
#include "cli/list_import_entries.h"
#include "cli/list_import_rbl.h"

enum { LINE_MAX_BYTES = 4096, ORIGIN_MAX = 200, ASK_ABOVE = 10000 };

/* Without comments (from '#' or ';' on) and blanks at the ends. */
static struct span line_content(struct span line)
{
	line = span_first(line, span_find(line, '#'));
	line = span_first(line, span_find(line, ';'));
	return span_trim(line);
}

/* "198.51.100.9" and nothing else, which is what files of millions consist of; false: anything
 * else. */
static bool line_is_v4(struct span line, uint32_t *ret_address)
{
	uint32_t address = 0;
	size_t at = 0;

	for (unsigned octet = 0; octet < 4; octet++) {
		size_t first = at;
		uint32_t value = 0;

		while (at < line.len && at < first + 3 && ascii_is_digit(line.ptr[at]))
			value = value * 10 + line.ptr[at++] - '0';
		if (at == first || value > 255 || (line.ptr[first] == '0' && at != first + 1))
			return false;
		address = address << 8 | value;
		if (octet != 3 && (at == line.len || line.ptr[at++] != '.'))
			return false;
	}
	*ret_address = address;
	return at == line.len;
}

/* Such a line; false: it is none. */
static bool import_line_v4(struct import *import, struct span line)
{
	struct source source;
	uint32_t address;

	if (import->min_count > 1 || !line_is_v4(line, &address))
		return false;
	source.kind = SOURCE_NET;
	source.net = (struct prefix){ip_from_v4(address), 128};
	if (import_may_list(import, &source, false, (struct import_at){import->lines, 0}))
		import_add(import, &source, 0);
	return true;
}

/* "198.51.100.9" or "198.51.100.9<TAB>3". */
static void import_line(struct import *import, struct span line)
{
	struct span rest, word, number;
	struct import_at at = {import->lines, 0};
	uint64_t count = 1;
	struct source source;
	struct fault why;

	if (line.len > LINE_MAX_BYTES || span_find(line, '\0') != line.len) {
		import_complain(import, at,
			line.len > LINE_MAX_BYTES ? "the line is too long"
						  : "the line is not text");
		return;
	}
	rest = word = line_content(line);
	if (rest.len == 0)
		return;
	word.len = 0;
	while (word.len < rest.len && rest.ptr[word.len] != ' ' && rest.ptr[word.len] != '\t')
		word.len++;
	number = span_trim(span_from(rest, word.len));
	at.column = (unsigned)(rest.ptr - line.ptr) + 1;
	if (number.len != 0 && span_parse_u64(number, INT64_MAX, &count) < 0) {
		at.column = (unsigned)(number.ptr - line.ptr) + 1;
		import_complain(
			import, at, "expected a source and, behind a blank or tab, a number");
	} else if (source_parse(word, &source, &why) < 0) {
		import_complain(import, at, why.text);
	} else if (count < import->min_count) {
		import->below++;
	} else if (import_may_list(import, &source, false, at)) {
		import_add(import, &source, 0);
	}
}

static int import_read(struct import *import)
{
	bool is_stdin = strcmp(import->file, "-") == 0;
	FILE *file = is_stdin ? stdin : fopen(import->file, "re");
	char *line = NULL;
	size_t size = 0;
	ssize_t len;
	int r = 0;

	if (file == NULL)
		return cli_fail(import->cli, err_from_errno(errno), "cannot open '%s': %s",
			import->file, err_text(err_from_errno(errno)));
	while ((len = getline(&line, &size, file)) >= 0) {
		struct span rest = span_of(line, (size_t)len), text = span_split_line(&rest);

		if (++import->lines == 1)
			text = span_without_mark(text);
		if (!import_line_v4(import, text))
			import_line(import, text);
	}
	if (ferror(file))
		r = cli_fail(import->cli, E_IO, "cannot read '%s'", import->file);
	free(line);
	if (!is_stdin)
		fclose(file);
	return r;
}

/* How many entries from `at` on go into one command: of one group, and either networks, which
 * have a short form, or domains. */
static size_t import_part(const struct import *import, size_t at)
{
	const struct import_entry *first = &import->entries[at];
	bool are_nets = first->domain == NULL;
	size_t most = are_nets ? MESSAGE_NETS_MAX : MESSAGE_SOURCES_MAX;
	size_t count = 1;

	while (count < most && at + count < import->len && first[count].group == first->group &&
		(first[count].domain == NULL) == are_nets)
		count++;
	return count;
}

struct import_result {
	uint64_t changed, first_event, last_event;
	uint32_t serial;
};

static void import_print(const struct import *import, const struct import_result *result)
{
	const struct cli *cli = import->cli;

	if (cli->json) {
		output_json(json_pack("{s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:b, s:I, s:I}", "file",
			import->file, "list", import->target.list->name, "lines",
			(json_int_t)import->lines, "sources", (json_int_t)import->len, "added",
			(json_int_t)result->changed, "below-min-count", (json_int_t)import->below,
			"bad", (json_int_t)import->bad, "dry-run", cli->dry_run, "event",
			(json_int_t)result->last_event, "serial", (json_int_t)result->serial));
		return;
	}
	printf("%s%" PRIu64 " of %zu sources put on %s",
		cli->dry_run ? "Dry run, nothing changed. The result would be: " : "",
		result->changed, import->len, import->target.list->name);
	if (result->changed < import->len)
		printf("; the others were there already");
	if (import->below != 0)
		printf("; %" PRIu64 " below --min-count were left out", import->below);
	printf("%s", import->bad != 0 ? "; bad lines were skipped\n" : "\n");
	if (cli->dry_run || result->last_event == 0)
		return;
	if (result->first_event == result->last_event)
		cli_remark(cli, "undo this with: stockade undo %" PRIu64 " --reason WORDS",
			result->last_event);
	else
		cli_remark(cli,
			"undo this with: stockade undo, for the events %" PRIu64 " to %" PRIu64,
			result->first_event, result->last_event);
}

/* What goes into one command, whichever it is. */
union part {
	struct prefix nets[MESSAGE_NETS_MAX];
	struct source sources[MESSAGE_SOURCES_MAX];
};

/* The command for `count` entries of one group, from `at` on. */
static struct bus_command import_command(
	const struct import *import, size_t at, size_t count, union part *part)
{
	const struct import_entry *entries = &import->entries[at];
	const struct import_group *group = &import->groups[entries->group];
	struct bus_command command = {.what = BUS_COMMAND_ADD,
		.reason = group->reason,
		.sources = {.list = import->target.list->name, .sublist = group->sublist},
		.add = {.excluded = group->excluded, .more = at + count < import->len}};

	for (size_t i = 0; i < count; i++) {
		if (entries[i].domain == NULL)
			part->nets[i] = (struct prefix){entries[i].ip, entries[i].bits};
		else
			import_entry_source(&entries[i], &part->sources[i]);
	}
	if (entries->domain == NULL) {
		command.add.nets = part->nets;
		command.add.nets_len = count;
	} else {
		command.sources.sources = part->sources;
		command.sources.len = count;
	}
	return command;
}

static void import_result_add(struct import_result *result, const struct bus_answer *answer)
{
	result->changed += answer->changed;
	result->serial = answer->serial;
	if (answer->event != 0 && result->first_event == 0)
		result->first_event = answer->event;
	if (answer->event != 0)
		result->last_event = answer->event;
}

/* The file, as it can be shown; a name that is no text says so. */
static const char *import_origin(const struct import *import)
{
	struct span name = span_text(import->file);

	if (!utf8_is_text(name))
		return "a file whose name is not UTF-8";
	return arena_string(import->cli->arena, utf8_cut(name, ORIGIN_MAX));
}

static int import_send(const struct import *import, struct import_result *result)
{
	struct cli *cli = import->cli;
	int64_t until_s = import->for_ms != 0 ? clock_now_s() + import->for_ms / 1000 : 0;
	union part *part = mem_alloc(sizeof(*part));
	int code = keeper_open(cli);

	for (size_t at = 0, count; code == 0 && at < import->len; at += count) {
		AUTO(bus_answer) *answer = NULL;
		struct bus_command command;

		count = import_part(import, at);
		command = import_command(import, at, count, part);
		command.add.until_s = until_s;
		command.add.origin = import_origin(import);
		code = keeper_change(cli, &command, &answer);
		if (code == 0)
			import_result_add(result, answer);
		else if (at != 0)
			cli_remark(cli,
				"the first %zu sources were taken; the same import goes on from there",
				at);
	}
	mem_free(part);
	return code;
}

static int format_check(struct import *import)
{
	struct cli *cli = import->cli;
	bool is_names;

	if (import->format_name == NULL)
		return 0;
	if (rbl_type_parse(span_text(import->format_name), &import->format) < 0 ||
		import->format >= RBL_GENERIC)
		return cli_usage(cli,
			"--format is one of ip4set, ip4tset, ip4trie, ip6tset, ip6trie, dnset");
	if (import->min_count != 0)
		return cli_usage(cli, "--min-count is for plain lists; --format %s has no counts",
			import->format_name);
	is_names = import->format == RBL_DNSET;
	if (!list_holds(import->target.list, is_names ? SOURCE_DOMAIN : SOURCE_NET))
		return cli_usage(cli, "the list '%s' holds %s, and %s has none",
			import->target.list->name, is_names ? "addresses" : "domains",
			import->format_name);
	return 0;
}

/* As by hand: what is wide is asked about. */
static bool import_confirm_slips(const struct import *import)
{
	char text[SOURCE_TEXT_SIZE];

	if (import->slips == 0)
		return true;
	return cli_confirm(import->cli, "%s: %s %s (%" PRIu64 " such in all)", import->file,
		source_print(import->slip, text), source_is_slip(import->slip), import->slips);
}

static int import_judge(const struct import *import)
{
	struct cli *cli = import->cli;

	if (import->bad != 0 && !import->lenient)
		return cli_fail(cli, E_PARSE,
			"%" PRIu64 " bad %s in %s; nothing changed (--lenient takes the others)",
			import->bad, import->bad == 1 ? "line" : "lines", import->file);
	if (import->len == 0)
		return cli_fail(cli, E_PARSE, "no sources in %s; nothing changed", import->file);
	if (cli->dry_run)
		return 0;
	if (!import_confirm_slips(import))
		return EXIT_USAGE;
	if (import->len > ASK_ABOVE && strcmp(import->file, "-") != 0 && isatty(STDIN_FILENO) &&
		!cli_confirm(
			cli, "import %zu sources into %s", import->len, import->target.list->name))
		return EXIT_USAGE;
	return 0;
}

static int import_run(struct import *import)
{
	struct import_result result = {0};
	int code = list_target_find(import->cli, &import->target, SOURCE_NET);

	if (code == 0)
		code = format_check(import);
	if (code != 0)
		return code;
	import->groups = mem_alloc_array(IMPORT_GROUPS_MAX, sizeof(*import->groups));
	import->groups[import->groups_len++] = (struct import_group){
		.sublist = import->target.sublist != NULL ? import->target.sublist : "",
		.reason = import->target.reason};
	code = import->format_name != NULL ? import_read_rbl(import) : import_read(import);
	if (code == 0)
		code = import_judge(import);
	if (code != 0)
		return code;
	import_sort(import);
	code = import_send(import, &result);
	if (code == 0)
		import_print(import, &result);
	return code;
}

int verb_list_import(struct cli *cli)
{
	struct import import = {.cli = cli};
	__attribute__((cleanup(import_free), unused)) struct import *owner = &import;
	const struct cli_option options[] = {
		{"--list", OPTION_TEXT, &import.target.name},
		{"--sublist", OPTION_TEXT, &import.target.sublist},
		{"--reason", OPTION_TEXT, &import.target.reason},
		{"--for", OPTION_DURATION, &import.for_ms},
		{"--min-count", OPTION_COUNT, &import.min_count},
		{"--format", OPTION_TEXT, &import.format_name},
		{"--no-texts", OPTION_FLAG, &import.no_texts},
		{"--lenient", OPTION_FLAG, &import.lenient},
		{"--skip-bad", OPTION_FLAG, &import.lenient}, /* as it was called before */
		{0},
	};
	int code = cli_parse(cli, options, 1, 1);

	if (code == 0)
		code = cli_check_reason(cli, import.target.reason);
	if (code == 0 && import.target.name == NULL)
		code = cli_usage(cli, "say which list: --list NAME");
	if (code == 0)
		code = cli_conf(cli);
	if (code != 0)
		return code;
	import.file = cli->operands[0];
	return import_run(&import);
}
