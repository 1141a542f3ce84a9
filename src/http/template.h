/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * HTML templates in a subset of Mustache:
 *
 *   {{name}} {{a.b}}             text, always escaped for HTML
 *   {{#name}} ... {{/name}}      once for each item of a list, once in a map, once when true
 *   {{^name}} ... {{/name}}      when there is nothing of that name, or it is empty or false
 *   {{> name}}                   another template of the set, with the same values
 *   {{! words }}                 nothing
 *
 * There is no form without escaping ({{{ }}}, {{& }}), on purpose: whoever wants markup writes it
 * in the template. Nor are there lambdas or other delimiters. A section, partial or comment alone
 * on its line takes the line with it. A name that is not in the innermost map is looked for further
 * out.
 *
 * Owner: whoever made the set; immutable afterwards, any thread may render.
 */
#include "base/buf.h"
#include "base/err.h"
#include "base/span.h"
#include "http/value.h"

/* text is borrowed and outlives the set. */
struct template_source {
	const char *name;
	struct span text;
};

struct template_set;

/* Compiles all of them. E_PARSE (a tag left open, sections crossing, a form we do not have),
 * E_LIMIT (nesting), E_ABSENT (a partial that is not in the set): "'why.html' line 3: ..." in
 * *why. */
int template_set_new(const struct template_source *sources, size_t count,
	struct template_set **ret_set, struct fault *why);
void template_set_free(struct template_set **set);

/* Appends to *out. E_ABSENT; E_LIMIT when partials or sections nest or repeat beyond all reason, or
 * *out is full. */
int template_render(const struct template_set *set, const char *name, const struct value *model,
	struct buf *out);
