/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * The process that connects for a role: to the keeper's bus, the site's resolver, the mail server
 * behind the gate, the servers of feeds, as the role's row in process/jail_rules.c says. The role
 * itself may make no socket and connect none, nor send a datagram to an address, so that whoever
 * takes it over reaches these few and nobody else. It asks by number (loop/dial_wire.h); the
 * addresses are those of the configuration that the dialer was started with.
 *
 * It has a smaller jail than its role's, reads nothing but numbers, and ends with the role. Forked
 * outside of the role's jail: by the role before that closes, or by its reader (handover.h).
 */
#include "conf/conf.h"
#include "loop/dial_wire.h"

/* What the role may have dialed; none at all for roles that have no dialer. */
struct dial_targets *dialer_targets(const char *role, const struct conf *conf);

struct dialer_plan {
	const char *role;
	const struct conf *conf;
	const struct dial_targets *targets;
};

/* 1: it runs, *ret_fd is the role's end (loop/dial.h); 0: the role has none; E_SYSTEM. */
int dialer_start(const struct dialer_plan *plan, int *ret_fd, struct fault *why);
