/* SPDX-License-Identifier: ISC */
#pragma once
/* System calls of a jail, by seccomp. Main thread, when all threads are there: each gets it. */
#include "base/err.h"
#include "process/jail_rules.h"

/* Only the jail's calls from now on; others end the process (SIGSYS) and are logged. E_SYSTEM. */
int jail_filter_calls(const struct jail *jail, struct fault *why);
