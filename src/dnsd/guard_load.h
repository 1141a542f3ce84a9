/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * From a configuration to the rules of a guard: reads the files of keys and secrets that it names.
 * Main thread, at start and when the configuration changed.
 */
#include "zone/guard_rules.h"
#include "zone/table.h"

/* E_CONFIG with "file:line:column: error: ..." in *why; also when everybody may read a file of
 * secrets. */
int guard_load(const struct conf *conf, const struct zone_table *table, struct guard **ret_guard,
	struct fault *why);
