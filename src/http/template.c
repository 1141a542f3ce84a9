/* SPDX-License-Identifier: ISC */
#include "http/template.h"

#include "base/arena.h"
#include "base/macro.h"
#include "base/mem.h"
#include "http/escape.h"

/*
 * A template becomes an array of nodes; a section knows the node behind its end, so that a skipped
 * one is one step:
 *
 *   Hi {{#who}}<b>{{name}}</b>{{/who}}!      TEXT "Hi " | SECTION who -> 5 | TEXT "<b>" | NAME name
 *                                            | TEXT "</b>" | TEXT "!"
 *
 * Rendering keeps the maps around the present one in a chain on the C stack, which DEPTH_MAX bounds
 * for sections and partials together; STEPS_MAX bounds the work when both multiply.
 */
enum { DEPTH_MAX = 24, STEPS_MAX = 200000, NODES_MAX = 4096, TEMPLATES_MAX = 64 };

enum node_kind { NODE_TEXT, NODE_NAME, NODE_SECTION, NODE_INVERTED, NODE_PARTIAL };

struct node {
	enum node_kind kind;
	struct span text; /* the literal, or the name */
	size_t end;       /* sections: the node behind them */
};

struct template
{
	const char *name;
	struct node *nodes;
	size_t nodes_len, nodes_room;
};

struct template_set {
	struct template *templates;
	size_t len;
};

/* ---- compiling ---- */

struct compiler {
	const struct template_source *source;
	struct template *template;
	size_t at;    /* offset in the source */
	size_t depth; /* open sections */
	size_t open[DEPTH_MAX];
	struct fault *why;
};

static int compile_fault(struct compiler *c, int error, const char *words)
{
	unsigned line = 1;

	for (size_t i = 0; i < c->at && i < c->source->text.len; i++)
		line += c->source->text.ptr[i] == '\n';
	return fault_set(c->why, error, "'%s' line %u: %s", c->source->name, line, words);
}

static int node_add(struct compiler *c, enum node_kind kind, struct span text)
{
	struct template *t = c->template;

	if (kind == NODE_TEXT && text.len == 0)
		return 0;
	if (t->nodes_len == NODES_MAX)
		return compile_fault(c, E_LIMIT, "too many tags");
	mem_grow(&t->nodes, &t->nodes_room, t->nodes_len + 1, sizeof(*t->nodes));
	t->nodes[t->nodes_len++] = (struct node){.kind = kind, .text = text};
	return 0;
}

static int section_open(struct compiler *c, enum node_kind kind, struct span name)
{
	if (c->depth == DEPTH_MAX)
		return compile_fault(c, E_LIMIT, "sections nest too deeply");
	c->open[c->depth++] = c->template->nodes_len;
	return node_add(c, kind, name);
}

static int section_close(struct compiler *c, struct span name)
{
	struct node *node;

	if (c->depth == 0)
		return compile_fault(c, E_PARSE, "a section ends that was not opened");
	node = &c->template->nodes[c->open[--c->depth]];
	if (!span_equal(node->text, name))
		return compile_fault(c, E_PARSE, "sections cross each other");
	node->end = c->template->nodes_len;
	return 0;
}

static int compile_tag(struct compiler *c, struct span tag)
{
	uint8_t mark = tag.len != 0 ? tag.ptr[0] : 0;
	bool marked = mark == '#' || mark == '^' || mark == '/' || mark == '>' || mark == '!';
	struct span name = span_trim(marked ? span_from(tag, 1) : tag);

	if (mark == '!')
		return 0;
	if (name.len == 0 || !span_is_word(name, ".-"))
		return compile_fault(c, E_PARSE, "a tag is not of a form we know");
	switch (mark) {
	case '#':
		return section_open(c, NODE_SECTION, name);
	case '^':
		return section_open(c, NODE_INVERTED, name);
	case '/':
		return section_close(c, name);
	case '>':
		return node_add(c, NODE_PARTIAL, name);
	default:
		return node_add(c, NODE_NAME, name);
	}
}

/* Whether the tag at [begin, end) is alone on its line; then both grow to the whole line. */
static bool take_whole_line(struct span text, size_t *begin, size_t *end)
{
	size_t left = *begin, right = *end;

	while (left > 0 && (text.ptr[left - 1] == ' ' || text.ptr[left - 1] == '\t'))
		left--;
	while (right < text.len && (text.ptr[right] == ' ' || text.ptr[right] == '\t'))
		right++;
	if ((left != 0 && text.ptr[left - 1] != '\n') ||
		(right < text.len && text.ptr[right] != '\n'))
		return false;
	*begin = left;
	*end = right < text.len ? right + 1 : right;
	return true;
}

/* The text up to the next tag, and the tag. 1: went on, 0: the source is at its end. */
static int compile_step(struct compiler *c)
{
	struct span text = c->source->text, rest = span_from(text, c->at);
	size_t begin = c->at + span_find_text(rest, "{{"), after = begin + 2;
	size_t literal_end = begin, end;
	struct span tag;
	int r;

	if (begin >= text.len) {
		r = node_add(c, NODE_TEXT, rest);
		c->at = text.len;
		return r;
	}
	end = after + span_find_text(span_from(text, after), "}}");
	if (end >= text.len) {
		c->at = begin;
		return compile_fault(c, E_PARSE, "a tag is not closed");
	}
	tag = span_trim(span_first(span_from(text, after), end - after));
	end += 2;
	if (tag.len != 0 && memchr("#^/>!", tag.ptr[0], 5) != NULL)
		take_whole_line(text, &literal_end, &end);
	if (literal_end < c->at)
		literal_end = c->at; /* two tags on one line */
	r = node_add(c, NODE_TEXT, span_first(rest, literal_end - c->at));
	c->at = begin;
	if (r >= 0)
		r = compile_tag(c, tag);
	c->at = end;
	return r < 0 ? r : 1;
}

static int template_compile(
	const struct template_source *source, struct template *template, struct fault *why)
{
	struct compiler c = {.source = source, .template = template, .why = why};
	int r;

	template->name = source->name;
	do
		r = compile_step(&c);
	while (r > 0);
	if (r == 0 && c.depth != 0)
		r = compile_fault(&c, E_PARSE, "a section is not closed");
	return r;
}

static const struct template *set_find(const struct template_set *set, struct span name)
{
	for (size_t i = 0; i < set->len; i++)
		if (span_equal_text(name, set->templates[i].name))
			return &set->templates[i];
	return NULL;
}

/* A partial that is missing shall be found at the start and not on the page that needs it. */
static int set_check_partials(const struct template_set *set, struct fault *why)
{
	for (size_t i = 0; i < set->len; i++) {
		const struct template *t = &set->templates[i];

		for (size_t n = 0; n < t->nodes_len; n++)
			if (t->nodes[n].kind == NODE_PARTIAL &&
				set_find(set, t->nodes[n].text) == NULL)
				return fault_set(why, E_ABSENT, "'%s': no template '%.*s'", t->name,
					(int)t->nodes[n].text.len,
					(const char *)t->nodes[n].text.ptr);
	}
	return 0;
}

int template_set_new(const struct template_source *sources, size_t count,
	struct template_set **ret_set, struct fault *why)
{
	AUTO(template_set) *set = mem_new(template_set);
	int r = 0;

	if (count > TEMPLATES_MAX)
		return fault_set(why, E_LIMIT, "more than %d templates", TEMPLATES_MAX);
	set->templates = mem_alloc_array(count, sizeof(*set->templates));
	set->len = count;
	for (size_t i = 0; i < count && r >= 0; i++)
		r = template_compile(&sources[i], &set->templates[i], why);
	if (r >= 0)
		r = set_check_partials(set, why);
	if (r < 0)
		return r;
	*ret_set = TAKE(set);
	return 0;
}

void template_set_free(struct template_set **set)
{
	if (*set == NULL)
		return;
	for (size_t i = 0; i < (*set)->len; i++)
		mem_free((*set)->templates[i].nodes);
	mem_free((*set)->templates);
	mem_free(*set);
	*set = NULL;
}

/* ---- rendering ---- */

struct scope {
	const struct value *map;
	const struct scope *outer;
	unsigned depth;
};

/* Nodes of a template, from..to-1. */
struct block {
	const struct template *template;
	size_t from, to;
};

struct renderer {
	const struct template_set *set;
	struct buf *out;
	size_t steps;
};

static int render_block(struct renderer *r, struct block block, const struct scope *scope);

static const struct value *scope_get(const struct scope *scope, struct span name)
{
	for (; scope != NULL; scope = scope->outer) {
		const struct value *value = value_get(scope->map, name);

		if (value != NULL)
			return value;
	}
	return NULL;
}

/* What is inside of the section at `at`, with the names of `map` before those of the scope around
 * it. */
static int render_inside(
	struct renderer *r, struct block at, const struct value *map, const struct scope *scope)
{
	struct scope inner = {map, scope, scope->depth + 1};
	size_t end = at.template->nodes[at.from].end;

	return render_block(r, (struct block){at.template, at.from + 1, end}, &inner);
}

static int render_section(struct renderer *r, struct block at, const struct scope *scope)
{
	const struct value *value = scope_get(scope, at.template->nodes[at.from].text);
	int result = 0;

	if (!value_is_true(value))
		return 0;
	if (!value_is_list(value))
		return render_inside(r, at, value, scope);
	for (const struct value *item = value_first(value); item != NULL && result >= 0;
		item = value_next(item))
		result = render_inside(r, at, item, scope);
	return result;
}

/* The first node of the block. */
static int render_node(struct renderer *r, struct block at, const struct scope *scope)
{
	const struct node *node = &at.template->nodes[at.from];
	struct scope inner = {scope->map, scope->outer, scope->depth + 1};
	const struct template *partial;
	const struct value *value;

	switch (node->kind) {
	case NODE_TEXT:
		buf_append(r->out, node->text);
		return 0;
	case NODE_NAME:
		value = scope_get(scope, node->text);
		if (value != NULL)
			escape_html(value_text(value), r->out);
		return 0;
	case NODE_SECTION:
		return render_section(r, at, scope);
	case NODE_INVERTED:
		if (value_is_true(scope_get(scope, node->text)))
			return 0;
		return render_block(r, (struct block){at.template, at.from + 1, node->end}, &inner);
	case NODE_PARTIAL:
		partial = set_find(r->set, node->text); /* template_set_new saw to it */
		return render_block(r, (struct block){partial, 0, partial->nodes_len}, &inner);
	}
	return E_BUG;
}

static int render_block(struct renderer *r, struct block block, const struct scope *scope)
{
	if (scope->depth > DEPTH_MAX)
		return E_LIMIT;
	while (block.from < block.to) {
		const struct node *node = &block.template->nodes[block.from];
		int result;

		if (++r->steps > STEPS_MAX || r->out->bad)
			return E_LIMIT;
		result = render_node(r, block, scope);
		if (result < 0)
			return result;
		block.from = node->kind == NODE_SECTION || node->kind == NODE_INVERTED
				     ? node->end
				     : block.from + 1;
	}
	return 0;
}

int template_render(const struct template_set *set, const char *name, const struct value *model,
	struct buf *out)
{
	const struct template *template = set_find(set, span_text(name));
	struct renderer renderer = {.set = set, .out = out};
	struct scope scope = {model, NULL, 0};
	int r;

	if (template == NULL)
		return E_ABSENT;
	r = render_block(&renderer, (struct block){template, 0, template->nodes_len}, &scope);
	return r >= 0 && out->bad ? E_LIMIT : r;
}
