/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * Which sockets a role listens on, and where the descriptors come from: inherited by the LISTEN_FDS convention (from the
 * supervisor or from systemd, sd_listen_fds(3)), or opened here. The names are those of process/role.h. The supervisor and
 * the roles plan with the same function, so that both always mean the same sockets. Main thread, at start and reload.
 */
#include <stdbool.h>

#include "conf/conf.h"

enum { PORTS_MAX = 128, PORT_NAME_SIZE = 32, PORT_PATH_SIZE = 108 };

struct port {
	char name[PORT_NAME_SIZE];
	enum { PORT_TCP, PORT_UDP, PORT_UNIX } kind;
	bool shared; /* SO_REUSEPORT: one socket for each thread */
	struct endpoint endpoint;
	char path[PORT_PATH_SIZE]; /* PORT_UNIX */
	char owner[16]; /* PORT_UNIX: the role whose user may connect; empty: operators */
	int fd;         /* -1: not open */
};

struct ports {
	size_t len;
	struct port port[PORTS_MAX];
};

/* What role listens on by the configuration; all closed. E_LIMIT: more than PORTS_MAX, or a path too long. */
int ports_plan(
	const struct conf *conf, const char *role, struct ports *ret_ports, struct fault *why);

/* Fills in what LISTEN_FDS hands over by name, once, and clears those variables; descriptors of other names are closed. */
void ports_inherit(struct ports *ports);

/* Opens what is still closed. On failure those opened here stay open until ports_close. */
int ports_open(struct ports *ports, struct fault *why);
bool ports_are_open(const struct ports *ports);
void ports_close(struct ports *ports);

/* Gives each bus socket to the user of the role that connects to it; the control socket stays root's. E_SYSTEM. */
int ports_hand_over(const struct ports *ports, struct fault *why);
/* Removes the files of the unix sockets that are open. */
void ports_unlink(const struct ports *ports);

/* Moves the descriptors of the sockets that `to` plans as well; what it does not plan stays in `from`. */
void ports_move(struct ports *from, struct ports *to);
bool ports_equal(const struct ports *a, const struct ports *b);

/* <run.folder>/bus/<role>.sock and <run.folder>/control.sock. E_LIMIT. */
int ports_bus_path(const struct conf *conf, const char *role, char *path, size_t size);
int ports_control_path(const struct conf *conf, char *path, size_t size);
