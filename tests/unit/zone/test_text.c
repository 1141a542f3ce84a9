/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "base/macro.h"
#include "zone/text.h"

struct text_case {
	const char *portal_url;
	const char *reason;
	const char *ip; /* NULL: domain */
	const char *domain;
	const char *expected;
};

#define TEN     "0123456789"
#define HUNDRED TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN
#define PORTAL  "https://mail.example.org/why"

static const struct text_case cases[] = {
	{PORTAL, "3 trap hits", "198.51.100.9", "", "Listed: 3 trap hits; " PORTAL "/198.51.100.9"},
	{PORTAL, "x", "2001:db8::9", "", "Listed: x; " PORTAL "/2001:db8::9"},
	{PORTAL, "x", NULL, "bad.example", "Listed: x; " PORTAL "/bad.example"},
	{"", "x", "198.51.100.9", "", "Listed: x"},
	{"", "", "198.51.100.9", "", "Listed: "},
	{PORTAL, "tab\there \xc3\xa9", "198.51.100.9", "",
		"Listed: tab?here ??; " PORTAL "/198.51.100.9"},
	{PORTAL, "x", NULL, "a b\"/?#%\\\xff.example",
		"Listed: x; " PORTAL "/a%20b%22%2F%3F%23%25%5C%FF.example"},
	/* the reason is cut, the link is not */
	{PORTAL, HUNDRED HUNDRED HUNDRED, "198.51.100.9", "",
		"Listed: " HUNDRED HUNDRED "0123; " PORTAL "/198.51.100.9"},
	/* a link that leaves no room for words names the page only */
	{PORTAL, "x", NULL, HUNDRED HUNDRED ".example", "Listed: x; " PORTAL},
	{HUNDRED HUNDRED HUNDRED, "x", "198.51.100.9", "", "Listed: x"},
};

static void texts_fit_one_string(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNTOF(cases); i++) {
		const struct text_case *c = &cases[i];
		uint8_t out[ZONE_TEXT_MAX];
		struct ip ip;
		size_t len;

		if (c->ip != NULL)
			assert_int_equal(ip_parse(span_text(c->ip), &ip), 0);
		len = zone_text(span_text(c->portal_url), span_text(c->reason),
			c->ip != NULL ? &ip : NULL, span_text(c->domain), out);
		assert_true(len <= ZONE_TEXT_MAX);
		if (!span_equal_text(span_of(out, len), c->expected))
			fail_msg("%zu: %.*s", i, (int)len, (const char *)out);
	}
}

/* Every octet of the longest domain encoded: the sanitizers watch the edges. */
static void the_worst_domain_fits(void **state)
{
	uint8_t domain[253];
	uint8_t out[ZONE_TEXT_MAX];
	size_t len;

	(void)state;
	memset(domain, 0xff, sizeof(domain));
	len = zone_text(
		span_text(PORTAL), span_text(HUNDRED), NULL, span_of(domain, sizeof(domain)), out);
	assert_true(span_equal_text(span_of(out, len), "Listed: " HUNDRED "; " PORTAL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts_fit_one_string),
		cmocka_unit_test(the_worst_domain_fits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
