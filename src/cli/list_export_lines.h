/* SPDX-License-Identifier: ISC */
#pragma once
/* Writing a list as a file of rbldnsd: list_export.c gets the list and owns the file,
 * list_export_lines.c knows the formats. One thread. */
#include <stdio.h>

#include "cli/cli.h"
#include "rbldata/type.h"
#include "zone/match.h"

struct export
{
	struct cli *cli;
	const char *list_name;
	enum rbl_type format;
	const struct zone_binding *binding;
	uint32_t within; /* the sublists */
	FILE *out;
	struct kept_values *kept;
	bool has_default;
	char default_value[2 * MATCH_STRING_MAX + 32]; /* as written: ":127.0.0.2:text" */
	uint64_t lines;
	uint64_t other_family; /* pieces of addresses that the format cannot hold */
};

/* Writes all but the heading. An exit code; words on stderr where the format cannot say it. */
int export_lines(struct export *export);
