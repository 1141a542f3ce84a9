/* SPDX-License-Identifier: ISC */
/* Options and operands in any order; one table for what every verb knows, one of the verb. */
#include <string.h>

#include "base/macro.h"
#include "base/suggest.h"
#include "cli/cli.h"
#include "conf/value.h"

enum {
	GLOBALS = 7,
	CHANGE_GLOBALS = 4,
	OPTIONS_MAX = 32,
	/* verbs count in seconds, and 0 is an option that was not given */
	LEAST_DURATION_MS = 1000,
};

/* The last ones belong to verbs that change something. */
static void global_options(
	struct cli *cli, bool *no_color, struct cli_option ret_options[GLOBALS + CHANGE_GLOBALS])
{
	const struct cli_option rows[GLOBALS + CHANGE_GLOBALS] = {
		{"--json", OPTION_FLAG, &cli->json},
		{"--quiet", OPTION_FLAG, &cli->quiet},
		{"-q", OPTION_FLAG, &cli->quiet},
		{"--utc", OPTION_FLAG, &cli->utc},
		{"--no-color", OPTION_FLAG, no_color},
		{"--config", OPTION_TEXT, &cli->conf_path},
		{"-c", OPTION_TEXT, &cli->conf_path},
		{"-n", OPTION_FLAG, &cli->dry_run},
		{"--dry-run", OPTION_FLAG, &cli->dry_run},
		{"-y", OPTION_FLAG, &cli->yes},
		{"--yes", OPTION_FLAG, &cli->yes},
	};

	memcpy(ret_options, rows, sizeof(rows));
}

static const struct cli_option *option_find(const struct cli_option *options, struct span name)
{
	while (options->name != NULL && !span_equal_text(name, options->name))
		options++;
	return options->name != NULL ? options : NULL;
}

static int option_set(const struct cli *cli, const struct cli_option *option, const char *text)
{
	struct fault why;
	uint64_t count;

	switch (option->kind) {
	case OPTION_FLAG:
		*(bool *)option->value = true;
		return 0;
	case OPTION_TEXT:
		*(const char **)option->value = text;
		return 0;
	case OPTION_COUNT:
		if (span_parse_u64(span_text(text), INT64_MAX, &count) < 0)
			return cli_usage(cli, "%s: '%s' is not a number", option->name, text);
		*(uint64_t *)option->value = count;
		return 0;
	case OPTION_DURATION:
		if (duration_parse(span_text(text), option->value, &why) < 0)
			return cli_usage(cli, "%s: %s", option->name, why.text);
		if (*(int64_t *)option->value < LEAST_DURATION_MS)
			return cli_usage(cli, "%s: '%s' is less than a second", option->name, text);
		return 0;
	}
	return cli_usage(cli, "%s: unknown kind of option", option->name);
}

static void option_unknown(
	const struct cli *cli, const char *word, const struct cli_option *options)
{
	struct suggest meant = {.word = span_text(word)};

	for (; word[1] == '-' && options->name != NULL; options++)
		suggest_offer(&meant, span_text(options->name));
	cli_usage(cli, "unknown option '%s'%s", word, suggest_hint(&meant));
}

/* The option at argv[0], with its value: words used, or -1 after a message on stderr. */
static int option_take(
	const struct cli *cli, int argc, char **argv, const struct cli_option *options)
{
	struct span value = span_text(argv[0]), name = span_split(&value, '=');
	bool has_value = name.len < strlen(argv[0]);
	const struct cli_option *option = option_find(options, name);
	const char *text = has_value ? argv[0] + name.len + 1 : argc > 1 ? argv[1] : NULL;

	if (option == NULL) {
		option_unknown(cli, argv[0], options);
		return -1;
	}
	if (option->kind == OPTION_FLAG ? has_value : text == NULL) {
		cli_usage(cli, "option '%s' %s", option->name,
			has_value ? "takes no value" : "needs a value");
		return -1;
	}
	if (option_set(cli, option, text) != 0)
		return -1;
	return option->kind != OPTION_FLAG && !has_value ? 2 : 1;
}

static bool is_option(const char *word)
{
	return word[0] == '-' && word[1] != '\0'; /* "-" alone is standard input */
}

int cli_take_globals(struct cli *cli, int argc, char **argv)
{
	struct cli_option options[GLOBALS + CHANGE_GLOBALS + 1] = {{0}};
	bool no_color = false;
	int at = 0;

	global_options(cli, &no_color, options);
	while (at < argc && is_option(argv[at])) {
		int used;

		if (strcmp(argv[at], "--help") == 0 || strcmp(argv[at], "-h") == 0 ||
			strcmp(argv[at], "--version") == 0)
			break;
		used = option_take(cli, argc - at, argv + at, options);
		if (used < 0)
			return -1;
		at += used;
	}
	if (no_color)
		cli->color = false;
	return at;
}

int cli_parse(struct cli *cli, const struct cli_option *options, size_t min, size_t max)
{
	const char **operands = arena_alloc(cli->arena, (size_t)cli->argc * sizeof(*operands));
	struct cli_option all[OPTIONS_MAX + 1] = {{0}};
	size_t count = GLOBALS + (cli->verb->changes ? CHANGE_GLOBALS : 0);
	bool no_color = false, only_operands = false;
	size_t len = 0;
	int used;

	global_options(cli, &no_color, all);
	for (; options != NULL && options->name != NULL; options++) {
		ASSERT(count < OPTIONS_MAX);
		all[count++] = *options;
	}
	all[count].name = NULL;
	for (int i = 1; i < cli->argc; i += used) {
		used = 1;
		if (!only_operands && strcmp(cli->argv[i], "--") == 0)
			only_operands = true;
		else if (only_operands || !is_option(cli->argv[i]))
			operands[len++] = cli->argv[i];
		else
			used = option_take(cli, cli->argc - i, cli->argv + i, all);
		if (used < 0)
			return EXIT_USAGE;
	}
	if (no_color)
		cli->color = false;
	if (len < min)
		return cli_usage(cli, "too few arguments");
	if (len > max)
		return cli_usage(cli, "too many arguments: '%s'", operands[max]);
	cli->operands_len = len;
	cli->operands = operands;
	return 0;
}
