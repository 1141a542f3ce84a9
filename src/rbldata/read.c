/* SPDX-License-Identifier: ISC */
#include "rbldata/read.h"

#include "base/macro.h"
#include "base/mem.h"
#include "rbldata/lines.h"

struct file {
	char *name;
	uint64_t line_first; /* the number of its first line, counted through all files; from 1 */
};

struct rbl_reader {
	struct rbl_options options;
	const struct rbl_taker *taker;
	const struct rbl_report *report; /* may be NULL */
	struct rbl_special special;
	struct rbl_section section;  /* of the files */
	struct rbl_section *inner;   /* the last $DATASET; NULL: none yet */
	struct rbl_section *current; /* what lines belong to */
	struct file *files;
	size_t files_len;
	uint64_t line; /* the current one */
};

void rbl_section_start(struct rbl_section *section, enum rbl_type type)
{
	*section = (struct rbl_section){
		.type = type,
		.default_value = rbl_value_standard,
		.default_word = type == RBL_ACL ? RBL_WORD_IGNORE : RBL_WORD_NONE,
	};
}

static void default_set(
	struct rbl_section *section, const struct rbl_value *value, enum rbl_word word)
{
	struct rbl_value copy = *value;

	copy.text = span_of(NULL, 0);
	if (value->text.len != 0)
		copy.text = span_of(mem_copy(value->text.ptr, value->text.len), value->text.len);
	mem_free((void *)(uintptr_t)section->default_value.text.ptr);
	section->default_value = copy;
	section->default_word = word;
	section->default_serial++;
}

void rbl_section_done(struct rbl_section *section)
{
	rbl_texts_done(&section->scope.texts);
	mem_free((void *)(uintptr_t)section->default_value.text.ptr);
	section->default_value.text = span_of(NULL, 0);
}

struct rbl_reader *rbl_reader_new(enum rbl_type type, const struct rbl_options *options,
	int64_t now_s, const struct rbl_taker *taker)
{
	struct rbl_reader *reader = mem_new(rbl_reader);

	reader->options = *options;
	if (reader->options.ttl_default_s == 0)
		reader->options.ttl_default_s = RBL_TTL_DEFAULT_S;
	reader->taker = taker;
	rbl_section_start(&reader->section, type);
	reader->section.scope.ttl_s = reader->options.ttl_default_s;
	reader->special = (struct rbl_special){
		.type = type,
		.options = &reader->options,
		.now_s = now_s,
		.file_scope = &reader->section.scope,
	};
	return reader;
}

void rbl_reader_report_to(struct rbl_reader *reader, const struct rbl_report *report)
{
	reader->report = report;
}

void rbl_reader_free(struct rbl_reader **reader)
{
	struct rbl_reader *r = *reader;

	*reader = NULL;
	if (r == NULL)
		return;
	rbl_section_done(&r->section);
	mem_free((void *)(uintptr_t)r->special.head.ns);
	for (size_t i = 0; i < r->files_len; i++)
		mem_free(r->files[i].name);
	mem_free(r->files);
	mem_free(r);
}

struct rbl_section *rbl_reader_section(struct rbl_reader *reader)
{
	return &reader->section;
}

uint64_t rbl_reader_lines(const struct rbl_reader *reader)
{
	return reader->line;
}

const struct rbl_options *rbl_reader_options(const struct rbl_reader *reader)
{
	return &reader->options;
}

struct rbl_head rbl_reader_take_head(struct rbl_reader *reader)
{
	struct rbl_head head = reader->special.head;

	reader->special.head.ns = NULL;
	reader->special.head.ns_len = 0;
	head.ttl_s = reader->section.scope.ttl_s;
	return head;
}

/* ---- Telling ---- */

/* line: counted through all files; 0: none. */
static void note_put(struct rbl_reader *reader, uint64_t line, struct rbl_note note)
{
	const struct file *file = &reader->files[reader->files_len - 1];

	while (file > reader->files && file->line_first > line)
		file--;
	note.file = file->name;
	note.line = line != 0 ? line - file->line_first + 1 : 0;
	if (reader->report != NULL)
		reader->report->note(reader->report->arg, &note);
}

void rbl_reader_note(struct rbl_reader *reader, uint64_t line, unsigned column, const char *text)
{
	note_put(reader, line, (struct rbl_note){.column = column, .text = text});
}

/* line: as it stands in the file. */
static void tell(struct rbl_reader *reader, struct span line, const struct rbl_offence *offence)
{
	struct rbl_note note = {.text = offence->text, .is_comment = offence->is_comment};

	if (offence->text == NULL)
		return;
	if (offence->at != NULL && offence->at >= line.ptr && offence->at <= line.ptr + line.len)
		note.column = (unsigned)(offence->at - line.ptr) + 1;
	note_put(reader, reader->line, note);
}

/* What ends reading, with its place. */
static int reading_fail(struct rbl_reader *reader, int error, const char *text, struct fault *why)
{
	const struct file *file = &reader->files[reader->files_len - 1];

	return fault_set(why, error, "%s:%llu:1: %s", file->name,
		(unsigned long long)(reader->line - file->line_first + 1),
		text != NULL ? text : err_text(error));
}

/* ---- Lines ---- */

static int dataset_begin(struct rbl_reader *reader, struct span words, struct rbl_offence *offence)
{
	if (reader->taker->dataset == NULL || reader->section.type != RBL_COMBINED) {
		*offence = (struct rbl_offence){
			.text = "$DATASET belongs into files of type combined", .is_bad = true};
		return 0;
	}
	return reader->taker->dataset(reader->taker->arg, words, &reader->inner, offence);
}

/* $TTL and the variables are those of the last $DATASET, where there is one. */
static int special_line(
	struct rbl_reader *reader, struct span raw, struct span rest, struct fault *why)
{
	struct rbl_offence offence = {0};
	struct span words;
	int r;

	if (rbl_is_dataset(rest, &words)) {
		r = dataset_begin(reader, words, &offence);
	} else {
		reader->special.scope =
			reader->inner != NULL ? &reader->inner->scope : &reader->section.scope;
		r = rbl_special_read(&reader->special, rest, &offence);
		offence.is_comment = r == E_ABSENT && rbl_is_comment(span_trim(raw).ptr[0]);
		if (r == E_PARSE || r == E_ABSENT)
			r = 0;
	}
	if (r < 0)
		return reading_fail(reader, r, offence.text, why);
	tell(reader, raw, &offence);
	reader->current = reader->inner != NULL ? reader->inner : &reader->section;
	return 0;
}

static int entry_line(
	struct rbl_reader *reader, struct span raw, struct span line, struct rbl_offence *offence)
{
	struct rbl_section *section = reader->current;
	struct rbl_entry_rules rules = {
		.type = section->type,
		.host_bits = reader->options.host_bits,
		.range4_max = reader->special.range4_max,
		.default_value = &section->default_value,
		.default_word = section->default_word,
	};
	unsigned blanks = (unsigned)(line.ptr - raw.ptr);
	bool is_fixed = section->type == RBL_IP4TSET || section->type == RBL_IP6TSET;
	struct rbl_entry entry;
	int r = rbl_entry_read(line, &rules, &entry, offence);

	if (r < 0)
		return r;
	entry.column += blanks; /* columns count in the line as it stands in the file */
	if (entry.value_column != 0)
		entry.value_column += blanks;
	r = reader->taker->entry(reader->taker->arg, section, &entry, reader->line);
	if (r < 0 || entry.ground != RBL_GROUND_DEFAULT)
		return r;
	if (!is_fixed || !section->default_is_set)
		default_set(section, &entry.value, entry.word);
	section->default_is_set = true;
	return 0;
}

static int data_line(
	struct rbl_reader *reader, struct span raw, struct span line, struct fault *why)
{
	struct rbl_offence offence = {0};
	const struct rbl_taker *taker = reader->taker;
	struct rbl_section *section = reader->current;
	int r;

	if (section->type == RBL_COMBINED)
		return reading_fail(
			reader, E_PARSE, "expected a $DATASET line before the first entry", why);
	if (section->type == RBL_GENERIC)
		r = taker->record != NULL ? taker->record(taker->arg, section, line, &offence)
					  : E_USAGE;
	else
		r = entry_line(reader, raw, line, &offence);
	if (r < 0 && !(r == E_PARSE && offence.is_bad))
		return reading_fail(reader, r, NULL, why);
	tell(reader, raw, &offence);
	return 0;
}

/* raw: without its end, which is missing at the end of a file at most. */
static int line_read(struct rbl_reader *reader, struct span raw, bool has_end, struct fault *why)
{
	struct span line, rest;

	reader->line++;
	if (raw.len > RBL_LINE_MAX) {
		rbl_reader_note(
			reader, reader->line, RBL_LINE_MAX, "the line is cut here: too long");
		raw.len = RBL_LINE_MAX;
	} else if (!has_end) {
		rbl_reader_note(reader, reader->line, (unsigned)raw.len + 1,
			"the last line has no end: is the file complete?");
	}
	line = span_trim(span_first(raw, span_find(raw, '\0'))); /* text ends at a NUL */
	if (line.len == 0)
		return 0;
	if (rbl_is_special(line, &rest))
		return special_line(reader, raw, rest, why);
	return rbl_is_comment(line.ptr[0]) ? 0 : data_line(reader, raw, line, why);
}

/* The plain lines at the beginning of the block. */
static int plain_lines(struct rbl_reader *reader, struct span *block, struct fault *why)
{
	const uint8_t *end = memrchr(block->ptr, '\n', block->len);
	struct rbl_plain_lines lines = {.line = reader->line + 1};
	int r;

	if (reader->taker->plain == NULL || end == NULL)
		return 0;
	lines.text = span_of(block->ptr, (size_t)(end + 1 - block->ptr));
	r = reader->taker->plain(reader->taker->arg, reader->current, &lines);
	if (r < 0)
		return reading_fail(reader, r, NULL, why);
	reader->line = lines.line - 1;
	*block = span_from(*block, (size_t)(lines.text.ptr - block->ptr));
	return 0;
}

static int block_read(struct rbl_reader *reader, struct span block, struct fault *why)
{
	while (block.len != 0) {
		int r = plain_lines(reader, &block, why);
		struct span line;
		bool has_end;

		if (r < 0 || block.len == 0)
			return r;
		has_end = span_find(block, '\n') != block.len;
		line = span_split_line(&block);
		r = line_read(reader, line, has_end, why);
		if (r < 0)
			return r;
	}
	return 0;
}

/* ---- Files ---- */

static void file_begin(struct rbl_reader *reader, const char *name)
{
	reader->files = mem_resize(reader->files, (reader->files_len + 1) * sizeof(*reader->files));
	reader->files[reader->files_len++] = (struct file){mem_copy_string(name), reader->line + 1};
	reader->current = &reader->section;
	if (reader->section.type == RBL_IP4TSET || reader->section.type == RBL_IP6TSET)
		return;
	reader->section.default_is_set = false;
	default_set(&reader->section, &rbl_value_standard,
		reader->section.type == RBL_ACL ? RBL_WORD_IGNORE : RBL_WORD_NONE);
}

static int lines_read(
	struct rbl_reader *reader, const char *name, struct rbl_lines *lines, struct fault *why)
{
	uint64_t before = reader->line;
	struct span block;
	bool is_first = true;
	int r;

	file_begin(reader, name);
	if (rbl_lines_changed_s(lines) > reader->special.head.changed_s)
		reader->special.head.changed_s = rbl_lines_changed_s(lines);
	for (;;) {
		r = rbl_lines_next(lines, &block, why);
		if (r < 0)
			return fault_prefix(why, r, "%s:%llu:1", name,
				(unsigned long long)(reader->line - before + 1));
		if (r == 0)
			return 0;
		r = block_read(reader, is_first ? span_without_mark(block) : block, why);
		if (r < 0)
			return r;
		is_first = false;
	}
}

static struct rbl_lines_options lines_options(const struct rbl_reader *reader)
{
	const struct rbl_options *options = &reader->options;

	return (struct rbl_lines_options){options->no_gzip, options->no_pipe, options->gzip_max};
}

int rbl_reader_file(struct rbl_reader *reader, const char *path, struct fault *why)
{
	struct rbl_lines_options options = lines_options(reader);
	AUTO(rbl_lines) *lines = NULL;
	int r = rbl_lines_open(path, &options, &lines, why);

	return r < 0 ? fault_prefix(why, r, "%s", path) : lines_read(reader, path, lines, why);
}

int rbl_reader_fd(struct rbl_reader *reader, int fd, const char *name, struct fault *why)
{
	struct rbl_lines_options options = lines_options(reader);
	AUTO(rbl_lines) *lines = NULL;
	int r = rbl_lines_open_fd(fd, &options, &lines, why);

	return r < 0 ? fault_prefix(why, r, "%s", name) : lines_read(reader, name, lines, why);
}
