/* SPDX-License-Identifier: ISC */
/* Names that CNAMEs lead to: each once, and what is at the end of a chain. */
#include "base/macro.h"
#include "feed/alias.h"
#include "unit.h"

/* Keys of one label, each with its NUL. */
static struct span key_of(const char *text)
{
	return span_of(text, strlen(text) + 1);
}

static struct feed_zone *zone_of_cnames(const char *const (*cnames)[2], size_t len)
{
	struct dns_soa soa = {.serial = 1};
	struct dns_name name;
	struct feed_zone *zone;

	assert_int_equal(dns_name_parse(span_text("bl.test"), &name), 0);
	zone = feed_zone_new(&name, &soa);
	for (size_t i = 0; i < len; i++) {
		struct span target = cnames[i][1][0] != '\0' ? key_of(cnames[i][1]) : span_text("");

		feed_zone_append(
			zone, &(struct feed_record){key_of(cnames[i][0]), FEED_CNAME, target});
	}
	return zone;
}

static void each_name_is_there_once(void **state)
{
	static const char *const cnames[][2] = {
		{"a", "z"}, {"b", "y"}, {"c", "z"}, {"d", ""}, {"e", "z"}};
	AUTO(feed_zone) *zone = zone_of_cnames(cnames, COUNTOF(cnames));
	struct feed_aliases aliases = {0};

	(void)state;
	assert_int_equal(zone->addresses, COUNTOF(cnames));
	feed_aliases_collect(&aliases, zone);
	assert_int_equal(aliases.len, 2);
	assert_non_null(feed_aliases_find(&aliases, key_of("y")));
	assert_non_null(feed_aliases_find(&aliases, key_of("z")));
	assert_null(feed_aliases_find(&aliases, key_of("a")));
	assert_null(feed_aliases_find(&aliases, span_text("")));
	feed_aliases_done(&aliases);
}

static void chains_are_followed_and_circles_end(void **state)
{
	static const char *const cnames[][2] = {
		{"a", "b"}, {"b", "c"}, {"c", "z"}, {"r", "s"}, {"s", "r"}};
	AUTO(feed_zone) *zone = zone_of_cnames(cnames, COUNTOF(cnames));
	struct feed_aliases aliases = {0};

	(void)state;
	feed_aliases_collect(&aliases, zone);
	for (size_t i = 0; i < COUNTOF(cnames); i++) {
		struct feed_alias *alias = feed_aliases_find(&aliases, key_of(cnames[i][0]));

		if (alias != NULL)
			alias->next = key_of(cnames[i][1]);
	}
	feed_aliases_find(&aliases, key_of("z"))->claim = (struct feed_claim){5, 7};
	assert_int_equal(feed_aliases_follow(&aliases, key_of("b")).listed, 5);
	assert_int_equal(feed_aliases_follow(&aliases, key_of("z")).reason, 7);
	assert_int_equal(feed_aliases_follow(&aliases, key_of("s")).listed, 0);
	assert_int_equal(feed_aliases_follow(&aliases, key_of("absent")).listed, 0);
	feed_aliases_done(&aliases);
}

static void a_zone_without_cnames_has_none(void **state)
{
	AUTO(feed_zone) *zone = zone_of_cnames(NULL, 0);
	struct feed_aliases aliases = {0};

	(void)state;
	feed_aliases_collect(&aliases, zone);
	assert_int_equal(aliases.len, 0);
	assert_int_equal(feed_aliases_follow(&aliases, key_of("a")).listed, 0);
	feed_aliases_done(&aliases);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_name_is_there_once),
		cmocka_unit_test(chains_are_followed_and_circles_end),
		cmocka_unit_test(a_zone_without_cnames_has_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
