/* SPDX-License-Identifier: ISC */
/*
 * From the tree to the struct, by the settings table. A group is everything with one prefix ("gate.", "dnsbl[].") and one
 * struct: each key that is there goes to the row of its name, each row whose key is not there gives its default by the
 * same way. Nothing stops at an error, so that one run finds them all.
 */
#include <stdio.h>

#include "base/arena.h"
#include "base/macro.h"
#include "base/suggest.h"
#include "conf/load.h"
#include "conf/store_url.h"
#include "conf/value.h"

enum { PATH_SIZE = 160, ELEMENTS_MAX = 10000, SHOWN_MAX = 80 };

static void fill_group(struct loader *loader, const struct conf_tree *map,
	const struct conf_tree *owner, const char *prefix, void *base);

static void *member_at(void *base, ptrdiff_t offset)
{
	return (char *)base + offset;
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

static void error_unknown_key(struct loader *loader, const struct conf_tree *map,
	const struct conf_tree *entry, const char *prefix)
{
	struct suggest meant = {.word = entry->key};
	size_t at = 0;
	struct span key;

	while (setting_next(prefix, &at, &key))
		suggest_offer(&meant, key);
	error_at(loader->diagnostics, entry->key_location, "unknown key '%.*s'%s%.*s%s%s",
		shown_len(entry->key), entry->key.ptr, map->key.len != 0 ? " below '" : "",
		shown_len(map->key), map->key.ptr, map->key.len != 0 ? "'" : "",
		suggest_hint(&meant));
}

/* ---- words of a set ---- */

/* The location of a word in its set, or -1 with a complaint that names the set. */
static int word_find(struct loader *loader, const struct setting *row, const struct conf_tree *node)
{
	struct suggest meant = {.word = node->text};
	struct span rest = span_text(row->words);
	const char *listed = "";

	for (int i = 0; rest.len != 0; i++) {
		struct span word = span_split(&rest, ' ');

		if (span_equal_text(word, "-"))
			continue;
		if (span_equal(node->text, word))
			return i;
		suggest_offer(&meant, word);
		listed = arena_format(loader->arena, "%s%s%.*s", listed,
			*listed != '\0' ? ", " : "", (int)word.len, word.ptr);
	}
	error_at(loader->diagnostics, node->location, "'%.*s' is not %s (%s)%s",
		shown_len(node->text), node->text.ptr, row->noun, listed, suggest_hint(&meant));
	return -1;
}

/* ---- single values ---- */

static bool is_within(struct loader *loader, const struct setting *row,
	const struct conf_tree *node, int64_t value, const char *low, const char *high)
{
	if (value >= row->low && (row->high == 0 || value <= row->high))
		return true;
	if (row->high != 0)
		error_at(loader->diagnostics, node->location, "'%.*s' is outside %s to %s",
			(int)node->text.len, node->text.ptr, low, high);
	else
		error_at(loader->diagnostics, node->location, "'%.*s' is less than %s",
			(int)node->text.len, node->text.ptr, low);
	return false;
}

/* Lines of a folded or literal text become one; names become lower case. */
static void set_text(struct loader *loader, const struct conf_tree *node, bool lower, void *member)
{
	char *copy = arena_string(loader->arena, node->text);
	size_t len = strlen(copy);

	while (len != 0 && copy[len - 1] == '\n')
		copy[--len] = '\0';
	for (char *c = copy; *c != '\0'; c++) {
		if (*c == '\n')
			*c = ' ';
		if (lower)
			*c = (char)ascii_lower((uint8_t)*c);
	}
	*(const char **)member = copy;
}

/* Checks a text by its type and stores it; words in *why. */
static int fill_text(struct loader *loader, const struct setting *row, const struct conf_tree *node,
	void *member, struct fault *why)
{
	int r = 0;

	switch (row->type) {
	case SETTING_HOST:
		r = domain_check(node->text, why);
		break;
	case SETTING_MAILBOX:
		r = mailbox_check(node->text, why);
		break;
	case SETTING_URL:
		r = url_check(node->text, why);
		break;
	case SETTING_NAME:
		r = name_check(node->text, why);
		break;
	case SETTING_PATH:
		if (node->text.len < 2 || node->text.ptr[0] != '/')
			r = fault_set(why, E_PARSE, "'%.*s' is not an absolute path",
				(int)node->text.len, node->text.ptr);
		break;
	case SETTING_STORE:
		if (store_url_kind(node->text) < 0)
			r = fault_set(why, E_PARSE, "'%.*s' is not a store (%s)",
				(int)node->text.len, node->text.ptr, store_url_forms);
		break;
	default:
		break;
	}
	if (r >= 0 && row->high != 0 && node->text.len > (size_t)row->high)
		r = fault_set(why, E_RANGE, "%zu characters are too many; at most %d fit",
			node->text.len, (int)row->high);
	if (r >= 0)
		set_text(loader, node, row->type == SETTING_HOST, member);
	return r;
}

static int fill_number(struct loader *loader, const struct setting *row,
	const struct conf_tree *node, void *member, struct fault *why)
{
	bool negative = node->text.len != 0 && node->text.ptr[0] == '-';
	char low[DURATION_TEXT_SIZE], high[DURATION_TEXT_SIZE];
	uint64_t magnitude;
	int value;

	if (span_parse_u64(span_from(node->text, negative), INT32_MAX, &magnitude) < 0)
		return fault_set(why, E_PARSE, "'%.*s' is not a number", (int)node->text.len,
			node->text.ptr);
	value = negative ? -(int)magnitude : (int)magnitude;
	snprintf(low, sizeof(low), "%d", (int)row->low);
	snprintf(high, sizeof(high), "%d", (int)row->high);
	if (is_within(loader, row, node, value, low, high))
		*(int *)member = value;
	return 0;
}

static int fill_percent(struct loader *loader, const struct setting *row,
	const struct conf_tree *node, void *member, struct fault *why)
{
	char low[DURATION_TEXT_SIZE], high[DURATION_TEXT_SIZE];
	size_t digits = node->text.len - 1; /* an empty word does not come here */
	uint64_t value;

	if (node->text.ptr[digits] != '%' ||
		span_parse_u64(span_first(node->text, digits), INT32_MAX, &value) < 0)
		return fault_set(why, E_PARSE, "'%.*s' is not a percentage (like 30%%)",
			(int)node->text.len, node->text.ptr);
	snprintf(low, sizeof(low), "%d%%", (int)row->low);
	snprintf(high, sizeof(high), "%d%%", (int)row->high);
	if (is_within(loader, row, node, (int64_t)value, low, high))
		*(int *)member = (int)value;
	return 0;
}

static int fill_duration(struct loader *loader, const struct setting *row,
	const struct conf_tree *node, void *member, struct fault *why)
{
	int64_t unit = row->type == SETTING_MILLISECONDS ? 1 : 1000;
	char low[DURATION_TEXT_SIZE], high[DURATION_TEXT_SIZE];
	int64_t ms;
	int r;

	if (row->type == SETTING_LASTS && span_equal_text(node->text, "until-review")) {
		*(int64_t *)member = 0;
		return 0;
	}
	r = duration_parse(node->text, &ms, why);
	if (r < 0)
		return r;
	if (ms % unit != 0)
		return fault_set(why, E_RANGE, "'%.*s' is no whole number of seconds",
			(int)node->text.len, node->text.ptr);
	if (is_within(loader, row, node, ms / unit, duration_print(row->low * unit, low),
		    duration_print(row->high * unit, high)))
		*(int64_t *)member = ms / unit;
	return 0;
}

static int fill_size(struct loader *loader, const struct setting *row, const struct conf_tree *node,
	void *member, struct fault *why)
{
	char low[DURATION_TEXT_SIZE], high[DURATION_TEXT_SIZE];
	uint64_t size;
	int r = size_parse(node->text, &size, why);

	if (r >= 0 &&
		is_within(loader, row, node, size > INT64_MAX ? INT64_MAX : (int64_t)size,
			size_print((uint64_t)row->low, low), size_print((uint64_t)row->high, high)))
		*(uint64_t *)member = size;
	return r;
}

static int fill_endpoint(
	const struct setting *row, const struct conf_tree *node, void *base, struct fault *why)
{
	int r;

	if (row->count != 0 && span_equal_text(node->text, "off")) {
		*(bool *)member_at(base, row->count) = false;
		return 0;
	}
	r = endpoint_parse(node->text, member_at(base, row->member), why);
	if (r >= 0 && row->count != 0)
		*(bool *)member_at(base, row->count) = true;
	return r;
}

static int fill_code(const struct conf_tree *node, struct ip *ret_code, struct fault *why)
{
	struct ip ip;
	int r = ip_parse(node->text, &ip);

	if (r < 0 || !ip_is_v4(ip) || ip.b[12] != 127)
		return fault_set(why, E_PARSE,
			"'%.*s' is not a code: an address in 127.0.0.0/8, like 127.0.0.2",
			(int)node->text.len, node->text.ptr);
	if (ip_to_v4(ip) == 0x7f000001)
		return fault_set(why, E_RANGE,
			"127.0.0.1 is no code: lists test by it that they do not list everything (RFC 5782 section 5)");
	if (ip.b[13] == 255 && ip.b[14] == 255)
		return fault_set(why, E_RANGE,
			"'%.*s' is no code: answers in 127.255.255.0/24 say that a list refuses to answer",
			(int)node->text.len, node->text.ptr);
	*ret_code = ip;
	return 0;
}

static void fill_word(
	struct loader *loader, const struct setting *row, const struct conf_tree *node, void *base)
{
	int found = word_find(loader, row, node);

	if (found < 0)
		return;
	if (row->type == SETTING_SWITCH)
		*(bool *)member_at(base, row->member) = found == 1;
	else
		*(int *)member_at(base, row->member) = found;
}

/* One word into one member. */
static void fill_single(
	struct loader *loader, const struct setting *row, const struct conf_tree *node, void *base)
{
	void *member = member_at(base, row->member);
	struct fault why;
	int r = 0;

	if (node->kind != TREE_WORD) {
		error_at(loader->diagnostics, node->location,
			"a %s does not fit here; expected: %s",
			node->kind == TREE_LIST ? "list" : "section",
			setting_type_words(row->type));
		return;
	}
	if (node->text.len == 0) {
		error_at(loader->diagnostics, node->location, "there is no value; expected: %s",
			setting_type_words(row->type));
		return;
	}
	switch (row->type) {
	case SETTING_WORD:
	case SETTING_SWITCH:
		fill_word(loader, row, node, base);
		break;
	case SETTING_NUMBER:
		r = fill_number(loader, row, node, member, &why);
		break;
	case SETTING_SAMPLE:
		r = sample_parse(node->text, member, &why);
		break;
	case SETTING_PERCENT:
		r = fill_percent(loader, row, node, member, &why);
		break;
	case SETTING_SECONDS:
	case SETTING_MILLISECONDS:
	case SETTING_LASTS:
		r = fill_duration(loader, row, node, member, &why);
		break;
	case SETTING_SIZE:
		r = fill_size(loader, row, node, member, &why);
		break;
	case SETTING_ENDPOINT:
		r = fill_endpoint(row, node, base, &why);
		break;
	case SETTING_CODE:
		r = fill_code(node, member, &why);
		break;
	default:
		r = fill_text(loader, row, node, member, &why);
		break;
	}
	if (r < 0)
		error_at(loader->diagnostics, node->location, "%s", why.text);
}

/* ---- lists of words ---- */

static size_t element_size(enum setting_type type)
{
	switch (type) {
	case SETTING_ENDPOINTS:
		return sizeof(struct endpoint);
	case SETTING_NETWORKS:
		return sizeof(struct prefix);
	case SETTING_CODES:
		return sizeof(struct conf_code);
	case SETTING_ADDRESSES:
		return sizeof(struct ip);
	default:
		return sizeof(const char *);
	}
}

static int fill_element(struct loader *loader, const struct setting *row,
	const struct conf_tree *node, void *element, struct fault *why)
{
	int found;

	switch (row->type) {
	case SETTING_ENDPOINTS:
		return endpoint_parse(node->text, element, why);
	case SETTING_NETWORKS:
		return prefix_parse(node->text, element, why);
	case SETTING_CODES:
		return code_parse(node->text, element, why);
	case SETTING_ADDRESSES:
		if (ip_parse(node->text, element) < 0)
			return fault_set(why, E_PARSE, "'%.*s' is not an address",
				shown_len(node->text), node->text.ptr);
		return 0;
	case SETTING_NAMES:
		found = name_check(node->text, why);
		if (found >= 0)
			set_text(loader, node, false, element);
		return found;
	case SETTING_HOSTS:
		found = domain_check(node->text, why);
		if (found >= 0)
			set_text(loader, node, true, element);
		return found;
	default:
		if (word_find(loader, row, node) >= 0)
			set_text(loader, node, false, element);
		return 0;
	}
}

static void fill_flag(
	struct loader *loader, const struct setting *row, const struct conf_tree *node, void *base)
{
	int found = word_find(loader, row, node);

	if (found >= 0)
		((bool *)member_at(base, row->member))[found] = true;
}

static bool list_holds_before(const struct conf_tree *list, const struct conf_tree *node)
{
	for (const struct conf_tree *other = list->first; other != node; other = other->next) {
		if (other->kind == TREE_WORD && span_equal_nocase(other->text, node->text))
			return true;
	}
	return false;
}

/* A list may be written as one word when it has one element. */
static void fill_list(
	struct loader *loader, const struct setting *row, const struct conf_tree *node, void *base)
{
	struct conf_tree alone = {.kind = TREE_LIST, .location = node->location, .count = 1};
	size_t size = element_size(row->type), count = 0;
	struct conf_tree copy = *node;
	char *elements;

	if (node->kind == TREE_WORD && node->text.len != 0) {
		copy.next = NULL;
		alone.first = alone.last = &copy;
		node = &alone;
	}
	if (node->kind != TREE_LIST || node->count > ELEMENTS_MAX) {
		error_at(loader->diagnostics, node->location, "expected: %s%s",
			setting_type_words(row->type),
			node->kind == TREE_LIST ? " of a reasonable length" : ", like [a, b]");
		return;
	}
	if ((int64_t)node->count < row->low)
		error_at(loader->diagnostics, node->location, "there has to be at least one");
	if (row->high != 0 && (int64_t)node->count > row->high)
		error_at(loader->diagnostics, node->location, "more than %d of them",
			(int)row->high);
	elements = arena_alloc(loader->arena, (node->count + 1) * size);
	for (const struct conf_tree *word = node->first; word != NULL; word = word->next) {
		struct fault why;

		if (word->kind != TREE_WORD || word->text.len == 0)
			error_at(loader->diagnostics, word->location, "expected a word");
		else if (list_holds_before(node, word))
			error_at(loader->diagnostics, word->location, "'%.*s' is given twice",
				(int)word->text.len, word->text.ptr);
		else if (row->type == SETTING_FLAGS)
			fill_flag(loader, row, word, base);
		else if (fill_element(loader, row, word, elements + count * size, &why) < 0)
			error_at(loader->diagnostics, word->location, "%s", why.text);
		else
			count++;
	}
	if (row->type == SETTING_FLAGS)
		return;
	*(void **)member_at(base, row->member) = elements;
	*(size_t *)member_at(base, row->count) = count;
}

/* ---- lists and maps of sections ---- */

static void fill_row(
	struct loader *loader, const struct setting *row, const struct conf_tree *node, void *base);

static const char *key_copy(
	struct loader *loader, const struct setting *row, const struct conf_tree *entry)
{
	char *key = arena_string(loader->arena, entry->key);

	for (char *c = key; row->host_keys && *c != '\0'; c++)
		*c = (char)ascii_lower((uint8_t)*c);
	return key;
}

static void fill_item(struct loader *loader, const struct setting *row,
	const struct conf_tree *entry, void *element)
{
	char prefix[PATH_SIZE];

	snprintf(prefix, sizeof(prefix), "%s%s.", row->path,
		row->type == SETTING_ITEMS ? "[]" : ".NAME");
	*(struct conf_location *)member_at(element, row->location) =
		row->type == SETTING_NAMED ? entry->key_location : entry->location;
	if (row->type == SETTING_NAMED)
		*(const char **)member_at(element, row->name) = key_copy(loader, row, entry);
	if (entry->kind != TREE_MAP && row->brief != NULL)
		fill_row(loader, setting_find(prefix, span_text(row->brief)), entry, element);
	else if (entry->kind == TREE_MAP)
		fill_group(loader, entry, entry, prefix, element);
	else
		error_at(loader->diagnostics, entry->location, "expected a section%s, like {%s...}",
			row->brief != NULL ? " or a word" : "",
			row->brief != NULL ? "action: reject, " : "");
}

/* A key that the administrator chose; those of `checks` are fixed and judged in check.c. */
static bool key_is_name(
	struct loader *loader, const struct setting *row, const struct conf_tree *entry)
{
	struct fault why;
	int r = 0;

	if (row->host_keys)
		r = domain_check(entry->key, &why);
	else if (row->brief == NULL)
		r = name_check(entry->key, &why);
	if (r >= 0)
		return true;
	error_at(loader->diagnostics, entry->key_location, "%s", why.text);
	return false;
}

static void fill_items(
	struct loader *loader, const struct setting *row, const struct conf_tree *node, void *base)
{
	enum tree_kind wanted = row->type == SETTING_ITEMS ? TREE_LIST : TREE_MAP;
	char below[PATH_SIZE];
	size_t count = 0;
	char *elements;

	if (node->kind != wanted) {
		error_at(loader->diagnostics, node->location, "expected %s",
			wanted == TREE_LIST ? "a list of sections"
					    : "a section with names as keys");
		return;
	}
	if ((int64_t)node->count < row->low)
		error_at(loader->diagnostics, node->location, "there has to be at least one");
	if (row->high != 0 && (int64_t)node->count > row->high)
		error_at(loader->diagnostics, node->location, "more than %d of them",
			(int)row->high);
	snprintf(below, sizeof(below), "%s.", row->path);
	elements = arena_alloc(loader->arena, (node->count + 1) * row->size);
	for (const struct conf_tree *entry = node->first; entry != NULL; entry = entry->next) {
		if (wanted == TREE_MAP && group_has(below, entry->key))
			continue; /* checks.score has a group of its own */
		if (wanted == TREE_MAP && !key_is_name(loader, row, entry))
			continue;
		fill_item(loader, row, entry, elements + count * row->size);
		count++;
	}
	*(void **)member_at(base, row->member) = elements;
	*(size_t *)member_at(base, row->count) = count;
}

/* ---- groups ---- */

static void fill_row(
	struct loader *loader, const struct setting *row, const struct conf_tree *node, void *base)
{
	if (row->location != 0 && row->type != SETTING_ITEMS && row->type != SETTING_NAMED)
		*(struct conf_location *)member_at(base, row->location) =
			node->key.len != 0 ? node->key_location : node->location;
	switch (row->type) {
	case SETTING_SECTION:
		break;
	case SETTING_ITEMS:
	case SETTING_NAMED:
		fill_items(loader, row, node, base);
		break;
	case SETTING_HOSTS:
	case SETTING_WORDS:
	case SETTING_FLAGS:
	case SETTING_ENDPOINTS:
	case SETTING_NETWORKS:
	case SETTING_ADDRESSES:
	case SETTING_NAMES:
	case SETTING_CODES:
		fill_list(loader, row, node, base);
		break;
	default:
		fill_single(loader, row, node, base);
		if (row->count != 0 && row->type == SETTING_WORD)
			*(bool *)member_at(base, row->count) = true;
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

static void fill_absent(
	struct loader *loader, const struct setting *row, const struct conf_tree *owner, void *base)
{
	struct conf_location location = owner->key.len != 0 ? owner->key_location : owner->location;

	if (owner == loader->root)
		location = (struct conf_location){loader->conf->file, 0, 0};
	if (row->required) {
		error_at(loader->diagnostics, location, "'%s' is missing", path_shown(row->path));
		return;
	}
	if (row->initial == NULL)
		return;
	fill_row(loader, row, tree_of_text(row->initial, loader->arena), base);
	if (row->count != 0 && row->type == SETTING_WORD)
		*(bool *)member_at(base, row->count) = false;
}

/* Every key that the table knows below prefix. map is NULL when the section is absent; owner is where a missing key is
 * complained about. Recursion follows the table, which is three sections deep. */
static void fill_keys(struct loader *loader, const struct conf_tree *map,
	const struct conf_tree *owner, const char *prefix, void *base)
{
	struct span key;
	size_t at = 0;

	while (setting_next(prefix, &at, &key)) {
		const char *name = arena_string(loader->arena, key);
		const struct conf_tree *entry = map != NULL ? tree_find(map, name) : NULL;
		const struct conf_tree *section =
			entry != NULL && entry->kind == TREE_MAP ? entry : NULL;
		const struct setting *row = setting_find(prefix, key);
		char below[PATH_SIZE];

		if (row != NULL && entry != NULL)
			fill_row(loader, row, entry, base);
		else if (row != NULL)
			fill_absent(loader, row, owner, base);
		snprintf(below, sizeof(below), "%s%s.", prefix, name);
		if (row != NULL && row->type == SETTING_NAMED)
			fill_keys(loader, section, owner, below, base);
		else if (row != NULL && row->type != SETTING_SECTION)
			continue;
		else if (entry != NULL && section == NULL)
			error_at(loader->diagnostics, entry->location,
				"expected a section, like {key: value}");
		else
			fill_group(loader, section, section != NULL ? section : owner, below, base);
	}
}

static void fill_group(struct loader *loader, const struct conf_tree *map,
	const struct conf_tree *owner, const char *prefix, void *base)
{
	for (const struct conf_tree *entry = map != NULL ? map->first : NULL; entry != NULL;
		entry = entry->next) {
		if (!group_has(prefix, entry->key))
			error_unknown_key(loader, map, entry, prefix);
	}
	fill_keys(loader, map, owner, prefix, base);
}

void conf_fill(struct loader *loader)
{
	fill_group(loader, loader->root, loader->root, "", loader->conf);
}
