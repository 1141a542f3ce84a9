/* SPDX-License-Identifier: ISC */
#pragma once
/* The numbered migrations of schema/, compiled in: the Nth brings a store from version N - 1 to N. */
extern const char *const store_migrations[];
extern const unsigned store_migration_count;
