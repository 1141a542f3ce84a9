/* SPDX-License-Identifier: ISC */
#pragma once
/* Where `stockade rbldnsd` runs: in the background or not, as whom, below which root, and with
 * which rights. Main thread, while it is the only one, in the order of the functions here. */
#include <sys/types.h>

#include "rbldnsd/command.h"

struct daemonize_user {
	bool own; /* another user than that of this process */
	uid_t uid;
	gid_t gid;
};

struct daemonize_parent {
	int tell;    /* to the parent */
	int nothing; /* /dev/null, which a new root may not have */
};

/* Goes on as a child; the parent waits for daemonize_ready and ends with exit code 0 then, or 1
 * when the child ended before. E_SYSTEM. */
int daemonize_fork(struct daemonize_parent *ret_parent, struct fault *why);

/* Who -u means; root becomes "rbldns" by default, nothing runs as root. E_ABSENT, E_DENIED. */
int daemonize_find_user(const char *text, struct daemonize_user *ret_user, struct fault *why);

/* The pid file, written with the rights that we still have; then the new root, folder and user. */
int daemonize_write_pid(const char *path, struct fault *why);
int daemonize_enter(
	const struct rbl_command *command, struct daemonize_user user, struct fault *why);

/* The jail: reads the folders of the data files, writes those of the query log
 * and of the statistics, touches no other file, and has the system calls of its row. Threads start
 * then: so it is jailed also where a service manager's own filter of calls refuses seccomp(2). As
 * jail_confine. */
int daemonize_confine(const struct rbl_command *command, struct fault *why);

/* A daemon lets its terminal go. */
void daemonize_detach(const struct daemonize_parent *daemon, bool keep_stdout);

/* A daemon lets its parent end well. */
void daemonize_ready(const struct daemonize_parent *daemon);
