/* SPDX-License-Identifier: ISC */
/* Completion for bash, from the table of verbs: their words, and the options in their help. */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"

static size_t option_len(const char *at)
{
	return 2 + strspn(at + 2, "abcdefghijklmnopqrstuvwxyz-");
}

/* Whether the option at `at` is the first of its name; "--for" is not "--format". */
static bool is_first_of_options(const char *text, const char *at)
{
	size_t len = option_len(at);

	for (const char *other = strstr(text, "--"); other != at; other = strstr(other, "--")) {
		if (option_len(other) == len && strncmp(other, at, len) == 0)
			return false;
		other += option_len(other);
	}
	return true;
}

/* The options that a text names, each once: every word that begins with "--". */
static void print_options(const char *text)
{
	for (const char *at = strstr(text, "--"); at != NULL; at = strstr(at, "--")) {
		size_t len = option_len(at);

		if (len > 2 && is_first_of_options(text, at))
			printf(" %.*s", (int)len, at);
		at += len;
	}
}

/* Whether no row above begins with the same word; rows of a group need not stand together. */
static bool is_first_of_group(const struct cli *cli, size_t row)
{
	const char *name = cli->verbs[row].name;
	size_t len = strcspn(name, " ");

	for (size_t i = 0; i < row; i++)
		if (strcspn(cli->verbs[i].name, " ") == len &&
			strncmp(cli->verbs[i].name, name, len) == 0)
			return false;
	return true;
}

/* The first words, or the second ones behind one; each once. */
static void print_words(const struct cli *cli, const char *first)
{
	for (size_t i = 0; i < cli->verbs_len; i++) {
		const char *name = cli->verbs[i].name;
		size_t len = strcspn(name, " ");

		if (first == NULL && is_first_of_group(cli, i))
			printf(" %.*s", (int)len, name);
		if (first != NULL && strncmp(name, first, len) == 0 && first[len] == '\0' &&
			name[len] == ' ')
			printf(" %s", name + len + 1);
	}
}

int verb_completion(struct cli *cli)
{
	int code = cli_parse(cli, NULL, 1, 1);

	if (code != 0)
		return code;
	if (strcmp(cli->operands[0], "bash") != 0)
		return cli_usage(cli, "there is a completion for bash only");
	printf("# bash completion for stockade; made by `stockade completion bash`\n"
	       "_stockade()\n{\n\tlocal word=${COMP_WORDS[COMP_CWORD]} verb=${COMP_WORDS[1]} words=\n");
	printf("\tif [ \"$COMP_CWORD\" -eq 1 ]; then\n\t\twords=\"");
	print_words(cli, NULL);
	printf("\"\n\telse\n\t\tcase \"$verb ${COMP_WORDS[2]}\" in\n");
	for (size_t i = 0; i < cli->verbs_len; i++) {
		bool two = strchr(cli->verbs[i].name, ' ') != NULL;

		printf("\t\t\"%s\"%s) words=\"", cli->verbs[i].name, two ? "" : "\\ *");
		print_options(arena_format(cli->arena,
			"--json --quiet --utc --no-color --config %s %s %s",
			cli->verbs[i].changes ? "--dry-run --yes" : "", cli->verbs[i].synopsis,
			cli->verbs[i].help));
		printf("\" ;;\n");
	}
	for (size_t i = 0; i < cli->verbs_len; i++) {
		size_t len = strcspn(cli->verbs[i].name, " ");
		const char *group = arena_format(cli->arena, "%.*s", (int)len, cli->verbs[i].name);

		if (cli->verbs[i].name[len] == '\0' || !is_first_of_group(cli, i))
			continue;
		printf("\t\t\"%s \"*) words=\"", group);
		print_words(cli, group);
		printf("\" ;;\n");
	}
	printf("\t\tesac\n\tfi\n\tCOMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n\t"
	       "[ -n \"$COMPREPLY\" ] || COMPREPLY=($(compgen -f -- \"$word\"))\n}\n"
	       "complete -F _stockade stockade\n");
	return 0;
}
