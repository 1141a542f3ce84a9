/* SPDX-License-Identifier: ISC */
/* `config check` and `config show`: the configuration as the program reads it. */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/macro.h"
#include "cli/cli.h"
#include "cli/output.h"
#include "process/handover.h"

/* What only who starts the program may read is no fault of who checks. */
static bool may_read(const char *path)
{
	return access(path, R_OK) == 0 || errno != EACCES;
}

/* The certificate and its key stand in other files. */
static int check_tls_files(struct cli *cli, struct conf *conf)
{
	struct fault why = {""};

	if (conf->tls_certificate == NULL)
		return 0;
	if (!may_read(conf->tls_certificate) || !may_read(conf->tls_key)) {
		cli_remark(cli,
			"gate.tls: not looked at, which needs the rights of who starts the program");
		return 0;
	}
	if (handover_load_secrets(conf, handover_secrets("gate"), &why) == 0)
		return 0;
	fprintf(stderr, "%s\n", why.text);
	return E_CONFIG;
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
		output_json(output_json_report(&report, path));
	else if (r < 0 || !cli->quiet) /* warnings are what a check that passes has found */
		fputs(buf_cstr(&text), r < 0 ? stderr : stdout);
	if (r >= 0)
		r = check_tls_files(cli, conf);
	if (r >= 0 && !cli->json && !cli->quiet)
		printf("%s: no errors\n", path);
	buf_done(&text);
	conf_report_done(&report);
	return r < 0 ? EXIT_CONFIG : 0;
}

/* Before there is a file: what is required and has no default is that of an example. */
static const char example[] = "hostname: mx1.example.org\n"
			      "contact: postmaster@example.org\n"
			      "portal-url: https://mail.example.org/why\n"
			      "own: {domains: [example.org]}\n";

static int example_load(struct cli *cli)
{
	const struct conf_source source = {"example", span_text(example)};
	struct conf_report report;
	int r = conf_load_text(&source, clock_now_s(), &cli->conf, &report);

	conf_report_done(&report);
	if (r < 0)
		return cli_fail(cli, r, "the defaults do not go together");
	cli_remark(cli,
		"there is no '%s': hostname, contact, portal-url and own.domains are an example's",
		cli->conf_path);
	return 0;
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
		code = defaults && access(cli->conf_path, F_OK) < 0 && errno == ENOENT
			       ? example_load(cli)
			       : cli_conf(cli);
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
