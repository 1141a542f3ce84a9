/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * `stockade run`: makes the folders, opens the sockets, starts this program once for each role of
 * run.roles as that role's user, and starts again what dies. It reads no strangers' bytes and keeps
 * the sockets open, so that clients wait a moment instead of being refused while a role is
 * restarted.
 *
 * SIGHUP: the configuration is read again; when it is right, roles whose sockets, folders or
 * allowed connections change are started anew, if they can beside their old processes; the others
 * are handed it. What hangs is killed. One supervisor at a time has a run.folder. SIGTERM:
 * the roles that serve strangers end first, the keeper last, so that it hears everything. No role
 * outlives its supervisor (PR_SET_PDEATHSIG).
 */

#include "process/role.h"

/* Runs the roles (which end with NULL) until SIGTERM or SIGINT; the exit code. A role that cannot
 * start at all because of its configuration (exit code 64, 66, 77 or 78 before everything was
 * ready) ends all, with its code. */
int supervisor_run(const struct role *const *roles, const char *conf_path);
