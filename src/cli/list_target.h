/* SPDX-License-Identifier: ISC */
#pragma once
/* Which list a verb is about, which of its sublists, and why: for verbs on lists. One thread. */
#include "cli/cli.h"
#include "list/source.h"

struct list_target {
	const char *name, *sublist, *reason; /* as given; NULL: not */
	const struct conf_list *list;        /* by list_target_find */
};

/* Finds the list of that name, or for NULL the only one that holds such sources, and looks for the
 * sublist in it. The configuration is there. An exit code. */
int list_target_find(struct cli *cli, struct list_target *target, enum source_kind kind);

/* An exit code: whether a reason was given. */
int cli_check_reason(struct cli *cli, const char *reason);

/* Why a source is one that a slip of the finger makes, and that hits many: NULL: it is not. */
const char *source_is_slip(const struct source *source);

/* The allow list holds both kinds. */
bool list_holds(const struct conf_list *list, enum source_kind kind);
