/* SPDX-License-Identifier: ISC */
#pragma once
/* Help from the table of verbs. */
#include <stdio.h>

#include "cli/cli.h"

void help_print_verbs(const struct cli *cli, FILE *out);
void help_print_verb(const struct verb *verb, FILE *out);

/* The verbs that begin with the word ("list"); false when there is none. */
bool help_print_group(const struct cli *cli, const char *word, FILE *out);

/* second may be NULL. Says so, with what was probably meant; the exit code. */
int help_unknown_verb(const struct cli *cli, const char *first, const char *second);
