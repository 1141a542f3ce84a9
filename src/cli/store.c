/* SPDX-License-Identifier: ISC */
/* `backup FILE` and `restore FILE`: the store as a file, with or without a keeper. */
#include <stdio.h>

#include "cli/cli.h"
#include "conf/store_url.h"
#include "store/store.h"

static int file_verb(struct cli *cli)
{
	int code = cli_parse(cli, NULL, 1, 1);

	return code != 0 ? code : cli_conf(cli);
}

int verb_backup(struct cli *cli)
{
	struct fault why = {""};
	int code = file_verb(cli), r;

	if (code != 0)
		return code;
	r = store_backup(cli->conf->store, cli->operands[0], &why);
	if (r < 0)
		return cli_fail(cli, r, "%s", why.text);
	cli_remark(cli, "'%s' holds the store as it is now", cli->operands[0]);
	return 0;
}

int verb_restore(struct cli *cli)
{
	struct fault why = {""};
	int code = file_verb(cli), r;

	if (code != 0)
		return code;
	if (cli->dry_run)
		return cli_usage(cli, "a dry run has nothing to show: try it on another machine");
	if (!cli_confirm(cli, "what changed since the backup will no longer be in force"))
		return EXIT_USAGE;
	r = store_restore(cli->conf->store, cli->operands[0], &why);
	if (r < 0)
		return cli_fail(cli, r, "%s", why.text);
	cli_remark(cli, "'%s' is the store now; the one before: '%s.before'", cli->operands[0],
		store_url_path(cli->conf->store));
	return 0;
}
