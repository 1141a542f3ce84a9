/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/macro.h"
#include "base/reader.h"

static void split_keeps_every_part(void **state)
{
	struct span rest = span_text("a.bc..d");

	(void)state;
	assert_true(span_equal_text(span_split(&rest, '.'), "a"));
	assert_true(span_equal_text(span_split(&rest, '.'), "bc"));
	assert_true(span_equal_text(span_split(&rest, '.'), ""));
	assert_true(span_equal_text(span_split(&rest, '.'), "d"));
	assert_true(span_is_empty(rest));
}

static void lines_end_in_newlines_with_or_without_cr(void **state)
{
	struct span rest = span_text("a\r\n\r\n\nb\rc\n\rd\r");
	static const char *const lines[] = {"a", "", "", "b\rc", "\rd", ""};

	(void)state;
	for (size_t i = 0; i < COUNTOF(lines); i++)
		assert_true(span_equal_text(span_split_line(&rest), lines[i]));
	assert_true(span_equal_text(span_without_mark(span_text("\xef\xbb\xbf"
								"a")),
		"a"));
	assert_true(span_equal_text(span_without_mark(span_text("\xef\xbb")), "\xef\xbb"));
}

static void numbers_are_digits_within_the_limit(void **state)
{
	uint64_t value = 7;

	(void)state;
	assert_int_equal(span_parse_u64(span_text("65535"), 65535, &value), 0);
	assert_int_equal(value, 65535);
	assert_int_equal(span_parse_u64(span_text("65536"), 65535, &value), E_RANGE);
	assert_int_equal(
		span_parse_u64(span_text("18446744073709551616"), UINT64_MAX, &value), E_RANGE);
	assert_int_equal(span_parse_u64(span_text("-1"), 9, &value), E_PARSE);
	assert_int_equal(span_parse_u64(span_text(""), 9, &value), E_PARSE);
	assert_int_equal(value, 65535); /* untouched by failures */
}

static void reader_stays_bad(void **state)
{
	struct reader reader = reader_of(span_text("\x01\x02\x03"));

	(void)state;
	assert_int_equal(reader_u16(&reader), 0x0102);
	assert_int_equal(reader_u16(&reader), 0);
	assert_true(reader.bad);
	assert_int_equal(reader_u8(&reader), 0);
}

static void buf_keeps_its_limit(void **state)
{
	struct buf buf;

	(void)state;
	buf_init(&buf, 4);
	buf_append_text(&buf, "abc");
	buf_append_text(&buf, "de");
	assert_true(buf.bad);
	assert_true(span_equal_text(buf_span(&buf), "abc"));
	buf_consume(&buf, 2);
	buf_clear(&buf);
	buf_append_text(&buf, "wxyz");
	assert_false(buf.bad);
	assert_string_equal(buf_cstr(&buf), "wxyz");
	buf_done(&buf);
}

static void arena_aligns_and_limits(void **state)
{
	AUTO(arena) *arena = arena_new(64);

	(void)state;
	assert_int_equal((uintptr_t)arena_alloc(arena, 1) % 16, 0);
	assert_int_equal((uintptr_t)arena_alloc(arena, 1) % 16, 0);
	assert_null(arena_alloc_try(arena, 64));
	assert_non_null(arena_alloc_try(arena, 32));
	arena_reset(arena);
	assert_non_null(arena_alloc_try(arena, 64));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(split_keeps_every_part),
		cmocka_unit_test(lines_end_in_newlines_with_or_without_cr),
		cmocka_unit_test(numbers_are_digits_within_the_limit),
		cmocka_unit_test(reader_stays_bad),
		cmocka_unit_test(buf_keeps_its_limit),
		cmocka_unit_test(arena_aligns_and_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
