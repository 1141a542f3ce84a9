/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include <string.h>

#include "base/macro.h"
#include "store/key.h"

static struct source source_of(const char *text)
{
	struct source source;

	assert_int_equal(source_parse(span_text(text), &source, NULL), 0);
	return source;
}

static struct span bytes_of(const struct key *key)
{
	return span_of(key->bytes, key->len);
}

/* As a database compares blobs. */
static int key_compare(const struct key *a, const struct key *b)
{
	size_t len = a->len < b->len ? a->len : b->len;
	int order = memcmp(a->bytes, b->bytes, len);

	return order != 0 ? order : (a->len > b->len) - (a->len < b->len);
}

static void a_source_comes_back_from_its_key(void **state)
{
	static const char *const texts[] = {"198.51.100.1", "198.51.100.0/24", "0.0.0.0/0", "::/0",
		"2001:db8::/32", "2001:db8::1", "example", "bad.example", ".bad.example",
		"www.bad.example"};

	(void)state;
	for (size_t i = 0; i < COUNTOF(texts); i++) {
		struct source source = source_of(texts[i]);
		struct source back;
		struct key key = key_of(&source);

		assert_int_equal(key_to_source(bytes_of(&key), key.bits, &back), 0);
		assert_true(source_equal(&source, &back));
	}
}

static void labels_are_reversed(void **state)
{
	struct source source = source_of(".www.bad.example");
	struct key key = key_of(&source);

	(void)state;
	assert_true(span_equal_text(bytes_of(&key), "example.bad.www"));
	assert_int_equal(key.bits, KEY_BELOW);
}

static void what_is_not_a_source_is_damage(void **state)
{
	static const uint8_t bytes[DOMAIN_SIZE + 8] = "0123456789abcdef";
	static const struct {
		size_t len;
		int bits;
	} cases[] = {{15, 96}, {17, 96}, {0, 96}, {16, -1}, {16, 129}, {16, 253}, {16, 256},
		{0, KEY_NAME}, {0, KEY_BELOW}, {sizeof(bytes), KEY_NAME},
		{DOMAIN_SIZE - 1, KEY_BELOW}};
	struct source source;

	(void)state;
	for (size_t i = 0; i < COUNTOF(cases); i++)
		assert_int_equal(
			key_to_source(span_of(bytes, cases[i].len), cases[i].bits, &source),
			E_CORRUPT);
}

static bool is_in_range(const char *outer, const char *inner)
{
	struct source source = source_of(outer), other = source_of(inner);
	struct key key = key_of(&other);
	struct key_bounds range;

	return key_within(&source, &range) && key_compare(&range.first, &key) <= 0 &&
	       key_compare(&key, &range.last) <= 0 && key.bits >= range.bits_min &&
	       key.bits <= range.bits_max;
}

static void what_lies_within_is_one_range(void **state)
{
	(void)state;
	assert_true(is_in_range("198.51.100.0/24", "198.51.100.0/25"));
	assert_true(is_in_range("198.51.100.0/24", "198.51.100.255"));
	assert_false(is_in_range("198.51.100.0/24", "198.51.101.0"));
	assert_false(is_in_range("198.51.100.0/24", "198.51.0.0/16"));
	assert_true(is_in_range("::/0", "198.51.100.1"));
	assert_true(is_in_range(".bad.example", "www.bad.example"));
	assert_true(is_in_range(".bad.example", ".www.bad.example"));
	assert_false(is_in_range(".bad.example", "bad-x.example"));
	assert_false(is_in_range(".bad.example", "worse.example"));
	assert_false(is_in_range("bad.example", "www.bad.example"));
}

/* How many keys are tried, and that the one is among them. */
static unsigned steps_to(const char *inner, const char *outer, bool *ret_found)
{
	struct source source = source_of(inner), wider = source_of(outer);
	struct key wanted = key_of(&wider), key;
	unsigned steps = 0;

	*ret_found = false;
	for (; key_covering(&source, steps, &key); steps++) {
		if (key.bits == wanted.bits && span_equal(bytes_of(&key), bytes_of(&wanted)))
			*ret_found = true;
	}
	return steps;
}

static void what_covers_is_a_few_look_ups(void **state)
{
	static const struct {
		const char *inner;
		const char *outer;
		unsigned steps;
		bool covers;
	} cases[] = {
		{"198.51.100.1", "198.51.100.1", 33, true},
		{"198.51.100.1", "198.51.0.0/16", 33, true},
		{"198.51.100.1", "::/0", 33, false}, /* IPv6 */
		{"2001:db8::1", "::/0", 129, true},
		{"198.51.100.1", "203.0.113.0/24", 33, false},
		{"2001:db8::/32", "2001:db8:1::/48", 33, false},
		{"www.bad.example", ".example", 4, true},
		{"www.bad.example", ".bad.example", 4, true},
		{"www.bad.example", ".www.bad.example", 4, true},
		{"www.bad.example", "www.bad.example", 4, true},
		{"www.bad.example", "bad.example", 4, false},
		{"example", ".example", 2, true},
	};

	(void)state;
	for (size_t i = 0; i < COUNTOF(cases); i++) {
		bool found;

		assert_int_equal(steps_to(cases[i].inner, cases[i].outer, &found), cases[i].steps);
		assert_int_equal(found, cases[i].covers);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_source_comes_back_from_its_key),
		cmocka_unit_test(labels_are_reversed),
		cmocka_unit_test(what_is_not_a_source_is_damage),
		cmocka_unit_test(what_lies_within_is_one_range),
		cmocka_unit_test(what_covers_is_a_few_look_ups),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
