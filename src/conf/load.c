/* SPDX-License-Identifier: ISC */
/*
 * From the tree to the struct, by the settings table. A group is everything with one prefix
 * ("gate.", "dnsbl[].") and one struct: each key that is there goes to the row of its name, each
 * row whose key is not there gives its default by the same way. Nothing stops at an error, so that
 * one run finds them all.
 */
#include <stdarg.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/macro.h"
#include "base/suggest.h"
#include "conf/code.h"
#include "conf/load.h"
#include "conf/store_url.h"
#include "conf/value.h"

enum { PATH_SIZE = 160, ELEMENTS_MAX = 10000, SHOWN_MAX = 80, TEXT_MAX = 512 };

/* What stands at a key, and where it belongs. */
struct field {
	struct loader *loader;
	const struct setting *row;
	const struct conf_tree *node;
	void *base; /* the struct of the group */
};

/* Everything with one prefix. */
struct group {
	const char *prefix;
	const struct conf_tree *map;   /* NULL: the section is absent */
	const struct conf_tree *owner; /* where a missing key is reported */
	void *base;
};

static void fill_group(struct loader *loader, const struct group *group);

static void *member_at(void *base, ptrdiff_t offset)
{
	return (char *)base + offset;
}

static void *field_member(const struct field *field)
{
	return member_at(field->base, field->row->member);
}

__attribute__((format(printf, 2, 3))) static void field_error(
	const struct field *field, const char *format, ...)
{
	char text[TEXT_MAX];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	error_at(field->loader->diagnostics, field->node->location, "%s", text);
}

/* ---- keys ---- */

static bool group_has(const char *prefix, struct span wanted)
{
	struct span key;
	size_t at = 0;

	while (setting_next(prefix, &at, &key)) {
		if (span_equal(key, wanted))
			return true;
	}
	return false;
}

/* Long words are shown in part. */
static int shown_len(struct span word)
{
	return word.len > SHOWN_MAX ? SHOWN_MAX : (int)word.len;
}

static void error_unknown_key(
	struct loader *loader, const struct group *group, const struct conf_tree *entry)
{
	struct suggest meant = {.word = entry->key};
	struct span above = group->map->key, key;
	size_t at = 0;

	while (setting_next(group->prefix, &at, &key))
		suggest_offer(&meant, key);
	error_at(loader->diagnostics, entry->key_location, "unknown key '%.*s'%s%.*s%s%s",
		shown_len(entry->key), entry->key.ptr, above.len != 0 ? " below '" : "",
		shown_len(above), above.ptr, above.len != 0 ? "'" : "", suggest_hint(&meant));
}

/* ---- words of a set ---- */

/* "off, tag, score" */
static const char *words_listed(const struct field *field)
{
	struct span rest = span_text(field->row->words);
	const char *listed = "";

	while (rest.len != 0) {
		struct span word = span_split(&rest, ' ');

		if (!span_equal_text(word, "-"))
			listed = arena_format(field->loader->arena, "%s%s%.*s", listed,
				*listed != '\0' ? ", " : "", (int)word.len, word.ptr);
	}
	return listed;
}

/* The index of a word in its set, or -1 with an error that names the set. */
static int word_find(const struct field *field)
{
	struct suggest meant = {.word = field->node->text};
	struct span rest = span_text(field->row->words);

	for (int i = 0; rest.len != 0; i++) {
		struct span word = span_split(&rest, ' ');

		if (span_equal_text(word, "-"))
			continue;
		if (span_equal(meant.word, word))
			return i;
		suggest_offer(&meant, word);
	}
	field_error(field, "'%.*s' is not %s (%s)%s", shown_len(meant.word), meant.word.ptr,
		field->row->noun, words_listed(field), suggest_hint(&meant));
	return -1;
}

/* ---- single values ---- */

static bool is_within(const struct field *field, int64_t value)
{
	const struct setting *row = field->row;
	struct span text = field->node->text;
	char low[DURATION_TEXT_SIZE], high[DURATION_TEXT_SIZE];
	bool within = value >= row->low && value <= row->high;

	if (!within)
		field_error(field, "'%.*s' is outside %s to %s", (int)text.len, text.ptr,
			setting_print_quantity(row, row->low, low),
			setting_print_quantity(row, row->high, high));
	return within;
}

/* Lines of a folded or literal text become one. */
static char *lines_join(struct arena *arena, struct span text)
{
	char *copy = arena_string(arena, text);
	size_t len = strlen(copy);

	while (len != 0 && copy[len - 1] == '\n')
		copy[--len] = '\0';
	for (char *c = copy; *c != '\0'; c++)
		*c = *c == '\n' ? ' ' : *c;
	return copy;
}

static char *lower_copy(struct arena *arena, struct span text)
{
	char *copy = arena_string(arena, text);

	for (char *c = copy; *c != '\0'; c++)
		*c = (char)ascii_lower((uint8_t)*c);
	return copy;
}

/* Checks a text by its type and stores it; words in *why. */
static int fill_text(const struct field *field, struct fault *why)
{
	const struct setting *row = field->row;
	struct span text = field->node->text;
	int r = 0;

	switch (row->type) {
	case SETTING_HOST:
		r = domain_check(text, why);
		if (r < 0 && row->shown != 0)
			r = fault_set(why, r, "this is not a full DNS name");
		break;
	case SETTING_MAILBOX:
		r = mailbox_check(text, why);
		break;
	case SETTING_URL:
		r = url_check(text, why);
		break;
	case SETTING_NAME:
		r = name_check(text, why);
		break;
	case SETTING_PATH:
		if (text.len < 2 || text.ptr[0] != '/')
			r = fault_set(why, E_PARSE, "'%.*s' is not an absolute path", (int)text.len,
				text.ptr);
		break;
	case SETTING_STORE:
		if (store_url_kind(text) < 0)
			r = fault_set(why, E_PARSE, "'%.*s' is not a store (%s)", (int)text.len,
				text.ptr, store_url_forms);
		break;
	default:
		break;
	}
	if (r >= 0 && row->high != 0 && text.len > (size_t)row->high)
		r = fault_set(why, E_RANGE, "%zu characters are too many; at most %d fit", text.len,
			(int)row->high);
	if (r >= 0)
		*(const char **)field_member(field) =
			row->type == SETTING_HOST ? lower_copy(field->loader->arena, text)
						  : lines_join(field->loader->arena, text);
	return r;
}

static int fill_number(const struct field *field, struct fault *why)
{
	struct span text = field->node->text;
	bool negative = text.len != 0 && text.ptr[0] == '-';
	uint64_t magnitude;
	int value;

	if (span_parse_u64(span_from(text, negative), INT32_MAX, &magnitude) < 0)
		return fault_set(why, E_PARSE, "'%.*s' is not a number", (int)text.len, text.ptr);
	value = negative ? -(int)magnitude : (int)magnitude;
	if (is_within(field, value))
		*(int *)field_member(field) = value;
	return 0;
}

static int fill_percent(const struct field *field, struct fault *why)
{
	struct span text = field->node->text;
	size_t digits = text.len - 1; /* an empty word does not come here */
	uint64_t value;

	if (text.ptr[digits] != '%' ||
		span_parse_u64(span_first(text, digits), INT32_MAX, &value) < 0)
		return fault_set(why, E_PARSE, "'%.*s' is not a percentage (like 30%%)",
			(int)text.len, text.ptr);
	if (is_within(field, (int64_t)value))
		*(int *)field_member(field) = (int)value;
	return 0;
}

static int fill_duration(const struct field *field, struct fault *why)
{
	const struct setting *row = field->row;
	struct span text = field->node->text;
	int64_t unit = row->type == SETTING_MILLISECONDS ? 1 : 1000;
	int64_t ms;
	int r;

	if (row->type == SETTING_LASTS && span_equal_text(text, "until-review")) {
		*(int64_t *)field_member(field) = 0;
		return 0;
	}
	r = duration_parse(text, &ms, why);
	if (r < 0)
		return r;
	if (ms % unit != 0)
		return fault_set(why, E_RANGE, "'%.*s' is not a whole number of seconds",
			(int)text.len, text.ptr);
	if (is_within(field, ms / unit))
		*(int64_t *)field_member(field) = ms / unit;
	return 0;
}

static int fill_size(const struct field *field, struct fault *why)
{
	uint64_t size;
	int r = size_parse(field->node->text, &size, why);

	if (r >= 0 && is_within(field, size > INT64_MAX ? INT64_MAX : (int64_t)size))
		*(uint64_t *)field_member(field) = size;
	return r;
}

static int fill_endpoint(const struct field *field, struct fault *why)
{
	bool *is_on = field->row->count != 0 ? member_at(field->base, field->row->count) : NULL;
	int r;

	if (is_on != NULL && span_equal_text(field->node->text, "off")) {
		*is_on = false;
		return 0;
	}
	r = endpoint_parse(field->node->text, field_member(field), why);
	if (r >= 0 && is_on != NULL)
		*is_on = true;
	return r;
}

static int fill_code(const struct field *field, struct fault *why)
{
	struct span text = field->node->text;
	struct ip ip;
	int r = ip_parse(text, &ip);

	if (r < 0 || !ip_is_v4(ip) || ip.b[12] != 127)
		return fault_set(why, E_PARSE,
			"'%.*s' is not a code: an address in 127.0.0.0/8, like 127.0.0.2",
			(int)text.len, text.ptr);
	if (ip_to_v4(ip) == 0x7f000001)
		return fault_set(why, E_RANGE,
			"127.0.0.1 cannot be a code: it tests that a list does not list everything (RFC 5782 section 5)");
	if (ip.b[13] == 255 && ip.b[14] == 255)
		return fault_set(why, E_RANGE,
			"'%.*s' cannot be a code: answers in 127.255.255.0/24 say that a list refuses to answer",
			(int)text.len, text.ptr);
	*(struct ip *)field_member(field) = ip;
	return 0;
}

static void fill_word(const struct field *field)
{
	int found = word_find(field);

	if (found < 0)
		return;
	if (field->row->type == SETTING_SWITCH)
		*(bool *)field_member(field) = found == 1;
	else
		*(int *)field_member(field) = found;
}

static int fill_value(const struct field *field, struct fault *why)
{
	switch (field->row->type) {
	case SETTING_WORD:
	case SETTING_SWITCH:
		fill_word(field);
		return 0;
	case SETTING_NUMBER:
		return fill_number(field, why);
	case SETTING_SAMPLE:
		return sample_parse(field->node->text, field_member(field), why);
	case SETTING_PERCENT:
		return fill_percent(field, why);
	case SETTING_SECONDS:
	case SETTING_MILLISECONDS:
	case SETTING_LASTS:
		return fill_duration(field, why);
	case SETTING_SIZE:
		return fill_size(field, why);
	case SETTING_ENDPOINT:
		return fill_endpoint(field, why);
	case SETTING_CODE:
		return fill_code(field, why);
	default:
		return fill_text(field, why);
	}
}

/* One word into one member. */
static void fill_single(const struct field *field)
{
	const struct conf_tree *node = field->node;
	bool of_words = field->row->words != NULL;
	struct fault why;

	if (node->kind != TREE_WORD || node->text.len == 0)
		field_error(field, "expected one %s (%s), found %s", of_words ? "word" : "value",
			of_words ? words_listed(field) : setting_type_words(field->row->type),
			node->kind == TREE_LIST  ? "a list"
			: node->kind == TREE_MAP ? "a section"
						 : "nothing");
	else if (fill_value(field, &why) < 0)
		field_error(field, "%s", why.text);
}

/* ---- lists of words ---- */

static void check_count(const struct field *field)
{
	int64_t count = (int64_t)field->node->count;

	if (count < field->row->low)
		field_error(field, "there has to be at least one");
	if (field->row->high != 0 && count > field->row->high)
		field_error(field, "more than %d of them", (int)field->row->high);
}

static size_t element_size(enum setting_type type)
{
	switch (type) {
	case SETTING_ENDPOINTS:
		return sizeof(struct endpoint);
	case SETTING_NETWORKS:
		return sizeof(struct prefix);
	case SETTING_CODES:
		return sizeof(struct conf_filter);
	case SETTING_ADDRESSES:
		return sizeof(struct ip);
	default:
		return sizeof(const char *);
	}
}

static int fill_element(const struct field *field, void *element, struct fault *why)
{
	struct span text = field->node->text;
	struct span name;
	int r;

	switch (field->row->type) {
	case SETTING_ENDPOINTS:
		return endpoint_parse(text, element, why);
	case SETTING_NETWORKS:
		return prefix_parse(text, element, why);
	case SETTING_CODES:
		r = filter_parse(text, element, why);
		((struct conf_filter *)element)->text = arena_string(field->loader->arena, text);
		return r;
	case SETTING_ADDRESSES:
		return ip_parse(text, element) < 0
			       ? fault_set(why, E_PARSE, "'%.*s' is not an address",
					 shown_len(text), text.ptr)
			       : 0;
	case SETTING_HOSTS:
	case SETTING_DOMAINS:
		name = text;
		if (field->row->type == SETTING_DOMAINS && text.len != 0 && text.ptr[0] == '.')
			name = span_from(text, 1);
		r = domain_check(name, why);
		*(const char **)element = lower_copy(field->loader->arena, text);
		return r;
	case SETTING_NAMES:
		r = name_check(text, why);
		break;
	case SETTING_RECIPIENTS:
		r = span_find(text, '@') < text.len ? mailbox_check(text, why)
						    : domain_check(text, why);
		*(const char **)element = lower_copy(field->loader->arena, text);
		return r;
	default:
		word_find(field); /* reports what it does not find */
		r = 0;
		break;
	}
	*(const char **)element = lines_join(field->loader->arena, text);
	return r;
}

static bool list_holds_before(const struct conf_tree *list, const struct conf_tree *node)
{
	for (const struct conf_tree *other = list->first; other != node; other = other->next) {
		if (other->kind == TREE_WORD && span_equal_nocase(other->text, node->text))
			return true;
	}
	return false;
}

static void fill_elements(const struct field *list)
{
	size_t size = element_size(list->row->type), count = 0;
	char *elements = arena_alloc(list->loader->arena, (list->node->count + 1) * size);
	struct field field = *list;

	for (const struct conf_tree *word = list->node->first; word != NULL; word = word->next) {
		struct fault why;
		int found;

		field.node = word;
		if (word->kind != TREE_WORD || word->text.len == 0) {
			field_error(&field, "expected a word");
		} else if (list_holds_before(list->node, word)) {
			field_error(&field, "'%.*s' is given twice", (int)word->text.len,
				word->text.ptr);
		} else if (list->row->type == SETTING_FLAGS) {
			found = word_find(&field);
			if (found >= 0)
				((bool *)field_member(list))[found] = true;
		} else if (fill_element(&field, elements + count * size, &why) < 0) {
			field_error(&field, "%s", why.text);
		} else {
			count++;
		}
	}
	if (list->row->type == SETTING_FLAGS)
		return;
	*(void **)field_member(list) = elements;
	*(size_t *)member_at(list->base, list->row->count) = count;
}

/* A list may be written as one word when it has one element. */
static void fill_list(const struct field *field)
{
	const struct conf_tree *node = field->node;
	struct conf_tree alone = {.kind = TREE_LIST, .location = node->location, .count = 1};
	struct field list = *field;
	struct conf_tree copy = *node;

	if (node->kind == TREE_WORD && node->text.len != 0) {
		copy.next = NULL;
		alone.first = alone.last = &copy;
		list.node = &alone;
	}
	if (list.node->kind != TREE_LIST || list.node->count > ELEMENTS_MAX) {
		field_error(field, "expected: %s%s", setting_type_words(field->row->type),
			node->kind == TREE_LIST ? " of a reasonable length" : ", like [a, b]");
		return;
	}
	check_count(&list);
	fill_elements(&list);
}

/* ---- lists and maps of sections ---- */

static void fill_row(const struct field *field);

static void fill_item(const struct field *field)
{
	const struct setting *row = field->row;
	const struct conf_tree *entry = field->node;
	struct field brief = *field;
	char prefix[PATH_SIZE];

	snprintf(prefix, sizeof(prefix), "%s%s.", row->path,
		row->type == SETTING_ITEMS ? "[]" : ".NAME");
	*(struct conf_location *)member_at(field->base, row->location) =
		row->type == SETTING_NAMED ? entry->key_location : entry->location;
	if (row->type == SETTING_NAMED)
		*(const char **)member_at(field->base, row->name) =
			row->host_keys ? lower_copy(field->loader->arena, entry->key)
				       : arena_string(field->loader->arena, entry->key);
	if (entry->kind == TREE_MAP) {
		fill_group(field->loader, &(struct group){prefix, entry, entry, field->base});
	} else if (row->brief != NULL) {
		brief.row = setting_find(prefix, span_text(row->brief));
		fill_row(&brief);
	} else {
		field_error(field, "expected a section, like {...}");
	}
}

/* A key that the administrator chose; those of `checks` are fixed and judged in check.c. */
static bool key_is_name(const struct field *field)
{
	const struct conf_tree *entry = field->node;
	struct fault why;
	int r = 0;

	if (field->row->host_keys)
		r = domain_check(entry->key, &why);
	else if (field->row->brief == NULL)
		r = name_check(entry->key, &why);
	if (r < 0)
		error_at(field->loader->diagnostics, entry->key_location, "%s", why.text);
	return r >= 0;
}

static void fill_items(const struct field *field)
{
	const struct setting *row = field->row;
	bool by_name = row->type == SETTING_NAMED;
	struct field item = *field;
	char below[PATH_SIZE];
	size_t count = 0;
	char *elements;

	if (field->node->kind != (by_name ? TREE_MAP : TREE_LIST)) {
		field_error(field, "expected %s",
			by_name ? "a section with names as keys" : "a list of sections");
		return;
	}
	check_count(field);
	snprintf(below, sizeof(below), "%s.", row->path);
	elements = arena_alloc(field->loader->arena, (field->node->count + 1) * row->size);
	for (const struct conf_tree *entry = field->node->first; entry != NULL;
		entry = entry->next) {
		item.node = entry;
		item.base = elements + count * row->size;
		/* checks.score and checks.grey have groups of their own */
		if (by_name && (group_has(below, entry->key) || !key_is_name(&item)))
			continue;
		fill_item(&item);
		count++;
	}
	*(void **)field_member(field) = elements;
	*(size_t *)member_at(field->base, row->count) = count;
}

/* ---- groups ---- */

static void fill_row(const struct field *field)
{
	const struct setting *row = field->row;
	const struct conf_tree *node = field->node;

	if (row->location != 0 && row->type != SETTING_ITEMS && row->type != SETTING_NAMED)
		*(struct conf_location *)member_at(field->base, row->location) =
			node->key.len != 0 ? node->key_location : node->location;
	switch (row->type) {
	case SETTING_SECTION:
		break;
	case SETTING_ITEMS:
	case SETTING_NAMED:
		fill_items(field);
		break;
	case SETTING_HOSTS:
	case SETTING_DOMAINS:
	case SETTING_WORDS:
	case SETTING_FLAGS:
	case SETTING_ENDPOINTS:
	case SETTING_NETWORKS:
	case SETTING_ADDRESSES:
	case SETTING_NAMES:
	case SETTING_RECIPIENTS:
	case SETTING_CODES:
		fill_list(field);
		break;
	default:
		fill_single(field);
		if (row->count != 0 && row->type == SETTING_WORD)
			*(bool *)member_at(field->base, row->count) = true;
		break;
	}
}

/* The path as seen from the element it belongs to: "criterion.text", "zone", "own.domains". */
static const char *path_shown(const char *path)
{
	const char *shown = path, *next;

	while ((next = strstr(shown, "NAME.")) != NULL)
		shown = next + 5;
	next = strstr(shown, "[].");
	return next != NULL ? next + 3 : shown;
}

/* field->node: where the missing key is reported. */
static void fill_absent(struct field *field)
{
	struct loader *loader = field->loader;
	const struct setting *row = field->row;
	const struct conf_tree *owner = field->node;
	struct conf_location location = owner->key.len != 0 ? owner->key_location : owner->location;

	if (owner == loader->root)
		location = (struct conf_location){.file = loader->conf->file};
	if (row->required)
		error_at(loader->diagnostics, location, "'%s' is missing", path_shown(row->path));
	if (row->required || row->initial == NULL)
		return;
	field->node = tree_of_text(row->initial, loader->arena);
	fill_row(field);
	if (row->count != 0 && row->type == SETTING_WORD)
		*(bool *)member_at(field->base, row->count) = false;
}

static void fill_key(struct loader *loader, const struct group *group, struct span key);

/* Every key that the table knows below the prefix. Recursion follows the table, which is three
 * sections deep. */
static void fill_keys(struct loader *loader, const struct group *group)
{
	struct span key;
	size_t at = 0;

	while (setting_next(group->prefix, &at, &key))
		fill_key(loader, group, key);
}

/* A word in the place of a section, as the section that has it for its brief key. */
static const struct conf_tree *section_of_word(
	const struct loader *loader, const struct conf_tree *word, const char *brief)
{
	struct conf_tree *section = arena_alloc(loader->arena, 2 * sizeof(*section));

	section[0] = section[1] = *word;
	section[0].kind = TREE_MAP;
	section[0].first = section[0].last = &section[1];
	section[0].count = 1;
	section[1].key = span_text(brief);
	section[1].next = NULL;
	return section;
}

static void fill_key(struct loader *loader, const struct group *group, struct span key)
{
	const char *name = arena_string(loader->arena, key);
	const struct setting *row = setting_find(group->prefix, key);
	const struct conf_tree *entry = group->map != NULL ? tree_find(group->map, name) : NULL;
	bool is_brief = row != NULL && row->type == SETTING_SECTION && row->brief != NULL &&
			entry != NULL && entry->kind == TREE_WORD && entry->text.len != 0;
	bool is_section = is_brief || (entry != NULL && entry->kind == TREE_MAP);
	struct field field = {loader, row, entry != NULL ? entry : group->owner, group->base};
	char prefix[PATH_SIZE];

	if (is_brief)
		entry = section_of_word(loader, entry, row->brief);
	struct group below = {
		prefix, is_section ? entry : NULL, is_section ? entry : group->owner, group->base};

	if (row != NULL && entry != NULL)
		fill_row(&field);
	else if (row != NULL)
		fill_absent(&field);
	snprintf(prefix, sizeof(prefix), "%s%s.", group->prefix, name);
	if (row != NULL && row->type == SETTING_NAMED) {
		below.owner = group->owner;
		fill_keys(loader, &below);
	} else if (row != NULL && row->type != SETTING_SECTION) {
		return;
	} else if (entry != NULL && !is_section) {
		field_error(&field, "expected a section, like {key: value}");
	} else {
		fill_group(loader, &below);
	}
}

static void fill_group(struct loader *loader, const struct group *group)
{
	for (const struct conf_tree *entry = group->map != NULL ? group->map->first : NULL;
		entry != NULL; entry = entry->next) {
		if (!group_has(group->prefix, entry->key))
			error_unknown_key(loader, group, entry);
	}
	fill_keys(loader, group);
}

void conf_fill(struct loader *loader)
{
	fill_group(loader, &(struct group){"", loader->root, loader->root, loader->conf});
}
