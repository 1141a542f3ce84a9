/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * The keeper: the one role that opens the store, and the one that parses no strangers' bytes.
 * roles/keeper.c runs it.
 */
#include "process/role.h"

int keeper_start(struct role_context *context, struct fault *why);
int keeper_reload(struct role_context *context);
void keeper_stop(struct role_context *context);
void keeper_finish(struct role_context *context);
