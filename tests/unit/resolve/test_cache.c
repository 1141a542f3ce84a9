/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include <stdio.h>
#include <string.h>

#include "base/macro.h"
#include "resolve/cache.h"

static struct dns_name name_of(const char *text)
{
	struct dns_name name;

	assert_int_equal(dns_name_parse(span_text(text), &name), 0);
	return name;
}

static struct dns_answer *answer_of(uint32_t ttl_s)
{
	struct dns_answer *answer = dns_answer_new_failed(RESOLVER_FAILED);

	answer->ttl_s = ttl_s;
	return answer;
}

static void the_cache_keeps_the_latest_and_forgets_in_time(void **state)
{
	struct cache *cache = cache_new(3);
	struct dns_name names[4];
	uint32_t ttl_s = 0;

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		char text[16];
		struct dns_answer *answer = answer_of(10);

		snprintf(text, sizeof(text), "n%u.test", i);
		names[i] = name_of(text);
		cache_put(cache, &(struct resolver_question){.name = &names[i], .type = DNS_A},
			answer, 1000);
		dns_answer_free(&answer);
		if (i == 2) /* used again: the second is the oldest now */
			assert_non_null(cache_get(cache,
				&(struct resolver_question){.name = &names[0], .type = DNS_A}, 1000,
				&ttl_s));
	}
	assert_int_equal(cache_count(cache), 3);
	assert_null(cache_get(cache, &(struct resolver_question){.name = &names[1], .type = DNS_A},
		1000, &ttl_s));
	assert_non_null(cache_get(cache,
		&(struct resolver_question){.name = &names[0], .type = DNS_A}, 10999, &ttl_s));
	assert_int_equal(ttl_s, 1);
	assert_null(cache_get(cache,
		&(struct resolver_question){.name = &names[0], .type = DNS_AAAA}, 1000, &ttl_s));
	assert_null(cache_get(cache, &(struct resolver_question){.name = &names[0], .type = DNS_A},
		11000, &ttl_s));
	assert_int_equal(cache_count(cache), 2);
	cache_free(&cache);
}

/* "5" and "u", "a" and "c" cancel each other out in a hash that multiplies eight octets at a time,
 * whatever its key: each pair doubles the names that share one. */
static void names_that_a_stranger_chooses_do_not_share_a_hash(void **state)
{
	enum { PAIRS = 6, NAMES = 1 << PAIRS };
	uint8_t key[QUESTION_KEY];
	uint64_t hashes[NAMES];

	(void)state;
	question_key_draw(key);
	for (unsigned i = 0; i < NAMES; i++) {
		char text[PAIRS * 16 + sizeof("test")];
		struct dns_name name;

		for (unsigned pair = 0; pair < PAIRS; pair++) {
			bool other = (i >> pair & 1) != 0;

			memcpy(text + (size_t)pair * 16,
				other ? "xxxxxxu.xxxxxxc." : "xxxxxx5.xxxxxxa.", 16);
		}
		memcpy(text + (size_t)PAIRS * 16, "test", sizeof("test"));
		name = name_of(text);
		hashes[i] = question_hash(
			key, &(struct resolver_question){.name = &name, .type = DNS_A});
		for (unsigned j = 0; j < i; j++)
			assert_true(hashes[i] != hashes[j]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_cache_keeps_the_latest_and_forgets_in_time),
		cmocka_unit_test(names_that_a_stranger_chooses_do_not_share_a_hash),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
