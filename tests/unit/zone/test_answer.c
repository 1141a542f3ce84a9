/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "base/macro.h"
#include "base/mem.h"
#include "fixture.h"

#define SOA      "SOA ns1.example.org host\\.master.example.org 2026"
#define NODATA   "NOERROR aa authority bl.example.org 60 " SOA
#define NXDOMAIN "NXDOMAIN aa authority bl.example.org 60 " SOA
#define NO_NAME  "NXDOMAIN aa authority dbl.example.org 60 " SOA
#define NO_ENTRY "NOERROR aa authority dbl.example.org 60 " SOA

enum { TRAPS, REPORTS, MANUAL };

static const struct fixture_entry entries[] = {
	{"main", TRAPS, "198.51.100.9", 0, "3 trap hits", false},
	{"main", REPORTS, "198.51.100.9", FIXTURE_NOW_S + 120, "reported", false},
	{"main", MANUAL, "203.0.113.0/24", 0, "", false},
	{"main", TRAPS, "203.0.113.7", FIXTURE_NOW_S + 40, "", false},
	{"main", MANUAL, "203.0.113.8", 0, "", true},
	{"main", MANUAL, "100.96.0.0/12", 0, "wide", false},
	{"main", TRAPS, "192.0.2.1", FIXTURE_NOW_S - 5, "over soon", false},
	{"main", REPORTS, "2001:db8:1:2::/64", 0, "ipv6", false},
	{"main", TRAPS, "2001:db8:ffff::1", 0, "one ipv6", false},
	{"names", 0, "bad.example", 0, "phish", false},
	{"names", 0, ".evil.example", 0, "all of it", false},
	{"names", 0, "deep.below.other.example", 0, "", false},
};

struct answer_case {
	const char *name;
	uint16_t type;
	const char *expected;
};

#define NIBBLES_16 "0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0."
/* ::ffff:0:0/96 */
#define MAPPED   "f.f.f.f.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.bl.example.org"
#define MAPPED_2 "2.0.0.0.0.0.f.7." MAPPED
#define MAPPED_1 "1.0.0.0.0.0.f.7." MAPPED

static const struct answer_case listing_cases[] = {
	{"9.100.51.198.bl.example.org", DNS_A,
		"NOERROR aa | 9.100.51.198.bl.example.org 120 A 127.0.0.2"
		"; 9.100.51.198.bl.example.org 120 A 127.0.0.3"},
	{"9.100.51.198.bl.example.org", DNS_TXT,
		"NOERROR aa | 9.100.51.198.bl.example.org 120 TXT "
		"Listed: 3 trap hits; https://mail.example.org/why/198.51.100.9"
		"; 9.100.51.198.bl.example.org 120 TXT "
		"Listed: reported; https://mail.example.org/why/198.51.100.9"},
	{"9.100.51.198.bl.example.org", DNS_ANY,
		"NOERROR aa | 9.100.51.198.bl.example.org 120 A 127.0.0.2"
		"; 9.100.51.198.bl.example.org 120 A 127.0.0.3"},
	{"9.100.51.198.bl.example.org", DNS_AAAA, NODATA},
	{"9.100.51.198.bl.example.org", 65280, NODATA},
	{"8.100.51.198.bl.example.org", DNS_A, NXDOMAIN},
	{"8.100.51.198.bl.example.org", DNS_TXT, NXDOMAIN},
	{"x.9.100.51.198.bl.example.org", DNS_A, NXDOMAIN},
	/* the question's letters come back as they were asked */
	{"9.100.51.198.BL.eXample.org", DNS_ANY,
		"NOERROR aa | 9.100.51.198.BL.eXample.org 120 A 127.0.0.2"
		"; 9.100.51.198.BL.eXample.org 120 A 127.0.0.3"},
	/* sublists alone */
	{"9.100.51.198.traps.bl.example.org", DNS_A,
		"NOERROR aa | 9.100.51.198.traps.bl.example.org 300 A 127.0.0.2"},
	{"9.100.51.198.TRAPS.bl.example.org", DNS_A,
		"NOERROR aa | 9.100.51.198.TRAPS.bl.example.org 300 A 127.0.0.2"},
	{"9.100.51.198.reports.bl.example.org", DNS_A,
		"NOERROR aa | 9.100.51.198.reports.bl.example.org 120 A 127.0.0.3"},
	{"9.100.51.198.manual.bl.example.org", DNS_A, NXDOMAIN},
	{"9.100.51.198.other.bl.example.org", DNS_A, NXDOMAIN},
	{"9.100.51.198.traps.manual.bl.example.org", DNS_A, NXDOMAIN},
	/* a network, an entry inside of it, and a hole */
	{"5.113.0.203.bl.example.org", DNS_A,
		"NOERROR aa | 5.113.0.203.bl.example.org 300 A 127.0.0.8"},
	{"7.113.0.203.bl.example.org", DNS_A,
		"NOERROR aa | 7.113.0.203.bl.example.org 40 A 127.0.0.2"
		"; 7.113.0.203.bl.example.org 40 A 127.0.0.8"},
	{"8.113.0.203.bl.example.org", DNS_A, NXDOMAIN},
	{"5.113.0.203.bl.example.org", DNS_TXT,
		"NOERROR aa | 5.113.0.203.bl.example.org 300 TXT "
		"Listed: manual; https://mail.example.org/why/203.0.113.5"},
	{"7.113.0.203.traps.bl.example.org", DNS_TXT,
		"NOERROR aa | 7.113.0.203.traps.bl.example.org 40 TXT "
		"Listed: spam traps were hit; https://mail.example.org/why/203.0.113.7"},
	/* its time is over and the keeper has not said so yet */
	{"1.2.0.192.bl.example.org", DNS_A, "NOERROR aa | 1.2.0.192.bl.example.org 1 A 127.0.0.2"},
	/* IPv6: every address of a listed prefix */
	{NIBBLES_16 "2.0.0.0.1.0.0.0.8.b.d.0.1.0.0.2.bl.example.org", DNS_A,
		"NOERROR aa | " NIBBLES_16 "2.0.0.0.1.0.0.0.8.b.d.0.1.0.0.2.bl.example.org 300 A "
		"127.0.0.3"},
	{"d.c.b.a.0.0.0.0.f.f.f.f.1.1.1.1.2.0.0.0.1.0.0.0.8.B.D.0.1.0.0.2.bl.example.org", DNS_TXT,
		"NOERROR aa | "
		"d.c.b.a.0.0.0.0.f.f.f.f.1.1.1.1.2.0.0.0.1.0.0.0.8.B.D.0.1.0.0.2.bl.example.org 300 TXT "
		"Listed: ipv6; https://mail.example.org/why/2001:db8:1:2::"},
	{NIBBLES_16 "3.0.0.0.1.0.0.0.8.b.d.0.1.0.0.2.bl.example.org", DNS_A, NXDOMAIN},
	{"0." NIBBLES_16 "2.0.0.0.1.0.0.0.8.b.d.0.1.0.0.2.bl.example.org", DNS_A, NXDOMAIN},
};

static const struct answer_case existence_cases[] = {
	/* the way down to a listed address exists, label by label */
	{"198.bl.example.org", DNS_A, NODATA},
	{"51.198.bl.example.org", DNS_NS, NODATA},
	{"100.51.198.bl.example.org", DNS_A, NODATA},
	{"101.51.198.bl.example.org", DNS_A, NXDOMAIN},
	{"52.198.bl.example.org", DNS_A, NXDOMAIN},
	{"199.bl.example.org", DNS_A, NXDOMAIN},
	/* a part of an address inside of a listed network is no address */
	{"113.0.203.bl.example.org", DNS_A, NODATA},
	{"113.0.203.bl.example.org", DNS_TXT, NODATA},
	{"114.0.203.bl.example.org", DNS_A, NXDOMAIN},
	/* 100.96.0.0/12 makes all octets above it exist, and those inside */
	{"100.bl.example.org", DNS_A, NODATA},
	{"96.100.bl.example.org", DNS_A, NODATA},
	{"111.100.bl.example.org", DNS_A, NODATA},
	{"112.100.bl.example.org", DNS_A, NXDOMAIN},
	{"200.99.100.bl.example.org", DNS_A, NODATA},
	/* per sublist */
	{"traps.bl.example.org", DNS_A, NODATA},
	{"traps.bl.example.org", DNS_SOA, NODATA},
	{"198.traps.bl.example.org", DNS_A, NODATA},
	{"198.manual.bl.example.org", DNS_A, NXDOMAIN},
	{"100.51.198.manual.bl.example.org", DNS_A, NXDOMAIN},
	{"113.0.203.manual.bl.example.org", DNS_A, NODATA},
	{"100.manual.bl.example.org", DNS_A, NODATA},
	{"100.traps.bl.example.org", DNS_A, NXDOMAIN},
	/* nibbles */
	{"2.bl.example.org", DNS_A, NODATA},
	{"1.0.0.2.bl.example.org", DNS_A, NODATA},
	{"8.b.d.0.1.0.0.2.bl.example.org", DNS_A, NODATA},
	{"9.b.d.0.1.0.0.2.bl.example.org", DNS_A, NXDOMAIN},
	{"8.b.d.0.1.0.0.2.traps.bl.example.org", DNS_A, NODATA},
	{"1.0.0.0.8.b.d.0.1.0.0.2.traps.bl.example.org", DNS_A, NXDOMAIN},
	{"2.0.0.0.1.0.0.0.8.b.d.0.1.0.0.2.bl.example.org", DNS_A, NODATA},
	{"3.0.0.0.1.0.0.0.8.b.d.0.1.0.0.2.bl.example.org", DNS_A, NXDOMAIN},
	{"3.bl.example.org", DNS_A, NXDOMAIN},
	{"g.bl.example.org", DNS_A, NXDOMAIN},
	/* 31 nibbles are a part of an address, and no listing */
	{"0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.2.0.0.0.1.0.0.0.8.b.d.0.1.0.0.2.bl.example.org", DNS_A,
		NODATA},
	{"0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.3.0.0.0.1.0.0.0.8.b.d.0.1.0.0.2.bl.example.org", DNS_A,
		NXDOMAIN},
	{"1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.f.f.f.f.0.0.0.0.8.b.d.0.1.0.0.2.bl.example.org", DNS_A,
		NXDOMAIN},
	/* not the one way to write an octet */
	{"009.100.51.198.bl.example.org", DNS_A, NXDOMAIN},
	{"09.100.51.198.bl.example.org", DNS_A, NXDOMAIN},
	{"099.bl.example.org", DNS_A, NXDOMAIN},
	{"256.bl.example.org", DNS_A, NXDOMAIN},
	{"9.100.51.454.bl.example.org", DNS_A, NXDOMAIN},
	{"4294967497.100.51.198.bl.example.org", DNS_A, NXDOMAIN},
	{"9.9.100.51.198.bl.example.org", DNS_A, NXDOMAIN},
	{"\\0579.100.51.198.bl.example.org", DNS_A, NXDOMAIN},
};

static const struct answer_case test_point_cases[] = {
	{"2.0.0.127.bl.example.org", DNS_A,
		"NOERROR aa | 2.0.0.127.bl.example.org 300 A 127.0.0.2"},
	{"2.0.0.127.bl.example.org", DNS_TXT,
		"NOERROR aa | 2.0.0.127.bl.example.org 300 TXT "
		"Listed: test entry; https://mail.example.org/why/127.0.0.2"},
	{"3.0.0.127.bl.example.org", DNS_A,
		"NOERROR aa | 3.0.0.127.bl.example.org 300 A 127.0.0.3"},
	{"8.0.0.127.bl.example.org", DNS_A,
		"NOERROR aa | 8.0.0.127.bl.example.org 300 A 127.0.0.8"},
	{"1.0.0.127.bl.example.org", DNS_A, NXDOMAIN},
	{"4.0.0.127.bl.example.org", DNS_A, NXDOMAIN},
	{"2.0.0.127.manual.bl.example.org", DNS_A,
		"NOERROR aa | 2.0.0.127.manual.bl.example.org 300 A 127.0.0.8"},
	{"8.0.0.127.manual.bl.example.org", DNS_A,
		"NOERROR aa | 8.0.0.127.manual.bl.example.org 300 A 127.0.0.8"},
	{"3.0.0.127.manual.bl.example.org", DNS_A, NXDOMAIN},
	{"1.0.0.127.manual.bl.example.org", DNS_A, NXDOMAIN},
	{"127.bl.example.org", DNS_A, NODATA},
	{"0.0.127.reports.bl.example.org", DNS_A, NODATA},
	{"1.127.bl.example.org", DNS_A, NXDOMAIN},
	/* ::FFFF:7F00:2 and ::FFFF:7F00:1 */
	{MAPPED_2, DNS_A, "NOERROR aa | " MAPPED_2 " 300 A 127.0.0.2"},
	{MAPPED_1, DNS_A, NXDOMAIN},
	{"0.0.0.0.0.0.f.7." MAPPED, DNS_A, NXDOMAIN},
	{"0.0.0.0.0.f.7." MAPPED, DNS_A, NODATA},
	{MAPPED, DNS_A, NODATA},
	{"test.dbl.example.org", DNS_A, "NOERROR aa | test.dbl.example.org 300 A 127.0.1.2"},
	{"TEST.manual.dbl.example.org", DNS_A,
		"NOERROR aa | TEST.manual.dbl.example.org 300 A 127.0.1.2"},
	{"invalid.dbl.example.org", DNS_A, NO_NAME},
};

static const struct answer_case domain_cases[] = {
	{"bad.example.dbl.example.org", DNS_A,
		"NOERROR aa | bad.example.dbl.example.org 300 A 127.0.1.2"},
	{"bad.EXAMPLE.dbl.example.org", DNS_TXT,
		"NOERROR aa | bad.EXAMPLE.dbl.example.org 300 TXT "
		"Listed: phish; https://mail.example.org/why/bad.example"},
	{"www.bad.example.dbl.example.org", DNS_A, NO_NAME},
	{"evil.example.dbl.example.org", DNS_A,
		"NOERROR aa | evil.example.dbl.example.org 300 A 127.0.1.2"},
	{"a.b.evil.example.dbl.example.org", DNS_A,
		"NOERROR aa | a.b.evil.example.dbl.example.org 300 A 127.0.1.2"},
	{"<b>.evil.example.dbl.example.org", DNS_TXT,
		"NOERROR aa | <b>.evil.example.dbl.example.org 300 TXT "
		"Listed: all of it; https://mail.example.org/why/evil.example"},
	{"notevil.example.dbl.example.org", DNS_A, NO_NAME},
	{"example.dbl.example.org", DNS_A, NO_ENTRY},
	{"other.example.dbl.example.org", DNS_A, NO_ENTRY},
	{"below.other.example.dbl.example.org", DNS_A, NO_ENTRY},
	{"above.other.example.dbl.example.org", DNS_A, NO_NAME},
	{"below.other.example.manual.dbl.example.org", DNS_A, NO_ENTRY},
	{"manual.dbl.example.org", DNS_A, NO_ENTRY},
	{"com.dbl.example.org", DNS_A, NO_NAME},
	{"2.0.0.127.dbl.example.org", DNS_A, NO_NAME},
	/* one label with a dot in it is not the two labels of an entry */
	{"bad\\.example.dbl.example.org", DNS_A, NO_NAME},
	{"x\\.evil.example.dbl.example.org", DNS_A, NO_NAME},
	/* whatever a label holds: below ".evil.example" it is listed, as a secondary's wildcard has
	   it */
	{"x\\.y.evil.example.dbl.example.org", DNS_A,
		"NOERROR aa | x\\.y.evil.example.dbl.example.org 300 A 127.0.1.2"},
	{"a\\032b\\001.evil.example.dbl.example.org", DNS_TXT,
		"NOERROR aa | a\\032b\\001.evil.example.dbl.example.org 300 TXT "
		"Listed: all of it; https://mail.example.org/why/evil.example"},
	{"\\032.evil.example.manual.dbl.example.org", DNS_A,
		"NOERROR aa | \\032.evil.example.manual.dbl.example.org 300 A 127.0.1.2"},
	{"\\032.other.example.dbl.example.org", DNS_A, NO_NAME},
};

static const struct answer_case apex_cases[] = {
	{"bl.example.org", DNS_SOA, "NOERROR aa | bl.example.org 300 " SOA},
	{"bl.example.org", DNS_NS,
		"NOERROR aa | bl.example.org 300 NS ns1.example.org"
		"; bl.example.org 300 NS ns2.example.org"},
	{"bl.example.org", DNS_ANY, "NOERROR aa | bl.example.org 300 " SOA},
	{"bl.example.org", DNS_A, NODATA},
	{"BL.Example.org", DNS_MX, "NOERROR aa authority BL.Example.org 60 " SOA},
	{"dbl.example.org", DNS_TXT,
		"NOERROR aa | dbl.example.org 300 TXT holds=domains"
		"; dbl.example.org 300 TXT policy=https://mail.example.org/why"
		"; dbl.example.org 300 TXT lookup=https://mail.example.org/why"
		"; dbl.example.org 300 TXT contact=host.master@example.org"
		"; dbl.example.org 300 TXT fee=none"
		"; dbl.example.org 300 TXT answers=codes"
		"; dbl.example.org 300 TXT list=names"
		"; dbl.example.org 300 TXT code=127.0.1.2 manual"},
	{"dbl.example.org", DNS_SOA, "NOERROR aa | dbl.example.org 300 " SOA},
	{"bl.example.org", DNS_AXFR, "REFUSED"},
	{"9.100.51.198.bl.example.org", DNS_IXFR, "REFUSED"},
	{"example.org", DNS_A, "REFUSED"},
	{"org", DNS_A, "REFUSED"},
	{".", DNS_NS, "REFUSED"},
	{"xbl.example.org", DNS_A, "REFUSED"},
	{"x\\.bl.example.org", DNS_A, "REFUSED"},
	{"bl.example.org.example.com", DNS_A, "REFUSED"},
};

static void assert_cases(struct fixture *fixture, const struct answer_case *cases, size_t count)
{
	struct buf out;

	buf_init(&out, 0);
	for (size_t i = 0; i < count; i++) {
		const char *answer = fixture_ask(fixture, cases[i].name, cases[i].type, &out);

		if (strcmp(answer, cases[i].expected) != 0)
			fail_msg("%s %u\n  answer   %s\n  expected %s", cases[i].name,
				cases[i].type, answer, cases[i].expected);
	}
	buf_done(&out);
}

static int set_up(void **state)
{
	struct fixture *fixture = mem_new(fixture);

	fixture_init(fixture, entries, COUNTOF(entries));
	*state = fixture;
	return 0;
}

static int tear_down(void **state)
{
	fixture_done(*state);
	mem_free(*state);
	return 0;
}

static void listed_addresses_answer(void **state)
{
	assert_cases(*state, listing_cases, COUNTOF(listing_cases));
}

static void names_above_a_listing_exist(void **state)
{
	assert_cases(*state, existence_cases, COUNTOF(existence_cases));
}

static void test_points_answer(void **state)
{
	assert_cases(*state, test_point_cases, COUNTOF(test_point_cases));
}

static void listed_domains_answer(void **state)
{
	assert_cases(*state, domain_cases, COUNTOF(domain_cases));
}

static void the_apex_answers_and_foreign_names_are_refused(void **state)
{
	assert_cases(*state, apex_cases, COUNTOF(apex_cases));
}

static void test_points_answer_from_an_empty_list(void **state)
{
	static const struct answer_case cases[] = {
		{"9.100.51.198.bl.example.org", DNS_A, NXDOMAIN},
		{"198.bl.example.org", DNS_A, NXDOMAIN},
		{"bad.example.dbl.example.org", DNS_A, NO_NAME},
	};
	struct fixture fixture;

	(void)state;
	fixture_init(&fixture, NULL, 0);
	assert_cases(&fixture, cases, COUNTOF(cases));
	assert_cases(&fixture, test_point_cases, COUNTOF(test_point_cases));
	fixture_done(&fixture);
}

/* A list that is in the configuration and not yet in the view: the zone is there and holds its test
 * entries. */
static void a_zone_without_its_list_still_answers(void **state)
{
	struct fixture *fixture = *state;
	struct view *empty = view_new_empty();
	struct zone_service *old = fixture->service;
	struct buf out;

	buf_init(&out, 0);
	fixture->service = zone_service_new(&fixture->rules, empty, NULL);
	assert_string_equal(fixture_ask(fixture, "2.0.0.127.bl.example.org", DNS_A, &out),
		"NOERROR aa | 2.0.0.127.bl.example.org 300 A 127.0.0.2");
	assert_non_null(strstr(
		fixture_ask(fixture, "9.100.51.198.bl.example.org", DNS_A, &out), "NXDOMAIN aa"));
	assert_non_null(strstr(fixture_ask(fixture, "100.51.198.traps.bl.example.org", DNS_A, &out),
		"NXDOMAIN aa"));
	zone_service_free(&fixture->service);
	fixture->service = old;
	view_free(&empty);
	buf_done(&out);
}

/* "Not listed" would be a lie while nobody knows. */
static void without_any_view_the_answer_is_servfail(void **state)
{
	struct fixture *fixture = *state;
	struct zone_service *old = fixture->service;
	struct buf out;

	buf_init(&out, 0);
	fixture->service = zone_service_new(&fixture->rules, NULL, NULL);
	assert_string_equal(
		fixture_ask(fixture, "2.0.0.127.bl.example.org", DNS_A, &out), "SERVFAIL");
	assert_string_equal(fixture_ask(fixture, "example.org", DNS_A, &out), "REFUSED");
	zone_service_free(&fixture->service);
	fixture->service = old;
	buf_done(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(listed_addresses_answer),
		cmocka_unit_test(names_above_a_listing_exist),
		cmocka_unit_test(test_points_answer),
		cmocka_unit_test(listed_domains_answer),
		cmocka_unit_test(the_apex_answers_and_foreign_names_are_refused),
		cmocka_unit_test(test_points_answer_from_an_empty_list),
		cmocka_unit_test(a_zone_without_its_list_still_answers),
		cmocka_unit_test(without_any_view_the_answer_is_servfail),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
