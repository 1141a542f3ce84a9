/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "base/macro.h"
#include "zone/txt_text.h"

struct text_case {
	const char *template;
	const char *portal_url;
	const char *reason;
	const char *net; /* NULL: domain */
	const char *domain;
	const char *expected;
};

#define TEN     "0123456789"
#define HUNDRED TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN
#define PORTAL  "https://mail.example.org/why"
#define USUAL   TXT_TEMPLATE

static const struct text_case cases[] = {
	{USUAL, PORTAL, "3 trap hits", "198.51.100.9", "",
		"Listed: 3 trap hits; " PORTAL "/198.51.100.9"},
	{USUAL, PORTAL, "x", "2001:db8::9", "", "Listed: x; " PORTAL "/2001:db8::9"},
	{USUAL, PORTAL, "x", NULL, "bad.example", "Listed: x; " PORTAL "/bad.example"},
	{USUAL, PORTAL, "tab\there \xc3\xa9", "198.51.100.9", "",
		"Listed: tab?here ??; " PORTAL "/198.51.100.9"},
	{USUAL, PORTAL, "x", NULL, "a b\"/?#%\\\xff.example",
		"Listed: x; " PORTAL "/a%20b%22%2F%3F%23%25%5C%FF.example"},
	/* the page of a network is that of its first address */
	{USUAL, PORTAL, "x", "2001:db8::/36", "", "Listed: x; " PORTAL "/2001:db8::"},
	/* the reason is cut, the link is not */
	{USUAL, PORTAL, HUNDRED HUNDRED HUNDRED, "198.51.100.9", "",
		"Listed: " HUNDRED HUNDRED "0...; " PORTAL "/198.51.100.9"},
	/* a link that leaves no room for words names the page only */
	{USUAL, PORTAL, "x", NULL, HUNDRED HUNDRED TEN TEN ".example", "Listed: x; " PORTAL},
	/* at last the end is cut */
	{USUAL, HUNDRED HUNDRED HUNDRED, "x", "198.51.100.9", "",
		"Listed: x; " HUNDRED HUNDRED TEN TEN TEN TEN "0123"},
	/* templates */
	{"$", PORTAL, "x", "198.51.100.9", "", "198.51.100.9"},
	{"$ is in $", PORTAL, "x", "2001:db8::/32", "", "2001:db8::/32 is in 2001:db8::/32"},
	{"$", PORTAL, "x", NULL, "bad.example", "bad.example"},
	{"for $$5 and $$", PORTAL, "x", "198.51.100.9", "", "for $5 and $"},
	{"no words", PORTAL, "x", "198.51.100.9", "", "no words"},
	{"%s %d %n ${reason}", PORTAL, "%s %d %n", "198.51.100.9", "", "%s %d %n %s %d %n"},
	{"${list}/${sublist} ${code}", PORTAL, "x", "198.51.100.9", "", "main/traps 127.0.0.2"},
	{"${reason} and ${reason}", PORTAL, HUNDRED HUNDRED, "198.51.100.9", "",
		HUNDRED TEN TEN "01... and " HUNDRED TEN TEN "01..."},
	/* what looks like a template in a reason is none */
	{USUAL, PORTAL, "$ ${url} $$", "198.51.100.9", "",
		"Listed: $ ${url} $$; " PORTAL "/198.51.100.9"},
	{"", PORTAL, "x", "198.51.100.9", "", ""},
};

static size_t text_of(const char *template, const char *portal_url, const char *reason,
	const struct text_subject *subject, uint8_t out[ZONE_TEXT_MAX])
{
	struct zone_template_source source = {
		span_text(template), span_text("main"), span_text("traps"), span_text("127.0.0.2")};
	struct zone_text_values values = {span_text(portal_url), span_text(reason), *subject};
	AUTO(arena) *arena = arena_new(0);
	struct zone_template parts;

	assert_int_equal(zone_template_init(&parts, &source, arena, NULL), 0);
	return zone_text(&parts, &values, out);
}

static void texts_fit_one_string(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNTOF(cases); i++) {
		const struct text_case *c = &cases[i];
		struct text_subject subject = {
			.is_net = c->net != NULL, .domain = span_text(c->domain)};
		uint8_t out[ZONE_TEXT_MAX];
		size_t len;

		if (c->net != NULL)
			assert_int_equal(prefix_parse(span_text(c->net), &subject.net, NULL), 0);
		len = text_of(c->template, c->portal_url, c->reason, &subject, out);
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
	struct text_subject subject = {.is_net = false};
	size_t len;

	(void)state;
	memset(domain, 0xff, sizeof(domain));
	subject.domain = span_of(domain, sizeof(domain));
	len = text_of(USUAL, PORTAL, HUNDRED, &subject, out);
	assert_true(span_equal_text(span_of(out, len), "Listed: " HUNDRED "; " PORTAL));
	len = text_of("$$$$$ $ $", PORTAL, HUNDRED, &subject, out);
	assert_int_equal(len, ZONE_TEXT_MAX);
}

static void unknown_words_are_refused(void **state)
{
	static const char *const templates[] = {
		"${", "${}", "${reason", "${Reason}", "x ${ip} y", "${reason }", "${url"};
	AUTO(arena) *arena = arena_new(0);

	(void)state;
	for (size_t i = 0; i < COUNTOF(templates); i++) {
		struct zone_template_source source = {.text = span_text(templates[i])};
		struct zone_template template;
		struct fault why;

		if (zone_template_init(&template, &source, arena, &why) != E_PARSE)
			fail_msg("'%s' is no template", templates[i]);
		assert_non_null(strstr(why.text, "stands for nothing"));
	}
}

static void a_template_tells_whether_it_names_the_source(void **state)
{
	static const struct {
		const char *text;
		bool names;
	} templates[] = {{USUAL, true}, {"$", true}, {"${url}", true}, {"$$", false},
		{"${reason} ${code}", false}, {"", false}};
	AUTO(arena) *arena = arena_new(0);

	(void)state;
	for (size_t i = 0; i < COUNTOF(templates); i++) {
		struct zone_template_source source = {.text = span_text(templates[i].text)};
		struct zone_template template;

		assert_int_equal(zone_template_init(&template, &source, arena, NULL), 0);
		assert_int_equal(zone_template_names_source(&template), templates[i].names);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts_fit_one_string),
		cmocka_unit_test(the_worst_domain_fits),
		cmocka_unit_test(unknown_words_are_refused),
		cmocka_unit_test(a_template_tells_whether_it_names_the_source),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
