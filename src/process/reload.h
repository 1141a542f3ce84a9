/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * What a configuration makes of the roles below `stockade run`, at its start and at each reload: it
 * is read and checked, folders are made and sockets opened, and only when all of that is done does
 * each role go on, or get a new process. Nothing changes when anything fails. Main thread.
 */
#include "process/supervised.h"

/* With the secrets of all roles that run here: who checks is who reads. Complaints about the file
 * go to stderr, as people read them. E_CONFIG, E_ABSENT. */
int supervision_load(const char *path, struct conf **ret_conf, struct fault *why);

/* conf is ours, and in force, unless that fails. */
int supervision_adopt(struct supervision *all, struct conf *conf, struct fault *why);
