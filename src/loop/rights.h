/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * Descriptors that travel with a message between processes (SCM_RIGHTS, unix(7)), through sockets
 * that keep messages apart (SOCK_SEQPACKET). Nothing here waits. Any thread.
 */
#include "base/span.h"

enum { RIGHTS_MAX = 32 };

struct rights {
	size_t len;
	int fds[RIGHTS_MAX];
};

/* Nobody can send descriptors to this unix socket, nor to those that come of it when it listens.
 * Kernels before Linux 6.16 let them: what is read past them closes them. */
void rights_refuse(int fd);
/* A pair of such sockets, closed on exec: ret_ends[0] hands descriptors over and takes none,
 * ret_ends[1] takes them. E_SYSTEM, and errno says why. */
int rights_pair(int ret_ends[2]);

/* The descriptors stay the caller's. E_AGAIN: so much waits there that the other side hangs;
 * E_CLOSED. */
int rights_send(int fd, struct span message, const struct rights *rights);

/* Octets of a message; 0: the other side is gone; E_AGAIN, E_CLOSED. The descriptors, closed on
 * exec, are the caller's from then on; those for which this process has no room are missing at the
 * end. */
int rights_receive(int fd, uint8_t *room, size_t size, struct rights *ret_rights);

void rights_close(struct rights *rights);
