/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/macro.h"
#include "store/sql.h"
#include "store/store_priv.h"

/* A backend that fails when it is told to, and writes down what it is asked: "1=7 2='a' step reset
 * ". */
static char asked[256];
static int prepare_result;
static int step_result;
static int64_t column;

__attribute__((format(printf, 1, 2))) static void note(const char *format, ...)
{
	size_t len = strlen(asked);
	va_list args;

	va_start(args, format);
	vsnprintf(asked + len, sizeof(asked) - len, format, args);
	va_end(args);
}

static int fake_prepare(struct store *store, const char *sql, void **ret_statement)
{
	(void)sql;
	note("prepare ");
	if (prepare_result < 0)
		return prepare_result;
	*ret_statement = store;
	return 0;
}

static void fake_discard(void *statement)
{
	(void)statement;
	note("discard ");
}

static void fake_bind_int(void *statement, int parameter, int64_t value)
{
	(void)statement;
	note("%d=%d ", parameter, (int)value);
}

static void fake_bind_span(void *statement, int parameter, struct span bytes)
{
	(void)statement;
	note("%d='%.*s' ", parameter, (int)bytes.len, (const char *)bytes.ptr);
}

static int fake_step(struct store *store, void *statement)
{
	(void)store;
	(void)statement;
	note("step ");
	return step_result;
}

static int64_t fake_column_int(void *statement, int number)
{
	(void)statement;
	(void)number;
	return column;
}

static void fake_reset(void *statement)
{
	(void)statement;
	note("reset ");
}

static int64_t fake_number(struct store *store)
{
	(void)store;
	return column;
}

static const struct store_ops fake_ops = {
	.prepare = fake_prepare,
	.discard = fake_discard,
	.bind_int = fake_bind_int,
	.bind_text = fake_bind_span,
	.bind_blob = fake_bind_span,
	.step = fake_step,
	.column_int = fake_column_int,
	.reset = fake_reset,
	.changed = fake_number,
	.inserted = fake_number,
};

static struct store store;

static int fake_open(void **state)
{
	(void)state;
	store = (struct store){.ops = &fake_ops, .statements = statements_new()};
	asked[0] = '\0';
	prepare_result = step_result = 0;
	column = 0;
	return 0;
}

static int fake_close(void **state)
{
	(void)state;
	statements_free(&store);
	return 0;
}

static int run_one(void)
{
	AUTO(sql) *sql = sql_start(&store, Q_META_SET);

	sql_add_text(sql, span_text("serial"));
	sql_add_int(sql, 7);
	return sql_run(sql);
}

static void a_statement_is_prepared_once_and_reset_each_time(void **state)
{
	(void)state;
	assert_int_equal(run_one(), 0);
	assert_string_equal(asked, "prepare 1='serial' 2=7 step reset ");
	asked[0] = '\0';
	assert_int_equal(run_one(), 0);
	assert_string_equal(asked, "1='serial' 2=7 step reset ");
	asked[0] = '\0';
	statements_free(&store);
	assert_string_equal(asked, "discard ");
}

static void what_cannot_be_prepared_fails_when_it_is_run(void **state)
{
	(void)state;
	prepare_result = E_CORRUPT;
	assert_int_equal(run_one(), E_CORRUPT);
	assert_string_equal(asked, "prepare ");
	prepare_result = 0;
	asked[0] = '\0';
	assert_int_equal(run_one(), 0); /* it is tried again */
	assert_string_equal(asked, "prepare 1='serial' 2=7 step reset ");
}

static void a_statement_is_reset_after_an_error_too(void **state)
{
	(void)state;
	step_result = E_BUSY;
	assert_int_equal(run_one(), E_BUSY);
	assert_string_equal(asked, "prepare 1='serial' 2=7 step reset ");
}

static void what_is_null_keeps_its_number(void **state)
{
	struct source source;

	(void)state;
	assert_int_equal(source_parse(span_text(".a.example"), &source, NULL), 0);
	{
		AUTO(sql) *sql = sql_start(&store, Q_EVIDENCE_ADD);

		sql_add_null(sql);
		sql_add_id_or_null(sql, 0);
		sql_add_id_or_null(sql, 5);
		sql_add_source(sql, NULL);
		sql_add_int(sql, 9);
		sql_add_source(sql, &source);
		sql_add_limit(sql, 0);
		sql_add_limit(sql, 3);
	}
	assert_string_equal(asked, "prepare 3=5 6=9 7='example.a' 8=254 9=-1 10=3 reset ");
}

static void each_way_to_run_gives_the_error_and_leaves_the_outputs(void **state)
{
	static const int errors[] = {E_FULL, E_IO};

	(void)state;
	for (size_t i = 0; i < COUNTOF(errors); i++) {
		AUTO(sql) *sql = sql_start(&store, Q_LIST_COUNT);
		int64_t id = 77;
		uint64_t count = 77;

		step_result = errors[i];
		column = 5;
		assert_int_equal(sql_next(sql), errors[i]);
		assert_int_equal(sql_run(sql), errors[i]);
		assert_int_equal(sql_update(sql), errors[i]);
		assert_int_equal(sql_insert(sql, &id), errors[i]);
		assert_int_equal(sql_number(sql, &id), errors[i]);
		assert_int_equal(sql_count(sql, &count), errors[i]);
		assert_int_equal(id, 77);
		assert_int_equal(count, 77);
	}
}

static void an_insert_that_met_a_conflict_gives_no_number(void **state)
{
	AUTO(sql) *sql = sql_start(&store, Q_SLOT_ADD);
	int64_t id = 77;

	(void)state;
	assert_int_equal(sql_insert(sql, &id), 0); /* no row was changed */
	assert_int_equal(id, 77);
	column = INT64_C(5000000000);
	assert_int_equal(sql_insert(sql, &id), 1);
	assert_true(id == INT64_C(5000000000));
}

static void no_row_is_not_a_number(void **state)
{
	AUTO(sql) *sql = sql_start(&store, Q_SLOT_GET);
	int64_t id = 77;
	uint64_t count = 77;

	(void)state;
	column = 5;
	assert_int_equal(sql_number(sql, &id), 0);
	assert_int_equal(id, 77);
	assert_int_equal(sql_count(sql, &count), 0);
	assert_int_equal(count, 0);
	step_result = 1;
	assert_int_equal(sql_number(sql, &id), 1);
	assert_int_equal(id, 5);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fake_open, fake_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_statement_is_prepared_once_and_reset_each_time),
		TEST(what_cannot_be_prepared_fails_when_it_is_run),
		TEST(a_statement_is_reset_after_an_error_too),
		TEST(what_is_null_keeps_its_number),
		TEST(each_way_to_run_gives_the_error_and_leaves_the_outputs),
		TEST(an_insert_that_met_a_conflict_gives_no_number),
		TEST(no_row_is_not_a_number),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
