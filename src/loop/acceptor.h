/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * Takes the connections of a listening socket, so many in a turn that others get theirs. When the
 * process is out of descriptors or memory it pauses: the next client waits in the kernel's queue,
 * and nothing spins; and so it does on a socket that does not listen yet. Owner: whoever listens.
 * One loop, one thread.
 */
#include "base/ip.h"
#include "loop/loop.h"

struct acceptor;

/* fd is the callee's. peer: NULL when it has neither an IPv4 nor an IPv6 address (a unix socket).
 */
typedef void acceptor_call(int fd, const struct endpoint *peer, void *arg);

/* fd stays the caller's, and has to outlive the acceptor. Begins at once. */
struct acceptor *acceptor_new(struct loop *loop, int fd, acceptor_call *call, void *arg);
/* Not from its own call, which may stop it. */
void acceptor_free(struct acceptor **acceptor);
/* Takes none from now on. */
void acceptor_stop(struct acceptor *acceptor);
/* Takes who waits in the queue. Not from its own call. */
void acceptor_drain(struct acceptor *acceptor);
/* The end of the listening socket too, which is closed: who waits in its queue is taken first. Not
 * from its own call. */
void acceptor_close(struct acceptor **acceptor);
/* A descriptor has come free: a pause ends. */
void acceptor_go_on(struct acceptor *acceptor);
