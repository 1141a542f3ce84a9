/* SPDX-License-Identifier: ISC */
#pragma once
/* Starts this program once more as one role: fork, become the role's user, put the sockets where
 * LISTEN_FDS says, exec. Main thread of the supervisor, which has no other threads. */
#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"
#include "process/folders.h"
#include "process/sockets.h"

struct child_plan {
	const char *role, *conf_path;
	const struct sockets *sockets; /* open ones are handed over */
	int handover;                  /* its end of process/handover.h */
	int64_t silence_ms;            /* WATCHDOG_USEC */
	struct role_user user;
};

/* The child dies with the caller; what fails after the fork: stderr, exit code 71. E_SYSTEM. */
int child_start(const struct child_plan *plan, pid_t *ret_pid, struct fault *why);

/* Whether it ended; *ret_status is waitpid's. What it forked and did not end with it, as a dialer
 * that hangs, is killed. */
bool child_reap(pid_t pid, int *ret_status);

/* fork(), but no signal reaches the caller's handlers in the child: they write into its loop. */
pid_t child_fork(void);
