/* SPDX-License-Identifier: ISC */
#pragma once
/* The published state without anybody's help, for verbs while the keeper is away. */
#include "list/view.h"

/* The newest snapshot file of the lists folder that can be read, as a view: 0, or E_... with a
 * text. E_ABSENT: there is none. */
int snapshot_open_newest(const char *folder, struct view **ret_view, struct fault *why);
