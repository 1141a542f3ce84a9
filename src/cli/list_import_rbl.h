/* SPDX-License-Identifier: ISC */
#pragma once
#include "cli/list_import_entries.h"

/* Reads the file of an import as one of rbldnsd's. An exit code. */
int import_read_rbl(struct import *import);
