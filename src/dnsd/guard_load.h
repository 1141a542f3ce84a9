/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * From a configuration to the rules of a guard, with the keys and secrets that it holds.
 * Main thread, at start and when the configuration changed.
 */
#include "zone/guard_rules.h"
#include "zone/table.h"

/* E_CONFIG with "file:line:column: error: ..." in *why. */
int guard_load(const struct conf *conf, const struct zone_table *table, struct guard **ret_guard,
	struct fault *why);
