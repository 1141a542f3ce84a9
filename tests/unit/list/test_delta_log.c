/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "base/mem.h"
#include "list/delta_log.h"

enum { BASE = 4294967290u };

/* Over the end of the circle, with numbers left out. */
static void log_fill(struct delta_log *log)
{
	static const uint32_t serials[] = {4294967292u, 4294967295u, 1, 4, 5};

	for (size_t i = 0; i < sizeof(serials) / sizeof(serials[0]); i++)
		delta_log_add(log,
			&(struct logged_delta){
				.to_serial = serials[i], .ranges = 10, .packed = mem_alloc(1)});
}

static void a_follower_goes_on_where_it_is(void **state)
{
	struct delta_log log = {.len = 0};

	(void)state;
	log_fill(&log);
	assert_int_equal(delta_log_after(&log, BASE, BASE), 0);
	assert_int_equal(delta_log_after(&log, BASE, 4294967295u), 2);
	assert_int_equal(delta_log_after(&log, BASE, 1), 3);
	assert_int_equal(delta_log_after(&log, BASE, 5), 5); /* it lacks nothing */
	delta_log_clear(&log);
}

static void a_number_that_was_left_out_goes_on_nowhere(void **state)
{
	static const uint32_t serials[] = {0, 4294967289u, 4294967291u, 4294967293u, 2, 6};
	struct delta_log log = {.len = 0};

	(void)state;
	log_fill(&log);
	for (size_t i = 0; i < sizeof(serials) / sizeof(serials[0]); i++)
		assert_int_equal(delta_log_after(&log, BASE, serials[i]), -1);
	assert_int_equal(delta_log_after(&log, 0, BASE), -1); /* without a file */
	delta_log_clear(&log);
}

static void what_a_snapshot_holds_is_dropped(void **state)
{
	struct delta_log log = {.len = 0};

	(void)state;
	log_fill(&log);
	assert_int_equal(log.ranges, 50);
	delta_log_drop(&log, 2);
	assert_int_equal(log.len, 2);
	assert_int_equal(log.ranges, 20);
	assert_int_equal(delta_log_after(&log, 2, 2), 0);
	delta_log_drop(&log, 5);
	assert_int_equal(log.len, 0);
	assert_int_equal(delta_log_after(&log, 5, 5), 0);
	delta_log_clear(&log);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_follower_goes_on_where_it_is),
		cmocka_unit_test(a_number_that_was_left_out_goes_on_nowhere),
		cmocka_unit_test(what_a_snapshot_holds_is_dropped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
