/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include <string.h>

#include "base/macro.h"
#include "base/serial.h"
#include "policy/listing_rule.h"

static const char text[] =
	"hostname: mx1.example.org\n"
	"contact: postmaster@example.org\n"
	"portal-url: https://mail.example.org/why\n"
	"own: {domains: [example.org, .school.example], networks: [127.0.0.0/8, 192.0.2.0/24]}\n"
	"policies:\n"
	"  trap-hits: {criterion: {version: 1, text: \"Traps.\"}, takes: [operator], lasts: 24h}\n"
	"  by-hand: {criterion: {version: 2, text: \"By hand.\"}, takes: [operator], lasts: until-review, review-every: 90d}\n"
	"  a-day: {criterion: {version: 1, text: \"For a day.\"}, takes: [operator], lasts: 24h}\n"
	"lists:\n"
	"  main: {zone: bl.example.org, holds: addresses, action: reject, never: [special-use, own], sublists: {\n"
	"    traps: {code: 127.0.0.2, policy: trap-hits}, manual: {code: 127.0.0.8, policy: by-hand},\n"
	"    short: {code: 127.0.0.9, policy: a-day}}}\n"
	"  names: {zone: dbl.example.org, holds: domains, action: tag, never: [own], sublists: {\n"
	"    manual: {code: 127.0.1.2, policy: by-hand}}}\n";

static struct conf *load(void)
{
	struct conf_report report;
	struct conf *conf = NULL;
	int r = conf_load_text(
		&(struct conf_source){"test.yaml", span_text(text)}, 0, &conf, &report);

	if (r < 0 && report.diagnostics_len != 0)
		print_message("%u: %s\n", report.diagnostics[0].location.line,
			report.diagnostics[0].text);
	conf_report_done(&report);
	assert_int_equal(r, 0);
	/* A policy fed by sensors; the configuration knows no other kinds of evidence yet. */
	((struct conf_policy *)conf->policies)[0].takes_operator = false;
	return conf;
}

static int place(const struct conf *conf, const char *list, const char *sublist,
	struct placement *placement, struct fault *why)
{
	struct placement_name name = {span_text(list), span_text(sublist)};

	return rule_place(conf, &name, placement, why);
}

static void an_entry_goes_where_the_policy_takes_it(void **state)
{
	AUTO(conf) *conf = load();
	struct placement placement;
	struct fault why = {""};

	(void)state;
	assert_int_equal(place(conf, "main", "", &placement, &why), 0);
	assert_string_equal(placement.sublist->name, "manual");
	assert_int_equal(placement.policy->version, 2);
	assert_int_equal(place(conf, "main", "short", &placement, &why), 0);
	assert_int_equal(place(conf, "main", "traps", &placement, &why), E_DENIED);
	assert_non_null(strstr(why.text, "RFC 6471"));
	assert_int_equal(place(conf, "main", "none", &placement, &why), E_ABSENT);
	assert_int_equal(place(conf, "none", "", &placement, &why), E_ABSENT);
	assert_int_equal(place(conf, "allow", "", &placement, &why), 0);
}

struct row {
	const char *list;
	const char *source;
	int expected;
};

static void the_never_list_holds(void **state)
{
	static const struct row rows[] = {
		{"main", "198.51.100.0/24", 0}, /* documentation, for demos */
		{"main", "20.0.0.0/8", 0},
		{"main", "0.0.0.0/0", E_PROTECTED},
		{"main", "64.0.0.0/7", E_PROTECTED},
		{"main", "::/0", E_PROTECTED},
		{"main", "2000::/3", E_PROTECTED},
		{"main", "2a00:1450::/32", 0},
		{"main", "127.0.0.1", E_PROTECTED},
		{"main", "10.1.2.3", E_PROTECTED},
		{"main", "172.0.0.0/8", E_PROTECTED}, /* holds 172.16.0.0/12 */
		{"main", "fe80::1", E_PROTECTED},
		{"main", "192.0.2.7", E_PROTECTED},    /* ours */
		{"main", "192.0.0.0/16", E_PROTECTED}, /* holds ours */
		{"main", "bad.example", E_USAGE},
		{"names", "198.51.100.1", E_USAGE},
		{"names", "bad.example", 0},
		{"names", "example.org", E_PROTECTED},
		{"names", ".example.org", E_PROTECTED},
		{"names", ".org", E_PROTECTED}, /* holds ours */
		{"names", ".com", E_PROTECTED},
		{"names", "com", E_PROTECTED},
		{"names", "co.uk", E_PROTECTED},
		{"names", ".co.uk", E_PROTECTED},
		{"names", "bad.co.uk", 0},
		{"names", ".kawasaki.jp", E_PROTECTED}, /* "*.kawasaki.jp" in the list */
		{"names", "x.kawasaki.jp", E_PROTECTED},
		{"names", "bad.x.kawasaki.jp", 0},
		{"names", "city.kawasaki.jp", 0}, /* its exception */
		{"names", "xn--55qx5d.cn", E_PROTECTED},
		{"names", ".blogspot.com", 0}, /* its owner answers for it */
		{"names", "bad.unheard-of", 0},
		{"allow", ".com", 0},
		{"names", "notexample.org", 0},
		{"names", "xexample.org", 0},
		{"names", "xample.org", 0},
		{"names", "www.example.org", 0},
		{"names", "physics.school.example", E_PROTECTED}, /* below .school.example */
		{"names", ".school.example", E_PROTECTED},
		{"allow", "192.0.2.7", 0},
		{"allow", "10.0.0.0/8", 0},
		{"allow", "good.example", 0},
	};
	AUTO(conf) *conf = load();

	(void)state;
	for (size_t i = 0; i < COUNTOF(rows); i++) {
		struct source source;
		struct rule_entry entry = {
			.list = conf_list_find(conf, span_text(rows[i].list)), .source = &source};
		struct fault why = {""};
		int r;

		assert_int_equal(source_parse(span_text(rows[i].source), &source, NULL), 0);
		r = rule_may_list(conf, &entry, &why);
		if (r != rows[i].expected)
			fail_msg("%s on %s: %s (%s)", rows[i].source, rows[i].list, err_text(r),
				why.text);
	}
}

static void a_list_says_what_it_holds(void **state)
{
	static const struct {
		const char *list, *source, *words;
	} rows[] = {{"main", "bad.example", "'main' holds addresses, and 'bad.example'"},
		{"names", "198.51.100.1", "'names' holds domains, and '198.51.100.1'"}};
	AUTO(conf) *conf = load();

	(void)state;
	for (size_t i = 0; i < COUNTOF(rows); i++) {
		struct source source;
		struct rule_entry entry = {
			.list = conf_list_find(conf, span_text(rows[i].list)), .source = &source};
		struct fault why = {""};

		assert_int_equal(source_parse(span_text(rows[i].source), &source, NULL), 0);
		assert_int_equal(rule_may_list(conf, &entry, &why), E_USAGE);
		assert_non_null(strstr(why.text, rows[i].words));
	}
}

static void the_end_comes_from_the_policy_or_the_operator(void **state)
{
	const struct conf_policy day = {.lasts_s = 86400};
	const struct conf_policy review = {.lasts_s = 0};
	int64_t until_s = -1;

	(void)state;
	until_s = rule_until(&day, 0, 1000, NULL);
	assert_int_equal(until_s, 87400);
	until_s = rule_until(&review, 0, 1000, NULL);
	assert_int_equal(until_s, 0);
	until_s = rule_until(&day, 1001, 1000, NULL);
	assert_int_equal(until_s, 1001);
	assert_int_equal(rule_until(&day, 1000, 1000, NULL), E_RANGE);
	assert_int_equal(rule_until(&day, -5, 1000, NULL), E_RANGE);
}

static void what_has_no_end_waits_for_review(void **state)
{
	const struct conf_policy by_hand = {.takes_operator = true, .review_every_s = 86400};
	const struct conf_policy feed = {.takes_feed = true, .review_every_s = 86400};

	(void)state;
	assert_int_equal(rule_review_s(&by_hand, 100000), 13600);
	assert_true(rule_review_s(&feed, 100000) == INT64_MIN);
}

static void serials_go_round(void **state)
{
	(void)state;
	assert_true(serial_is_before(1, 2));
	assert_false(serial_is_before(2, 1));
	assert_false(serial_is_before(7, 7));
	assert_true(serial_is_before(UINT32_MAX, 1));
	assert_int_equal(serial_after(UINT32_MAX), 1);
	assert_int_equal(serial_newest(UINT32_MAX, 3), 3);
	assert_int_equal(serial_newest(0, 3000000000u), 3000000000u);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_entry_goes_where_the_policy_takes_it),
		cmocka_unit_test(the_never_list_holds),
		cmocka_unit_test(a_list_says_what_it_holds),
		cmocka_unit_test(the_end_comes_from_the_policy_or_the_operator),
		cmocka_unit_test(what_has_no_end_waits_for_review),
		cmocka_unit_test(serials_go_round),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
