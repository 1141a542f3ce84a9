/* SPDX-License-Identifier: ISC */
#include "base/macro.h"
#include "base/text.h"
#include "base/utf8.h"
#include "unit.h"

static void characters_are_read_in_their_shortest_form_only(void **state)
{
	static const struct {
		const char *bytes;
		uint32_t value;
		size_t len;
	} cases[] = {
		{"a", 'a', 1},
		{"\xc3\xbc"
		 "b",
			0xfc, 2},
		{"\xe2\x82\xac", 0x20ac, 3},
		{"\xf4\x8f\xbf\xbf", 0x10ffff, 4},
		{"\x80", UTF8_NONE, 0},             /* a byte that continues */
		{"\xc3", UTF8_NONE, 0},             /* cut off */
		{"\xc3(", UTF8_NONE, 0},            /* not continued */
		{"\xc0\xaf", UTF8_NONE, 0},         /* overlong */
		{"\xe0\x80\xaf", UTF8_NONE, 0},     /* overlong */
		{"\xf0\x80\x80\xaf", UTF8_NONE, 0}, /* overlong */
		{"\xed\xa0\x80", UTF8_NONE, 0},     /* half of a surrogate pair */
		{"\xf4\x90\x80\x80", UTF8_NONE, 0}, /* above U+10FFFF */
		{"\xf8\x88\x80\x80\x80", UTF8_NONE, 0},
	};

	(void)state;
	for (size_t i = 0; i < COUNTOF(cases); i++) {
		struct span s = span_text(cases[i].bytes);
		size_t len;

		assert_int_equal(utf8_first(s, &len), cases[i].value);
		assert_int_equal(len, cases[i].len != 0 ? cases[i].len : 1);
		assert_int_equal(utf8_length(s), cases[i].len);
		assert_int_equal(utf8_is_valid(span_first(s, len)), cases[i].value != UTF8_NONE);
	}
}

static void text_has_no_control_characters(void **state)
{
	static const char *const good[] = {"", "plain", "b\xc3\xbcro", "\xc2\xa0"};
	static const char *const bad[] = {"a\nb", "\x1b[0m", "\x7f", "\xc2\x85", "\xff", "a\xc3"};

	(void)state;
	for (size_t i = 0; i < COUNTOF(good); i++)
		assert_true(utf8_is_text(span_text(good[i])));
	for (size_t i = 0; i < COUNTOF(bad); i++)
		assert_false(utf8_is_text(span_text(bad[i])));
	assert_false(utf8_is_text(span_of("a\0b", 3)));
	assert_true(utf8_is_valid(span_text("a\n\xc2\x85")));
	assert_false(utf8_is_valid(span_text("a\xc3")));
}

static void text_is_cut_between_characters(void **state)
{
	static const char *const cut[] = {
		"", "a", "a", "a\xc3\xbc", "a\xc3\xbc", "a\xc3\xbc", "a\xc3\xbc\xe2\x82\xac"};
	const char *all = "a\xc3\xbc\xe2\x82\xac";
	char text[8];

	(void)state;
	for (size_t most = 0; most < COUNTOF(cut); most++) {
		assert_true(span_equal_text(utf8_cut(span_text(all), most), cut[most]));
		text_format(text, most + 1, "%s", all);
		assert_string_equal(text, cut[most]);
	}
	assert_true(span_equal_text(utf8_cut(span_text("b\xc3\xbc\xc3"), 9), "b\xc3\xbc"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(characters_are_read_in_their_shortest_form_only),
		cmocka_unit_test(text_has_no_control_characters),
		cmocka_unit_test(text_is_cut_between_characters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
