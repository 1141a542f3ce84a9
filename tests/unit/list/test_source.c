/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "base/macro.h"
#include "list/source.h"

struct source_case {
	const char *text;
	int result;
	const char *printed;
};

#define LABEL63 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static const struct source_case cases[] = {
	{"198.51.100.9", 0, "198.51.100.9"},
	{" 198.51.100.0/24 ", 0, "198.51.100.0/24"},
	{"2001:db8::/64", 0, "2001:db8::/64"},
	{"2001:DB8::1", 0, "2001:db8::1"},
	{"::ffff:192.0.2.1", 0, "192.0.2.1"},
	{"bad.example", 0, "bad.example"},
	{".bad.example", 0, ".bad.example"},
	{"Bad.EXAMPLE.", 0, "bad.example"},
	{"_dmarc.bad.example", 0, "_dmarc.bad.example"},
	{"b\xc3\xbc"
	 "cher.example",
		0, "xn--bcher-kva.example"},
	{".B\xc3\x9c"
	 "CHER.example",
		0, ".xn--bcher-kva.example"},
	{"stra\xc3\x9f"
	 "e.example",
		0, "xn--strae-oqa.example"},
	{"3com.example", 0, "3com.example"},
	{LABEL63 "." LABEL63 "." LABEL63 "."
		 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		0,
		LABEL63 "." LABEL63 "." LABEL63 "."
			"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"},
	{LABEL63 "." LABEL63 "." LABEL63 "." LABEL63, E_PARSE, NULL},
	{LABEL63 "a.example", E_PARSE, NULL},
	{"", E_PARSE, NULL},
	{"  ", E_PARSE, NULL},
	{".", E_PARSE, NULL},
	{"..", E_PARSE, NULL},
	{"a..example", E_PARSE, NULL},
	{"..example", E_PARSE, NULL},
	{"*.bad.example", E_PARSE, NULL},
	{"-a.example", E_PARSE, NULL},
	{"a-.example", E_PARSE, NULL},
	{"a b.example", E_PARSE, NULL},
	{"user@example", E_PARSE, NULL},
	{"198.51.100", E_PARSE, NULL},
	{"198.51.100.256", E_PARSE, NULL},
	{"198.51.100.x.7", E_PARSE, NULL},
	{"198.51.100.9/24", E_RANGE, NULL},
	{"2001:db8::1/64", E_RANGE, NULL},
	{"2001:db8::/129", E_PARSE, NULL},
	{"http://bad.example", E_PARSE, NULL},
	{"\xff\xfe.example", E_PARSE, NULL},
};

static void sources_parse_and_print(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNTOF(cases); i++) {
		struct source source = {.kind = SOURCE_NET};
		struct fault why = {""};
		char text[SOURCE_TEXT_SIZE];

		assert_int_equal(
			source_parse(span_text(cases[i].text), &source, &why), cases[i].result);
		if (cases[i].result == 0)
			assert_string_equal(source_print(&source, text), cases[i].printed);
		else
			assert_true(why.text[0] != '\0');
	}
}

static void bytes_that_are_no_text_are_refused(void **state)
{
	static const uint8_t nul[] = "bad\0.example";
	struct source source;

	(void)state;
	assert_int_equal(source_parse(span_of(nul, sizeof(nul) - 1), &source, NULL), E_PARSE);
	assert_int_equal(source_parse(span_of("b\xc3\xbc\0.example", 12), &source, NULL), E_PARSE);
}

/* Who typed it has to see what is wrong with it. */
static void a_refusal_says_what_is_wrong(void **state)
{
	static const struct {
		const char *text, *words;
	} rows[] = {
		{"", "no address, network or domain given"},
		{"*.bad.example", "write '.bad.example' for"},
		{"*a.example", "is not an address, a network or a domain"},
		{"\xff\xfe.example", "is not an international domain name"},
		{LABEL63 LABEL63 LABEL63 LABEL63 LABEL63 ":",
			"too long for an address or a network"},
		{"\xc3\xbc." LABEL63 "." LABEL63 "." LABEL63
		 ".aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
			NULL},
		{"\xc3\xbc." LABEL63 "." LABEL63 "." LABEL63
		 ".aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
			"is not an international domain name"},
	};

	(void)state;
	for (size_t i = 0; i < COUNTOF(rows); i++) {
		struct fault why = {""};
		struct source source;
		int r = source_parse(span_text(rows[i].text), &source, &why);

		assert_int_equal(r, rows[i].words != NULL ? E_PARSE : 0);
		if (rows[i].words != NULL && strstr(why.text, rows[i].words) == NULL)
			fail_msg("'%s', not '%s'", why.text, rows[i].words);
	}
}

static void equal_means_the_same_source(void **state)
{
	static const char *const texts[] = {
		"10.0.0.0", "10.0.0.0/9", "::ffff:10.0.0.0", "bad.example", ".bad.example", "::/0"};
	struct source sources[COUNTOF(texts)];

	(void)state;
	for (size_t i = 0; i < COUNTOF(texts); i++)
		assert_int_equal(source_parse(span_text(texts[i]), &sources[i], NULL), 0);
	for (size_t i = 0; i < COUNTOF(texts); i++) {
		for (size_t j = 0; j < COUNTOF(texts); j++)
			assert_int_equal(source_equal(&sources[i], &sources[j]),
				i == j || (i == 0 && j == 2) || (i == 2 && j == 0));
	}
}

static void strangers_ask_for_little(void **state)
{
	static const struct {
		const char *text;
		bool narrow;
	} asked[] = {{"198.51.100.9", true}, {"198.51.100.0/24", true}, {"198.51.100.0/23", false},
		{"0.0.0.0/0", false}, {"2001:db8::1", true}, {"2001:db8:1::/48", true},
		{"2001:db8::/47", false}, {"::/0", false}, {"bad.example", true},
		{".bad.example", true}, {".example", false}, {"example", false}, {".co.uk", false},
		{"co.uk", false}, {"bad.co.uk", true}};

	(void)state;
	for (size_t i = 0; i < COUNTOF(asked); i++) {
		struct source source;

		if (source_parse(span_text(asked[i].text), &source, NULL) != 0)
			fail_msg("%s", asked[i].text);
		assert_int_equal(source_is_narrow(&source), asked[i].narrow);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sources_parse_and_print),
		cmocka_unit_test(bytes_that_are_no_text_are_refused),
		cmocka_unit_test(a_refusal_says_what_is_wrong),
		cmocka_unit_test(equal_means_the_same_source),
		cmocka_unit_test(strangers_ask_for_little),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
