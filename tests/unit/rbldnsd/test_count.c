/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "rbldnsd/count.h"

/* The lines of statistics, which other people's programs read. */
static const struct rbl_counts counts = {
	.results = {[RBL_OK] = 5, [RBL_NXDOMAIN] = 4, [RBL_ERROR] = 1}, .in = 311, .out = 432};

static void statistics_have_the_fields_of_rbldnsd(void **state)
{
	struct buf line;

	(void)state;
	buf_init(&line, 0);
	rbl_counts_field(&line, "bl1.ex", &counts);
	assert_string_equal(buf_cstr(&line), " bl1.ex:10:5:4:311:432");
	buf_clear(&line);
	rbl_counts_text(&line, 60, "bl1.ex", &counts);
	assert_string_equal(buf_cstr(&line),
		"stats for 60secs zone bl1.ex: tot=10 ok=5 nxd=4 err=1 in=311 out=432");
	buf_clear(&line);
	rbl_counts_text(&line, 7, NULL, &counts);
	assert_string_equal(
		buf_cstr(&line), "stats for 7sec: tot=10 ok=5 nxd=4 err=1 in=311 out=432");
	buf_done(&line);
}

static void counts_add_and_subtract(void **state)
{
	struct rbl_counts twice = rbl_counts_plus(counts, counts);
	struct rbl_counts once = rbl_counts_minus(twice, counts);

	(void)state;
	assert_int_equal(twice.results[RBL_NXDOMAIN], 8);
	assert_int_equal(twice.out, 864);
	assert_memory_equal(&once, &counts, sizeof(counts));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(statistics_have_the_fields_of_rbldnsd),
		cmocka_unit_test(counts_add_and_subtract),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
