/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * Regular files by name, where somebody else may have put something else under that name: open(2)
 * of a pipe, a terminal or a tape waits for somebody at its other end. These never wait. Any
 * thread.
 */
#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"

/* A descriptor, closed on exec; flags as open(2) has them, O_CREAT gives it `mode`. < 0, with
 * words: it cannot be opened, or is no regular file (E_IO). */
int file_open(const char *path, int flags, mode_t mode, struct fault *why);
/* Something stands there that is no regular file. For libraries that open by name. */
bool file_is_other(const char *path);
