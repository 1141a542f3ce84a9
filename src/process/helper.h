/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * A small process that does for a role what the role's own jail does not let it: forked from it
 * before that closes, without its other descriptors, at the other end of a pair of sockets that
 * keep messages apart. It ends when the role closes its end. Main thread, no other threads yet.
 */
#include "base/err.h"

struct helper {
	/* Reads requests from fd, waiting; what follows its return is the end. */
	void (*run)(int fd, const void *arg);
	const void *arg;
};

/* The role's end, closed on exec, which waits for nothing. E_SYSTEM. */
int helper_start(const struct helper *helper, int *ret_fd, struct fault *why);
