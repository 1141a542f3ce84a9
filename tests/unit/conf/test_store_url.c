/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "base/err.h"
#include "base/macro.h"
#include "conf/store_url.h"

static void a_store_is_of_a_known_form(void **state)
{
	static const struct {
		const char *url;
		const char *path; /* NULL: not a store */
	} cases[] = {
		{"sqlite:/var/lib/stockade.db", "/var/lib/stockade.db"},
		{"sqlite:///var/lib/stockade.db", "///var/lib/stockade.db"},
		{"SQLite:/s", "/s"},
		{STORE_URL_FILE "/s", "/s"},
		{"sqlite:/", NULL},
		{"sqlite:s.db", NULL},
		{"sqlit", NULL},
		{"/var/lib/stockade.db", NULL},
		{"postgresql://db/stockade", NULL},
		{"", NULL},
	};

	(void)state;
	for (size_t i = 0; i < COUNTOF(cases); i++) {
		const char *path = store_url_path(cases[i].url);

		assert_int_equal(store_url_kind(span_text(cases[i].url)),
			cases[i].path != NULL ? 0 : E_PARSE);
		if (cases[i].path == NULL)
			assert_null(path);
		else
			assert_string_equal(path, cases[i].path);
	}
}

static void messages_name_all_forms(void **state)
{
	(void)state;
	assert_string_equal(store_url_forms, "sqlite:/PATH");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_store_is_of_a_known_form),
		cmocka_unit_test(messages_name_all_forms),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
