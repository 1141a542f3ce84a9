/* SPDX-License-Identifier: ISC */
/*
 * The way back, from the struct to YAML, by the same table. What comes out is a configuration
 * again: reading it gives the same struct (tested).
 */
#include <stdio.h>

#include "base/buf.h"
#include "base/macro.h"
#include "conf/conf.h"
#include "conf/settings.h"
#include "conf/value.h"

enum { PREFIX_SIZE = 160 };

struct printer {
	struct buf *out;
	bool defaults;
	const char *own_key; /* of the element of `checks` being printed */
};

/* Everything with one prefix, and the struct that it is in. */
struct group {
	const char *prefix;
	const void *base;
	int indent;
	bool dash; /* the next line begins an element of a list */
};

static void print_group(struct printer *printer, struct group *group);

static const void *member_at(const void *base, ptrdiff_t offset)
{
	return (const char *)base + offset;
}

/* ---- values ---- */

/* Words that YAML would read as something else are quoted; a few more than needed harm nobody. */
static void append_word(struct buf *out, const char *word, bool quoting)
{
	bool plain = ascii_is_alpha((uint8_t)word[0]) || ascii_is_digit((uint8_t)word[0]) ||
		     word[0] == '/';

	for (const char *c = word; *c != '\0' && plain; c++)
		plain = ascii_is_alpha((uint8_t)*c) || ascii_is_digit((uint8_t)*c) ||
			strchr("-._/@:+", *c) != NULL;
	if (plain || !quoting) {
		buf_append_text(out, word);
		return;
	}
	buf_append_byte(out, '"');
	for (const char *c = word; *c != '\0'; c++) {
		if (*c == '"' || *c == '\\')
			buf_append_byte(out, '\\');
		buf_append_byte(out, (uint8_t)*c);
	}
	buf_append_byte(out, '"');
}

/* The nth word of a set. */
static const char *set_word(const struct setting *row, int n, char text[64])
{
	struct span rest = span_text(row->words), word = span_split(&rest, ' ');

	for (; n > 0; n--)
		word = span_split(&rest, ' ');
	snprintf(text, 64, "%.*s", (int)word.len, word.ptr);
	return text;
}

static const char *element_text(
	const struct setting *row, const void *elements, size_t i, char text[64])
{
	switch (row->type) {
	case SETTING_ENDPOINTS:
		return endpoint_print(((const struct endpoint *)elements)[i], text);
	case SETTING_NETWORKS:
		return prefix_print(((const struct prefix *)elements)[i], text);
	case SETTING_CODES:
		return ((const struct conf_filter *)elements)[i].text;
	case SETTING_ADDRESSES:
		return ip_print(((const struct ip *)elements)[i], text);
	default:
		return ((const char *const *)elements)[i];
	}
}

static void append_list(const struct setting *row, const void *base, bool quoting, struct buf *out)
{
	const void *elements = *(const void *const *)member_at(base, row->member);
	size_t count = *(const size_t *)member_at(base, row->count);

	buf_append_byte(out, '[');
	for (size_t i = 0; i < count; i++) {
		char text[64];

		buf_append_text(out, i != 0 ? ", " : "");
		append_word(out, element_text(row, elements, i, text), quoting);
	}
	buf_append_byte(out, ']');
}

static void append_flags(const struct setting *row, const void *base, struct buf *out)
{
	const bool *flags = member_at(base, row->member);
	struct span rest = span_text(row->words);
	bool first = true;

	buf_append_byte(out, '[');
	for (; rest.len != 0; flags++) {
		struct span word = span_split(&rest, ' ');

		if (!*flags)
			continue;
		buf_append_text(out, first ? "" : ", ");
		buf_append(out, word);
		first = false;
	}
	buf_append_byte(out, ']');
}

static const char *single_text(const struct setting *row, const void *base, char text[64])
{
	const void *member = member_at(base, row->shown != 0 ? row->shown : row->member);

	switch (row->type) {
	case SETTING_WORD:
		return set_word(row, *(const int *)member, text);
	case SETTING_SWITCH:
		return set_word(row, *(const bool *)member, text);
	case SETTING_NUMBER:
	case SETTING_PERCENT:
		return setting_print_quantity(row, *(const int *)member, text);
	case SETTING_SAMPLE:
		return sample_print(*(const unsigned *)member, text);
	case SETTING_SECONDS:
	case SETTING_MILLISECONDS:
		return setting_print_quantity(row, *(const int64_t *)member, text);
	case SETTING_LASTS:
		return *(const int64_t *)member == 0
			       ? "until-review"
			       : setting_print_quantity(row, *(const int64_t *)member, text);
	case SETTING_SIZE:
		return size_print(*(const uint64_t *)member, text);
	case SETTING_ENDPOINT:
		return row->count != 0 && !*(const bool *)member_at(base, row->count)
			       ? "off"
			       : endpoint_print(*(const struct endpoint *)member, text);
	case SETTING_CODE:
		return ip_print(*(const struct ip *)member, text);
	default:
		return *(const char *const *)member;
	}
}

static void append_value(const struct setting *row, const void *base, bool quoting, struct buf *out)
{
	char text[64];

	switch (row->type) {
	case SETTING_HOSTS:
	case SETTING_DOMAINS:
	case SETTING_WORDS:
	case SETTING_ENDPOINTS:
	case SETTING_NETWORKS:
	case SETTING_ADDRESSES:
	case SETTING_NAMES:
	case SETTING_RECIPIENTS:
	case SETTING_CODES:
		append_list(row, base, quoting, out);
		break;
	case SETTING_FLAGS:
		append_flags(row, base, out);
		break;
	default:
		append_word(out, single_text(row, base, text), quoting);
		break;
	}
}

static bool is_default(const struct setting *row, const void *base)
{
	struct buf text;
	bool same;

	if (row->initial == NULL)
		return false;
	buf_init(&text, 0);
	append_value(row, base, false, &text);
	same = span_equal_text(buf_span(&text), row->initial);
	buf_done(&text);
	return same;
}

/* Nothing stands there: no text, no backend, no mode or weight of its own. */
static bool is_absent(const struct printer *printer, const struct setting *row, const void *base)
{
	const void *member = member_at(base, row->member);

	switch (row->type) {
	case SETTING_HOST:
	case SETTING_MAILBOX:
	case SETTING_URL:
	case SETTING_TEXT:
	case SETTING_PATH:
	case SETTING_STORE:
	case SETTING_NAME:
		return *(const char *const *)member == NULL;
	case SETTING_ENDPOINT:
		return row->count == 0 && ((const struct endpoint *)member)->port == 0;
	case SETTING_WORD:
		return row->count != 0 && row->initial == NULL &&
		       !*(const bool *)member_at(base, row->count);
	case SETTING_SECONDS:
		return row->initial == NULL && *(const int64_t *)member == 0;
	case SETTING_SIZE:
		return row->initial == NULL && *(const uint64_t *)member == 0;
	case SETTING_NUMBER:
		return row->initial == NULL && printer->own_key != NULL &&
		       *(const int *)member == 0;
	case SETTING_MILLISECONDS:
		return printer->own_key == NULL || strcmp(printer->own_key, "early") != 0;
	default:
		return false;
	}
}

/* ---- structure ---- */

static void append_indent(struct buf *out, struct group *group)
{
	for (int i = 0; i < group->indent; i++)
		buf_append_byte(out, ' ');
	if (group->dash) {
		out->end -= 2;
		buf_append_text(out, "- ");
		group->dash = false;
	}
}

/* The checks: each is there without being written. */
static bool prints_defaults(const struct setting *row)
{
	return strcmp(row->path, "checks") == 0;
}

static const char *element_key(const struct setting *row, const void *element)
{
	return row->type == SETTING_NAMED ? *(const char *const *)member_at(element, row->name)
					  : "";
}

static bool has_group_of_its_own(const char *check)
{
	char prefix[PREFIX_SIZE];

	snprintf(prefix, sizeof(prefix), "checks.%s", check);
	return setting_find(prefix, (struct span){0}) != NULL;
}

/* What is there without being written (the allow list) is left out; checks are printed as
 * defaults. */
static bool element_is_printed(
	const struct printer *printer, const struct setting *row, const void *element)
{
	const struct conf_location *location = member_at(element, row->location);

	if (prints_defaults(row) && has_group_of_its_own(element_key(row, element)))
		return false;
	return location->line != 0 || (prints_defaults(row) && printer->defaults);
}

static void print_element(struct printer *printer, const struct setting *row, struct group *group)
{
	bool by_name = row->type == SETTING_NAMED;
	char below[PREFIX_SIZE];
	struct group inner = {below, group->base, group->indent + 2, !by_name};

	ASSERT(snprintf(below, sizeof(below), "%s%s.", group->prefix, by_name ? ".NAME" : "[]") <
		PREFIX_SIZE); /* groups of the table nest two deep */
	if (by_name) {
		append_indent(printer->out, group);
		append_word(printer->out, element_key(row, group->base), true);
		buf_append_text(printer->out, ":\n");
	}
	if (prints_defaults(row))
		printer->own_key = element_key(row, group->base);
	print_group(printer, &inner);
	printer->own_key = NULL;
}

static void print_elements(
	struct printer *printer, const struct setting *row, const struct group *group)
{
	const char *elements = *(const char *const *)member_at(group->base, row->member);
	size_t count = *(const size_t *)member_at(group->base, row->count);

	for (size_t i = 0; i < count; i++) {
		struct group element = *group;

		element.base = elements + i * row->size;
		if (element_is_printed(printer, row, element.base))
			print_element(printer, row, &element);
	}
}

/* A heading that turns out to have nothing below it is taken back. */
static void print_section(
	struct printer *printer, struct group *group, const struct setting *row, struct span key)
{
	struct buf *out = printer->out;
	size_t before = out->end, heading;
	bool had_dash = group->dash;
	char path[PREFIX_SIZE], below[PREFIX_SIZE + 1];
	struct group inner = {below, group->base, group->indent + 2, false};

	append_indent(out, group);
	buf_append(out, key);
	buf_append_text(out, ":\n");
	heading = out->end;
	snprintf(path, sizeof(path), "%s%.*s", group->prefix, (int)key.len, key.ptr);
	snprintf(below, sizeof(below), "%s.", path);
	print_group(printer, &inner);
	inner.prefix = path;
	if (row != NULL && (row->type == SETTING_NAMED || row->type == SETTING_ITEMS))
		print_elements(printer, row, &inner);
	if (out->end == heading) {
		out->end = before;
		group->dash = had_dash;
	}
}

static void print_value(
	struct printer *printer, struct group *group, const struct setting *row, struct span key)
{
	if (is_absent(printer, row, group->base) ||
		(!printer->defaults && is_default(row, group->base)))
		return;
	append_indent(printer->out, group);
	buf_append(printer->out, key);
	buf_append_text(printer->out, ": ");
	append_value(row, group->base, true, printer->out);
	buf_append_byte(printer->out, '\n');
}

/* Whether the rows below a section say something: a backend that is not configured has no way to
 * pass the client on. */
static bool section_is_absent(const struct setting *row, const void *base)
{
	const struct conf_location *location = member_at(base, row->location);

	return location->line == 0 && setting_find(row->path, span_text(".address")) != NULL;
}

static void print_group(struct printer *printer, struct group *group)
{
	struct span key;
	size_t at = 0;

	while (setting_next(group->prefix, &at, &key)) {
		const struct setting *row = setting_find(group->prefix, key);
		enum setting_type type = row != NULL ? row->type : SETTING_SECTION;

		if (row != NULL && type == SETTING_SECTION && section_is_absent(row, group->base))
			continue;
		if (type == SETTING_SECTION || type == SETTING_NAMED || type == SETTING_ITEMS)
			print_section(printer, group, row, key);
		else
			print_value(printer, group, row, key);
	}
}

void conf_print(const struct conf *conf, bool defaults, struct buf *out)
{
	struct printer printer = {.out = out, .defaults = defaults};

	print_group(&printer, &(struct group){.prefix = "", .base = conf});
}
