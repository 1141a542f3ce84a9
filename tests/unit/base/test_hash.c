/* SPDX-License-Identifier: ISC */
#include "base/hash.h"
#include "base/macro.h"
#include "unit.h"

static void bytes_give_what_the_draft_says(void **state)
{
	static const struct {
		const char *text;
		uint64_t hash;
	} cases[] = {
		{"", 0xcbf29ce484222325},
		{"a", 0xaf63dc4c8601ec8c},
		{"foobar", 0x85944171f73967e8},
	};

	(void)state;
	for (size_t i = 0; i < COUNTOF(cases); i++)
		assert_int_equal(hash_bytes(HASH_START, span_text(cases[i].text)), cases[i].hash);
	assert_int_equal(hash_bytes(hash_bytes(HASH_START, span_text("foo")), span_text("bar")),
		0x85944171f73967e8);
}

static void words_differ_in_each_octet(void **state)
{
	uint8_t bytes[19] = {0};
	uint64_t plain = hash_words(HASH_START, span_of(bytes, sizeof(bytes)));

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++) {
		bytes[i] = 1;
		assert_int_not_equal(hash_words(HASH_START, span_of(bytes, sizeof(bytes))), plain);
		bytes[i] = 0;
	}
}

static void addresses_fall_elsewhere_with_another_key_or_number(void **state)
{
	struct ip ip = ip_from_v4(0xc0000207);

	(void)state;
	assert_int_equal(hash_ip(1, ip, 2), hash_ip(1, ip, 2));
	assert_int_not_equal(hash_ip(1, ip, 2), hash_ip(2, ip, 2));
	assert_int_not_equal(hash_ip(1, ip, 2), hash_ip(1, ip, 3));
	assert_int_not_equal(hash_ip(1, ip, 2), hash_ip(1, ip_from_v4(0xc0000208), 2));
	assert_int_not_equal(hash_key(), hash_key());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_give_what_the_draft_says),
		cmocka_unit_test(words_differ_in_each_octet),
		cmocka_unit_test(addresses_fall_elsewhere_with_another_key_or_number),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
