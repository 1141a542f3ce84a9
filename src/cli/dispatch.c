/* SPDX-License-Identifier: ISC */
/* From the words of the command line to the verb that they name. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bus/control.h"
#include "cli/help.h"

#define CONF_PATH "/etc/stockade/stockade.yaml"

/* The verb that the words begin with, two words before one; *ret_used words belong to it. */
static const struct verb *verb_find(const struct cli *cli, int argc, char **argv, int *ret_used)
{
	const struct verb *found = NULL;

	for (size_t i = 0; i < cli->verbs_len; i++) {
		const char *name = cli->verbs[i].name, *blank = strchr(name, ' ');
		size_t first = blank != NULL ? (size_t)(blank - name) : strlen(name);

		if (strlen(argv[0]) != first || strncmp(argv[0], name, first) != 0)
			continue;
		if (blank != NULL && (argc < 2 || strcmp(argv[1], blank + 1) != 0))
			continue;
		if (found == NULL || blank != NULL) {
			found = &cli->verbs[i];
			*ret_used = blank != NULL ? 2 : 1;
		}
	}
	return found;
}

/* Asking for help is no failure wherever it stands, except behind "--". */
static bool asks_for_help(int argc, char **argv)
{
	for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++) {
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
			return true;
	}
	return false;
}

/* Wherever it stands: what is wrong with the words before it is told in the same form. */
static bool asks_for_json(int argc, char **argv)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
		if (strcmp(argv[i], "--json") == 0)
			return true;
	}
	return false;
}

static int cli_dispatch(struct cli *cli, int argc, char **argv)
{
	int used = 0;

	if (argc == 0) {
		help_print_verbs(cli, stderr);
		return EXIT_USAGE;
	}
	if (strcmp(argv[0], "--version") == 0) {
		puts("stockade " STOCKADE_VERSION);
		return 0;
	}
	if (argv[0][0] == '-') {
		help_print_verbs(cli, stdout);
		return 0;
	}
	cli->verb = verb_find(cli, argc, argv, &used);
	if (cli->verb == NULL && asks_for_help(argc, argv) &&
		help_print_group(cli, argv[0], stdout))
		return 0;
	if (cli->verb == NULL)
		return help_unknown_verb(cli, argv[0], argc > 1 ? argv[1] : NULL);
	if (asks_for_help(argc, argv)) {
		help_print_verb(cli->verb, stdout);
		return 0;
	}
	argv[used - 1] = argv[0];
	cli->argc = argc - used + 1;
	cli->argv = argv + used - 1;
	return cli->verb->run(cli);
}

/* Called by another program's name, as that program: a link is all that changing takes. */
static int cli_run(struct cli *cli, int argc, char **argv)
{
	static char rbldnsd[] = "rbldnsd";
	int used;

	if (argc > 0 && strcmp(basename(argv[0]), rbldnsd) == 0) {
		argv[0] = rbldnsd;
		return cli_dispatch(cli, argc, argv);
	}
	used = cli_take_globals(cli, argc - 1, argv + 1);
	return used < 0 ? EXIT_USAGE : cli_dispatch(cli, argc - 1 - used, argv + 1 + used);
}

int cli_main(struct cli *cli, int argc, char **argv)
{
	const char *conf_path = getenv("STOCKADE_CONFIG");
	const char *no_color = getenv("NO_COLOR");
	int code;

	cli->program = argc > 0 ? argv[0] : "stockade";
	cli->conf_path = conf_path != NULL && *conf_path != '\0' ? conf_path : CONF_PATH;
	cli->color = isatty(STDOUT_FILENO) && (no_color == NULL || *no_color == '\0');
	cli->json = asks_for_json(argc, argv);
	cli->arena = arena_new(0);
	code = cli_run(cli, argc, argv);
	/* A result that did not reach its reader is no success. */
	if (fflush(stdout) != 0 && code == 0)
		code = cli_fail(cli, E_IO, "cannot write the result");
	control_free(&cli->control);
	conf_free(&cli->conf);
	arena_free(&cli->arena);
	return code;
}
