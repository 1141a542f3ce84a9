/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * What every role has in common. role_main (process/role.c) takes the configuration that it is
 * handed (process/handover.h; started by itself it reads the file), takes the sockets that the
 * supervisor or systemd opened (LISTEN_FDS, LISTEN_FDNAMES; missing ones are opened here when the
 * process may), makes the loop, calls the role's start, says READY, and runs the loop until
 * SIGTERM. The jail (process/jail.c) closes in two steps: user, paths and connections before start,
 * so that threads of the role are inside; system calls after it. So `stockade role gate` works
 * below `stockade run`, below a systemd unit, and by hand in a test.
 *
 * Socket names: "smtp-0", "smtp-1", ... (gate.listen, in order); "dns-udp-0-0" and "dns-tcp-0-0"
 * (dns.listen number, thread number); "http-0" (portal.listen); "bus-gate", "bus-dns", "bus-web",
 * "bus-courier" and "control" (keeper: unix sockets below run.folder: bus/gate.sock ...,
 * control.sock).
 */
#include "base/shelf.h"
#include "conf/conf.h"
#include "loop/loop.h"

struct role_socket {
	const char *name;
	int fd;
};

struct role_context {
	const char *name; /* "gate" */
	const char *conf_path;
	/* replaced before `reload` is called; the old one lives until it returns */
	const struct conf *conf;
	struct loop *loop;
	size_t sockets_len;
	const struct role_socket *sockets;
	void *state; /* the role's own */
	bool awaits; /* inside role_await_view */
	int result;  /* set before loop_stop: the role ends with the exit code of this E_... */
};

/* One role. start: opens and allocates everything that needs rights, before the jail; 0 or E_...
 * with words. reload: a new configuration is in context->conf; negative when the role goes on with
 * what it had, and has said why. stop: SIGTERM; the role ends its sessions and calls loop_stop when
 * it is done. retire: another process of the role answers at the same sockets from now on; this one
 * takes no new clients, lets those that are there end as they would, and calls loop_stop then.
 * Without retire, the next process is started when this one has ended. alive: whether its threads
 * go on with their work; asked each few seconds, by the main thread; NULL: it has no others. */
struct role {
	const char *name;
	int (*start)(struct role_context *context, struct fault *why);
	int (*reload)(struct role_context *context);
	/* for role_await_view(): the keeper has announced more than is served */
	bool (*is_behind)(const struct role_context *context);
	void (*stop)(struct role_context *context);
	void (*retire)(struct role_context *context);
	bool (*alive)(struct role_context *context);
	void (*finish)(struct role_context *context); /* frees; after the loop has ended */
};

/* One of this program's roles (roles/roles.h), which end with NULL; NULL: none of that name. */
const struct role *role_find(const struct role *const *roles, const char *name);
bool role_is_keeper(const struct role *role);

/* Runs a role in this process until it is told to end; the exit code. */
int role_main(const struct role *role, const char *conf_path);

/* -1 when there is none of that name. */
int role_socket(const struct role_context *context, const char *name);
/* For a stop that takes its time: closes all sockets of the role, none of which may be watched any
 * more. Whoever takes our place can listen at once, also when there is no supervisor left that
 * keeps the sockets open. */
void role_stop_listening(struct role_context *context);
/* The role has closed all its sockets itself. */
void role_forget_sockets(struct role_context *context);

/* For a role's start, after it opened its bus and before it answers anybody: runs the loop until
 * all that the keeper announced is served, or for a moment when no keeper says anything. So a role
 * that was started again does not answer from an older list than the one before it: the newest
 * snapshot file lacks the latest changes. */
void role_await_view(struct role_context *context);
/* The bus has heard of the keeper: goes on when the role is not behind. */
void role_go_on(struct role_context *context);

/* A sign of life of a start that takes long because there is much to do: each few seconds. */
void role_show_life(const struct role_context *context);

/* What a role serves before it has heard of the keeper: a view of the newest file in the lists
 * folder that can be read, put on the shelf; without any that stays as it is. So a role that is
 * started while the keeper is away answers from the last list. */
void role_serve_last_view(const struct role_context *context, struct shelf *views);

/* The bus socket of a role, and a file in its state folder, from the configuration. */
const char *role_bus_path(const struct role_context *context, char *path, size_t size);
const char *role_state_path(
	const struct role_context *context, const char *file, char *path, size_t size);
