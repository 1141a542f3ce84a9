/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * The files of portal/templates as bytes of the program (tools/embed.py): the web role opens no file of its own. Sorted by
 * name. Read-only; any thread.
 */
#include "base/span.h"

struct embedded {
	const char *name; /* "why.html" */
	struct span bytes;
};

extern const struct embedded web_files[];
extern const size_t web_files_len;
