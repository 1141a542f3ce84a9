/* SPDX-License-Identifier: ISC */
#include "cli/help.h"

#include <string.h>

#include "base/suggest.h"

enum { NAME_WIDTH = 16 };

static const char global_help[] =
	"Options of all verbs:\n"
	"  --json            one JSON object on standard output\n"
	"  -q, --quiet       no remarks on standard error\n"
	"  --utc             times in UTC instead of the zone of this machine\n"
	"  --no-color        no colours (also: NO_COLOR in the environment)\n"
	"  -c, --config FILE the configuration ($STOCKADE_CONFIG, /etc/stockade/stockade.yaml)\n";
static const char change_help[] = "Options of verbs that change something:\n"
				  "  -n, --dry-run     say what would be done and do nothing\n"
				  "  -y, --yes         do not ask\n";

void help_print_verbs(const struct cli *cli, FILE *out)
{
	fprintf(out, "usage: stockade [OPTIONS] VERB ...\n\n");
	for (size_t i = 0; i < cli->verbs_len; i++)
		fprintf(out, "  %-*s %s\n", NAME_WIDTH, cli->verbs[i].name, cli->verbs[i].summary);
	fprintf(out,
		"\n%s%s\n`stockade VERB --help` tells more; stockade(1), stockade.yaml(5) tell all.\n",
		global_help, change_help);
}

void help_print_verb(const struct verb *verb, FILE *out)
{
	cli_print_usage(verb, out);
	fprintf(out, "\n%c%s.\n",
		ascii_is_alpha((uint8_t)verb->summary[0]) ? verb->summary[0] & ~0x20
							  : verb->summary[0],
		verb->summary + 1);
	if (verb->help[0] != '\0')
		fprintf(out, "\n%s", verb->help);
	if (verb->run != verb_rbldnsd) /* whose options are rbldnsd's, and mean other things */
		fprintf(out, "\n%s%s", global_help, verb->changes ? change_help : "");
}

bool help_print_group(const struct cli *cli, const char *word, FILE *out)
{
	size_t len = strlen(word);
	bool any = false;

	for (size_t i = 0; i < cli->verbs_len; i++) {
		const struct verb *verb = &cli->verbs[i];

		if (strncmp(verb->name, word, len) != 0 || verb->name[len] != ' ')
			continue;
		cli_print_usage(verb, out);
		fprintf(out, "         %s\n", verb->summary);
		any = true;
	}
	return any;
}

int help_unknown_verb(const struct cli *cli, const char *first, const char *second)
{
	const char *said = first;
	struct suggest meant;

	if ((second == NULL || second[0] == '-') && help_print_group(cli, first, stderr))
		return EXIT_USAGE;
	if (second != NULL && second[0] != '-')
		said = arena_format(cli->arena, "%s %s", first, second);
	meant = (struct suggest){.word = span_text(said)};
	for (size_t i = 0; i < cli->verbs_len; i++)
		suggest_offer(&meant, span_text(cli->verbs[i].name));
	if (meant.best.len == 0) {
		if (help_print_group(cli, first, stderr))
			return EXIT_USAGE;
		said = first;
		meant.word = span_text(first);
		for (size_t i = 0; i < cli->verbs_len; i++) {
			struct span name = span_text(cli->verbs[i].name);

			suggest_offer(&meant, span_split(&name, ' '));
		}
	}
	return cli_usage(cli, "unknown verb '%s'%s", said, suggest_hint(&meant));
}

int verb_help(struct cli *cli)
{
	const char *name;
	int code = cli_parse(cli, NULL, 0, 2);

	if (code != 0)
		return code;
	if (cli->operands_len == 0) {
		help_print_verbs(cli, stdout);
		return 0;
	}
	name = cli->operands_len == 2
		       ? arena_format(cli->arena, "%s %s", cli->operands[0], cli->operands[1])
		       : cli->operands[0];
	for (size_t i = 0; i < cli->verbs_len; i++) {
		if (strcmp(cli->verbs[i].name, name) != 0)
			continue;
		help_print_verb(&cli->verbs[i], stdout);
		return 0;
	}
	if (help_print_group(cli, name, stdout))
		return 0;
	return help_unknown_verb(
		cli, cli->operands[0], cli->operands_len == 2 ? cli->operands[1] : NULL);
}
