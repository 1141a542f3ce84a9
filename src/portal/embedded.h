/* SPDX-License-Identifier: ISC */
#pragma once
/* The files of portal/templates, sorted by name: the web role opens no file of its own. */
#include "base/embedded.h"

extern const struct embedded web_files[];
extern const size_t web_files_len;
