/* SPDX-License-Identifier: ISC */
/* How a verb gets its options and operands. What is said on stderr is looked at by
 * tests/e2e/test_cli.py. */
#include "unit.h"

#include "base/macro.h"
#include "cli/cli.h"

static const struct verb plain = {.name = "try", .synopsis = ""};
static const struct verb changing = {.name = "try", .synopsis = "", .changes = true};

struct given {
	const char *text;
	uint64_t count;
	int64_t for_ms;
	bool flag;
};

/* The exit code of cli_parse for one to two operands. */
static int parse(struct cli *cli, const char **words, struct given *ret_given)
{
	const struct cli_option options[] = {
		{"--text", OPTION_TEXT, &ret_given->text},
		{"--count", OPTION_COUNT, &ret_given->count},
		{"--for", OPTION_DURATION, &ret_given->for_ms},
		{"--flag", OPTION_FLAG, &ret_given->flag},
		{0},
	};

	*ret_given = (struct given){.count = 7};
	cli->argv = (char **)(uintptr_t)words;
	for (cli->argc = 0; words[cli->argc] != NULL; cli->argc++)
		;
	return cli_parse(cli, options, 1, 2);
}

static void options_and_operands_stand_in_any_order(void **state)
{
	struct cli cli = {.verb = &plain, .arena = arena_new(0)};
	const char *words[] = {"try", "--count=3", "a", "--text", "--odd", "--flag", "--utc",
		"--for", "2h", "b", NULL};
	struct given given;

	(void)state;
	assert_int_equal(parse(&cli, words, &given), 0);
	assert_int_equal(cli.operands_len, 2);
	assert_string_equal(cli.operands[0], "a");
	assert_string_equal(cli.operands[1], "b");
	assert_string_equal(given.text, "--odd"); /* a value, whatever it looks like */
	assert_int_equal(given.count, 3);
	assert_int_equal(given.for_ms, 2 * 3600 * 1000);
	assert_true(given.flag && cli.utc);
	arena_free(&cli.arena);
}

static void two_hyphens_end_the_options_and_one_is_an_operand(void **state)
{
	struct cli cli = {.verb = &plain, .arena = arena_new(0)};
	const char *words[] = {"try", "-", "--", "--flag", NULL};
	struct given given;

	(void)state;
	assert_int_equal(parse(&cli, words, &given), 0);
	assert_int_equal(cli.operands_len, 2);
	assert_string_equal(cli.operands[0], "-");
	assert_string_equal(cli.operands[1], "--flag");
	assert_false(given.flag);
	assert_int_equal(given.count, 7); /* untouched when it is not given */
	arena_free(&cli.arena);
}

static void what_cannot_be_meant_is_a_usage_error(void **state)
{
	static const char *const wrong[][4] = {
		{"try", NULL}, {"try", "a", "--unknown", NULL}, {"try", "a", "--text", NULL},
		{"try", "a", "--flag=yes", NULL}, {"try", "a", "--count=-1", NULL},
		{"try", "a", "--for=0s", NULL},
		{"try", "a", "--yes", NULL}, /* of verbs that change something */
	};
	struct cli cli = {.verb = &plain, .arena = arena_new(0)};
	const char *many[] = {"try", "a", "b", "c", NULL};
	struct given given;

	(void)state;
	for (size_t i = 0; i < COUNTOF(wrong); i++) {
		const char *words[4];

		for (size_t k = 0; k < COUNTOF(words); k++)
			words[k] = wrong[i][k];
		assert_int_equal(parse(&cli, words, &given), EXIT_USAGE);
	}
	assert_int_equal(parse(&cli, many, &given), EXIT_USAGE);
	arena_free(&cli.arena);
}

static void verbs_that_change_something_know_two_options_more(void **state)
{
	struct cli cli = {.verb = &changing, .arena = arena_new(0)};
	const char *words[] = {"try", "a", "-n", "--yes", NULL};
	struct given given;

	(void)state;
	assert_int_equal(parse(&cli, words, &given), 0);
	assert_true(cli.dry_run && cli.yes);
	arena_free(&cli.arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options_and_operands_stand_in_any_order),
		cmocka_unit_test(two_hyphens_end_the_options_and_one_is_an_operand),
		cmocka_unit_test(what_cannot_be_meant_is_a_usage_error),
		cmocka_unit_test(verbs_that_change_something_know_two_options_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
