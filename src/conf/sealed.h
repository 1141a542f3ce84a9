/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * A configuration on its way to another process: the texts it was read from, and those secrets that
 * are meant for it, in a memory file that nobody can change any more (memfd_create(2), F_SEAL_...).
 * So that all roles have the same configuration, whatever happens to the files meanwhile, and no
 * role needs the folder. The reader maps it, and makes its own struct conf by the same code.
 *
 *     record:  kind 4 | length of the name 4 | of the text 4 | name NUL | text
 */
#include "conf/load.h"

/* conf with its secrets of the kinds `secrets` (conf/secrets.h). The descriptor is the caller's.
 * E_SYSTEM, E_FULL. */
int sealed_new(const struct conf *conf, unsigned secrets, int *ret_fd, struct fault *why);

/* Into loader->conf: file, sources and secrets, which point into loader->conf->sealed. E_CONFIG: it
 * is none of sealed_new. */
int sealed_read(struct loader *loader, int fd);
/* Gives the memory back. */
void sealed_unmap(struct conf *conf);
