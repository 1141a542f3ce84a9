/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include <string.h>

#include "base/macro.h"
#include "grey/key.h"

static struct ip ip_of(const char *text)
{
	struct ip ip = {0};

	assert_int_equal(ip_parse(span_text(text), &ip), 0);
	return ip;
}

static void whose_attempts_count_as_one(void **state)
{
	static const struct {
		const char *ip, *spf, *name, *group;
		enum grey_group_kind kind;
	} cases[] = {
		{"192.0.2.7", "Example.ORG", "mx.other.example", "example.org", GREY_GROUP_SPF},
		{"192.0.2.7", "", "mx1.out.example.co.uk", "example.co.uk", GREY_GROUP_NAME},
		{"192.0.2.7", "", "192-0-2-7.example.org", "192.0.2.0/24", GREY_GROUP_NETWORK},
		{"192.0.2.7", "", "co.uk", "192.0.2.0/24", GREY_GROUP_NETWORK},
		{"192.0.2.7", "", "", "192.0.2.0/24", GREY_GROUP_NETWORK},
		{"2001:db8:1:2:3::4", "", "", "2001:db8:1:2::/64", GREY_GROUP_NETWORK},
	};

	(void)state;
	for (size_t i = 0; i < COUNTOF(cases); i++) {
		const struct grey_client client = {.ip = ip_of(cases[i].ip),
			.spf_domain = span_text(cases[i].spf),
			.name = span_text(cases[i].name),
			.v4_bits = 24,
			.v6_bits = 64};
		char text[GREY_GROUP_SIZE];

		assert_int_equal(grey_group_print(&client, text), cases[i].kind);
		assert_string_equal(text, cases[i].group);
	}
}

/* The vectors keep files readable by later versions. */
static void keys_stay_what_they_are(void **state)
{
	const struct grey_secret secret = {{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}};
	const struct span parts[] = {
		span_text("192.0.2.0/24"), span_text("a@b.example"), span_text("c@d.example")};
	struct grey_key key = grey_key_of(&secret, GREY_TRIPLET, parts, 3), other;

	(void)state;
	assert_true(key.high == UINT64_C(0xfef701c24fef8474));
	assert_true(key.low == UINT64_C(0x979e2ba8df0169d5));
	other = grey_key_of(&secret, GREY_SIGHT, parts, 3);
	assert_true(key.high != other.high);
	/* parts are told apart: "ab" "c" is not "a" "bc" */
	const struct span one[] = {span_text("ab"), span_text("c")},
			  two[] = {span_text("a"), span_text("bc")};

	assert_true(grey_key_of(&secret, GREY_TRIPLET, one, 2).high !=
		    grey_key_of(&secret, GREY_TRIPLET, two, 2).high);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whose_attempts_count_as_one),
		cmocka_unit_test(keys_stay_what_they_are),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
