/* SPDX-License-Identifier: ISC */
#pragma once
/* Which sockets a role listens on, and where the descriptors come from: inherited by the LISTEN_FDS
 * convention (from the supervisor or from systemd, sd_listen_fds(3)), or opened here. The names are
 * those of process/role.h. The supervisor and the roles plan with the same function, so that both
 * always mean the same sockets. Main thread, at start and reload. */
#include <stdbool.h>

#include "conf/conf.h"

enum { SOCKETS_MAX = 128, SOCKET_NAME_SIZE = 32, SOCKET_PATH_SIZE = 108 };

struct listen_socket {
	char name[SOCKET_NAME_SIZE];
	enum { SOCKET_TCP, SOCKET_UDP, SOCKET_UNIX } kind;
	unsigned how; /* SOCKET_SHARED: one socket for each thread; SOCKET_V6_ONLY */
	struct endpoint endpoint;
	char path[SOCKET_PATH_SIZE]; /* SOCKET_UNIX */
	char owner[16];   /* SOCKET_UNIX: the role whose user may connect; empty: operators */
	int fd;           /* -1: not open */
	bool late;        /* it serves nobody yet (process/sockets_beside.h) */
	uint64_t file[2]; /* SOCKET_UNIX: device and inode of path, when we opened it */
};

struct sockets {
	size_t len;
	struct listen_socket sock[SOCKETS_MAX];
};

/* What role listens on by the configuration; closed. E_LIMIT: over SOCKETS_MAX, or a long path. */
int sockets_plan(
	const struct conf *conf, const char *role, struct sockets *ret_sockets, struct fault *why);

/* How many descriptors from LISTEN_FDS_START on are meant for this process (sd_listen_fds(3):
 * LISTEN_PID has to name it); 0 when there are more than `most`. */
enum { LISTEN_FDS_START = 3 };
#define SOCKET_OF_HANDOVER "configuration" /* process/handover.h */
uint64_t sockets_inherited_count(uint64_t most);

/* The descriptor that LISTEN_FDS hands over by that name, which stays open; -1: none. Before
 * sockets_inherit. */
int sockets_inherited(const char *name);

/* Fills in what LISTEN_FDS hands over by name, once, and clears those variables; descriptors of
 * other names are closed, but `kept` (-1: none). */
void sockets_inherit(struct sockets *sockets, int kept);

int listen_socket_open(struct listen_socket *sock, struct fault *why);
/* Opens what is still closed. On failure those opened here stay open until sockets_close. */
int sockets_open(struct sockets *sockets, struct fault *why);
bool sockets_are_open(const struct sockets *sockets);
void sockets_close(struct sockets *sockets);

/* Gives each bus socket to the user of the role that connects; not the control socket. E_SYSTEM. */
int sockets_hand_over(const struct sockets *sockets, struct fault *why);
/* A unix socket whose path leads elsewhere by now, or nowhere, so that nobody reaches it any more;
 * closed, so that sockets_open makes it again. NULL: none. */
const struct listen_socket *sockets_close_lost(struct sockets *sockets);

/* Removes the files of the unix sockets that are open and still there. */
void sockets_unlink(const struct sockets *sockets);

/* At all addresses, of IPv6 and perhaps of IPv4 as well. */
bool endpoint_is_any_v6(struct endpoint endpoint);

/* Moves the descriptors of the sockets that `to` plans as well; others stay in `from`. */
void sockets_move(struct sockets *from, struct sockets *to);
bool sockets_equal(const struct sockets *a, const struct sockets *b);

/* <run.folder>/bus/<role>.sock and <run.folder>/control.sock. E_LIMIT. */
int sockets_bus_path(const struct conf *conf, const char *role, char *path, size_t size);
int sockets_control_path(const struct conf *conf, char *path, size_t size);
