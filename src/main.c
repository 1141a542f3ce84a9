/* SPDX-License-Identifier: ISC */
#include <stdio.h>
#include <string.h>

#include "roles/role.h"

int main(int argc, char **argv)
{
	const struct role *role = NULL;

	if (argc == 5 && strcmp(argv[1], "role") == 0 && strcmp(argv[3], "--config") == 0)
		role = role_find(argv[2]);
	if (role == NULL) {
		fputs("usage: stockade role NAME --config FILE\n", stderr);
		return err_exit_code(E_USAGE);
	}
	return role_main(role, argv[4]);
}
