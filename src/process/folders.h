/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * Who a role runs as, and the folders it needs. Started as root, each role has a user of its own:
 * `_stockade-ROLE` where the system has one (conf/sysusers.d), otherwise a number that belongs to
 * nobody, always the same one for the same role, from the range that systemd keeps for dynamic
 * users. All share the group `_stockade` (or such a number), by which they read the lists. Started
 * by somebody else, every role runs as that user.
 *
 *     run.folder           root     0755   control.sock 0600, lock 0644, state 0600
 *       bus/               root     0711   ROLE.sock 0600, owned by the role's user
 *     run.lists            keeper   0750   group: all roles read
 *     run.state/ROLE       role     0700   spool
 *     the store's folder   keeper   0700   nobody else, ever
 *
 * A folder that is there already is never changed: a wrong owner is an error with a text, not a
 * surprise for whoever else uses the folder. Main thread, at start.
 */
#include <stdbool.h>
#include <sys/types.h>

#include "conf/conf.h"

struct role_user {
	bool own; /* started as root: the process changes to uid and gid */
	uid_t uid;
	gid_t gid;
};

/* The user of a role by the rule above; of this process when it is not root. */
struct role_user role_user(const char *role);

/* Becomes that user for good, when it is another one. E_SYSTEM. */
int role_user_become(struct role_user user, struct fault *why);

/* Creates what role keeps files in, owned by its user. E_DENIED, E_SYSTEM, E_CONFLICT (a folder
 * belongs to somebody else). */
int folders_prepare(const struct conf *conf, const char *role, struct fault *why);
/* run.folder and its bus folder, for whoever opens the keeper's sockets. */
int folders_prepare_sockets(const struct conf *conf, struct fault *why);

/* run.folder belongs to one `stockade run`, or one keeper that was started by itself, at a time: to
 * whoever holds this descriptor. Taken before anything there is touched. E_BUSY with words that
 * name the process that has it. */
int folders_lock(const struct conf *conf, int *ret_fd, struct fault *why);

/* The folder of a store that is a file; 1: there is one, 0: it is not a file. E_LIMIT. */
int folders_store(const struct conf *conf, char *path, size_t size);
/* <run.state>/<role>. E_LIMIT. */
int folders_state(const struct conf *conf, const char *role, char *path, size_t size);
