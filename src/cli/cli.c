/* SPDX-License-Identifier: ISC */
#include "cli/cli.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "cli/json.h"
#include "http/escape.h"

/* Operands and files are quoted in messages: what a terminal would obey is shown as text. With
 * --json each line is an object of its own. */
__attribute__((format(printf, 3, 0))) static void say(
	const struct cli *cli, const char *kind, const char *format, va_list args)
{
	char text[1024];
	struct buf visible;

	fflush(stdout); /* what was done stands before what may be done next, in a pipe as well */
	vsnprintf(text, sizeof(text), format, args);
	if (cli->json) {
		output_json_error(json_pack("{s:o}", kind, output_json_text(text)));
		return;
	}
	buf_init(&visible, 0);
	escape_visible(span_text(text), &visible);
	if (strcmp(kind, "error") == 0)
		fprintf(stderr, "stockade%s%s: ", cli->verb != NULL ? " " : "",
			cli->verb != NULL ? cli->verb->name : "");
	fprintf(stderr, "%s\n", buf_cstr(&visible));
	buf_done(&visible);
}

void cli_remark(const struct cli *cli, const char *format, ...)
{
	va_list args;

	if (cli->quiet)
		return;
	va_start(args, format);
	say(cli, "remark", format, args);
	va_end(args);
}

int cli_fail(const struct cli *cli, int error, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(cli, "error", format, args);
	va_end(args);
	return err_exit_code(error);
}

void cli_print_usage(const struct verb *verb, FILE *out)
{
	fprintf(out, "usage: stockade %s%s%s\n", verb->name, verb->synopsis[0] != '\0' ? " " : "",
		verb->synopsis);
}

int cli_usage(const struct cli *cli, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(cli, "error", format, args);
	va_end(args);
	if (cli->json)
		return EXIT_USAGE;
	if (cli->verb != NULL)
		cli_print_usage(cli->verb, stderr);
	else
		fprintf(stderr,
			"usage: stockade [OPTIONS] VERB ...; `stockade help` lists the verbs\n");
	return EXIT_USAGE;
}

bool cli_confirm(const struct cli *cli, const char *format, ...)
{
	char answer[16] = "";
	va_list args;

	if (cli->yes)
		return true;
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	if (!isatty(STDIN_FILENO)) {
		fprintf(stderr,
			". Repeat with --yes to confirm (standard input is not a terminal)\n");
		return false;
	}
	fprintf(stderr, "; go ahead? [y/N] ");
	return fgets(answer, sizeof(answer), stdin) != NULL &&
	       (answer[0] == 'y' || answer[0] == 'Y');
}

int cli_conf(struct cli *cli)
{
	struct conf_report report;
	struct buf text;
	int r;

	if (cli->conf != NULL)
		return 0;
	r = conf_load(cli->conf_path, clock_now_s(), &cli->conf, &report);
	buf_init(&text, 0);
	conf_report_print(&report, cli->conf_path, &text);
	if (r < 0 && cli->json)
		output_json_error(output_json_report(&report, cli->conf_path));
	else if (r < 0)
		fputs(buf_cstr(&text), stderr);
	buf_done(&text);
	conf_report_done(&report);
	return r < 0 ? EXIT_CONFIG : 0;
}
