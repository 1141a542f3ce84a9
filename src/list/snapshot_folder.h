/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * What a role serves before it has heard of the keeper: the newest whole snapshot in the lists folder. So a role that is
 * started while the keeper is away answers from the last list instead of none. Main thread, at start.
 */
#include "base/shelf.h"

/* Puts a view of the newest snapshot that can be opened on the shelf; logs damaged ones. Without any the shelf stays empty. */
void last_view_put(const char *lists_path, struct shelf *views);
