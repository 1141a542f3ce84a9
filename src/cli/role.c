/* SPDX-License-Identifier: ISC */
#include "process/role.h"

#include "cli/cli.h"
#include "roles/roles.h"

/* One role in the foreground: what `stockade run` starts, a systemd unit may, and a test does. */
int verb_role(struct cli *cli)
{
	const struct role *role;
	int code = cli_parse(cli, NULL, 1, 1);

	if (code != 0)
		return code;
	role = role_find(roles, cli->operands[0]);
	if (role == NULL)
		return cli_usage(cli, "'%s' is not a role", cli->operands[0]);
	return role_main(role, cli->conf_path);
}
