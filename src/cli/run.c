/* SPDX-License-Identifier: ISC */
#include "process/supervisor.h"

#include "cli/cli.h"
#include "roles/roles.h"

/* All roles of the configuration, in the foreground, until SIGTERM or Ctrl-C. */
int verb_run(struct cli *cli)
{
	int code = cli_parse(cli, NULL, 0, 0);

	return code != 0 ? code : supervisor_run(roles, cli->conf_path);
}
