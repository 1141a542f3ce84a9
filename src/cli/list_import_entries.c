/* SPDX-License-Identifier: ISC */
#include "cli/list_import_entries.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "cli/output.h"
#include "policy/listing_rule.h"
#include "sets/prefix.h"

enum { LINES_SHOWN = 20 };

void import_free(struct import **import)
{
	mem_free((*import)->entries);
	mem_free((*import)->groups);
}

static void import_complain_json(const struct import *import, struct import_at at, const char *text)
{
	if (import->bad <= LINES_SHOWN)
		output_json_error(json_pack("{s:o, s:I, s:i, s:o}", "file",
			output_json_text(import->file), "line", (json_int_t)at.line, "column",
			(int)at.column, "error", output_json_text(text)));
}

void import_complain(struct import *import, struct import_at at, const char *text)
{
	import->bad++;
	if (import->bad > LINES_SHOWN + 1)
		return;
	if (import->cli->json)
		import_complain_json(import, at, text);
	else if (import->bad == LINES_SHOWN + 1)
		fprintf(stderr, "%s: further errors are not shown\n", import->file);
	else if (at.column != 0)
		fprintf(stderr, "%s:%" PRIu64 ":%u: error: %s\n", import->file, at.line, at.column,
			text);
	else
		fprintf(stderr, "%s:%" PRIu64 ": error: %s\n", import->file, at.line, text);
}

static void import_note_slip(struct import *import, const struct source *source)
{
	if (import->slips++ != 0)
		return;
	import->slip = arena_alloc(import->cli->arena, sizeof(*source));
	*import->slip = *source;
}

/* The keeper has the last word. Asked here as well, so that a source it would refuse is found with
 * its line before anything is sent. */
bool import_may_list(
	struct import *import, const struct source *source, bool excluded, struct import_at at)
{
	struct rule_entry entry = {
		.list = import->target.list, .source = source, .excluded = excluded};
	struct fault why;

	if (rule_may_list(import->cli->conf, &entry, &why) == 0) {
		if (!excluded && source_is_slip(source) != NULL)
			import_note_slip(import, source);
		return true;
	}
	import_complain(import, at, why.text);
	return false;
}

void import_add(struct import *import, const struct source *source, uint16_t group)
{
	struct import_entry *entry;

	mem_grow(&import->entries, &import->size, import->len + 1, sizeof(*import->entries));
	entry = &import->entries[import->len++];
	*entry = (struct import_entry){
		.ip = source->net.ip, .bits = source->net.bits, .group = group};
	if (source->kind == SOURCE_DOMAIN)
		entry->domain = arena_copy_string(import->cli->arena, source->domain);
	import->groups[group].len++;
}

/* Domains by their ends, so that names below one another stand together. */
static int domain_order(const char *a, const char *b)
{
	size_t i = strlen(a), j = strlen(b);

	while (i > 0 && j > 0 && a[i - 1] == b[j - 1]) {
		i--;
		j--;
	}
	if (i == 0 || j == 0)
		return (i != 0) - (j != 0);
	return (unsigned char)a[i - 1] < (unsigned char)b[j - 1] ? -1 : 1; /* they differ */
}

static int entry_order(const void *left, const void *right)
{
	const struct import_entry *a = left, *b = right;
	int order;

	if (a->group != b->group)
		return a->group < b->group ? -1 : 1;
	if (a->domain != NULL && b->domain != NULL)
		return domain_order(a->domain, b->domain);
	order = ip_compare(a->ip, b->ip);
	return order != 0 ? order : (a->bits > b->bits) - (a->bits < b->bits);
}

/* Addresses of IPv4 alone, in one group: their numbers are all that there is to sort. */
static bool sort_v4(struct import *import)
{
	struct import_entry *entries = import->entries;
	struct point *points;

	for (size_t i = 0; i < import->len; i++) {
		if (entries[i].domain != NULL || entries[i].bits != 128 || entries[i].group != 0 ||
			!ip_is_v4(entries[i].ip))
			return false;
	}
	points = mem_alloc_array(2 * import->len, sizeof(*points));
	for (size_t i = 0; i < import->len; i++)
		points[i].address = ip_to_v4(entries[i].ip);
	point_sort(points, points + import->len, import->len);
	for (size_t i = 0; i < import->len; i++)
		entries[i].ip = ip_from_v4(points[i].address);
	mem_free(points);
	return true;
}

static bool is_sorted(const struct import *import)
{
	for (size_t i = 1; i < import->len; i++) {
		if (entry_order(&import->entries[i - 1], &import->entries[i]) > 0)
			return false;
	}
	return true;
}

/* The store keeps sources in about the order within: neighbours land in the same pages of its
 * indexes, and each part of a large file touches a few of them instead of nearly all. Ten times
 * faster at ten million lines. */
void import_sort(struct import *import)
{
	if (import->len != 0 && !is_sorted(import) && !sort_v4(import))
		qsort(import->entries, import->len, sizeof(*import->entries), entry_order);
}

void import_entry_source(const struct import_entry *entry, struct source *ret_source)
{
	memset(ret_source, 0, sizeof(*ret_source));
	if (entry->domain == NULL) {
		ret_source->kind = SOURCE_NET;
		ret_source->net = (struct prefix){entry->ip, entry->bits};
		return;
	}
	ret_source->kind = SOURCE_DOMAIN;
	snprintf(ret_source->domain, sizeof(ret_source->domain), "%s", entry->domain);
}
