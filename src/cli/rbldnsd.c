/* SPDX-License-Identifier: ISC */
#include "rbldnsd/rbldnsd.h"

#include <stdio.h>

#include "cli/cli.h"
#include "cli/help.h"

/* A server in the place of rbldnsd; its options are rbldnsd's and none of the other verbs'. */
int verb_rbldnsd(struct cli *cli)
{
	bool help;
	int code = rbldnsd_main(cli->argc, cli->argv, &help);

	if (help)
		help_print_verb(cli->verb, stdout);
	return code;
}
