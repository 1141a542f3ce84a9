/* SPDX-License-Identifier: ISC */
#pragma once
/* The sockets of `stockade rbldnsd`: for each address of -b several for UDP, one for each thread,
 * and one for TCP, which rbldnsd does not have; and those that systemd opened (LISTEN_FDS). Main
 * thread, at start. */
#include "rbldnsd/command.h"

enum { RBLDNSD_UDP_MAX = 64, RBLDNSD_TCP_MAX = RBL_BINDS_MAX };

struct rbldnsd_sockets {
	size_t addresses; /* for people */
	size_t udp_len, tcp_len;
	/* one for each thread; of systemd's, the same one several times */
	int udp[RBLDNSD_UDP_MAX], tcp[RBLDNSD_TCP_MAX];
};

/* E_USAGE: nothing to listen on, or an address that says nothing; E_EXISTS, E_DENIED, E_SYSTEM. A
 * TCP port that somebody else has is only warned of: where rbldnsd started, this does too. */
int rbldnsd_listen(
	const struct rbl_command *command, struct rbldnsd_sockets *ret_sockets, struct fault *why);
