/* SPDX-License-Identifier: ISC */
#pragma once
/* The numbered migrations of schema/: the Nth brings a store from version N - 1 to N. */
#include "base/embedded.h"

extern const struct embedded store_schema[];
extern const size_t store_schema_len;
