/* SPDX-License-Identifier: ISC */
#pragma once
/* Paths and ports of a jail, by Landlock. Main thread, before others are started. */
#include <stdbool.h>

#include "conf/conf.h"
#include "process/jail_rules.h"

/* What a server that has no configuration may open: reads path and what lies below; writes: makes
 * and writes files there, but removes none. */
struct jail_path {
	const char *path;
	bool writes;
};

/* Which paths and ports: those of the role's row and the configuration, or, without one, these. */
struct jail_scope {
	const struct jail *jail;
	const struct conf *conf; /* NULL: paths are all there is to say */
	const struct jail_path *paths;
	size_t paths_len;
};

/* Nothing but these from now on. 1: all holds; 0: an old kernel, or no Landlock; E_SYSTEM. */
int jail_restrict(const struct jail_scope *scope, struct fault *why);
