/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * What each role may do, as one table in jail_rules.c: paths (Landlock), outgoing connections
 * (none, or, of dialers, by Landlock's ports and the kinds of sockets), system calls (seccomp).
 * Never in any role: programs, other processes, more rights. A call that is not allowed ends the
 * process (SIGSYS), with its number in the log; a path that is not allowed is "permission denied".
 *
 * The jail closes in two steps, because a role starts threads and opens files at its start:
 * jail_confine before (Landlock holds only for threads that come later), jail_seal after (the
 * filter is put on all threads at once). "rbldnsd" has both steps before its threads. Both hold for
 * runs of ordinary users too. A kernel without Landlock is told so by jail_confine's result;
 * without seccomp no role runs. Main thread.
 */
#include <stdbool.h>
#include <sys/types.h>

#include "conf/conf.h"
#include "process/jail_landlock.h"

/* No new rights, no capabilities, no core files, and only the role's paths and TCP ports. 1:
 * everything holds; 0: no Landlock, or not all of it; E_ABSENT: no such role; E_SYSTEM. */
int jail_confine(const char *role, const struct conf *conf, struct fault *why);

/* As jail_confine, for "rbldnsd". A path that is not there is left out. */
int jail_confine_to(const char *role, const struct jail_path *paths, size_t len, struct fault *why);

/* Whether the jail of a role is the same in both configurations: what it opens and whom it asks. A
 * process cannot change that any more. Pure. */
bool jail_is_same(const char *role, const struct conf *a, const struct conf *b);

/* Only the role's system calls. E_ABSENT, E_SYSTEM. */
int jail_seal(const char *role, struct fault *why);

/* Whether process pid, of our user, entered a jail with jail_confine: 1 or 0; E_ABSENT: it is gone;
 * E_DENIED. How the keeper tells an operator from a role when both are the same user. */
int jail_holds(pid_t pid);
