/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include <string.h>

#include "base/macro.h"
#include "http/template.h"

/* Renders `page`, with `part` as a partial, over a model that all cases share. */
static int render(const char *page, const char *part, struct buf *out)
{
	const struct template_source sources[] = {
		{"page", span_text(page)}, {"part", span_text(part)}};
	AUTO(arena) *arena = arena_new(0);
	AUTO(template_set) *set = NULL;
	struct value *model = value_new(arena);
	struct value *list = value_set_list(arena, model, "list");
	struct value *inner = value_set_map(arena, model, "who");
	int r;

	value_set_text(arena, model, "name", "outer");
	value_set_text(arena, model, "empty", "");
	value_set_text(arena, model, "nasty", "<i>{{name}}</i>");
	value_set_flag(arena, model, "yes", true);
	value_set_flag(arena, model, "no", false);
	value_set_list(arena, model, "none");
	value_set_text(arena, inner, "name", "inner");
	value_set_text(arena, value_list_add(arena, list), "n", "1");
	value_set_text(arena, value_list_add(arena, list), "n", "2");
	r = template_set_new(sources, COUNTOF(sources), &set, NULL);
	return r < 0 ? r : template_render(set, "page", model, out);
}

static void expect(const char *page, const char *part, const char *text)
{
	struct buf out;

	buf_init(&out, 1 << 16);
	assert_int_equal(render(page, part, &out), 0);
	assert_string_equal(buf_cstr(&out), text);
	buf_done(&out);
}

static void expect_error(const char *page, const char *part, int error)
{
	struct buf out;

	buf_init(&out, 1 << 16);
	assert_int_equal(render(page, part, &out), error);
	buf_done(&out);
}

static void names_are_escaped_and_never_read_again(void **state)
{
	(void)state;
	expect("a {{name}} {{ name }} b", "", "a outer outer b");
	expect("{{nasty}}", "", "&lt;i&gt;{{name}}&lt;/i&gt;");
	expect("[{{unknown}}][{{empty}}]", "", "[][]");
	expect("{{who.name}} {{who.none}}", "", "inner ");
}

static void sections_follow_what_they_name(void **state)
{
	(void)state;
	expect("{{#yes}}y{{/yes}}{{#no}}n{{/no}}{{#empty}}e{{/empty}}{{#none}}l{{/none}}", "", "y");
	expect("{{^yes}}y{{/yes}}{{^no}}n{{/no}}{{^empty}}e{{/empty}}{{^none}}l{{/none}}{{^what}}w{{/what}}",
		"", "nelw");
	expect("{{#list}}<{{n}}{{name}}>{{/list}}", "", "<1outer><2outer>");
	expect("{{#who}}{{name}}{{/who}} {{name}}", "", "inner outer");
	expect("{{#yes}}{{#list}}{{#who}}{{n}}{{/who}}{{/list}}{{/yes}}", "", "12");
}

static void lines_with_only_a_section_disappear(void **state)
{
	(void)state;
	expect("a\n  {{#yes}}\nb\n  {{/yes}}  \nc\n", "", "a\nb\nc\n");
	expect("a\n{{! nothing }}\nb", "", "a\nb");
	expect("{{#yes}} x {{/yes}}\n", "", " x \n");
	expect("{{#yes}}{{/yes}}\n", "", "\n"); /* two on a line are no line of their own */
	expect("a\n{{name}}\nb", "", "a\nouter\nb");
}

static void partials_see_the_same_values(void **state)
{
	(void)state;
	expect("[{{> part}}]", "{{name}}", "[outer]");
	expect("{{#list}}{{> part}}{{/list}}", "({{n}})", "(1)(2)");
	expect_error("{{> missing}}", "", E_ABSENT);
}

static void forms_without_escaping_do_not_exist(void **state)
{
	(void)state;
	expect_error("{{{name}}}", "", E_PARSE);
	expect_error("{{&name}}", "", E_PARSE);
	expect_error("{{=<% %>=}}", "", E_PARSE);
}

static void broken_templates_are_refused(void **state)
{
	static const char *const pages[] = {"{{name", "{{#yes}}", "{{/yes}}",
		"{{#yes}}{{#no}}{{/yes}}{{/no}}", "{{}}", "{{#}}x{{/}}", "{{a b}}"};

	(void)state;
	for (size_t i = 0; i < COUNTOF(pages); i++)
		expect_error(pages[i], "", E_PARSE);
}

static void a_fault_names_file_and_line(void **state)
{
	const struct template_source source = {"why", span_text("a\nb\n{{#open}}\n")};
	AUTO(template_set) *set = NULL;
	struct fault why = {""};

	(void)state;
	assert_int_equal(template_set_new(&source, 1, &set, &why), E_PARSE);
	assert_non_null(strstr(why.text, "'why' line 4"));
}

static void work_is_bounded(void **state)
{
	(void)state;
	expect_error("{{> part}}", "{{> part}}", E_LIMIT);            /* for ever */
	expect_error("{{> part}}", "x{{> part}}{{> part}}", E_LIMIT); /* and doubling */
	expect_error("{{#list}}{{> part}}{{/list}}", "{{#list}}{{> part}}{{/list}}", E_LIMIT);
}

static void a_full_page_is_an_error(void **state)
{
	struct buf out;

	(void)state;
	buf_init(&out, 8);
	assert_int_equal(render("0123456789", "", &out), E_LIMIT);
	buf_done(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_escaped_and_never_read_again),
		cmocka_unit_test(sections_follow_what_they_name),
		cmocka_unit_test(lines_with_only_a_section_disappear),
		cmocka_unit_test(partials_see_the_same_values),
		cmocka_unit_test(forms_without_escaping_do_not_exist),
		cmocka_unit_test(broken_templates_are_refused),
		cmocka_unit_test(a_fault_names_file_and_line),
		cmocka_unit_test(work_is_bounded),
		cmocka_unit_test(a_full_page_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
