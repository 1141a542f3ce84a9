/* SPDX-License-Identifier: ISC */
#include "base/macro.h"
#include "base/suggest.h"
#include "unit.h"

static void the_nearest_name_is_suggested(void **state)
{
	static const char *const names[] = {"off", "tag", "score", "reject"};
	static const struct {
		const char *word, *hint;
	} cases[] = {
		{"rejct", "; did you mean 'reject'?"},
		{"REJECT", "; did you mean 'reject'?"},
		{"erject", "; did you mean 'reject'?"},
		{"tga", "; did you mean 'tag'?"},
		{"greylist", ""},
		{"x", ""},
		{"", ""},
		{"rejectrejectrejectrejectrejectrejectreject", ""},
	};

	(void)state;
	for (size_t i = 0; i < COUNTOF(cases); i++) {
		struct suggest meant = {.word = span_text(cases[i].word)};

		for (size_t k = 0; k < COUNTOF(names); k++)
			suggest_offer(&meant, span_text(names[k]));
		assert_string_equal(suggest_hint(&meant), cases[i].hint);
	}
}

static void of_two_that_are_as_near_the_first_is_suggested(void **state)
{
	struct suggest meant = {.word = span_text("lists")};

	(void)state;
	suggest_offer(&meant, span_text("list"));
	suggest_offer(&meant, span_text("listz"));
	assert_string_equal(suggest_hint(&meant), "; did you mean 'list'?");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_nearest_name_is_suggested),
		cmocka_unit_test(of_two_that_are_as_near_the_first_is_suggested),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
