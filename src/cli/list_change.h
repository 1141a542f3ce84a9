/* SPDX-License-Identifier: ISC */
#pragma once
/* What the verbs that add to lists share: list_change.c, list_import.c. Functions that return int give an exit code. */
#include "bus/frame.h"
#include "cli/keeper_client.h"
#include "conf/diagnostic.h"
#include "list/view.h"

enum { SOURCES_OF_COMMAND_MAX = MESSAGE_SOURCES_MAX };

/* The list of that name; for NULL the only one that holds such sources. */
int list_need(struct cli *cli, const char *name, enum source_kind kind,
	const struct conf_list **ret_list);

/* The allow list holds both kinds. */
bool list_holds(const struct conf_list *list, enum source_kind kind);
int sublist_check(struct cli *cli, const struct conf_list *list, const char *name);
int reason_check(struct cli *cli, const char *reason);

/* Wider than /16, or /32 of IPv6. */
bool source_is_wide(const struct source *source);
