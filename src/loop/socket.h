/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * Sockets as the roles need them: non-blocking, close-on-exec, with the options each kind wants.
 * The caller owns the descriptor that comes back. E_EXISTS: the port is taken; E_DENIED; E_SYSTEM.
 * Any thread.
 */
#include "base/err.h"
#include "base/ip.h"

enum { SOCKET_BACKLOG = 4096 };

/* How: flags. "[::]" takes IPv4 as well, but not beside a socket that has its port for IPv4. */
enum {
	SOCKET_SHARED = 1, /* SO_REUSEPORT, for one socket per worker thread */
	SOCKET_V6_ONLY = 2,
};

int socket_listen_tcp(struct endpoint endpoint, unsigned how, int *ret_fd, struct fault *why);
int socket_bind_udp(struct endpoint endpoint, unsigned how, int *ret_fd, struct fault *why);

/* The same in two steps: nothing comes before the second one (listen(2), bind(2)). */
int socket_bind_tcp(struct endpoint endpoint, unsigned how, int *ret_fd, struct fault *why);
int socket_listen(int fd, struct endpoint endpoint, struct fault *why);
int socket_open_udp(struct endpoint endpoint, unsigned how, int *ret_fd, struct fault *why);
int socket_bind(int fd, struct endpoint endpoint, unsigned how, struct fault *why);

/* SO_REUSEPORT of a socket that is there: whether another that shares may be bound, or listen,
 * where it does. */
enum socket_sharing { SOCKET_ALONE, SOCKET_SHARES };
void socket_share(int fd, enum socket_sharing sharing);

/* Starts connecting; the descriptor becomes writable when that has ended (see socket_error). */
int socket_connect_tcp(struct endpoint endpoint, int *ret_fd);
int socket_error(int fd);

/* A UDP socket that talks to endpoint alone, from a port that the kernel draws by chance. */
int socket_connect_udp(struct endpoint endpoint, int *ret_fd);

/* A unix stream socket at path; an old one is replaced. mode: of the file, 0600 for instance. */
int socket_listen_unix(const char *path, unsigned mode, int *ret_fd, struct fault *why);
int socket_connect_unix(const char *path, int *ret_fd, struct fault *why);

int socket_local(int fd, struct endpoint *ret_endpoint);
