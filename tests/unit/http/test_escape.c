/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "base/err.h"
#include "base/macro.h"
#include "http/escape.h"

static void expect(void (*escape)(struct span s, struct buf *out), struct span in, const char *out)
{
	struct buf buf;

	buf_init(&buf, 0);
	escape(in, &buf);
	assert_string_equal(buf_cstr(&buf), out);
	buf_done(&buf);
}

static void markup_becomes_entities(void **state)
{
	(void)state;
	expect(escape_html, span_text("<script>alert(\"1\")</script>&'"),
		"&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&amp;&#39;");
	expect(escape_visible, span_text("<b>"), "<b>");
}

static void what_has_no_shape_gets_one(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{"a\x1b[31mb", "a\\x1b[31mb"},
		{"\r\n\t\x7f", "\\x0d\\x0a\\x09\\x7f"},
		{"\xc2\x85", "\\x85"}, /* a C1 control */
		{"\xe2\x80\xae"
		 "gpj.exe",
			"\\u{202e}gpj.exe"}, /* right-to-left override */
		{"\xe2\x81\xa6", "\\u{2066}"},
		{"\xe2\x80\x8b", "\\u{200b}"},
		{"\xef\xbb\xbf", "\\u{feff}"},
		{"\xf3\xa0\x81\x81", "\\u{e0041}"},
		{"b\xc3\xbc"
		 "cher",
			"b\xc3\xbc"
			"cher"},
	};

	(void)state;
	for (size_t i = 0; i < COUNTOF(cases); i++) {
		expect(escape_html, span_text(cases[i].in), cases[i].out);
		expect(escape_visible, span_text(cases[i].in), cases[i].out);
	}
	expect(escape_html, span_of("a\0b", 3), "a\\x00b");
}

static void bytes_that_are_no_utf8_are_shown(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{"\xff\xfe", "\\xff\\xfe"}, {"\xc0\xbc", "\\xc0\\xbc"}, /* '<', overlong */
		{"\xe0\x80\xbc", "\\xe0\\x80\\xbc"},          /* the same in three bytes */
		{"\xed\xa0\x80", "\\xed\\xa0\\x80"},          /* a surrogate */
		{"\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"}, /* above U+10FFFF */
		{"a\xc3", "a\\xc3"},                          /* cut short */
		{"\xc3<", "\\xc3&lt;"},                       /* must not swallow the next byte */
	};

	(void)state;
	for (size_t i = 0; i < COUNTOF(cases); i++)
		expect(escape_html, span_text(cases[i].in), cases[i].out);
}

static void urls_keep_only_unreserved_characters(void **state)
{
	(void)state;
	expect(escape_url, span_text("a-b_c.d~e/?#%\"\xc3"), "a-b_c.d~e%2F%3F%23%25%22%C3");
}

static void percent_escapes_are_undone_once(void **state)
{
	struct buf buf;

	(void)state;
	buf_init(&buf, 0);
	assert_int_equal(unescape_url(span_text("%2541+b%2f"), false, &buf), 0);
	assert_string_equal(buf_cstr(&buf), "%41+b/");
	buf_clear(&buf);
	assert_int_equal(unescape_url(span_text("a+b"), true, &buf), 0);
	assert_string_equal(buf_cstr(&buf), "a b");
	assert_int_equal(unescape_url(span_text("%4"), false, &buf), E_PARSE);
	assert_int_equal(unescape_url(span_text("%zz"), false, &buf), E_PARSE);
	buf_done(&buf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(markup_becomes_entities),
		cmocka_unit_test(what_has_no_shape_gets_one),
		cmocka_unit_test(bytes_that_are_no_utf8_are_shown),
		cmocka_unit_test(urls_keep_only_unreserved_characters),
		cmocka_unit_test(percent_escapes_are_undone_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
