/* SPDX-License-Identifier: ISC */
#include "process/supervisor.h"

#include "cli/cli.h"

/* All roles of the configuration, in the foreground, until SIGTERM or Ctrl-C. */
int verb_run(struct cli *cli, int argc, char **argv)
{
	struct cli_operands operands;
	int code = cli_parse(cli, argc, argv, NULL, 0, 0, 0, &operands);

	if (code == 0 && operands.len > 0)
		return cli_usage(cli, "'%s' is one word too many", operands.words[0]);
	return code != 0 ? code : supervisor_main(cli->conf_path);
}
