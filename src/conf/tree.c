/* SPDX-License-Identifier: ISC */
/*
 * libfyaml reads events, we keep the tree: its own documents would resolve aliases, refuse the
 * first doubled key and recurse as deep as the text says. One pass, an explicit stack of the open
 * lists and maps, no recursion.
 */
#include "conf/tree.h"

#include <libfyaml.h>

#include "base/arena.h"
#include "base/macro.h"
#include "base/utf8.h"

struct builder {
	const char *file;
	struct diagnostics *diagnostics;
	struct arena *arena;
	struct conf_tree *root;
	struct conf_tree *open[TREE_DEPTH_MAX];
	size_t depth;
	size_t nodes;
	bool has_key; /* the key of the next entry of the innermost map was read */
	struct conf_tree key;
	bool failed;
};

/* ---- what is looked at before YAML ---- */

static struct conf_location location_at(const char *file, struct span text, size_t offset)
{
	struct conf_location location = {file, 1, 1};

	for (size_t i = 0; i < offset; i++) {
		if (text.ptr[i] == '\n') {
			location.line++;
			location.column = 1;
		} else if ((text.ptr[i] & 0xc0) != 0x80) {
			location.column++;
		}
	}
	return location;
}

/* Binary rubbish, other character sets and indentation by tabs are named here: YAML's own words for
 * them help nobody. */
static int text_check(const char *file, struct span text, struct diagnostics *diagnostics)
{
	bool in_indentation = true;
	size_t len;

	if (text.len > TREE_TEXT_MAX) {
		error_at(diagnostics, (struct conf_location){file, 0, 0},
			"the file is larger than %d bytes", TREE_TEXT_MAX);
		return E_CONFIG;
	}
	for (size_t i = 0; i < text.len; i += len) {
		uint8_t byte = text.ptr[i];

		len = utf8_length(span_from(text, i));
		if (len == 0 || (byte < 0x20 && byte != '\n' && byte != '\t' && byte != '\r') ||
			byte == 0x7f) {
			error_at(diagnostics, location_at(file, text, i),
				"byte 0x%02x is not text; a configuration is UTF-8 without control characters",
				byte);
			return E_CONFIG;
		}
		if (byte == '\t' && in_indentation) {
			error_at(diagnostics, location_at(file, text, i),
				"a tab in the indentation; YAML needs spaces here");
			return E_CONFIG;
		}
		in_indentation = byte == '\n' || (in_indentation && byte == ' ');
	}
	return 0;
}

/* ---- from events to the tree ---- */

static struct conf_location location_of(
	const struct builder *builder, const struct fy_mark *start, const struct fy_mark *end)
{
	struct conf_location location = {.file = builder->file};

	if (start == NULL)
		return location;
	location.line = (unsigned)start->line + 1;
	location.column = (unsigned)start->column + 1;
	if (end != NULL && end->line == start->line && end->column > start->column)
		location.width = (unsigned)(end->column - start->column);
	return location;
}

static void builder_fail(struct builder *builder, const struct conf_tree *node, const char *words)
{
	error_at(builder->diagnostics, node->location, "%s", words);
	builder->failed = true;
}

static void map_check_double(
	struct builder *builder, const struct conf_tree *map, const struct conf_tree *entry)
{
	for (const struct conf_tree *other = map->first; other != NULL; other = other->next) {
		if (!span_equal(other->key, entry->key))
			continue;
		error_at(builder->diagnostics, entry->key_location,
			"'%.*s' is given twice; first in line %u", (int)entry->key.len,
			entry->key.ptr, other->key_location.line);
		return;
	}
}

static void tree_append(struct conf_tree *parent, struct conf_tree *node)
{
	if (parent->last != NULL)
		parent->last->next = node;
	else
		parent->first = node;
	parent->last = node;
	parent->count++;
}

/* Puts a finished word or an opening list or map where it belongs. */
static void builder_attach(struct builder *builder, struct conf_tree *node)
{
	struct conf_tree *parent;

	if (builder->depth == 0) {
		builder->root = node;
		return;
	}
	parent = builder->open[builder->depth - 1];
	if (parent->kind == TREE_MAP) {
		node->key = builder->key.text;
		node->key_location = builder->key.location;
		if (node->location.line == 0) { /* nothing stands there: just behind the key */
			node->location = node->key_location;
			node->location.column += node->key_location.width + 1;
			node->location.width = 1;
		}
		map_check_double(builder, parent, node);
		builder->has_key = false;
	}
	tree_append(parent, node);
	if (parent->kind == TREE_MAP && parent->count > TREE_KEYS_MAX)
		builder_fail(builder, node, "too many keys");
}

static bool builder_wants_key(const struct builder *builder)
{
	return builder->depth != 0 && builder->open[builder->depth - 1]->kind == TREE_MAP &&
	       !builder->has_key;
}

static struct conf_tree *builder_node(
	struct builder *builder, enum tree_kind kind, struct fy_event *event)
{
	struct conf_tree *node = arena_alloc(builder->arena, sizeof(*node));

	node->kind = kind;
	node->location = location_of(builder, fy_event_start_mark(event),
		kind == TREE_WORD ? fy_event_end_mark(event) : NULL);
	if (++builder->nodes > TREE_NODES_MAX)
		builder_fail(builder, node, "too many values");
	return node;
}

/* Escapes of quoted words could bring in what text_check keeps out. */
static bool word_is_text(struct span word)
{
	for (size_t i = 0; i < word.len; i++) {
		if ((word.ptr[i] < 0x20 && word.ptr[i] != '\n') || word.ptr[i] == 0x7f)
			return false;
	}
	return true;
}

static void builder_word(struct builder *builder, struct fy_event *event)
{
	struct conf_tree *node = builder_node(builder, TREE_WORD, event);
	struct fy_token *token = event->scalar.value;
	size_t len = 0;
	const char *text = token != NULL ? fy_token_get_text(token, &len) : NULL;

	node->text = arena_copy(builder->arena, span_of(text, text != NULL ? len : 0));
	if (!word_is_text(node->text))
		error_at(builder->diagnostics, node->location,
			"control characters are not used in this file");
	node->plain = token == NULL || fy_token_scalar_style(token) == FYSS_PLAIN;
	if (event->scalar.anchor != NULL || event->scalar.tag != NULL) {
		builder_fail(builder, node,
			"anchors and tags are not used in this file; write the value out");
	} else if (builder_wants_key(builder)) {
		builder->key = *node;
		builder->has_key = true;
	} else {
		builder_attach(builder, node);
	}
}

static void builder_open(struct builder *builder, enum tree_kind kind, struct fy_event *event)
{
	struct conf_tree *node = builder_node(builder, kind, event);
	bool decorated =
		kind == TREE_MAP
			? event->mapping_start.anchor != NULL || event->mapping_start.tag != NULL
			: event->sequence_start.anchor != NULL || event->sequence_start.tag != NULL;

	if (decorated) {
		builder_fail(builder, node,
			"anchors and tags are not used in this file; write the value out");
	} else if (builder_wants_key(builder)) {
		builder_fail(builder, node, "a key has to be a word");
	} else if (builder->depth == TREE_DEPTH_MAX) {
		builder_fail(builder, node, "nested too deeply");
	} else {
		builder_attach(builder, node);
		builder->open[builder->depth++] = node;
	}
}

static void builder_take(struct builder *builder, struct fy_event *event)
{
	switch (event->type) {
	case FYET_SCALAR:
		builder_word(builder, event);
		break;
	case FYET_MAPPING_START:
		builder_open(builder, TREE_MAP, event);
		break;
	case FYET_SEQUENCE_START:
		builder_open(builder, TREE_LIST, event);
		break;
	case FYET_MAPPING_END:
	case FYET_SEQUENCE_END:
		builder->depth--;
		builder->has_key = false;
		break;
	case FYET_ALIAS:
		builder_fail(builder, builder_node(builder, TREE_WORD, event),
			"aliases are not used in this file; write the value out");
		break;
	case FYET_DOCUMENT_START:
		if (builder->root != NULL)
			builder_fail(builder, builder_node(builder, TREE_WORD, event),
				"a second document begins here; there is one to a file");
		break;
	default:
		break;
	}
}

/* The last thing libfyaml said; lines and columns count from 1 there. */
static void error_syntax(struct builder *builder, struct fy_diag *diag)
{
	void *at = NULL;
	struct fy_diag_error *error, *last = NULL;
	struct conf_location location = {builder->file, 0, 0};

	while ((error = fy_diag_errors_iterate(diag, &at)) != NULL)
		last = error;
	if (last == NULL) {
		error_at(builder->diagnostics, location, "not YAML");
		return;
	}
	location.line = last->line > 0 ? (unsigned)last->line : 1;
	location.column = last->column > 0 ? (unsigned)last->column : 1;
	error_at(builder->diagnostics, location, "not YAML: %s", last->msg);
}

static void builder_run(struct builder *builder, struct fy_parser *parser, struct fy_diag *diag)
{
	bool ended = false;

	while (!builder->failed && !ended) {
		struct fy_event *event = fy_parser_parse(parser);

		if (event == NULL)
			break;
		ended = event->type == FYET_STREAM_END;
		builder_take(builder, event);
		fy_parser_event_free(parser, event);
	}
	if (builder->failed || ended)
		return;
	error_syntax(builder, diag);
	builder->failed = true;
}

/* libfyaml would write to standard error; what it says is collected and said in our own form. */
static void drop_output(struct fy_diag *diag, void *user, const char *bytes, size_t len)
{
	(void)diag;
	(void)user;
	(void)bytes;
	(void)len;
}

static struct fy_diag *diag_new(void)
{
	struct fy_diag_cfg settings;
	struct fy_diag *diag;

	fy_diag_cfg_default(&settings);
	settings.fp = NULL;
	settings.output_fn = drop_output;
	diag = fy_diag_create(&settings);
	ASSERT(diag != NULL);
	fy_diag_set_collect_errors(diag, true);
	return diag;
}

int tree_parse(const struct conf_source *source, struct diagnostics *diagnostics,
	struct arena *arena, struct conf_tree **ret_tree)
{
	const char *file = source->file;
	struct span text = source->text;
	struct fy_parse_cfg settings = {
		.search_path = "",
		.flags = FYPCF_DEFAULT_VERSION_1_2 | FYPCF_JSON_NONE | FYPCF_DISABLE_MMAP_OPT,
	};
	struct builder builder = {.file = file, .diagnostics = diagnostics, .arena = arena};
	size_t errors_before = diagnostics->report->errors_len;
	struct fy_parser *parser;

	if (text_check(file, text, diagnostics) < 0)
		return E_CONFIG;
	settings.diag = diag_new();
	parser = fy_parser_create(&settings);
	if (parser == NULL || fy_parser_set_string(parser,
				      text.len != 0 ? (const char *)text.ptr : "", text.len) != 0) {
		error_at(diagnostics, (struct conf_location){file, 0, 0},
			"cannot be read: out of memory");
		builder.failed = true;
	} else {
		builder_run(&builder, parser, settings.diag);
	}
	if (parser != NULL)
		fy_parser_destroy(parser);
	fy_diag_destroy(settings.diag);
	if (builder.failed || diagnostics->report->errors_len != errors_before)
		return E_CONFIG;
	if (builder.root == NULL ||
		(builder.root->kind == TREE_WORD && builder.root->text.len == 0)) {
		builder.root = arena_alloc(arena, sizeof(*builder.root));
		*builder.root = (struct conf_tree){.kind = TREE_MAP, .location = {file, 0, 0}};
	}
	if (builder.root->kind != TREE_MAP) {
		error_at(diagnostics, builder.root->location, "expected `key: value` lines");
		return E_CONFIG;
	}
	*ret_tree = builder.root;
	return 0;
}

/* ---- working with trees ---- */

static struct conf_tree *entry_find(const struct conf_tree *map, struct span key)
{
	for (struct conf_tree *entry = map->first; entry != NULL; entry = entry->next) {
		if (span_equal(entry->key, key))
			return entry;
	}
	return NULL;
}

const struct conf_tree *tree_find(const struct conf_tree *map, const char *key)
{
	return entry_find(map, span_text(key));
}

/* Recursion ends at TREE_DEPTH_MAX, because neither tree is deeper. */
void tree_merge(struct conf_tree *into, struct conf_tree *from, struct diagnostics *diagnostics)
{
	struct conf_tree *entry = from->first;

	while (entry != NULL) {
		struct conf_tree *next = entry->next;
		struct conf_tree *there = entry_find(into, entry->key);

		entry->next = NULL;
		if (there == NULL)
			tree_append(into, entry);
		else if (there->kind == TREE_MAP && entry->kind == TREE_MAP)
			tree_merge(there, entry, diagnostics);
		else
			error_at(diagnostics, entry->key_location,
				"'%.*s' is given twice; first in %s:%u", (int)entry->key.len,
				entry->key.ptr, there->key_location.file, there->key_location.line);
		entry = next;
	}
}

static struct conf_tree *word_of_text(struct span text, struct arena *arena)
{
	struct conf_tree *node = arena_alloc(arena, sizeof(*node));

	*node = (struct conf_tree){.kind = TREE_WORD, .text = text, .plain = true};
	return node;
}

struct conf_tree *tree_of_text(const char *text, struct arena *arena)
{
	struct span rest = span_text(text);
	struct conf_tree *list;

	if (rest.len < 2 || rest.ptr[0] != '[' || rest.ptr[rest.len - 1] != ']')
		return word_of_text(rest, arena);
	list = word_of_text((struct span){0}, arena);
	list->kind = TREE_LIST;
	rest = span_of(rest.ptr + 1, rest.len - 2);
	while (rest.len != 0)
		tree_append(list, word_of_text(span_trim(span_split(&rest, ',')), arena));
	return list;
}
