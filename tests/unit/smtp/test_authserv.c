/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "base/macro.h"
#include "base/span.h"
#include "smtp/authserv.h"

static const struct {
	const char *value;
	enum authserv_is is;
} rows[] = {
	{"mx.example;", AUTHSERV_OURS},
	{"MX.Example\r", AUTHSERV_OURS},
	{"mx.example 1", AUTHSERV_OURS},
	{"mx.example(c", AUTHSERV_OURS},
	{"\"mx.example\"", AUTHSERV_OURS},
	{"\"mx.\\example\"", AUTHSERV_OURS},
	{"(a) \r\n\t (b(c)\\)) mx.example;", AUTHSERV_OURS},
	{"mx.example.org;", AUTHSERV_OTHER},
	{"mx.exam;", AUTHSERV_OTHER},
	{"\"mx.exam\"", AUTHSERV_OTHER},
	{"\"mx.example.\"", AUTHSERV_OTHER},
	{";", AUTHSERV_OTHER},
	{"(mx.example) other;", AUTHSERV_OTHER},
	{"mx.example", AUTHSERV_OPEN},
	{"(mx.example;", AUTHSERV_OPEN},
	{" \r\n ", AUTHSERV_OPEN},
	{"", AUTHSERV_OPEN},
};

static void it_is_known_whose_results_they_are(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNTOF(rows); i++) {
		struct span value = span_text(rows[i].value);
		enum authserv_is is = AUTHSERV_OPEN;
		struct smtp_authserv authserv;

		smtp_authserv_init(&authserv, "mx.example");
		for (; value.len != 0 && is == AUTHSERV_OPEN; value = span_from(value, 1))
			is = smtp_authserv_read(&authserv, value.ptr[0]);
		if (is != rows[i].is)
			fail_msg("%s", rows[i].value);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_known_whose_results_they_are),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
