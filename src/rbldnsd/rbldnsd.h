/* SPDX-License-Identifier: ISC */
#pragma once
/* `stockade rbldnsd`: rbldnsd's command line and files, served by the threads of the dns role. No
 * role of `stockade run`: it stands alone, without configuration, keeper and bus, for whoever
 * replaces rbldnsd by it. */
#include <stdbool.h>

/* argv[0] is the program. The exit code: 0, or 1 when it could not start, as rbldnsd's. *ret_help:
 * the command line asks for the usage, and nothing was done. Main thread. */
int rbldnsd_main(int argc, char **argv, bool *ret_help);
