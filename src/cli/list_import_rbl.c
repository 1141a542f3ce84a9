/* SPDX-License-Identifier: ISC */
/* Files of rbldnsd for `list import`. The A of an entry chooses the sublist with that code, its
 * text becomes the reason of the listing. What rbldnsd only warns of is an error here, as is what
 * it would serve but no list should hold. */
#include "cli/list_import_rbl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "rbldata/read.h"

enum { REASON_SIZE = RBL_TEXT_MAX + 1, EXCLUSIONS_FIRST = 16 };

/* What the entries around it said already, so that it is not looked for again. */
struct value_cache {
	bool known;
	unsigned default_serial;
	int group; /* negative: no list takes it */
};

struct rbl_import {
	struct import *import;
	struct rbl_reader *reader;
	const struct rbl_section *section; /* of the entry that is being taken */
	uint64_t line;                     /* its line */
	struct value_cache standard;
	/* Exclusions hold for every sublist the file lists anything in, known at the end. */
	struct exclusion {
		struct source source;
		bool is_of_below; /* "*.x" says nothing of x: where x is not listed by itself */
	} * exclusions;
	size_t exclusions_len, exclusions_size;
	/* The names that are listed by themselves, in order; made at the end. */
	struct self_name {
		const char *domain;
		uint16_t group;
	} * selves;
	size_t selves_len;
};

static void rbl_complain(struct rbl_import *rbl, unsigned column, const char *text)
{
	import_complain(rbl->import, (struct import_at){rbl->line, column}, text);
}

/* ---- Values ---- */

static int group_need(
	struct rbl_import *rbl, const char *sublist, const char *reason, bool excluded)
{
	struct import *import = rbl->import;
	struct import_group *group;

	for (size_t i = import->groups_len; i-- > 0;) {
		group = &import->groups[i];
		if (group->excluded == excluded && strcmp(group->sublist, sublist) == 0 &&
			strcmp(group->reason, reason) == 0)
			return (int)i;
	}
	if (import->groups_len == IMPORT_GROUPS_MAX)
		return E_LIMIT;
	group = &import->groups[import->groups_len++];
	*group = (struct import_group){
		.sublist = arena_copy_string(rbl->import->cli->arena, sublist),
		.reason = arena_copy_string(rbl->import->cli->arena, reason),
		.excluded = excluded};
	return (int)import->groups_len - 1;
}

/* The sublist whose code the value has; NULL, and complained of, when there is none. */
static const char *sublist_of(
	struct rbl_import *rbl, const struct rbl_value *value, unsigned column)
{
	const struct conf_list *list = rbl->import->target.list;
	struct ip code = ip_from_v4(octets_u32(value->a));
	char text[IP_TEXT_SIZE], message[128];

	for (size_t i = 0; i < list->sublists_len; i++) {
		if (ip_equal(list->sublists[i].code, code))
			return list->sublists[i].name;
	}
	snprintf(message, sizeof(message),
		"no sublist of '%s' has the code %s; --sublist NAME takes all", list->name,
		ip_print(code, text));
	rbl_complain(rbl, column, message);
	return NULL;
}

static bool text_is_sound(
	struct rbl_import *rbl, struct span text, struct span subject, unsigned column)
{
	struct rbl_txt txt;

	if (span_find_text(text, "%s") != text.len) {
		rbl_complain(rbl, column,
			"'%s' in the text is not replaced by anything; '$' is the address");
		return false;
	}
	rbl_txt_expand(&rbl->section->scope.texts, text, subject, &txt);
	if (txt.is_cut)
		rbl_complain(rbl, column,
			"the text has more than 254 bytes when its variables are filled in");
	return !txt.is_cut;
}

/* A text that differs by address ("$") is how a zone presents a listing, not why it is one. */
static const char *reason_of(struct rbl_import *rbl, struct span text, char reason[REASON_SIZE])
{
	struct rbl_txt one, other;
	size_t len;

	if (rbl->import->no_texts)
		return rbl->import->target.reason;
	rbl_txt_expand(&rbl->section->scope.texts, text, span_text("1"), &one);
	rbl_txt_expand(&rbl->section->scope.texts, text, span_text("2"), &other);
	len = one.rdata[0];
	if (len == 0 || memcmp(one.rdata, other.rdata, 1 + len) != 0)
		return rbl->import->target.reason;
	for (size_t i = 0; i < len; i++)
		reason[i] = ascii_is_print(one.rdata[1 + i]) ? (char)one.rdata[1 + i] : '?';
	reason[len] = '\0';
	return reason;
}

/* The group of a value, or a negative number when nothing can take it. */
static int value_group(
	struct rbl_import *rbl, const struct rbl_value *value, struct span subject, unsigned column)
{
	const char *sublist = rbl->import->target.sublist;
	char reason[REASON_SIZE];
	int group;

	if (!text_is_sound(rbl, value->text, subject, column))
		return E_PARSE;
	if (sublist == NULL && !rbl->section->default_is_set && value->text.len == 0 &&
		memcmp(value->a, rbl_value_standard.a, sizeof(value->a)) == 0)
		sublist = ""; /* the file says nothing of values */
	if (sublist == NULL)
		sublist = sublist_of(rbl, value, column);
	if (sublist == NULL)
		return E_PARSE;
	group = group_need(rbl, sublist, reason_of(rbl, value->text, reason), false);
	if (group < 0)
		rbl_complain(rbl, column,
			"more than 1000 different texts; --no-texts takes --reason for all");
	return group;
}

/* The longest thing that "$" may stand for, for what is said of many. */
static struct span longest_subject(enum rbl_type type)
{
	if (type == RBL_DNSET)
		return span_text("");
	return span_text((rbl_type_kinds(type) & RBL_KIND_V4) != 0
				 ? "255.255.255.255"
				 : "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
}

static int entry_group(struct rbl_import *rbl, const struct rbl_entry *entry)
{
	const struct rbl_section *section = rbl->section;
	struct span subject = longest_subject(section->type);
	struct value_cache *standard = &rbl->standard;

	if (!entry->by_default)
		return value_group(rbl, &entry->value, subject, entry->value_column);
	if (!standard->known || standard->default_serial != section->default_serial)
		*standard = (struct value_cache){true, section->default_serial,
			value_group(rbl, &section->default_value, subject, entry->column)};
	return standard->group;
}

/* ---- Sources ---- */

/* RFC 5782 section 5: a list holds entries for those who try it, single addresses of 127.0.0.0/8 or
 * the name "test". Our zones answer them without an entry. */
static bool source_is_test_entry(const struct source *source)
{
	if (source->kind == SOURCE_DOMAIN)
		return strcmp(source->domain, "test") == 0 || strcmp(source->domain, ".test") == 0;
	return ip_is_v4(source->net.ip) && source->net.bits == 128 && source->net.ip.b[12] == 127;
}

/* Where an entry goes: a group, or among the exclusions. */
static void source_take(struct rbl_import *rbl, const struct rbl_entry *entry, int group,
	const struct source *source)
{
	if (source_is_test_entry(source))
		return;
	if (!import_may_list(rbl->import, source, entry->excluded,
		    (struct import_at){rbl->line, entry->column}))
		return;
	if (!entry->excluded) {
		import_add(rbl->import, source, (uint16_t)group);
		return;
	}
	mem_grow(&rbl->exclusions, &rbl->exclusions_size, rbl->exclusions_len + 1,
		sizeof(*rbl->exclusions));
	rbl->exclusions[rbl->exclusions_len++] = (struct exclusion){.source = *source,
		.is_of_below =
			source->kind == SOURCE_DOMAIN && (entry->covers & RBL_COVERS_SELF) == 0};
}

/* The networks a range consists of: as large as its beginning and its end allow. */
static void range_take(struct rbl_import *rbl, const struct rbl_entry *entry, int group)
{
	uint64_t first = entry->first;

	while (first <= entry->last) {
		uint64_t bad = rbl->import->bad;
		unsigned size = first != 0 ? (unsigned)__builtin_ctzll(first) : 32;
		struct source source = {.kind = SOURCE_NET};

		while (first + (UINT64_C(1) << size) - 1 > entry->last)
			size--;
		source.net = prefix_of(ip_from_v4((uint32_t)first), 128 - size);
		source_take(rbl, entry, group, &source);
		if (rbl->import->bad != bad)
			return; /* one complaint a line */
		first += UINT64_C(1) << size;
	}
}

/* "x", ".x" as they are; "*.x" is ".x" without x. */
static void name_take(struct rbl_import *rbl, const struct rbl_entry *entry, int group)
{
	char name[RBL_NAME_TEXT_SIZE], text[1 + RBL_NAME_TEXT_SIZE] = ".";
	size_t len = rbl_key_print(span_of(entry->key, entry->key_len), name);
	bool self = (entry->covers & RBL_COVERS_SELF) != 0;
	bool below = (entry->covers & RBL_COVERS_BELOW) != 0;
	struct rbl_entry alone = *entry;
	struct source source;
	struct fault why;

	memcpy(text + 1, name, len);
	if (source_parse(span_of(text + !below, len + below), &source, &why) < 0) {
		rbl_complain(rbl, entry->column, why.text);
		return;
	}
	if (entry->excluded && below && !self) {
		rbl_complain(rbl, entry->column,
			"an exclusion of names below, but not of the name itself, cannot be taken "
			"over: write '!.x' or '!x'");
		return;
	}
	source_take(rbl, entry, group, &source);
	if (self || source_parse(span_of(name, len), &source, &why) < 0)
		return;
	alone.excluded = true;
	source_take(rbl, &alone, group, &source);
}

static int take_entry(
	void *arg, const struct rbl_section *section, const struct rbl_entry *entry, uint64_t line)
{
	struct rbl_import *rbl = arg;
	struct source source = {.kind = SOURCE_NET};
	int group = 0;

	rbl->section = section;
	rbl->line = line;
	if (entry->ground == RBL_GROUND_DEFAULT) {
		text_is_sound(rbl, entry->value.text, longest_subject(section->type),
			entry->value_column);
		return 0;
	}
	if (!entry->excluded)
		group = entry_group(rbl, entry);
	if (group < 0)
		return 0; /* complained of */
	if (entry->ground == RBL_GROUND_V4) {
		range_take(rbl, entry, group);
	} else if (entry->ground == RBL_GROUND_NAME) {
		name_take(rbl, entry, group);
	} else {
		source.net = prefix_of(entry->v6, entry->bits);
		source_take(rbl, entry, group, &source);
	}
	return 0;
}

static int self_compare(const void *a, const void *b)
{
	const struct self_name *one = a, *other = b;

	return strcmp(one->domain, other->domain);
}

static void selves_make(struct rbl_import *rbl)
{
	const struct import *import = rbl->import;

	rbl->selves = mem_alloc_array(import->len + 1, sizeof(*rbl->selves));
	for (size_t i = 0; i < import->len; i++) {
		const struct import_entry *entry = &import->entries[i];

		if (entry->domain != NULL && entry->domain[0] != '.')
			rbl->selves[rbl->selves_len++] =
				(struct self_name){entry->domain, entry->group};
	}
	qsort(rbl->selves, rbl->selves_len, sizeof(*rbl->selves), self_compare);
}

static bool is_listed_itself(
	const struct rbl_import *rbl, const struct source *source, const char *sublist)
{
	size_t low = 0, high = rbl->selves_len;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(rbl->selves[middle].domain, source->domain) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < rbl->selves_len && strcmp(rbl->selves[low].domain, source->domain) == 0; low++)
		if (strcmp(rbl->import->groups[rbl->selves[low].group].sublist, sublist) == 0)
			return true;
	return false;
}

/* Also with --lenient no exclusion is lost: those would be listed whom the file spares. */
static int exclusions_add(struct rbl_import *rbl, const char *sublist)
{
	struct import *import = rbl->import;
	int group = group_need(rbl, sublist, import->target.reason, true);

	if (group < 0)
		return cli_fail(rbl->import->cli, E_LIMIT,
			"%s: 1000 different texts leave no room for exclusions; --no-texts takes "
			"--reason for all; nothing changed",
			import->file);
	if (import->groups[group].len != 0)
		return 0; /* it has them already */
	for (size_t i = 0; i < rbl->exclusions_len; i++) {
		const struct exclusion *exclusion = &rbl->exclusions[i];

		if (!exclusion->is_of_below || !is_listed_itself(rbl, &exclusion->source, sublist))
			import_add(import, &exclusion->source, (uint16_t)group);
	}
	return 0;
}

/* An exclusion is of its own sublist, so each that the file lists something in gets them all; when
 * it lists nothing, that where a file without values goes. */
static int exclusions_place(struct rbl_import *rbl)
{
	struct import *import = rbl->import;
	size_t listing = import->groups_len;
	bool any = false;
	int r = 0;

	if (rbl->exclusions_len == 0)
		return 0;
	selves_make(rbl);
	for (size_t i = 0; i < listing && r == 0; i++) {
		if (import->groups[i].len == 0 || import->groups[i].excluded)
			continue;
		r = exclusions_add(rbl, import->groups[i].sublist);
		any = true;
	}
	return any ? r : exclusions_add(rbl, import->groups[0].sublist);
}

/* ---- The file ---- */

static void note_complain(void *arg, const struct rbl_note *note)
{
	struct rbl_import *rbl = arg;

	if (!note->is_comment)
		import_complain(
			rbl->import, (struct import_at){note->line, note->column}, note->text);
}

static int check_expiry(struct rbl_import *rbl)
{
	struct rbl_head head = rbl_reader_take_head(rbl->reader);

	mem_free((void *)(uintptr_t)head.ns);
	if (head.expires_s != 0 && head.expires_s <= clock_now_s())
		return cli_fail(rbl->import->cli, E_RANGE,
			"%s: $TIMESTAMP says that this data is over; nothing changed",
			rbl->import->file);
	return 0;
}

int import_read_rbl(struct import *import)
{
	struct rbl_import rbl = {.import = import};
	const struct rbl_report report = {note_complain, &rbl};
	const struct rbl_options options = {0};
	const struct rbl_taker taker = {.entry = take_entry, .arg = &rbl};
	struct fault why;
	int r;

	rbl.reader = rbl_reader_new(import->format, &options, clock_now_s(), &taker);
	rbl_reader_report_to(rbl.reader, &report);
	if (strcmp(import->file, "-") == 0)
		r = rbl_reader_fd(rbl.reader, STDIN_FILENO, import->file, &why);
	else
		r = rbl_reader_file(rbl.reader, import->file, &why);
	if (r < 0) {
		r = cli_fail(import->cli, r, "%s; nothing changed", why.text);
	} else {
		import->lines = rbl_reader_lines(rbl.reader);
		r = exclusions_place(&rbl);
		if (r == 0)
			r = check_expiry(&rbl);
	}
	mem_free(rbl.selves);
	mem_free(rbl.exclusions);
	rbl_reader_free(&rbl.reader);
	return r;
}
