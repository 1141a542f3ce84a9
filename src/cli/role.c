/* SPDX-License-Identifier: ISC */
#include "process/role.h"

#include "cli/cli.h"

/* One role in the foreground: what `stockade run` starts, a systemd unit may, and a test does. */
int verb_role(struct cli *cli, int argc, char **argv)
{
	struct cli_operands operands;
	const struct role *role;
	int code = cli_parse(cli, argc, argv, NULL, 0, 1, 1, &operands);

	if (code != 0)
		return code;
	role = role_find(operands.words[0]);
	if (role == NULL)
		return cli_usage(cli, "'%s' is not a role", operands.words[0]);
	return role_main(role, cli->conf_path);
}
