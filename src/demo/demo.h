/* SPDX-License-Identifier: ISC */
#pragma once
/* The verb `demo`, for the table of verbs. */
#include "cli/cli.h"

int verb_demo(struct cli *cli);
