/* SPDX-License-Identifier: ISC */
/* `config check` and `config show`: the configuration as the program reads it. */
#include <jansson.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/macro.h"
#include "cli/cli.h"
#include "cli/output.h"

static void report_print_json(const struct conf_report *report, const char *path)
{
	json_t *complaints = json_array();

	for (size_t i = 0; i < report->diagnostics_len; i++) {
		const struct conf_diagnostic *complaint = &report->diagnostics[i];

		json_array_append_new(complaints,
			json_pack("{s:s, s:s, s:i, s:i, s:s}", "severity",
				complaint->warning ? "warning" : "error", "file",
				complaint->location.file, "line", (int)complaint->location.line,
				"column", (int)complaint->location.column, "text",
				complaint->text));
	}
	output_json(
		json_pack("{s:s, s:b, s:i, s:o}", "file", path, "valid", report->errors_len == 0,
			"errors", (int)report->errors_len, "complaints", complaints));
}

int verb_config_check(struct cli *cli)
{
	AUTO(conf) *conf = NULL;
	struct conf_report report;
	struct buf text;
	const char *path;
	int r, code = cli_parse(cli, NULL, 0, 1);

	if (code != 0)
		return code;
	path = cli->operands_len != 0 ? cli->operands[0] : cli->conf_path;
	r = conf_load(path, clock_now_s(), &conf, &report);
	buf_init(&text, 0);
	conf_report_print(&report, path, &text);
	if (cli->json)
		report_print_json(&report, path);
	else if (r < 0 || !cli->quiet)
		fputs(buf_cstr(&text), stderr);
	if (r >= 0 && !cli->json && !cli->quiet)
		printf("%s: no errors\n", path);
	buf_done(&text);
	conf_report_done(&report);
	return r < 0 ? EXIT_CONFIG : 0;
}

int verb_config_show(struct cli *cli)
{
	bool defaults = false;
	const struct cli_option options[] = {
		{"--defaults", OPTION_FLAG, &defaults},
		{0},
	};
	struct buf text;
	int code = cli_parse(cli, options, 0, 0);

	if (code == 0)
		code = cli_conf(cli);
	if (code != 0)
		return code;
	buf_init(&text, 0);
	conf_print(cli->conf, defaults, &text);
	if (cli->json)
		output_json(json_pack("{s:s, s:b, s:s}", "file", cli->conf->file, "defaults",
			defaults, "yaml", buf_cstr(&text)));
	else
		fputs(buf_cstr(&text), stdout);
	buf_done(&text);
	return 0;
}
