/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * System calls of a jail, by seccomp. Main thread, when all threads are there: the filter is put on
 * each of them.
 */
#include "base/err.h"
#include "process/jail_rules.h"

/* From now on only the calls of the jail; others end the process (SIGSYS), with their number in the
 * log. E_SYSTEM. */
int jail_filter_calls(const struct jail *jail, struct fault *why);
