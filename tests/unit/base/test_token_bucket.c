/* SPDX-License-Identifier: ISC */
#include "base/token_bucket.h"
#include "unit.h"

/* Six tokens a minute, three at once. */
static const struct token_rate rate = {6, 60000, 3 * 60000};

static void tokens_come_back_at_a_steady_pace(void **state)
{
	int64_t credit = rate.full;

	(void)state;
	for (int i = 0; i < 3; i++)
		assert_true(token_bucket_take(&credit, &rate, 0));
	assert_false(token_bucket_take(&credit, &rate, 0));
	assert_int_equal(token_bucket_wait_ms(credit, &rate), 10000);
	assert_false(token_bucket_take(&credit, &rate, 9999));
	assert_int_equal(token_bucket_wait_ms(credit, &rate), 1);
	assert_true(token_bucket_take(&credit, &rate, 1));
}

static void a_bucket_is_never_more_than_full(void **state)
{
	int64_t credit = 0;

	(void)state;
	for (int i = 0; i < 3; i++)
		assert_true(token_bucket_take(&credit, &rate, i == 0 ? UINT32_MAX : 0));
	assert_false(token_bucket_take(&credit, &rate, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tokens_come_back_at_a_steady_pace),
		cmocka_unit_test(a_bucket_is_never_more_than_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
