/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * Sockets of a reload whose addresses overlap with those of a process that goes on to serve: a
 * wildcard and a single address of one port, "[::]" with and without IPv4, one more socket in a
 * group that shares its address. The kernel gives clients to such a socket from the moment it is in
 * service, and nobody reads it before the next process is there. So it comes late: it is opened by
 * the reload, which fails when the address cannot be had, and in service when that process is
 * ready. TCP is bound at once, and listens late; UDP is bound late.
 *
 * Two TCP sockets may overlap where both have SO_REUSEPORT. Those that do not share for their
 * threads have it for the two calls that need it, and no longer.
 *
 * Owner: the supervisor. Main thread. Errors: those of loop/socket.h.
 */
#include "process/sockets.h"

/* Opens what is still closed. `leaving`: a process listens there until this is in service, in two
 * sets. On failure those opened here stay open until sockets_close. */
int sockets_open_beside(
	struct sockets *sockets, const struct sockets *const leaving[2], struct fault *why);

/* The late ones come into service; what fails stays late, for the next time. */
bool sockets_any_late(const struct sockets *sockets);
int sockets_serve(struct sockets *sockets, const struct sockets *leaving, struct fault *why);

/* Moves what is open and in service to `to`, as long as there is room. */
void sockets_leave(struct sockets *from, struct sockets *to);
