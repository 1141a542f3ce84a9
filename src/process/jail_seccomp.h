/* SPDX-License-Identifier: ISC */
#pragma once
/* System calls of a jail, by seccomp. Main thread, when all threads are there: each gets it; or,
 * with MAY_START_THREADS, before there are others: each inherits it. */
#include "base/err.h"
#include "process/jail_rules.h"

/* Only the jail's calls from now on; others end the process (SIGSYS) and are logged. E_SYSTEM. */
int jail_filter_calls(const struct jail *jail, struct fault *why);
