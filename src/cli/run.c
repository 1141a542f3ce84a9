/* SPDX-License-Identifier: ISC */
/* `run` and `role`: all roles of the configuration, or one. */
#include "cli/cli.h"
#include "process/role.h"
#include "process/supervisor.h"
#include "roles/roles.h"

/* In the foreground, until SIGTERM or Ctrl-C. */
int verb_run(struct cli *cli)
{
	int code = cli_parse(cli, NULL, 0, 0);

	return code != 0 ? code : supervisor_run(roles, cli->conf_path);
}

/* In the foreground: what `stockade run` starts, a systemd unit may, and a test does. */
int verb_role(struct cli *cli)
{
	const struct role *role;
	int code = cli_parse(cli, NULL, 1, 1);

	if (code != 0)
		return code;
	role = role_find(roles, cli->operands[0]);
	return role != NULL ? role_main(role, cli->conf_path)
			    : cli_usage(cli, "'%s' is not a role", cli->operands[0]);
}
