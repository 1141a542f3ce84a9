/* SPDX-License-Identifier: ISC */
/* The first line is a value, the rest a template that may include itself: no value ever becomes
 * markup, and the work and the page stay bounded. */
#include <string.h>

#include "base/macro.h"
#include "base/utf8.h"
#include "http/escape.h"
#include "http/template.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_escaping(struct span value)
{
	struct buf out;

	buf_init(&out, 0);
	escape_html(value, &out);
	ASSERT(utf8_is_text(buf_span(&out)));
	for (size_t i = 0; i < buf_len(&out); i++)
		ASSERT(strchr("<>\"'", buf_span(&out).ptr[i]) == NULL);
	buf_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(arena) *arena = arena_new(0);
	AUTO(template_set) *set = NULL;
	struct span rest = span_of(data, size);
	struct span value = span_split(&rest, '\n');
	const struct template_source source = {"page", rest};
	struct value *model = value_new(arena);
	struct value *list = value_set_list(arena, model, "list");
	struct buf out;

	check_escaping(value);
	if (template_set_new(&source, 1, &set, NULL) < 0)
		return 0;
	value_set(arena, model, "a", value);
	value_set(arena, value_list_add(arena, list), "b", value);
	value_set(arena, value_list_add(arena, list), "b", value);
	buf_init(&out, 1 << 16);
	if (template_render(set, "page", model, &out) == 0)
		ASSERT(!out.bad);
	ASSERT(buf_len(&out) <= 1 << 16);
	buf_done(&out);
	return 0;
}
