/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * One role below `stockade run`: its newest process, the former ones that let their clients end,
 * and the sockets that they have. What happens to a process goes to process/lifecycle.h, what comes
 * back is done here. Owner: the supervisor, which has all of them in a struct supervision. Main
 * thread.
 */
#include <sys/types.h>

#include "process/lifecycle.h"
#include "process/role.h"
#include "process/run_state.h"
#include "process/sockets.h"

struct role_process {
	pid_t pid; /* 0: none */
	int handover_fd;
	struct watch *reports; /* which come by handover_fd */
};

struct supervision;

struct supervised {
	uint32_t magic;
	struct supervision *all;
	const struct role *role;
	struct lifecycle *life;
	struct role_process process; /* the newest */
	struct role_process formers[FORMERS_MAX];
	struct timer again;
	struct sockets sockets;
	struct sockets leaving; /* of the former ones, until the newest is ready */
	int64_t since_s;        /* of its life as it is */
	struct role_deaths deaths;
};

/* What the roles want of the supervisor. */
struct supervision_calls {
	/* one of them is ready, or has failed for the first time */
	void (*settled)(struct supervision *all);
	/* trying again will not help: all end, with this code */
	void (*give_up)(struct supervision *all, int exit_code);
};

/* All roles of a supervisor, and what they share. */
struct supervision {
	const char *conf_path;
	struct conf *conf;
	struct loop *loop;
	int lock_fd; /* of run.folder */
	struct supervision_calls calls;
	struct lifecycles lives;
	struct supervised roles[ROLES_MAX]; /* lives.len of them */
};

/* The next of all. */
void supervised_init(
	struct supervised *supervised, struct supervision *all, const struct role *role);
/* Its processes are gone; removes the files of its sockets. */
void supervised_done(struct supervised *supervised);

void supervised_act(struct supervised *supervised, enum life_action action);
void supervised_end_formers(struct supervised *supervised);
/* At once, all its processes. */
void supervised_kill(const struct supervised *supervised);

/* SIGCHLD: whatever of it has ended. */
void supervised_reap(struct supervised *supervised);
/* Each TICK_MS. */
void supervised_tick(struct supervised *supervised, int64_t now_ms);
/* What is told of it. */
struct role_state supervised_state(const struct supervised *supervised, int64_t now_ms);
/* Unix sockets whose files are gone are made again, and a process started that has them. */
void supervised_keep_sockets(struct supervised *supervised, int64_t now_ms);
