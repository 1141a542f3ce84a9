/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * A file that is part of the program, made by tools/embed.py: nothing has to be found or opened at
 * run time. A zero byte stands behind the bytes, so that text is a C string. Read-only; any thread.
 */
#include "base/span.h"

struct embedded {
	const char *name; /* "why.html" */
	struct span bytes;
};
